"""Python TensorFlow at the same job as `tf-mnist`: the graph that its front end builds, trained, validated and saved alike.

train_reference.py baseline|optimized MNIST_DIR STEPS [--onednn|--no-onednn]
Prints JSON: seconds until the first step was done, seconds of training, those of them after step 400, peak memory in kB.
TensorFlow's default settings, or oneDNN on or off.
"""
import json, os, resource, sys, tempfile, time
started = time.time()
model, mnist, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
for option, value in (("--onednn", "1"), ("--no-onednn", "0")):
    if option in sys.argv: os.environ["TF_ENABLE_ONEDNN_OPTS"] = value
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()

folder = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "fixtures", "golden", model)


def rows(split):
    read = lambda name, head: np.fromfile(os.path.join(mnist, name), np.uint8)[head:]
    return (read(split + "-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32) / 255.0,
            read(split + "-labels-idx1-ubyte", 8).astype(np.int32))


x, y = rows("train")
xv, yv, xt, yt = x[:5000], y[:5000], x[5000:], y[5000:]
graph = tf.GraphDef()
graph.ParseFromString(open(os.path.join(folder, "graph.pb"), "rb").read())
tf.import_graph_def(graph, name="")
optimized = model == "optimized"
train = "loss_and_train" if optimized else "train"
accuracy = "eval/Mean:0"

with tf.Session() as session, tempfile.TemporaryDirectory() as checkpoints:
    save = lambda: session.run("init_and_save/save/control_dependency:0",
                               {"init_and_save/save/Const:0": os.path.join(checkpoints, "model.ckpt")})
    session.run("init_and_save/save/restore_all",
                {"init_and_save/save/Const:0": os.path.join(folder, "init.ckpt")})
    training, first, late, step, best = None, None, None, 0, 0.0
    while step < steps:
        for batch in np.array_split(np.random.permutation(len(xt)), len(xt) // 100):
            if step == steps: break
            training = training or time.time()
            feed = {"inputs/X:0": xt[batch], "inputs/y:0": yt[batch]}
            session.run(train + "/Adam", dict(feed, **{"inputs/training:0": True}) if optimized else feed)
            first = first or time.time() - started
            if optimized and step % 10 == 0 or not optimized and step % 1100 == 549:
                session.run(accuracy, feed)
                now = np.mean([session.run(accuracy, {"inputs/X:0": xv[i:i + 1000], "inputs/y:0": yv[i:i + 1000]})
                               for i in range(0, 5000, 1000)])
                if now > best or not optimized:
                    best = now
                    save()
                if step == 400: late = time.time()
                validated = time.time()
            step += 1
    print(json.dumps({"first_step": first, "training": time.time() - training,
                      "late": late and validated - late,
                      "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
