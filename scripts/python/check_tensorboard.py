"""Runs TF_MNIST three times, and compares what TensorBoard serves over HTTP with metrics.jsonl; see scripts/check-tensorboard."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

tf_mnist = os.path.abspath(sys.argv[1])
options = ["--seed", "7", "--batch-size", "50", "--validation-rows", "1000", "--save-every", "40"]


def command(run, *arguments):
    return [tf_mnist, *arguments, "--quiet"] + ([] if "--resume" in arguments else options + ["--out-dir", run])


def until_killed(run, steps):
    """Runs until so many steps are told of, then kills: the last line of either file may be torn."""
    child = subprocess.Popen(command(run, "optimized", "--epochs", "1", "--validate-every", "10"), stdout=subprocess.DEVNULL)
    while not os.path.exists(run + "/metrics.jsonl") or len(open(run + "/metrics.jsonl").readlines()) < steps:
        assert child.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()


def to_the_end(runs):
    subprocess.run(command(runs + "/whole", "baseline", "--max-steps", "80"), check=True, stdout=subprocess.DEVNULL)
    # It ended and was tested, and goes on.
    extended = command(runs + "/whole", "baseline", "--max-steps", "120", "--resume", runs + "/whole")
    subprocess.run(extended, check=True, stdout=subprocess.DEVNULL)
    until_killed(runs + "/killed", 130)
    until_killed(runs + "/resumed", 130)
    resumed = command(runs + "/resumed", "optimized", "--max-steps", "200", "--resume", runs + "/resumed")
    subprocess.run(resumed, check=True, stdout=subprocess.DEVNULL)


class TensorBoard:
    def __init__(self, runs, *flags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # By default curves are thinned out.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", runs, "--port", str(self.port), "--reload_interval", "1",
             "--samples_per_plugin", "scalars=100000,images=1000", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def get(self, path, **query):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/data/{path}?" + urllib.parse.urlencode(query)) as answer:
            return answer.read()

    def json(self, path, **query):
        return json.loads(self.get(path, **query))

    def post(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/data/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def wait(self, runs):
        """Until it has read all of them: the number of points no longer grows."""
        points = None
        for _ in range(120):
            time.sleep(1)
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                tags = self.json("plugin/scalars/tags")
                now = [len(self.json("plugin/scalars/scalars", run=run, tag="batch_loss")) for run in sorted(tags)]
            except OSError:
                continue
            if set(tags) >= set(runs) and all(now) and now == points:
                return
            points = now
        sys.exit("TensorBoard reads no runs")


def same(what, told, expected):
    # A curve is of float32.
    narrow = lambda value: struct.unpack("f", struct.pack("f", value))[0]
    expected = [(step, narrow(value)) for step, value in expected]
    assert told == expected, f"{what}:\n  {told[:5]}... {len(told)}\n  {expected[:5]}... {len(expected)}"


def compare(board, runs, name):
    run = f"{runs}/{name}"
    lines = open(run + "/metrics.jsonl").read().split("\n")
    events = [json.loads(line) for line in lines[:-1]]
    of = lambda kind: [event for event in events if event["event"] == kind]
    tags = board.json("plugin/scalars/tags")[name]
    curve = lambda tag: [(step, value) for _, step, value in board.json("plugin/scalars/scalars", run=name, tag=tag)]

    steps = [(event["step"], event["loss"]) for event in of("step")]
    assert [step for step, _ in steps] == list(range(len(steps))), "metrics.jsonl itself"
    losses = curve("batch_loss")
    if name == "killed":  # the one file may have been written a step further than the other
        short = min(len(losses), len(steps))
        assert abs(len(losses) - len(steps)) <= 1
        losses, steps = losses[:short], steps[:short]
    same(f"{name}: loss", losses, steps)
    rates = curve("batch_learning_rate")
    assert len(rates) >= len(steps) and rates[0][1] > 0, rates[:3]
    validations = of("validation")
    count = len(validations) if name == "killed" else None
    same(f"{name}: validation", curve("evaluation_accuracy_vs_iterations")[:count],
         [(event["step"], event["accuracy"]) for event in validations])
    same(f"{name}: training", curve("batch_accuracy")[:count], [(event["step"], event["train_accuracy"]) for event in validations])
    best, so_far = [], 0.0
    for event in validations:
        so_far = max(so_far, event["accuracy"])
        best.append((event["step"], so_far))
    same(f"{name}: best", curve("best_accuracy")[:count], best)
    if name != "killed":
        # Of a run that was extended, TensorBoard's own server of data shows the earlier test too.
        same(f"{name}: test", curve("test_accuracy")[-1:], [(len(steps), event["accuracy"]) for event in of("test")])
        speed = curve("batch_steps_per_second") if "batch_steps_per_second" in tags else []
        assert all(value > 0 for _, value in speed)

    graph = board.get("plugin/graphs/graph", run=name).decode()
    assert "conv2/kernel" in graph and "MaxPool" in graph, "the graph"
    texts = board.json("plugin/text/tags")[name]
    assert {"network", "options"} <= set(texts), texts
    table = board.json("plugin/text/text", run=name, tag="network")[-1]["text"]
    assert "<table>" in table and "conv1" in table, table
    images = board.json("plugin/images/tags").get(name, {})
    if name == "killed":
        assert not images
        return
    rows = int(round(10000 * (1 - of("test")[-1]["accuracy"])))
    misread = [tag for tag in images if tag.startswith("misread/")]
    assert len(misread) == min(100, rows), (len(misread), rows)
    for tag in ["confusion_matrix", misread[0]]:
        shown = board.json("plugin/images/images", run=name, tag=tag, sample=0)[-1]
        picture = board.get("plugin/images/individualImage?" + shown["query"] + "&")
        assert picture.startswith(b"\x89PNG"), tag
        assert struct.unpack(">II", picture[16:24]) == ((440, 440) if tag == "confusion_matrix" else (112, 112)), tag


def hparams(board):
    experiment = board.post("plugin/hparams/experiment", {"experimentName": ""})
    differing = {info["name"] for info in experiment["hparamInfos"]}
    assert {"network", "patience"} & differing, experiment["hparamInfos"]
    columns = [{"hparam": name} for name in sorted(differing)]
    groups = board.post("plugin/hparams/session_groups", {
        "experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": columns, "startIndex": 0, "sliceSize": 10})
    found = {session["name"]: (group["hparams"], session["status"]) for group in groups["sessionGroups"] for session in group["sessions"]}
    assert set(found) == {"whole", "killed", "resumed"}, found
    assert found["whole"][0]["network"] == "baseline" and found["killed"][0]["network"] == "optimized", found
    assert found["whole"][1] == "STATUS_SUCCESS" == found["resumed"][1] and found["killed"][1] != "STATUS_SUCCESS", found


with tempfile.TemporaryDirectory() as runs:
    to_the_end(runs)
    for flags in ["--load_fast=true"], ["--load_fast=false"]:
        board = TensorBoard(runs, *flags)
        try:
            board.wait(["whole", "killed", "resumed"])
            for name in "whole", "killed", "resumed":
                compare(board, runs, name)
            hparams(board)
        finally:
            board.process.kill()
            board.process.wait()
        print(f"TensorBoard {flags[0]}: losses, accuracies, graph, table, options and pictures are those of metrics.jsonl")
