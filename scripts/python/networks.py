"""The networks of tests/fixtures/networks, written anew with tf.nn ops: what their tables are held against.

NETWORKS: name -> Network(scope of the training, batch size, Adam's numbers, height and width, classes, images and training
flag to logits).
"""
from collections import namedtuple
import functools
import numpy as np
import tensorflow.compat.v1 as tf

Network = namedtuple("Network", "scope batch adam side classes logits")


def weight(name, *shape):
    return tf.get_variable(name, shape, initializer=tf.glorot_uniform_initializer(seed=len(name)))


def biased(h, name, bias):
    return tf.nn.bias_add(h, tf.get_variable(name + "/bias", h.shape[-1:], initializer=tf.zeros_initializer())) if bias else h


def conv(h, name, filters, size, strides=(1, 1), padding="SAME", bias=True):
    kernel = weight(name + "/kernel", *size, h.shape[-1], filters)
    return biased(tf.nn.conv2d(h, kernel, strides, padding), name, bias)


def dense(h, name, units, bias=True):
    return biased(tf.matmul(h, weight(name + "/kernel", h.shape[-1], units)), name, bias)


def flat(h):
    return tf.reshape(h, [-1, np.prod(h.shape.as_list()[1:])])


def norm(h, name, training, momentum=0.99, epsilon=0.001):
    """As tf.layers.batch_normalization: images by the fused op, whose factor is a difference of float32; rows by moments."""
    variable = lambda last, start, **more: tf.get_variable(name + "/" + last, h.shape[-1:], initializer=start, **more)
    ones, zeros = tf.ones_initializer(), tf.zeros_initializer()
    gamma, beta = variable("gamma", ones), variable("beta", zeros)
    moving = variable("moving_mean", zeros, trainable=False), variable("moving_variance", ones, trainable=False)
    fused = len(h.shape) == 4
    if not training:
        if fused:
            return tf.nn.fused_batch_norm(h, gamma, beta, *moving, epsilon=epsilon, is_training=False)[0]
        return tf.nn.batch_normalization(h, *moving, beta, gamma, epsilon)
    if fused:
        normed, *batch = tf.nn.fused_batch_norm(h, gamma, beta, epsilon=epsilon)
        factor = np.float32(1) - np.float32(momentum)
    else:
        batch = tf.nn.moments(h, [0])
        normed = tf.nn.batch_normalization(h, *batch, beta, gamma, epsilon)
        factor = np.float32(1 - momentum)
    for average, value in zip(moving, batch):
        tf.add_to_collection("averages", (average, value, factor))
    return normed


def move_averages():
    """Each moving average once, towards the mean of the values that towers gave for it."""
    values = {}
    for average, value, factor in tf.get_collection("averages"):
        values.setdefault(average.name, (average, factor, []))[2].append(value)
    mean = lambda parts: functools.reduce(tf.add, parts) / np.float32(len(parts)) if len(parts) > 1 else parts[0]
    return [tf.assign_sub(average, (average - mean(parts)) * factor) for average, factor, parts in values.values()]


def lenet5(h, training):
    h = tf.nn.avg_pool(tf.tanh(conv(h, "c1", 6, (5, 5))), 2, 2, "VALID")
    h = tf.nn.avg_pool(tf.tanh(conv(h, "c3", 16, (5, 5), padding="VALID")), 2, 2, "VALID")
    h = flat(tf.tanh(conv(h, "c5", 120, (5, 5), padding="VALID")))
    return dense(tf.tanh(dense(h, "f6", 84)), "output", 10)


def strided(h, training):
    h = tf.nn.elu(conv(h, "conv1", 12, (5, 5), (3, 3), "VALID"))
    h = tf.nn.leaky_relu(conv(h, "conv2", 20, (3, 2), (2, 1), bias=False))
    return dense(flat(h), "output", 10)


def normed(h, training):
    h = norm(conv(h, "conv1", 8, (3, 3), bias=False), "batch_normalization", training, 0.9)
    h = tf.nn.max_pool(tf.nn.relu(h), 2, 2, "VALID")
    h = norm(conv(h, "conv2", 16, (3, 3)), "batch_normalization_1", training, 0.95, 0.01)
    h = tf.tanh(tf.nn.avg_pool(h, 3, 2, "SAME"))
    h = norm(conv(h, "conv3", 24, (3, 3), padding="VALID"), "batch_normalization_2", training)
    return dense(flat(tf.nn.selu(h)), "output", 47)


def dense_only(h, training):
    h = tf.sigmoid(norm(dense(flat(h), "fc1", 64, bias=False), "batch_normalization", training, 0.9))
    h = norm(tf.nn.relu(dense(h, "fc2", 48)), "batch_normalization_1", training, 0.97, 0.0001)
    return norm(dense(h, "output", 10), "batch_normalization_2", training, 0.9)


NETWORKS = {
    "lenet5": Network("train", 100, (0.001,), 28, 10, lenet5),
    "strided": Network("optimizer", 64, (0.002, 0.8, 0.99, 1e-6), 32, 10, strided),
    "normed": Network("train", 100, (0.003,), 28, 47, normed),
    "dense": Network("train", 100, (0.004,), 28, 10, dense_only),
}
