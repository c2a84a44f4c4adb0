//! Folders that hold what no run wrote under the names of a run's files, and runs with the user's own files in them.

use super::{FIRST, contents};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use support::runs::{self, fail, metrics, resume, start, succeed};

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A new run in `folder` is a usage error that names `files`, with and without `--overwrite`, and touches nothing.
fn assert_refused(folder: &Path, files: &[&str]) {
    let before = contents(folder);
    for more in [&[][..], &["--overwrite"]] {
        let stderr = fail(start(folder, &[FIRST, more].concat()), 2);
        assert!(stderr.contains("no run wrote") && stderr.contains("--out-dir"), "{stderr}");
        for file in files {
            assert!(stderr.contains(folder.join(file).to_str().unwrap()), "{file}: {stderr}");
        }
        assert!(contents(folder) == before, "{files:?}");
    }
}

#[test]
fn a_project_of_another_kind_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("proj");
    put(&project, "config.json", r#"{"version": 1, "seed": 4, "model": "baseline", "versions": {}}"#);
    put(&project, "checkpoint", "ours since 2019\n");
    put(&project, "metrics.jsonl", "{\"loss\": 0.5, \"step\": 10}\n");
    put(&project, "resume/cv.pdf", "%PDF");
    put(&project, "resume/step-00000500/state.json", r#"{"position": 3}"#);
    put(&project, "src/main.py", "");
    assert_refused(&project, &["config.json", "checkpoint", "metrics.jsonl", "resume"]);

    // Each alone.
    type Make<'a> = &'a dyn Fn(&Path);
    let alone: [(&str, Make); 12] = [
        ("config.json", &|at| put(at, "config.json", "{}")),
        ("config.json", &|at| put(at, "config.json", "")),
        ("config.json", &|at| put(at, "config.json/inner", "")),
        ("config.json", &|at| symlink("/etc/hostname", at.join("config.json")).unwrap()),
        ("config.json", &|at| {
            assert!(Command::new("mkfifo").arg(at.join("config.json")).status().unwrap().success());
        }),
        ("metrics.jsonl", &|at| put(at, "metrics.jsonl", "step,loss\n")),
        ("checkpoint", &|at| put(at, "checkpoint/weights.bin", "")),
        ("model.ckpt-9.index", &|at| put(at, "model.ckpt-9.index", "x")),
        ("resume", &|at| put(at, "resume/cv.pdf", "")),
        ("resume", &|at| put(at, "resume", "I was born")),
        (".lock", &|at| put(at, ".lock", "held by Ann\n")),
        (".lock", &|at| symlink("elsewhere", at.join(".lock")).unwrap()),
    ];
    for (number, (name, make)) in alone.into_iter().enumerate() {
        let place = folder.path().join(number.to_string());
        fs::create_dir(&place).unwrap();
        make(&place);
        assert_refused(&place, &[name]);
    }
}

#[test]
fn what_python_trained_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "checkpoint",
        "model_checkpoint_path: \"model.ckpt-20\"\nall_model_checkpoint_paths: \"model.ckpt-20\"\n",
    );
    let files = ["index", "data-00000-of-00001", "meta"].map(|end| format!("model.ckpt-20.{end}"));
    for file in &files {
        put(folder.path(), file, "x");
    }
    assert_refused(folder.path(), &["checkpoint", &files[0], &files[1], &files[2]]);
}

#[test]
fn a_run_is_replaced_and_what_the_user_laid_beside_or_below_stays() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, FIRST));
    succeed(start(&run, &[FIRST, &["--seed", "7"]].concat()));
    assert_ne!(metrics(&run), metrics(&reference));
    let stderr = fail(start(&run, FIRST), 2);
    assert!(stderr.contains("already holds a run") && stderr.contains("--overwrite"), "{stderr}");

    let laid = [
        "notes.txt",
        "model.ckpt-best.index",
        "checkpoint.old",
        ".aside-notes",
        "resume/notes.txt",
        "resume/old/state.json",
        "resume/step-00000008/mine.txt",
        "resume/step-00000008/kept/mine.txt",
        "resume/step-00000099/mine.txt",
    ];
    for name in laid {
        put(&run, name, name);
    }
    // And what a killed process left.
    put(&run, "resume/.aside-0123456789/model.ckpt.index", "half");
    for _ in 0..2 {
        succeed(start(&run, &[FIRST, &["--overwrite"]].concat()));
        assert_eq!(metrics(&run), metrics(&reference));
        assert!(runs::checkpoint_files(&run).iter().any(|(name, _)| name == "model.ckpt-7.index"));
        for name in laid {
            assert_eq!(fs::read_to_string(run.join(name)).unwrap(), name);
        }
        assert!(!run.join("resume/.aside-0123456789").exists());
    }
    // The states are sound beside the user's files, and go on.
    for run in [&run, &reference] {
        let output = succeed(resume(run, &["baseline", "--max-steps", "10"]));
        let stderr = runs::stderr(&output);
        assert!(stderr.contains("resumed after 8 steps") && !stderr.contains("warn"), "{stderr}");
    }
    assert_eq!(metrics(&run), metrics(&reference));
    for name in laid {
        assert_eq!(fs::read_to_string(run.join(name)).unwrap(), name);
    }
}

#[test]
fn a_run_in_which_something_else_took_a_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, FIRST));
    let overwrite = || start(&run, &[FIRST, &["--overwrite"]].concat());
    let sound = |name: &str| fs::read(run.join(name)).unwrap();
    let (config, state_file) = (sound("config.json"), sound("checkpoint"));

    // Python went on in the folder.
    let python = ["model.ckpt-20000.index", "model.ckpt-20000.data-00000-of-00001", "model.ckpt-20000.meta"];
    for name in python {
        put(&run, name, name);
    }
    put(
        &run,
        "checkpoint",
        "model_checkpoint_path: \"model.ckpt-20000\"\nall_model_checkpoint_paths: \"model.ckpt-20000\"\n",
    );
    put(&run, "resume/step-00000001/state.json", r#"{"of": "mine"}"#);
    let before = contents(&run);
    let stderr = fail(overwrite(), 2);
    for name in ["checkpoint", python[0], python[1], python[2], "resume/step-00000001/state.json"] {
        assert!(stderr.contains(run.join(name).to_str().unwrap()), "{stderr}");
    }
    assert!(!stderr.contains("metrics.jsonl") && !stderr.contains("model.ckpt-7"), "{stderr}");
    assert!(contents(&run) == before);
    // Going on deletes nothing of it either, though the list is the run's again.
    succeed(resume(&run, &["baseline", "--max-steps", "9"]));
    for name in python {
        assert_eq!(fs::read_to_string(run.join(name)).unwrap(), name);
    }
    assert!(run.join("resume/step-00000001/state.json").exists());

    for name in python.iter().chain(&["resume/step-00000001/state.json"]) {
        fs::remove_file(run.join(name)).unwrap();
    }
    put(&run, "checkpoint", &String::from_utf8(state_file).unwrap());
    put(&run, "config.json", r#"{"editor": "vim"}"#);
    assert_refused_naming(&run, overwrite(), "config.json");
    put(&run, "config.json", &String::from_utf8(config).unwrap());
    // What is damaged is a run's still: --overwrite is the way out.
    for state in runs::states(&run) {
        put(&state, "state.json", "{\n  \"version\": 1,\n  \"sta");
    }
    let stderr = fail(resume(&run, &["baseline", "--max-steps", "12"]), 1);
    assert!(stderr.contains("--overwrite starts it anew"), "{stderr}");
    succeed(overwrite());
    assert_eq!(runs::states(&run).len(), 2);
}

fn assert_refused_naming(run: &Path, command: Command, name: &str) {
    let before = contents(run);
    let stderr = fail(command, 2);
    assert!(stderr.contains(run.join(name).to_str().unwrap()), "{stderr}");
    assert!(contents(run) == before);
}

#[test]
fn going_on_with_no_run_leaves_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "config.json", r#"{"name": "web"}"#);
    put(folder.path(), "model.ckpt-3.index", "mine");
    let before = contents(folder.path());
    let stderr = fail(resume(folder.path(), &["baseline"]), 1);
    assert!(stderr.contains("config.json"), "{stderr}");
    assert!(contents(folder.path()) == before);
}

#[test]
fn no_run_lies_among_the_states_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let [run, link] = ["run", "link"].map(|name| folder.path().join(name));
    succeed(start(&run, FIRST));
    symlink(run.join("resume"), &link).unwrap();
    let before = contents(folder.path());
    for inside in ["run/resume", "run/resume/new/deep", "run/../run/resume", "link", "link/new"] {
        for more in [&[][..], &["--overwrite"]] {
            let stderr = fail(start(&folder.path().join(inside), &[FIRST, more].concat()), 2);
            let whole = run.canonicalize().unwrap();
            let named = format!("{inside} is where the run {} keeps its states; name", whole.display());
            assert!(stderr.contains(&named), "{stderr}");
        }
        assert!(contents(folder.path()) == before, "{inside}");
    }
    for elsewhere in ["run/new", "run/resume/../beside"] {
        succeed(start(&folder.path().join(elsewhere), FIRST));
    }
    succeed(start(&run, &[FIRST, &["--overwrite"]].concat()));
    assert!(run.join("new/config.json").is_file() && run.join("beside/config.json").is_file());
}
