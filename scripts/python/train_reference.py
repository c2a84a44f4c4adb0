"""Python TensorFlow at the same job as `tf-mnist`: the graph that its front end builds, trained and validated alike.

train_reference.py baseline|optimized MNIST_DIR STEPS [--onednn]
Prints JSON: seconds until the first step was done, seconds of training, peak memory in kB. Default settings, or oneDNN on.
"""
import json, os, resource, sys, time
started = time.time()
model, mnist, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
if "--onednn" in sys.argv: os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
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

with tf.Session() as session:
    session.run("init_and_save/save/restore_all",
                {"init_and_save/save/Const:0": os.path.join(folder, "init.ckpt")})
    training, first, step = None, None, 0
    while step < steps:
        for batch in np.array_split(np.random.permutation(len(xt)), len(xt) // 100):
            if step == steps: break
            training = training or time.time()
            feed = {"inputs/X:0": xt[batch], "inputs/y:0": yt[batch]}
            session.run(train + "/Adam", dict(feed, **{"inputs/training:0": True}) if optimized else feed)
            first = first or time.time() - started
            if optimized and step % 10 == 0 or not optimized and step % 1100 == 549:
                session.run(accuracy, feed)
                np.mean([session.run(accuracy, {"inputs/X:0": xv[i:i + 1000], "inputs/y:0": yv[i:i + 1000]})
                         for i in range(0, 5000, 1000)])
            step += 1
    print(json.dumps({"first_step": first, "training": time.time() - training,
                      "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
