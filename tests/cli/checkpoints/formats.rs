//! Models of other programs and other times: read where that is possible, else named as what they are.

use super::{export, fixture, folder, golden, predict, put_checkpoint, stdout};
use std::fs;
use std::path::Path;
use support::runs::{fail, succeed, tf_mnist};

fn refused(model: &Path, reasons: &[&str]) {
    let (_place, other) = folder();
    let mut train = tf_mnist(&["baseline", "--max-steps", "1", "--warm-start"]);
    train.arg(model).arg("--out-dir").arg(other.join("run"));
    for command in [predict(model), export(model, &other.join("models")), train] {
        let stderr = fail(command, 1);
        for reason in reasons.iter().chain([&model.to_str().unwrap()]) {
            assert!(stderr.contains(reason), "{reason}: {stderr}");
        }
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0, "something was left");
}

#[test]
fn other_formats_are_named_with_the_way_out() {
    let (_place, here) = folder();
    let graph = fs::read(golden("baseline/graph.pb")).unwrap();
    for (name, bytes, reasons) in [
        ("model.h5", &b"\x89HDF\r\n\x1a\n........"[..], ["Keras file in HDF5", "export(FOLDER)"]),
        ("model", b"\x89HDF\r\n\x1a\n........", ["Keras file in HDF5", "export(FOLDER)"]),
        ("model.keras", b"PK\x03\x04........", ["Keras file", "export(FOLDER)"]),
        ("model.tflite", b"\x1c\0\0\0TFL3....", ["TensorFlow Lite", "converted from"]),
        ("frozen.pb", &graph, ["frozen graph", "SavedModel"]),
        ("model", b"\x08\x01\x12\x01\x01", ["SavedModel under another name", "saved_model.pb again"]),
        ("model.pt", b"PK\x03\x04........", ["PyTorch", "TensorFlow"]),
        ("model.zip", b"PK\x03\x04........", ["archive", "unpack"]),
    ] {
        let file = here.join(name);
        fs::write(&file, bytes).unwrap();
        refused(&file, &reasons);
        // Alone in a folder, it is what the folder holds.
        let alone = here.join("alone");
        fs::create_dir(&alone).unwrap();
        fs::rename(&file, alone.join(name)).unwrap();
        refused(&alone, &reasons);
        fs::remove_dir_all(&alone).unwrap();
    }
    let file = here.join("notes.txt");
    fs::write(&file, "nothing").unwrap();
    refused(&file, &["no file of a model"]);
}

#[test]
fn the_first_format_is_named_also_by_its_state_file() {
    refused(&fixture("python/v1.ckpt"), &["V1 format", "tf.compat.v1.train.Saver"]);
    let (_place, here) = folder();
    fs::copy(fixture("python/v1.ckpt"), here.join("model.ckpt-7")).unwrap();
    fs::write(here.join("checkpoint"), "model_checkpoint_path: '/gone/model.ckpt-7'").unwrap();
    refused(&here, &["model.ckpt-7 is a checkpoint in TensorFlow's V1 format"]);
    // In parts, as `Saver(sharded=True)` writes them.
    fs::rename(here.join("model.ckpt-7"), here.join("model.ckpt-8-00000-of-00002")).unwrap();
    refused(&here.join("model.ckpt-8"), &["model.ckpt-8 is a checkpoint in TensorFlow's V1 format"]);
    let renamed = here.join("renamed");
    fs::copy(golden("baseline/final.ckpt.index"), &renamed).unwrap();
    refused(&renamed, &["index of a checkpoint under another name"]);
}

#[test]
fn partitioned_variables_are_named() {
    refused(
        &fixture("python/partitioned.ckpt"),
        &["partitioned variables", "conv1/kernel in 2 slices", "without a partitioner"],
    );
}

/// `tf.train.Checkpoint` keeps variables under paths through the program; their names stand in its object graph.
#[test]
fn a_checkpoint_of_objects_is_read_by_the_names_of_its_variables() {
    // One value for each variable gives each class the same.
    let output = succeed(predict(&fixture("python/objects.ckpt")));
    assert!(stdout(&output).contains("0  10.00%  1  10.00%"), "{}", stdout(&output));
    let (_place, here) = folder();
    succeed(export(&fixture("python/objects.ckpt"), &here.join("models")));

    // Damaged, it is as any other.
    let copied = here.join("model.ckpt-1");
    put_checkpoint(&copied);
    fs::copy(fixture("python/objects.ckpt.index"), copied.with_extension("ckpt-1.index")).unwrap();
    fail(predict(&copied), 1);
}
