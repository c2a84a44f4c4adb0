"""Holds networks of tf-mnist that are not built in against the same ones in networks.py, by the bits.

check_networks.py start MNIST_DIR WORK      trains them in Python: NAME-python/{init,final,further}.ckpt and losses
check_networks.py check WORK                compares what tf-mnist made of them; see scripts/check-python

A few rows of MNIST are enough for both, in NAME-data: with a dark margin where images are larger, and with labels by their
place besides where there are more classes. One thread, oneDNN and graph optimizer off.
"""
import json, os, sys
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow.compat.v1 as tf
from compare_run import compare_checkpoints, compare_losses, losses_of
from networks import NETWORKS, move_averages
tf.disable_v2_behavior(); tf.logging.set_verbosity(tf.logging.ERROR)

STEPS, HALF = 50, 20
ROWS = {"train": 5000 + 5600, "t10k": 500}


def write_data(mnist, data, side, classes):
    os.makedirs(data)
    margin = (side - 28) // 2
    for split, rows in ROWS.items():
        read = lambda kind, head, size: np.fromfile(f"{mnist}/{split}-{kind}-ubyte", np.uint8)[head:head + rows * size]
        images = np.pad(read("images-idx3", 16, 784).reshape(-1, 28, 28), [(0, 0), (margin, margin), (margin, margin)])
        labels = (read("labels-idx1", 8, 1) + 10 * (np.arange(rows) % -(-classes // 10))) % classes
        for kind, dims, values in ("images-idx3", (rows, side, side), images), ("labels-idx1", (rows,), labels):
            with open(f"{data}/{split}-{kind}-ubyte", "wb") as file:
                file.write(np.array([0x800 + len(dims), *dims], ">u4").tobytes() + values.astype(np.uint8).tobytes())


def rows_of(data, split, side):
    read = lambda kind, head: np.fromfile(os.path.join(data, f"{split}-{kind}-ubyte"), np.uint8)[head:]
    return read("images-idx3", 16).reshape(-1, side * side).astype(np.float32) / 255.0, read("labels-idx1", 8).astype(np.int32)


def batches(data, size, side=28):
    """In file order, behind the 5000 rows to validate."""
    x, y = (part[5000:] for part in rows_of(data, "train", side))
    parts = len(x) // size
    return list(zip(np.array_split(x, parts), np.array_split(y, parts)))


def session():
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(config=config)


class Python:
    """A network of networks.py in the default graph."""

    def __init__(self, network):
        self.x, self.y = tf.placeholder(tf.float32, [None, network.side ** 2]), tf.placeholder(tf.int32, [None])
        images = tf.reshape(self.x, [-1, network.side, network.side, 1])
        with tf.variable_scope("", reuse=tf.AUTO_REUSE):
            logits = network.logits(images, True)
            self.probabilities = tf.nn.softmax(network.logits(images, False))
        with tf.name_scope(network.scope):
            self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=self.y))
            with tf.control_dependencies(move_averages()):
                self.step = tf.train.AdamOptimizer(*network.adam).minimize(self.loss)
        self.saver = tf.train.Saver(max_to_keep=None)

    def train(self, session, batches):
        return [float(session.run([self.loss, self.step], {self.x: x, self.y: y})[0]) for x, y in batches]


def save(saver, session, prefix):
    saver.save(session, prefix, write_meta_graph=False, write_state=False)


def start(mnist, work):
    for name, network in NETWORKS.items():
        out, data = (os.path.join(work, name + end) for end in ("-python", "-data"))
        os.makedirs(out)
        write_data(mnist, data, network.side, network.classes)
        rows = batches(data, network.batch, network.side)
        with tf.Graph().as_default(), session() as s:
            python = Python(network)
            s.run(tf.global_variables_initializer())
            save(python.saver, s, os.path.join(out, "init.ckpt"))
            losses = python.train(s, rows[:STEPS])
            save(python.saver, s, os.path.join(out, "final.ckpt"))
            losses += python.train(s, rows[:1])
            save(python.saver, s, os.path.join(out, "further.ckpt"))
        with open(os.path.join(out, "losses.json"), "w") as file:
            json.dump(losses, file)
    print(" ".join(NETWORKS))


def train_imported(run, rows, scope, out):
    """Goes on with a run from the graph beside its checkpoint, by nothing but TensorFlow's own means."""
    prefix = tf.train.latest_checkpoint(run)
    with tf.Graph().as_default() as graph, session() as s:
        saver = tf.train.import_meta_graph(prefix + ".meta")
        saver.restore(s, prefix)
        assert {v.op.name for v in tf.global_variables()} == set(tf.train.load_checkpoint(prefix).get_variable_to_shape_map())
        (step,), loss = tf.get_collection("train_op"), graph.get_tensor_by_name(f"{scope}/Mean:0")
        norms = [v for v in tf.global_variables() if v.op.name.endswith(("moving_mean", "moving_variance"))]
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == len(norms)
        assert not set(norms) & set(tf.trainable_variables()) and tf.trainable_variables()
        nodes, losses = {node.name for node in graph.as_graph_def().node}, []
        for number, (x, y) in enumerate(rows[HALF:2 * HALF], HALF):
            feed = {"inputs/X:0": x, "inputs/y:0": y}
            if "inputs/training" in nodes:
                feed.update({"inputs/training:0": True, "inputs/step:0": number})
            losses.append(float(s.run([loss, step], feed)[0]))
        save(saver, s, out)
    return losses


def served(model, x):
    with tf.Graph().as_default(), session() as s:
        signature = tf.saved_model.loader.load(s, ["serve"], model).signature_def["serving_default"]
        return s.run(signature.outputs["probabilities"].name, {signature.inputs["images"].name: x})


def check(work):
    for name, network in NETWORKS.items():
        at = lambda end: os.path.join(work, name + end)
        x, _ = rows_of(at("-data"), "t10k", network.side)
        rows, (run, python) = batches(at("-data"), network.batch, network.side), (at(f"-{STEPS}"), at("-python"))
        last = os.path.join(run, f"model.ckpt-{STEPS - 1}")
        with open(os.path.join(python, "losses.json")) as file:
            *losses, further = json.load(file)
        print(f"{name}: {STEPS} steps")
        compare_losses(losses_of(run), losses)
        compare_checkpoints(last, os.path.join(python, "final.ckpt"))
        print(f"{name}: a further step, each from the other's checkpoint")
        with tf.Graph().as_default(), session() as s:
            graph = Python(network)
            graph.saver.restore(s, last)
            probabilities = s.run(graph.probabilities, {graph.x: x})
            compare_losses(losses_of(at("-further")) + graph.train(s, rows[:1]), [further] * 2)
            save(graph.saver, s, at(".ckpt"))
        for ours in os.path.join(at("-further"), "model.ckpt-0"), at(".ckpt"):
            compare_checkpoints(ours, os.path.join(python, "further.ckpt"))
        apart = np.abs(served(at("-models/1"), x) - probabilities).max()
        print(f"  the exported model's probabilities differ by at most {apart:.1e}")
        assert apart < 1e-5
    # The built-in one besides, whose dropout is in the graph.
    networks = [(name, name, n.scope, n.batch, n.side) for name, n in NETWORKS.items()]
    for name, data, scope, size, side in networks + [("optimized", "lenet5", "loss_and_train", 100, 28)]:
        print(f"{name}: {HALF} steps here and {HALF} in Python, in the graph beside the checkpoint, are {2 * HALF} steps here")
        at = lambda end: os.path.join(work, name + end)
        losses = train_imported(at(f"-{HALF}"), batches(os.path.join(work, data + "-data"), size, side), scope, at("-imported.ckpt"))
        compare_losses(losses_of(at(f"-{2 * HALF}")), losses_of(at(f"-{HALF}")) + losses)
        compare_checkpoints(os.path.join(at(f"-{2 * HALF}"), f"model.ckpt-{2 * HALF - 1}"), at("-imported.ckpt"))


if __name__ == "__main__":
    {"start": start, "check": check}[sys.argv[1]](*sys.argv[2:])
