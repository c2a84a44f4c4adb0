//! `tf-mnist evaluate` through the binary, on a hundred test images, against what Python makes of them.

use assert_cmd::Command;
use predicates::str::contains;
use serde_json::Value;
use std::fs;
use std::path::Path;
use support::hundred_digits;
use support::hundred_digits::{HundredDigits, fixture, golden};

/// A data folder whose test files are the hundred, and whose training files are as small as may be.
fn data_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let header = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let images = [header(&[0x803, 5001, 28, 28]), vec![0; 5001 * 784]].concat();
    let labels = [header(&[0x801, 5001]), vec![3; 5001]].concat();
    for (name, bytes) in [("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    for name in ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        fs::copy(fixture("mnist100").join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn evaluate(model: &Path, data: &Path) -> Command {
    let mut command = support::tf_mnist();
    command.arg("evaluate").arg(model).arg("--data-dir").arg(data);
    command
}

fn json(mut command: Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Accuracy, mean loss and confusion matrix by Python's probabilities.
fn expected(network: &str) -> (f64, f64, Vec<Vec<u64>>) {
    let labels = HundredDigits::read().labels;
    let probabilities = hundred_digits::python_s_probabilities(network);
    let classes = hundred_digits::likeliest(&probabilities);
    let mut confusion = vec![vec![0; 10]; 10];
    let (mut correct, mut loss) = (0, 0.0);
    for (row, &label) in labels.iter().enumerate() {
        confusion[usize::from(label)][classes[row] as usize] += 1;
        correct += u32::from(i64::from(label) == classes[row]);
        loss -= f64::from(probabilities[10 * row + usize::from(label)]).ln();
    }
    (f64::from(correct) / 100.0, loss / 100.0, confusion)
}

#[test]
fn python_s_checkpoints_and_their_exports_get_python_s_numbers() {
    let data = data_folder();
    let models = tempfile::tempdir().unwrap();
    for (network, kind) in [("baseline", "baseline"), ("optimized_nodrop", "optimized")] {
        let checkpoint = golden(&format!("{network}/final.ckpt"));
        let base = models.path().join(network);
        support::tf_mnist().arg("export").args([&checkpoint, &base]).assert().success();
        let (accuracy, loss, confusion) = expected(network);
        for (model, network) in [(&checkpoint, Some(kind)), (&base, None), (&base.join("1"), None)] {
            for chunk in ["1000", "33"] {
                let mut command = evaluate(model, data.path());
                command.args(["--eval-chunk", chunk]);
                let report = json(command);
                assert_eq!(report["network"], serde_json::json!(network));
                assert_eq!((&report["split"], &report["images"]), (&"test".into(), &100.into()));
                assert_eq!(report["accuracy"].as_f64().unwrap(), accuracy);
                assert!((report["mean_loss"].as_f64().unwrap() - loss).abs() < 1e-5);
                assert_eq!(report["confusion_matrix"], serde_json::json!(confusion));
            }
        }
    }
}

#[test]
fn prints_a_table_that_can_be_read() {
    let data = data_folder();
    evaluate(&golden("optimized_nodrop/final.ckpt"), data.path())
        .assert()
        .success()
        .stdout(contains("Accuracy on the 100 test images: 98.00%, 2 wrong; mean loss "))
        .stdout(contains("  digit  images  precision   recall\n"))
        .stdout(contains("      7      15    100.00%   93.33%\n"));
}

#[test]
fn the_other_splits_are_measured_too() {
    let data = data_folder();
    for (split, images) in [("validation", 5000), ("train", 1)] {
        let mut command = evaluate(&golden("baseline/final.ckpt"), data.path());
        command.args(["--split", split]);
        let report = json(command);
        assert_eq!((&report["split"], &report["images"]), (&split.into(), &images.into()));
        assert_eq!(report["digits"][3]["images"], images);
        assert_eq!(report["digits"][0]["recall"], Value::Null);
    }
}

#[test]
fn a_run_folder_is_a_model() {
    let data = data_folder();
    let run = tempfile::tempdir().unwrap();
    for suffix in ["index", "data-00000-of-00001"] {
        fs::copy(
            golden(&format!("baseline/final.ckpt.{suffix}")),
            run.path().join(format!("model.ckpt-199.{suffix}")),
        )
        .unwrap();
    }
    fs::write(run.path().join("checkpoint"), "model_checkpoint_path: \"model.ckpt-199\"\n").unwrap();
    let report = json(evaluate(run.path(), data.path()));
    assert_eq!(report["accuracy"].as_f64().unwrap(), expected("baseline").0);
    assert!(report["model"].as_str().unwrap().ends_with("model.ckpt-199"));
}

#[test]
fn slips_are_named() {
    let data = data_folder();
    evaluate(Path::new("nothing"), data.path())
        .assert()
        .code(1)
        .stderr(contains("there is no model nothing"));
    evaluate(data.path(), data.path()).assert().code(1).stderr(contains("holds no model"));
    evaluate(&golden("baseline/final.ckpt"), &data.path().join("gone"))
        .assert()
        .code(1)
        .stderr(contains("gone"));
    for option in [["--eval-chunk", "0"], ["--split", "all"]] {
        evaluate(&golden("baseline/final.ckpt"), data.path())
            .args(option)
            .assert()
            .code(2)
            .stderr(contains(option[0]));
    }
}
