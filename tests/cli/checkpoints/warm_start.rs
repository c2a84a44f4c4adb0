//! `--warm-start` from weights without an optimizer: those of a SavedModel, or of a checkpoint of TensorFlow 2's objects.

use super::{export, fixture, folder, golden};
use std::fs;
use std::path::Path;
use support::runs::{fail, start, stderr, succeed};
use tf_mnist::graph::{Checkpoint, latest_checkpoint};

/// One step too small to change a weight, from `model`; what was said, and the checkpoint that was saved.
fn step(network: &str, model: &Path, run: &Path) -> (String, Checkpoint) {
    let mut command =
        start(run, &[network, "--max-steps", "1", "--learning-rate", "1e-30", "--batch-size", "20"]);
    command.arg("--warm-start").arg(model);
    let output = succeed(command);
    let prefix = latest_checkpoint(run).unwrap().unwrap();
    (stderr(&output), Checkpoint::open(&prefix).unwrap())
}

/// Asserts that the trainable variables of `from` are those of `saved`.
fn same_weights(from: &Path, saved: &Checkpoint) {
    let from = Checkpoint::open(from).unwrap();
    let mut compared = 0;
    for (name, _) in saved.tensors().filter(|(name, _)| {
        ["kernel", "bias", "gamma", "beta"].iter().any(|last| name.ends_with(&format!("/{last}")))
    }) {
        let (a, b) = (from.read_f32(name).unwrap(), saved.read_f32(name).unwrap());
        let differ = a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 1e-20);
        assert!(a.len() == b.len() && !differ, "{name}");
        compared += 1;
    }
    assert!(compared >= 8, "{compared} variables");
}

/// beta1's power after so many steps of the optimizer in all.
fn steps_of_adam(saved: &Checkpoint) -> f32 {
    let (name, _) = saved.tensors().find(|(name, _)| name.ends_with("beta1_power")).unwrap();
    (saved.read_f32(name).unwrap()[0].ln() / 0.9f32.ln()).round() - 1.0
}

fn notices(stderr: &str) -> usize {
    stderr.lines().filter(|line| line.contains("optimizer begins afresh")).count()
}

#[test]
fn weights_alone_are_taken_and_the_optimizer_begins_afresh() {
    let (_place, here) = folder();
    for (network, python) in [("baseline", "baseline"), ("optimized", "optimized_nodrop")] {
        let prefix = golden(&format!("{python}/final.ckpt"));
        let base = here.join(format!("models-{network}"));
        succeed(export(&prefix, &base));
        // The folder of versions, a version, its graph, and the checkpoint in it.
        let names = [
            base.clone(),
            base.join("1"),
            base.join("1/saved_model.pb"),
            base.join("1/variables/variables.index"),
        ];
        // Where a name leads is the same for every network.
        let names = if network == "baseline" { &names[..] } else { &names[..1] };
        for (number, model) in names.iter().enumerate() {
            let run = here.join(format!("{network}-{number}"));
            let (said, saved) = step(network, model, &run);
            assert_eq!(notices(&said), 1, "{said}");
            same_weights(&prefix, &saved);
            assert_eq!(steps_of_adam(&saved), 1.0);
        }
    }
}

#[test]
fn a_whole_checkpoint_gives_the_optimizer_too_without_a_word() {
    let (_place, here) = folder();
    let prefix = golden("baseline/final.ckpt");
    let (said, saved) = step("baseline", &prefix, &here.join("run"));
    assert_eq!(notices(&said), 0, "{said}");
    same_weights(&prefix, &saved);
    // 0.9^201 is still a float32.
    assert_eq!(steps_of_adam(&saved), 201.0);
}

#[test]
fn variables_of_objects_are_taken_by_their_names() {
    let (_place, here) = folder();
    let prefix = fixture("python/objects.ckpt");
    let (said, saved) = step("baseline", &prefix, &here.join("run"));
    assert_eq!(notices(&said), 1, "{said}");
    same_weights(&prefix, &saved);
}

#[test]
fn weights_of_another_network_are_refused_by_the_weights_alone() {
    let (_place, here) = folder();
    let base = here.join("models");
    succeed(export(&golden("baseline/final.ckpt"), &base));
    let mut command = start(&here.join("run"), &["optimized"]);
    command.arg("--warm-start").arg(&base);
    let said = fail(command, 1);
    assert!(said.contains("batch_normalization/beta is missing") && !said.contains("Adam"), "{said}");
    assert!(!here.join("run").exists());

    fs::remove_dir_all(base.join("1/variables")).unwrap();
    let mut command = start(&here.join("run"), &["baseline"]);
    command.arg("--warm-start").arg(&base);
    let said = fail(command, 1);
    assert!(said.contains("no variables/variables.index"), "{said}");
}
