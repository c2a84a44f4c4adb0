"""Holds what `tf-mnist export` and `tf-mnist evaluate` do against Python TensorFlow and TensorFlow Serving's protos.

Run by scripts/check-python-saved-model: check_saved_model.py TF_MNIST
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import openvino
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import meta_graph
from tensorflow_serving.apis import prediction_log_pb2

v1 = tf.compat.v1
tf.get_logger().setLevel("ERROR")
FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures"
TF_MNIST = sys.argv[1]
PREDICT, CLASSIFY = "tensorflow/serving/predict", "tensorflow/serving/classify"


def tf_mnist(*arguments):
    return subprocess.run([TF_MNIST, "-q", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def evaluate(model):
    return json.loads(tf_mnist("evaluate", model, "--json"))


def read_mnist():
    """The test images, float32 [10000, 784], and labels."""
    files = {file["name"]: file["path"] for file in json.loads(tf_mnist("data", "--json"))["files"]}
    images = np.fromfile(files["t10k-images-idx3-ubyte"], np.uint8)[16:].reshape(-1, 784)
    return images, np.fromfile(files["t10k-labels-idx1-ubyte"], np.uint8)[8:]


def close(what, a, b, tolerance=1e-5):
    difference = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()
    assert difference <= tolerance, f"{what}: {difference}"
    print(f"  {what}: greatest difference {difference:.1e}")


def confusion(labels, classes):
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, classes), 1)
    return matrix


def check_report(what, report, labels, probabilities):
    """What evaluate says, against probabilities that Python computed."""
    classes = probabilities.argmax(1)
    matrix = confusion(labels, classes)
    assert report["accuracy"] == (classes == labels).mean(), (what, report["accuracy"])
    assert (np.array(report["confusion_matrix"]) == matrix).all(), what
    loss = -np.log(probabilities[np.arange(len(labels)), labels].astype(np.float64)).mean()
    assert abs(report["mean_loss"] - loss) < 1e-5, (what, report["mean_loss"], loss)
    for digit in report["digits"]:
        d = digit["digit"]
        assert np.isclose(digit["precision"], matrix[d, d] / matrix[:, d].sum()), (what, d)
        assert np.isclose(digit["recall"], matrix[d, d] / matrix[d].sum()), (what, d)
    print(f"  evaluate {what}: accuracy {report['accuracy']:.4f}, as Python; loss differs by {abs(report['mean_loss'] - loss):.1e}")


def python_s_probabilities(network, images):
    """Y_proba of all images by the graph that Python built, with the values that Python saved."""
    graph_def = v1.GraphDef.FromString((FIXTURES / "golden" / network / "graph.pb").read_bytes())
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        prefix = str(FIXTURES / "golden" / network / "final.ckpt")
        session.run("init_and_save/save/restore_all", {"init_and_save/save/Const:0": prefix})
        return np.concatenate([
            session.run("output/Y_proba:0", {"inputs/X:0": images[start:start + 1000]})
            for start in range(0, len(images), 1000)])


def example(image):
    features = {"image": tf.train.Feature(float_list=tf.train.FloatList(value=image))}
    return tf.train.Example(features=tf.train.Features(feature=features))


def check_loaded(folder, pixels, expected):
    """Python's loader of today, through all signatures."""
    loaded = tf.saved_model.load(str(folder))
    assert sorted(loaded.signatures) == ["classify", "predict_bytes", "serving_default"]
    images = pixels.astype(np.float32) / 255
    answer = loaded.signatures["serving_default"](images=tf.constant(images))
    close("tf.saved_model.load, serving_default", answer["probabilities"], expected)
    assert (answer["classes"].numpy() == expected.argmax(1)).all() and answer["classes"].dtype == tf.int64
    assert loaded.variables and {v.name for v in loaded.variables} >= {"conv1/kernel:0", "output/bias:0"}
    answer = loaded.signatures["predict_bytes"](images=tf.constant(pixels.reshape(-1, 28, 28)))
    close("tf.saved_model.load, predict_bytes", answer["probabilities"], expected)
    assert (answer["classes"].numpy() == expected.argmax(1)).all()
    examples = [example(image).SerializeToString() for image in images]
    answer = loaded.signatures["classify"](inputs=tf.constant(examples))
    close("tf.saved_model.load, classify", answer["scores"], expected)
    assert (answer["classes"].numpy() == [str(digit).encode() for digit in range(10)]).all()
    try:
        loaded.signatures["classify"](inputs=tf.constant([tf.train.Example().SerializeToString()]))
        raise AssertionError("an example without an image was taken")
    except tf.errors.InvalidArgumentError as error:
        assert "image" in str(error), error
    return loaded


def check_v1_loader(folder, pixels, expected):
    """The loader of TF1, which restores by the SaverDef; and a Saver made from the MetaGraphDef saves again."""
    with tf.Graph().as_default(), v1.Session() as session:
        meta = v1.saved_model.load(session, ["serve"], str(folder))
        signature = meta.signature_def["serving_default"]
        assert signature.method_name == PREDICT
        assert meta.signature_def["predict_bytes"].method_name == PREDICT
        assert meta.signature_def["classify"].method_name == CLASSIFY
        answer = session.run(signature.outputs["probabilities"].name,
                             {signature.inputs["images"].name: pixels.astype(np.float32) / 255})
        close("tf.compat.v1.saved_model.load", answer, expected)
        trainable = {variable.op.name for variable in v1.trainable_variables()}
        every = {variable.op.name for variable in v1.global_variables()}
        assert {name for name in every if "moving_" not in name} == trainable
        saver = v1.train.Saver(saver_def=meta.saver_def)
        with tempfile.TemporaryDirectory() as again:
            saved = saver.save(session, f"{again}/model.ckpt", write_meta_graph=False)
            assert set(dict(tf.train.list_variables(saved))) == every


def check_meta_graph(folder):
    saved_model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    assert saved_model.saved_model_schema_version == 1
    (meta,) = saved_model.meta_graphs
    info = meta.meta_info_def
    assert list(info.tags) == ["serve"] and info.tensorflow_version.startswith("2.") and info.stripped_default_attrs
    assert {op.name for op in info.stripped_op_list.op} == {node.op for node in meta.graph_def.node}
    # Python finds no default value left to strip, and nothing that it does not know.
    before = meta.graph_def.SerializeToString(deterministic=True)
    meta_graph.strip_graph_default_valued_attrs(meta)
    assert meta.graph_def.SerializeToString(deterministic=True) == before
    print(f"  MetaGraphDef: {len(meta.graph_def.node)} nodes of {len(info.stripped_op_list.op)} op types, defaults stripped")


def check_command_line(folder, pixels, expected):
    """saved_model_cli, as people use it."""
    def cli(*arguments):
        command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", *map(str, arguments)]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    shown = cli("show", "--dir", folder, "--all")
    for text in ("serving_default", "predict_bytes", "classify", PREDICT, CLASSIFY, "DT_UINT8", "shape: (-1, 784)",
                 "shape: (-1, 28, 28)", "shape: (-1, 10)"):
        assert text in shown, text
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        np.save(scratch / "floats.npy", pixels[:3].astype(np.float32) / 255)
        np.save(scratch / "bytes.npy", pixels[:3].reshape(-1, 28, 28))
        examples = json.dumps([{"image": (image.astype(np.float32) / 255).tolist()} for image in pixels[:3]])
        for signature, output, given in (
                ("serving_default", "probabilities", ["--inputs", f"images={scratch}/floats.npy"]),
                ("predict_bytes", "probabilities", ["--inputs", f"images={scratch}/bytes.npy"]),
                ("classify", "scores", ["--input_examples", f"inputs={examples}"])):
            cli("run", "--dir", folder, "--tag_set", "serve", "--signature_def", signature, "--outdir", scratch,
                "--overwrite", *given)
            close(f"saved_model_cli run {signature}", np.load(scratch / f"{output}.npy"), expected[:3])


def check_openvino(folder, pixels, expected):
    """OpenVINO's own reader, which knows string constants only as Python's front end writes them."""
    model = openvino.Core().read_model(str(folder))
    # On processors with AMX it would compute in bfloat16.
    model = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = model({"images": pixels.astype(np.float32) / 255})
    close("OpenVINO", answer["probabilities"], expected, 1e-4)
    assert (answer["classes"] == expected.argmax(1)).all()


def check_requests(folder, loaded):
    """The warm-up file, read as Serving reads it, and the REST request, run."""
    records = list(tf.data.TFRecordDataset(str(folder / "assets.extra" / "tf_serving_warmup_requests")))
    signatures = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        if log.WhichOneof("log_type") == "predict_log":
            request = log.predict_log.request
            inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
            classes = loaded.signatures[request.model_spec.signature_name](**inputs)["classes"].numpy()
        else:
            request = log.classify_log.request
            examples = [one.SerializeToString() for one in request.input.example_list.examples]
            answer = loaded.signatures[request.model_spec.signature_name](inputs=tf.constant(examples))
            classes = answer["scores"].numpy().argmax(1)
        assert request.model_spec.name == "mnist"
        assert list(classes) == [7], classes
        signatures.append(request.model_spec.signature_name)
    assert signatures == ["serving_default", "predict_bytes", "classify"], signatures
    request = json.loads((folder / "assets.extra" / "rest_request.json").read_text())
    instances = tf.constant(request["instances"], tf.float32)
    assert list(loaded.signatures["serving_default"](images=instances)["classes"].numpy()) == [7]
    print("  warm-up: one request for each signature, by Serving's protos; each runs, as does the REST request")


def check_python_s_saved_models(scratch, images, labels, expected):
    """evaluate takes SavedModels that Python wrote, of several shapes, with probabilities or logits."""
    weights = np.linalg.lstsq(images[:5000], np.eye(10, dtype=np.float32)[labels[:5000]], rcond=None)[0]

    class Linear(tf.Module):
        def __init__(self, shape, softmax):
            super().__init__()
            self.weights = tf.Variable(weights)
            signature = tf.TensorSpec([None, *shape], tf.float32, "pictures")

            @tf.function(input_signature=[signature])
            def call(pictures):
                logits = tf.reshape(pictures, [-1, 784]) @ self.weights
                return {"y": tf.nn.softmax(logits) if softmax else logits, "largest": tf.reduce_max(logits, 1)}

            self.call = call

    linear = tf.nn.softmax(images @ weights).numpy()
    for number, (shape, softmax) in enumerate([((784,), True), ((28, 28), False), ((28, 28, 1), False)]):
        module = Linear(shape, softmax)
        folder = f"{scratch}/linear-{number}"
        tf.saved_model.save(module, folder, signatures={"serving_default": module.call})
        check_report(f"of Python's SavedModel with {shape}, {'probabilities' if softmax else 'logits'}",
                     evaluate(folder), labels, linear)
    module = tf.Module()
    module.call = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    tf.saved_model.save(module, f"{scratch}/unfit", signatures={"serving_default": module.call})
    run = subprocess.run([TF_MNIST, "evaluate", f"{scratch}/unfit"], capture_output=True, text=True)
    assert run.returncode == 1 and "[-1, height * width]" in run.stderr and "float [-1, 3]" in run.stderr, run.stderr

    graph_def = v1.GraphDef.FromString((FIXTURES / "golden" / "optimized_nodrop" / "graph.pb").read_bytes())
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        prefix = str(FIXTURES / "golden" / "optimized_nodrop" / "final.ckpt")
        session.run("init_and_save/save/restore_all", {"init_and_save/save/Const:0": prefix})
        # Frozen, for the graph came without its collections.
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["output/Y_proba"])
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(frozen, name="")
        v1.saved_model.simple_save(session, f"{scratch}/v1/3", {"x": graph.get_tensor_by_name("inputs/X:0")},
                                   {"p": graph.get_tensor_by_name("output/Y_proba:0")})
    check_report("of Python's TF1 SavedModel, in a folder of versions", evaluate(f"{scratch}/v1"), labels, expected)


def check_warm_start(scratch):
    """Training starts from the weights in SavedModels that Python wrote, today's and TF1's."""
    prefix = FIXTURES / "golden" / "baseline" / "final.ckpt"
    reader = tf.train.load_checkpoint(str(prefix))
    names = [f"{layer}/{kind}" for layer in ("conv1", "conv2", "fc1", "output") for kind in ("kernel", "bias")]
    weights = {name: reader.get_tensor(name) for name in names}

    module = tf.Module()
    module.variables_of_it = [tf.Variable(value, name=name) for name, value in weights.items()]
    module.call = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None, 784], tf.float32)])
    tf.saved_model.save(module, f"{scratch}/objects", signatures={"serving_default": module.call})
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in weights.items():
            v1.get_variable(name, initializer=value)
        x = v1.placeholder(tf.float32, [None, 784])
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, f"{scratch}/first", {"x": x}, {"y": tf.identity(x)})
    for model in ("objects", "first"):
        run = f"{scratch}/run-{model}"
        command = ["baseline", "--max-steps", "1", "--learning-rate", "1e-30", "--warm-start", f"{scratch}/{model}",
                   "--out-dir", run]
        done = subprocess.run([TF_MNIST, *command], check=True, capture_output=True, text=True)
        assert done.stderr.count("optimizer begins afresh") == 1, done.stderr
        saved = tf.train.load_checkpoint(run)
        for name, value in weights.items():
            close(f"--warm-start from Python's SavedModel of {model}, {name}", saved.get_tensor(name), value, 1e-20)


def main():
    pixels, labels = read_mnist()
    images = pixels.astype(np.float32) / 255
    with tempfile.TemporaryDirectory() as scratch:
        for network in ("baseline", "optimized_nodrop"):
            print(network)
            checkpoint = FIXTURES / "golden" / network / "final.ckpt"
            expected = python_s_probabilities(network, images)
            hundred = np.fromfile(FIXTURES / "golden" / network / "final_test100.Y_proba.f32", "<f4").reshape(100, 10)
            close("Python's graph, here against recorded", expected[:100], hundred)
            base = pathlib.Path(scratch) / network
            tf_mnist("export", checkpoint, base)
            folder = base / "1"
            check_report("of Python's checkpoint", evaluate(checkpoint), labels, expected)
            check_report("of its export", evaluate(base), labels, expected)
            check_meta_graph(folder)
            loaded = check_loaded(folder, pixels[:100], hundred)
            check_v1_loader(folder, pixels[:100], hundred)
            check_command_line(folder, pixels, hundred)
            check_openvino(folder, pixels[:100], hundred)
            check_requests(folder, loaded)
        print("SavedModels by Python")
        check_python_s_saved_models(scratch, images, labels, expected)
        check_warm_start(scratch)
    print("all is as it should be")


main()
