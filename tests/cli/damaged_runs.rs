//! Runs whose files were damaged, changed or taken away: what is sound is gone on with, and the rest is refused by name.

use std::fs;
use std::path::Path;
use std::process::Command;
use support::damage::{cut, empty, flip, remove};
use support::runs;
use support::runs::{copy, fail, metrics, resume, start, succeed, wait_for_lines};

/// Saves states after steps 6 and 8.
const FIRST: &[&str] = &["baseline", "--batch-size", "20", "--save-every", "3", "--max-steps", "8"];
const TO_10: &[&str] = &["baseline", "--max-steps", "10"];

#[test]
fn a_damaged_state_gives_way_to_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, first] = ["reference", "first"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[&FIRST[..5], &TO_10[1..]].concat()));
    succeed(start(&first, FIRST));
    let faults = [
        ("model.ckpt.data-00000-of-00001", flip as fn(&Path)),
        ("model.ckpt.data-00000-of-00001", cut),
        ("model.ckpt.data-00000-of-00001", remove),
        ("model.ckpt.index", flip),
        ("state.json", cut),
        ("kept/model.ckpt-7.data-00000-of-00001", flip),
    ];
    for (number, (name, fault)) in faults.into_iter().enumerate() {
        let run = folder.path().join(format!("run-{number}"));
        copy(&first, &run);
        let damaged = run.join("resume/step-00000008").join(name);
        fault(&damaged);
        // And what a killed process leaves.
        fs::write(run.join("resume/.aside-0123456789"), "half").unwrap();
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        fs::write(run.join("metrics.jsonl"), text + "{\"event\":\"st").unwrap();

        let stderr = runs::stderr(&succeed(resume(&run, TO_10)));
        assert!(stderr.contains("warn: a saved state cannot be used"), "{stderr}");
        let stem = damaged.to_string_lossy().replace(".data-00000-of-00001", "");
        assert!(stderr.contains(&stem), "{stderr}");
        assert!(stderr.contains("resumed after 6 steps"), "{stderr}");
        assert_eq!(metrics(&run), metrics(&reference));
        assert!(runs::checkpoint_files(&run) == runs::checkpoint_files(&reference));
        assert!(runs::leftovers(&run).is_empty());
    }

    // Both damaged: an error, and nothing is touched.
    let run = folder.path().join("both");
    copy(&first, &run);
    for state in runs::states(&run) {
        flip(&state.join("model.ckpt.data-00000-of-00001"));
    }
    let before = metrics(&run);
    let stderr = fail(resume(&run, TO_10), 1);
    assert!(
        stderr.contains("no saved state of")
            && stderr.contains("step-00000006/model.ckpt.data")
            && stderr.contains("step-00000008/model.ckpt.data"),
        "{stderr}"
    );
    assert_eq!(metrics(&run), before);
}

#[test]
fn a_damaged_list_of_checkpoints_is_written_anew_from_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    for run in [&reference, &run] {
        succeed(start(run, FIRST));
    }
    fs::write(run.join("checkpoint"), b"model_check\xff").unwrap();
    for run in [&reference, &run] {
        succeed(resume(run, TO_10));
    }
    assert_eq!(metrics(&run), metrics(&reference));
    assert!(runs::checkpoint_files(&run) == runs::checkpoint_files(&reference));
}

#[test]
fn a_run_whose_states_are_gone_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    fs::remove_dir_all(run.join("resume")).unwrap();
    let before = (metrics(&run), runs::checkpoint_files(&run));
    let stderr = fail(resume(&run, TO_10), 1);
    assert!(stderr.contains("there is none in") && stderr.contains("tells of 8 steps"), "{stderr}");
    assert!((metrics(&run), runs::checkpoint_files(&run)) == before);
}

#[test]
fn a_damaged_checkpoint_is_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let [first, new] = ["first", "new"].map(|name| folder.path().join(name));
    succeed(start(&first, FIRST));
    for (name, fault, reason) in [
        ("model.ckpt-7.data-00000-of-00001", flip as fn(&Path), "is damaged"),
        ("model.ckpt-7.data-00000-of-00001", cut, "is cut short"),
        ("model.ckpt-7.data-00000-of-00001", remove, "does not exist"),
        ("model.ckpt-7.index", flip, "is damaged"),
        ("model.ckpt-7.index", cut, "is damaged"),
        ("checkpoint", empty, "is damaged"),
    ] {
        let copied = folder.path().join("copied");
        copy(&first, &copied);
        let data = copied.join(name);
        fault(&data);
        let arguments = ["baseline", "--warm-start", copied.to_str().unwrap()];
        let stderr = fail(start(&new, &arguments), 1);
        assert!(stderr.contains(reason) && stderr.contains(data.to_str().unwrap()), "{stderr}");
        assert!(!new.exists());
        fs::remove_dir_all(&copied).unwrap();
    }
}

#[test]
fn options_that_cannot_be_read_are_refused_by_file_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    let path = run.join("config.json");
    let sound = fs::read_to_string(&path).unwrap();
    for (from, to, reason) in [
        ("\"version\": 2", "\"version\": 3", "newer tf-mnist"),
        ("\"batch_size\": 20", "\"batch_size\": 0", "batch_size is out of range"),
        ("\"device\": \"cpu\"", "\"device\": \"tpu\"", "no such device"),
        ("{", "[", "line "),
    ] {
        let changed = sound.replacen(from, to, 1);
        assert_ne!(changed, sound, "{from}");
        fs::write(&path, changed).unwrap();
        let stderr = fail(resume(&run, TO_10), 1);
        assert!(stderr.contains(path.to_str().unwrap()) && stderr.contains(reason), "{stderr}");
    }
    // As it was left by the last of these.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::copy(&path, empty.join("config.json")).unwrap();
    for (command, folder, code) in [("describe", &run, 2), ("evaluate", &empty, 1)] {
        let stderr = fail(runs::with(&[command], &[folder]), code);
        let path = folder.join("config.json");
        assert!(stderr.contains(path.to_str().unwrap()) && stderr.contains("line "), "{stderr}");
    }
    fs::write(&path, sound).unwrap();
    succeed(resume(&run, TO_10));
}

/// By what else there is of it, a run is known that lost the end of its options.
#[test]
fn options_that_were_cut_short_are_replaced_with_their_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    let [path, notes] = ["config.json", "notes.txt"].map(|name| run.join(name));
    let whole = fs::read(&path).unwrap();
    fs::write(&notes, "mine").unwrap();
    for length in [0, 9, whole.len() - 3] {
        fs::write(&path, &whole[..length]).unwrap();
        let stderr = fail(start(&run, FIRST), 2);
        assert!(stderr.contains("already holds a run"), "{stderr}");
        succeed(start(&run, &[FIRST, &["--overwrite"]].concat()));
        assert!(fs::read(&path).unwrap() == whole && fs::read(&notes).unwrap() == b"mine", "{length}");
        assert_eq!((metrics(&run).len(), runs::states(&run).len()), (10, 2));
    }
    // What is otherwise wrong is somebody else's, and so is what stands alone.
    let alone = folder.path().join("alone");
    fs::create_dir(&alone).unwrap();
    for (run, text) in [(&run, "{\"version\": 1, // of ours"), (&alone, "{\"version\": 1")] {
        fs::write(run.join("config.json"), text).unwrap();
        let stderr = fail(start(run, &[FIRST, &["--overwrite"]].concat()), 2);
        assert!(stderr.contains("no run wrote"), "{stderr}");
        assert_eq!(fs::read_to_string(run.join("config.json")).unwrap(), text);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_put_back_is_named_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    let index = run.join("model.ckpt-7.index");
    fs::remove_file(&index).unwrap();
    fs::create_dir_all(index.join("mine")).unwrap();
    let stderr = fail(resume(&run, TO_10), 1);
    assert!(stderr.contains(&format!("cannot restore {}: ", index.display())), "{stderr}");
}

#[test]
fn other_data_is_not_taken_for_the_run_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let [run, data] = ["run", "data"].map(|name| folder.path().join(name));
    copy(runs::smallest_mnist(), &data);
    let mut command = runs::tf_mnist(FIRST);
    command.args(["--validation-rows", "500", "--data-dir"]).arg(&data).arg("--out-dir").arg(&run);
    succeed(command);
    let labels = data.join("train-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).unwrap();
    bytes[600] = (bytes[600] + 1) % 10;
    fs::write(&labels, bytes).unwrap();
    let stderr = fail(resume(&run, TO_10), 1);
    assert!(stderr.contains(labels.to_str().unwrap()) && stderr.contains("not what the run"), "{stderr}");
}

#[test]
fn a_cache_that_goes_while_a_run_is_under_way_is_not_missed() {
    let cache = tf_mnist::CACHE.directory().unwrap();
    let folder = tempfile::tempdir_in(cache.parent().unwrap()).unwrap();
    let [copied, run] = ["cache", "run"].map(|name| folder.path().join(name));
    // Links: the library has 1 GB.
    let linked = Command::new("cp").arg("-al").arg(&cache).arg(&copied).status();
    assert!(linked.unwrap().success());
    let mut command = runs::tf_mnist(&["baseline", "--reproducible", "--max-steps", "60", "--out-dir"]);
    let child = command.arg(&run).env("TF_MNIST_CACHE", &copied).spawn().unwrap();
    wait_for_lines(&run, 1);
    fs::remove_dir_all(&copied).unwrap();
    let output = runs::end(child, support::DEADLINE);
    assert!(output.status.success(), "{}", runs::stderr(&output));
    assert!(runs::unreadable(&run).is_empty());
}

/// Opening one waits for whoever writes to it, who never comes.
#[test]
fn a_pipe_in_place_of_a_file_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    let faults = [
        ("checkpoint", "checkpoint: it is a pipe"),
        ("model.ckpt-7.data-00000-of-00001", "model.ckpt-7.data-00000-of-00001: it is a pipe"),
        // These count only where they are files.
        ("model.ckpt-7.index", "checkpoint is damaged: it names \"model.ckpt-7\", which is not there"),
        ("config.json", "holds no run"),
    ];
    for (file, said) in faults {
        let path = run.join(file);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let command = match file {
            "config.json" => resume(&run, &["baseline"]),
            _ => runs::with(&["evaluate"], &[&run]),
        };
        let stderr = fail(command, 1);
        assert!(stderr.contains(said), "{file}: {stderr}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, whole).unwrap();
    }
}
