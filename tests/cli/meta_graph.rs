//! The graph beside a run's checkpoints, `.meta`, through the binary: one file, that comes and goes with them.
//! `scripts/check-python` imports it in Python.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use support::runs;
use support::runs::{fail, metrics, resume, start, succeed, tf_mnist};
use tf_mnist::graph::checkpoint::meta_graph;

/// 3 steps an epoch; validates, and so saves, after epochs 0, 2, 4 ... 10 and 11: seven checkpoints, of which five stay.
const TWELVE_EPOCHS: &[&str] = &["baseline", "--batch-size", "100", "--epochs", "12", "--save-every", "10"];
/// Saves states after steps 6 and 8, and a checkpoint after step 7.
const EIGHT_STEPS: &[&str] = &["baseline", "--batch-size", "20", "--max-steps", "8", "--save-every", "3"];

/// The files in `folder` and below it whose names end so, without the ending.
fn stems(folder: &Path, end: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(stems(&path, end));
        } else if let Some(stem) = path.to_str().unwrap().strip_suffix(end) {
            found.insert(stem.into());
        }
    }
    found
}

/// Every checkpoint of the run and of its states has a graph beside it, and there are no others: how many, and how many
/// files on the disk they are.
fn graphs(run: &Path) -> (usize, usize) {
    let found = stems(run, ".meta");
    assert_eq!(found, stems(run, ".index"));
    let number = |stem: &PathBuf| fs::metadata(format!("{}.meta", stem.display())).unwrap().ino();
    let files: BTreeSet<_> = found.iter().map(number).collect();
    (found.len(), files.len())
}

#[test]
fn one_file_is_beside_all_checkpoints_and_states_also_of_a_resumed_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, TWELVE_EPOCHS));
    // Five checkpoints, and two states with those of their time.
    let (names, files) = graphs(&run);
    assert!(names > 5 + 2 && files == 1, "{names} names of {files} files");
    succeed(resume(&run, &["baseline", "--epochs", "15"]));
    let (names, files) = graphs(&run);
    assert!(names > 5 + 2 && files == 1, "{names} names of {files} files");

    // Without them, as an older version left it, a run goes on, is used, and has them again from now on.
    for stem in stems(&run, ".meta") {
        fs::remove_file(format!("{}.meta", stem.display())).unwrap();
    }
    let mut evaluate = tf_mnist(&["evaluate"]);
    evaluate.arg(&run).arg("--data-dir").arg(runs::smallest_mnist());
    succeed(evaluate);
    succeed(resume(&run, &["baseline", "--epochs", "16"]));
    let newest = stems(&run, ".meta");
    assert!(newest.contains(&run.join("model.ckpt-47")), "{newest:?}");
}

#[test]
fn it_is_the_published_graph_whatever_form_trains() {
    let folder = tempfile::tempdir().unwrap();
    for network in ["baseline", "optimized"] {
        let [reproducible, fast, other] =
            ["reproducible", "fast", "other"].map(|name| folder.path().join(format!("{network}-{name}")));
        let few = [network, "--batch-size", "20", "--max-steps", "1", "--seed", "5"];
        succeed(start(&reproducible, &few));
        let mut command = tf_mnist(&[&few[..], &["--validation-rows", "500"]].concat());
        command.arg("--data-dir").arg(runs::smallest_mnist()).arg("--out-dir").arg(&fast);
        succeed(command);
        let graph = |run: &Path| fs::read(run.join("model.ckpt-0.meta")).unwrap();
        assert!(graph(&reproducible) == graph(&fast));
        if network == "baseline" {
            // Its start values are drawn from the run's seed.
            succeed(start(&other, &[&few[..6], &["6"]].concat()));
            assert!(graph(&reproducible) != graph(&other));
        }
    }
}

#[test]
fn it_goes_with_its_checkpoint_and_one_of_python_s_stays() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, EIGHT_STEPS));
    let before = metrics(&run);
    // Back to step 6, in front of the checkpoint, and on again.
    fs::remove_dir_all(run.join("resume/step-00000008")).unwrap();
    succeed(resume(&run, &["baseline", "--max-steps", "7"]));
    assert!(!run.join("model.ckpt-7.meta").exists() && run.join("model.ckpt-6.meta").exists());
    graphs(&run);
    let overwrite = || start(&run, &[EIGHT_STEPS, &["--overwrite"]].concat());
    succeed(overwrite());
    assert_eq!(metrics(&run), before);
    assert!(!run.join("model.ckpt-6.meta").exists() && run.join("model.ckpt-7.meta").exists());
    assert_eq!(graphs(&run).1, 1);

    // Python saved under the same name: only what was written here is deleted.
    let python = run.join("model.ckpt-7.meta");
    fs::remove_file(&python).unwrap();
    fs::write(&python, b"\x0a\x08\x0a\x06Python").unwrap();
    let stderr = fail(overwrite(), 2);
    assert!(stderr.contains(python.to_str().unwrap()), "{stderr}");
    succeed(resume(&run, &["baseline", "--max-steps", "9"]));
    assert_eq!(fs::read(&python).unwrap(), b"\x0a\x08\x0a\x06Python");
    fs::remove_file(&python).unwrap();
    succeed(overwrite());
}

#[test]
fn its_first_bytes_tell_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.ckpt-7.meta");
    for (bytes, is_own) in [
        (&b"\x0a\x11\x0a\x0ftf-static-graph"[..], true),
        (b"\x0a\x0a\x0a\x08tf-mnist", true), // as it was written before
        (b"\x0a\x08\x0a\x06Python", false),
        (b"\x0a\x0a\x0a\x08tf-m", false),
        (b"", false),
    ] {
        fs::write(&file, bytes).unwrap();
        assert_eq!(meta_graph::is_own(&file), is_own, "{bytes:?}");
    }
}
