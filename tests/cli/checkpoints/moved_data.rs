//! A run whose data set lies elsewhere when it is resumed.

use super::folder;
use std::fs;
use std::path::Path;
use support::runs::{copy, fail, metrics, resume, smallest_mnist, succeed, tf_mnist};

fn resume_with(run: &Path, steps: &str, data: &Path) -> std::process::Command {
    let mut command = resume(run, &["baseline", "--max-steps", steps]);
    command.arg("--data-dir").arg(data);
    command
}

#[test]
fn the_same_bytes_in_another_place_are_the_same_data_and_other_bytes_are_not() {
    let (_place, here) = folder();
    let [run, old, new] = ["run", "old", "new"].map(|name| here.join(name));
    copy(smallest_mnist(), &old);
    let mut command = tf_mnist(&["baseline", "--reproducible", "--batch-size", "20", "--max-steps", "2"]);
    command.args(["--validation-rows", "500", "--data-dir"]).arg(&old).arg("--out-dir").arg(&run);
    succeed(command);
    let steps = |run: &Path| metrics(run).iter().filter(|line| line.contains(r#""step","#)).count();
    assert_eq!(steps(&run), 2);

    fs::rename(&old, &new).unwrap();
    // Without a word where it is now, the message says how to.
    let stderr = fail(resume(&run, &["baseline", "--max-steps", "3"]), 1);
    assert!(stderr.contains(old.to_str().unwrap()) && stderr.contains("--data-dir DIR"), "{stderr}");
    succeed(resume_with(&run, "3", &new));
    assert_eq!(steps(&run), 3);
    // The run remembers the new place.
    succeed(resume(&run, &["baseline", "--max-steps", "4"]));
    assert_eq!(steps(&run), 4);

    let other = here.join("other");
    copy(smallest_mnist(), &other);
    let labels = other.join("t10k-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).unwrap();
    bytes[100] = (bytes[100] + 1) % 10;
    fs::write(&labels, bytes).unwrap();
    let before = fs::read(run.join("config.json")).unwrap();
    let stderr = fail(resume_with(&run, "5", &other), 2);
    assert!(stderr.contains(labels.to_str().unwrap()) && stderr.contains("not what the run"), "{stderr}");
    assert_eq!(fs::read(run.join("config.json")).unwrap(), before);
    assert_eq!(steps(&run), 4);
}
