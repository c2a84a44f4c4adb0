//! A checkpoint by the name of any of its files.

use super::{export, folder, put_checkpoint, put_index_without_values, takes_a_five_for_one};
use std::fs;
use support::runs::{fail, succeed};
use tf_mnist::graph::existing_prefix;

#[test]
fn any_file_of_a_checkpoint_means_it() {
    let (_place, run) = folder();
    put_checkpoint(&run.join("model.ckpt-7"));
    put_index_without_values(&run.join("model.ckpt-9"));
    fs::write(run.join("model.ckpt-7.meta"), "").unwrap();
    fs::write(run.join("checkpoint"), "model_checkpoint_path: 'model.ckpt-7'").unwrap();
    for name in [
        "model.ckpt-7.",
        "model.ckpt-7.index",
        "model.ckpt-7.meta",
        "model.ckpt-7.data-00000-of-00001",
        "checkpoint",
    ] {
        takes_a_five_for_one(&run.join(name));
    }
    for name in ["model.ckpt-7.index", "checkpoint"] {
        succeed(export(&run.join(name), &run.join("models")));
    }
    assert_eq!(fs::read_dir(run.join("models")).unwrap().count(), 2);
    fs::write(run.join(".index"), "").unwrap();
    for name in
        ["model.ckpt-8", "model.ckpt-8.", "model.ckpt-8.meta", "model.ckpt-7.x", ".", ".index", ".meta"]
    {
        assert_eq!(existing_prefix(&run.join(name)), None, "{name}");
    }
}

#[test]
fn a_graph_without_its_values_says_where_they_are() {
    let (_place, run) = folder();
    fs::write(run.join("model.ckpt-7.meta"), "x").unwrap();
    let stderr = fail(super::predict(&run.join("model.ckpt-7.meta")), 1);
    assert!(stderr.contains("only the graph of a checkpoint") && stderr.contains(".index"), "{stderr}");
    let stderr = fail(super::predict(&run.join("model.ckpt-7.")), 1);
    assert!(stderr.contains("there is no model"), "{stderr}");
}
