"""Holds a run directory of tf-mnist against what replay.py wrote: ask for a difference of 0.

compare_run.py RUN_DIR REPLAY_DIR
Compared bit for bit: the loss of every step, and every key and value of the run's latest checkpoint, found and read by
Python TensorFlow's own tf.train.latest_checkpoint and tf.train.load_checkpoint. Ends with an error at any difference.
"""
import json, os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf


def losses_of(run_dir):
    with open(os.path.join(run_dir, "metrics.jsonl")) as lines:
        events = [json.loads(line) for line in lines]
    steps = [event for event in events if event["event"] == "step"]
    assert [event["step"] for event in steps] == list(range(len(steps))), "steps are missing or out of order"
    return [event["loss"] for event in steps]


def tensors_of(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()}


def compare_losses(ours, python):
    assert len(ours) == len(python), f"{len(ours)} steps against {len(python)}"
    bits = lambda losses: np.asarray(losses, np.float32).view(np.uint32)
    apart = np.flatnonzero(bits(ours) != bits(python))
    if apart.size:
        k = apart[0]
        sys.exit(f"losses differ from step {k} on: {ours[k]} against Python's {python[k]}")
    print(f"  losses equal bit for bit: {len(ours)}")


def compare_checkpoints(ours, python):
    a, b = tensors_of(ours), tensors_of(python)
    if a.keys() != b.keys():
        sys.exit(f"{ours}: only ours has {sorted(a.keys() - b.keys())}, only Python's {sorted(b.keys() - a.keys())}")
    for key in sorted(a):
        x, y = a[key], b[key]
        if (x.dtype, x.shape) != (y.dtype, y.shape):
            sys.exit(f"{ours}: {key} is {x.dtype}{x.shape}, Python's {y.dtype}{y.shape}")
        if x.tobytes() != y.tobytes():
            sys.exit(f"{ours}: {key} differs from Python's by {np.abs(x - y).max()}")
    print(f"  values of {os.path.basename(ours)} equal bit for bit: {len(a)}")


def main(run_dir, replay_dir):
    with open(os.path.join(replay_dir, "run.json")) as file:
        python = json.load(file)
    compare_losses(losses_of(run_dir), python["losses"])
    latest = tf.train.latest_checkpoint(run_dir)
    wanted = os.path.join(run_dir, f"model.ckpt-{python['steps'] - 1}")
    if latest != wanted:
        sys.exit(f"tf.train.latest_checkpoint finds {latest}, not {wanted}")
    compare_checkpoints(latest, os.path.join(replay_dir, "final.ckpt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
