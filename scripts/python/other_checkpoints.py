"""Writes the checkpoints of other forms in tests/fixtures/python, all of them small when compressed:

    target/python-venv/bin/python scripts/python/other_checkpoints.py tests/fixtures/python

objects.ckpt      the baseline's weights as tf.train.Checkpoint keeps them: keys are paths, names stand in its object graph
partitioned.ckpt  a variable in two slices
v1.ckpt           the V1 format
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SHAPES = {
    "conv1/kernel": (3, 3, 1, 16), "conv1/bias": (16,), "conv2/kernel": (3, 3, 16, 32), "conv2/bias": (32,),
    "fc1/kernel": (1568, 32), "fc1/bias": (32,), "output/kernel": (32, 10), "output/bias": (10,),
}


def objects(prefix):
    # One value a variable, another for each: a swap would be noticed.
    variables = {name.replace("/", "_"): tf.Variable(np.full(shape, (1 + place) / 1024, np.float32), name=name)
                 for place, (name, shape) in enumerate(SHAPES.items())}
    tf.train.Checkpoint(**variables).write(str(prefix))


def partitioned(prefix):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("conv1/kernel", (4, 3), partitioner=v1.fixed_size_partitioner(2))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix), write_meta_graph=False, write_state=False)


def first_format(prefix):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("conv1/bias", (16,), use_resource=False)
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver(write_version=v1.train.SaverDef.V1)
        saver.save(session, str(prefix), write_meta_graph=False, write_state=False)


folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
objects(folder / "objects.ckpt")
partitioned(folder / "partitioned.ckpt")
first_format(folder / "v1.ckpt")
