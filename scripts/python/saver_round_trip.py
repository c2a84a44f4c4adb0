"""Takes a checkpoint of tf-mnist through Python TensorFlow's own tf.compat.v1.train.Saver.

saver_round_trip.py GRAPH_PB RUN_DIR OUT_DIR
Restores the latest checkpoint of RUN_DIR into the graph that Python built, asks the session for every variable's value,
and saves them to OUT_DIR/python.ckpt-1. Prints that prefix last. Ends with an error if a value is not the checkpoint's.
"""
import os, sys
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow.compat.v1 as tf
tf.logging.set_verbosity(tf.logging.ERROR)
tf.disable_v2_behavior()


def imported_saver():
    """The Saver that the graph was built with, by the names of its nodes."""
    definition = tf.train.SaverDef(
        filename_tensor_name="init_and_save/save/Const:0",
        save_tensor_name="init_and_save/save/control_dependency:0",
        restore_op_name="init_and_save/save/restore_all",
        max_to_keep=5, version=tf.train.SaverDef.V2)
    return tf.train.Saver(saver_def=definition)


def main(graph_pb, run_dir, out_dir):
    graph = tf.GraphDef()
    with open(graph_pb, "rb") as file:
        graph.ParseFromString(file.read())
    tf.import_graph_def(graph, name="")
    variables = sorted(node.name for node in graph.node if node.op == "VariableV2")
    prefix = tf.train.latest_checkpoint(run_dir)
    reader = tf.train.load_checkpoint(prefix)
    with tf.Session() as session:
        saver = imported_saver()
        saver.restore(session, prefix)
        for name in variables:
            if session.run(name + ":0").tobytes() != reader.get_tensor(name).tobytes():
                sys.exit(f"{name} did not get its value of {prefix}")
        os.makedirs(out_dir, exist_ok=True)
        saved = saver.save(session, os.path.join(out_dir, "python.ckpt"), global_step=1)
    print(f"  tf.train.Saver restored {len(variables)} variables of {os.path.basename(prefix)}", file=sys.stderr)
    print(saved)


if __name__ == "__main__":
    main(*sys.argv[1:])
