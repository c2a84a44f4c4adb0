//! Disks that are full, read-only, or take no long file: each ends in a message that names the file, exit code 1, and a
//! folder that the run can be resumed in once the fault is gone.

use std::fs;
use std::path::Path;
use support::runs;
use support::runs::{fail, metrics, resume, start, succeed};
use support::small_disk::{SmallDisk, limited};
use tf_mnist::staging::Lock;

/// Saves states after steps 6 and 8.
// For TensorBoard nothing is written here, so that the other files meet the fault.
const FIRST: &[&str] =
    &["baseline", "--batch-size", "20", "--no-tensorboard", "--save-every", "3", "--max-steps", "8"];
const TO_10: &[&str] = &["baseline", "--max-steps", "10", "--no-tensorboard"];

/// After a fault: what was saved before is whole, and the way on is shown.
fn assert_intact(run: &Path, stderr: &str, states: &[&str]) {
    assert!(runs::unreadable(run).is_empty(), "{:?}", runs::unreadable(run));
    assert!(runs::leftovers(run).is_empty(), "{:?}", runs::leftovers(run));
    let names: Vec<_> = runs::states(run)
        .iter()
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, states);
    assert!(stderr.contains(&format!("tf-mnist baseline --resume {}", run.display())), "{stderr}");
    assert_eq!(stderr.contains("goes on from its last saved state"), !states.is_empty(), "{stderr}");
    assert_eq!(stderr.contains("no state was saved yet"), states.is_empty(), "{stderr}");
}

fn steps(run: &Path) -> Vec<String> {
    let mut lines = metrics(run);
    lines.retain(|line| line.contains(r#""event":"step""#));
    lines
}

#[test]
fn a_full_disk_leaves_the_state_before_it() {
    let Some(disk) = SmallDisk::mount(1800) else {
        return;
    };
    let arguments =
        ["baseline", "--batch-size", "20", "--epochs", "1", "--save-every", "2", "--no-tensorboard"];
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference");
    succeed(start(&reference, &arguments));

    let run = disk.path().join("run");
    let stderr = fail(start(&run, &arguments), 1);
    let named = format!("error: cannot save the state {}/resume/step-", run.display());
    assert!(stderr.contains(&named) && stderr.contains("No space left on device"), "{stderr}");
    assert_intact(&run, &stderr, &["step-00000002", "step-00000004"]);

    // Still full: nothing gets worse.
    let stderr = fail(resume(&run, &["baseline", "--no-tensorboard"]), 1);
    assert_intact(&run, &stderr, &["step-00000002", "step-00000004"]);
    disk.remount("size=64m");
    succeed(resume(&run, &["baseline", "--no-tensorboard"]));
    assert_eq!(metrics(&run), metrics(&reference));
    assert!(runs::checkpoint_files(&run) == runs::checkpoint_files(&reference));

    disk.remount("ro");
    for command in [
        resume(&run, &["baseline", "--epochs", "2", "--no-tensorboard"]),
        start(&disk.path().join("new"), FIRST),
        start(&run, &[FIRST, &["--overwrite"]].concat()),
    ] {
        let stderr = fail(command, 1);
        assert!(
            stderr.contains("Read-only file system") && stderr.contains(disk.path().to_str().unwrap()),
            "{stderr}"
        );
    }
}

#[test]
fn a_file_size_limit_is_an_error_like_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[&FIRST[..6], &TO_10[1..3]].concat()));
    succeed(start(&run, FIRST));

    // A checkpoint has 650 KiB.
    let stderr = fail(limited(&resume(&run, TO_10), 100), 1);
    let target = run.join("resume/step-00000009");
    let named = format!("error: cannot save the state {}: File too large", target.display());
    assert!(stderr.contains(&named), "{stderr}");
    assert_intact(&run, &stderr, &["step-00000006", "step-00000008"]);

    // A line of metrics.jsonl has 70 bytes; no checkpoint is due before.
    let stderr = fail(limited(&resume(&run, TO_10), 0), 1);
    assert!(stderr.contains("File too large") && stderr.contains(run.to_str().unwrap()), "{stderr}");
    succeed(resume(&run, TO_10));
    assert_eq!(steps(&run), steps(&reference));
}

#[test]
fn metrics_that_cannot_be_written_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["baseline", "--batch-size", "4", "--epochs", "100", "--no-tensorboard"];
    let stderr = fail(limited(&start(&run, &arguments), 4), 1);
    let named = format!("error: cannot write {}/metrics.jsonl: File too large", run.display());
    assert!(stderr.contains(&named), "{stderr}");
    assert_intact(&run, &stderr, &[]);
    assert!(metrics(&run).len() > 50);
    // The torn line goes, its step is done again.
    succeed(resume(&run, &["baseline", "--max-steps", "60", "--no-tensorboard"]));
    let steps = steps(&run);
    assert_eq!(steps.len(), 60);
    for (number, line) in steps.iter().enumerate() {
        assert!(line.contains(&format!("\"step\":{number},")), "{line}");
    }
}

#[test]
fn a_fault_before_the_first_state_leaves_a_run_that_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, FIRST));
    let stderr = fail(limited(&start(&run, FIRST), 100), 1);
    assert_intact(&run, &stderr, &[]);

    // What asks for its model says how it comes to one.
    let base = folder.path().join("base");
    let picture = folder.path().join("none.png");
    for command in [
        runs::with(&["evaluate"], &[&run]),
        runs::with(&["predict"], &[&run, &picture]),
        runs::export(&run, &base),
    ] {
        let stderr = fail(command, 1);
        let said = format!(
            "the run in {0} has no checkpoint yet; it goes on by: tf-mnist train --resume {0}",
            run.display()
        );
        assert!(stderr.contains(&said), "{stderr}");
    }
    let lock = Lock::try_file(&run.join(".lock"));
    let stderr = fail(runs::with(&["evaluate"], &[&run]), 1);
    assert!(stderr.contains("no checkpoint yet; a process is at work on it"), "{stderr}");
    drop(lock);

    succeed(resume(&run, &["train", "--no-tensorboard"]));
    assert_eq!(steps(&run), steps(&reference));
    fs::remove_dir_all(&run).unwrap();
    fail(limited(&start(&run, FIRST), 100), 1);
    succeed(start(&run, &[FIRST, &["--overwrite"]].concat()));
    assert_eq!(steps(&run), steps(&reference));
}

#[test]
fn where_not_even_the_options_fit_the_same_command_does_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(4) else {
        return;
    };
    let run = disk.path().join("run");
    let stderr = fail(start(&run, FIRST), 1);
    assert!(stderr.contains("config.json") && stderr.contains("run the same command again"), "{stderr}");
    disk.remount("size=64m");
    succeed(start(&run, FIRST));
}

#[test]
fn a_run_that_cannot_begin_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let [above, own] = ["above", "own"].map(|name| folder.path().join(name));
    fs::create_dir(&own).unwrap();
    // With 0 the lock cannot be written, with 1 config.json.
    for (limit, file) in [(0, ".lock"), (1, "config.json")] {
        let run = above.join("run");
        let stderr = fail(limited(&start(&run, FIRST), limit), 1);
        let named = run.join(file);
        assert!(stderr.contains(named.to_str().unwrap()) && stderr.contains("File too large"), "{stderr}");
        assert!(!above.exists());
        // The user's stays.
        fail(limited(&start(&own, FIRST), limit), 1);
        assert!(own.is_dir());
    }
    // Nor where it goes by itself.
    let without = [FIRST, &["--validation-rows", "10", "--data-dir"]].concat();
    let mut command = limited(&runs::with(&without, &[runs::smallest_mnist()]), 1);
    command.current_dir(&folder);
    let stderr = fail(command, 1);
    assert!(stderr.contains("runs/baseline-1/config.json"), "{stderr}");
    assert!(!folder.path().join("runs").exists());
}
