"""Makes tests/fixtures/float64_gradients: the optimized network's gradients, without dropout, of the first 100 training rows at
the start values of tests/fixtures/golden/optimized/init.ckpt, computed by Python TensorFlow in float64.

float64_gradients.py MNIST_DIR [CHECKPOINT...]
The gradients are rounded to float32 at the end; that of fc1/kernel is left out for its size, and biases, whose gradient is zero.
For each CHECKPOINT, taken after one training step, prints how far Adam's first average is from a tenth of them.
"""
import os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

fixtures = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "fixtures")
mnist, checkpoints = sys.argv[1], sys.argv[2:]
reader = tf.train.load_checkpoint(os.path.join(fixtures, "golden", "optimized", "init.ckpt"))
variables = {name: tf.Variable(tf.cast(reader.get_tensor(name), tf.float64))
             for name in reader.get_variable_to_shape_map() if "Adam" not in name and "power" not in name}
read = lambda name, head: np.fromfile(os.path.join(mnist, name), np.uint8)[head:]
images = read("train-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)[5000:5100].astype(np.float32) / np.float32(255)
labels = read("train-labels-idx1-ubyte", 8).astype(np.int32)[5000:5100]


def weights(name, *of):
    return [variables[f"{name}/{part}"] for part in of]


def batch_norm(x, number):
    gamma, beta = weights("batch_normalization" + number, "gamma", "beta")
    mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
    return (x - mean) * tf.math.rsqrt(variance + np.float64(np.float32(0.001))) * gamma + beta


def layer(apply, x, name, number):
    kernel, bias = weights(name, "kernel", "bias")
    return batch_norm(apply(x, kernel) + bias, number)


convolve = lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME")
with tf.GradientTape() as tape:
    h = tf.nn.selu(layer(convolve, tf.constant(images.astype(np.float64)), "conv1", ""))
    h = tf.nn.selu(layer(convolve, h, "conv2", "_1"))
    h = tf.reshape(tf.nn.max_pool2d(h, 2, 2, "VALID"), [-1, 14 * 14 * 32])
    h = tf.nn.selu(layer(tf.matmul, h, "fc1", "_2"))
    logits = layer(tf.matmul, h, "output", "_3")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
names = sorted(name for name in variables if "moving" not in name and "bias" not in name and name != "fc1/kernel")
gradients = tape.gradient(loss, [variables[name] for name in names])
tf.raw_ops.SaveV2(prefix=os.path.join(fixtures, "float64_gradients"), tensor_names=names + ["loss"],
                  shape_and_slices=[""] * (len(names) + 1),
                  tensors=[tf.cast(value, tf.float32) for value in gradients + [loss]])
for checkpoint in checkpoints:
    found = tf.train.load_checkpoint(checkpoint)
    for name, gradient in zip(names, gradients):
        size = np.abs(gradient).max()
        print(f"{checkpoint}: {name}: {np.abs(10.0 * found.get_tensor(name + '/Adam') - gradient).max() / size:.1e} of {size:.3f}")
