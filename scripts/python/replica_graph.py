"""Writes the graph that Python's front end builds of several replicas of a network, for replay.py and the tests.

replica_graph.py baseline|optimized REPLICAS GRAPH_PB
Without dropout. Names are those of tests/fixtures/golden; what is a mean over the rows there is a sum over replicas here.
"""
import functools, os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow.compat.v1 as tf
from networks import conv, dense, flat, move_averages, norm
tf.disable_v2_behavior()


def baseline(h, training):
    h = tf.nn.relu(conv(tf.nn.relu(conv(h, "conv1", 16, (3, 3))), "conv2", 32, (3, 3), (2, 2)))
    h = tf.nn.relu(dense(flat(tf.nn.max_pool(h, 2, 2, "VALID")), "fc1", 32))
    return dense(h, "output", 10)


def optimized(h, training):
    h = tf.nn.selu(norm(conv(h, "conv1", 16, (3, 3)), "batch_normalization", training, 0.9))
    h = tf.nn.selu(norm(conv(h, "conv2", 32, (3, 3)), "batch_normalization_1", training, 0.9))
    h = dense(flat(tf.nn.max_pool(h, 2, 2, "VALID")), "fc1", 32)
    h = tf.nn.selu(norm(h, "batch_normalization_2", training, 0.9))
    return norm(dense(h, "output", 10), "batch_normalization_3", training, 0.9)


def shards(x, replicas):
    """Rows as numpy's array_split cuts them."""
    short, longer = tf.shape(x)[0] // replicas, tf.shape(x)[0] % replicas
    starts = [replica * short + tf.minimum(replica, longer) for replica in range(replicas + 1)]
    return [x[start:end] for start, end in zip(starts, starts[1:])]


def main(name, replicas, graph_pb):
    logits, scope, rate = {"baseline": (baseline, "train", 0.001), "optimized": (optimized, "loss_and_train", 0.01)}[name]
    replicas = int(replicas)
    with tf.name_scope("inputs"):
        x, y = tf.placeholder(tf.float32, [None, 784], "X"), tf.placeholder(tf.int32, [None], "y")
        images, rows = tf.reshape(x, [-1, 28, 28, 1]), tf.cast(tf.size(y), tf.float32)
    losses, gradients = [], []
    with tf.variable_scope("", reuse=tf.AUTO_REUSE):
        for own_images, own_labels in zip(shards(images, replicas), shards(y, replicas)):
            of_rows = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits(own_images, True), labels=own_labels)
            losses.append(tf.reduce_sum(of_rows) / rows)
            gradients.append(tf.gradients(losses[-1], tf.trainable_variables()))
        with tf.name_scope("output"):
            tf.nn.softmax(logits(images, False), name="Y_proba")
    add = lambda parts: functools.reduce(tf.add, parts)
    with tf.name_scope(scope):
        tf.identity(add(losses), name="Mean")
        sums = [add(parts) for parts in zip(*gradients)]
        # No update before the last gradient is done.
        with tf.control_dependencies([*move_averages(), *sums]):
            done = tf.no_op()
        with tf.control_dependencies([done]):
            tf.train.AdamOptimizer(rate).apply_gradients(zip(sums, tf.trainable_variables()), name="Adam")
    with tf.name_scope("init_and_save"):
        tf.global_variables_initializer()
        tf.train.Saver()
    with open(graph_pb, "wb") as file:
        file.write(tf.get_default_graph().as_graph_def().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
