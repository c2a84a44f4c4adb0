//! Trainings of a few steps through the binary, on a few rows of MNIST, and what they leave.
use crate::DEADLINE;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tf_mnist::dataset::{self, Form, Origin};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::{Checkpoint, latest_checkpoint};
use tf_mnist::training::{RunConfig, RunState};

/// Rows left to train on.
pub const TRAIN_ROWS: usize = 300;
/// Rows to validate on.
pub const VALIDATION_ROWS: usize = 500;
const TEST_ROWS: usize = 500;

/// From weights that are good already, so that most validations end at a bound, and the run stops early. The order in
/// which rows are looked at is no part of a saved state, so a resumed run takes another one: nothing may depend on it.
pub const BOUNDED: &[&str] = &[
    "optimized",
    "--validation",
    "bounded",
    "--eval-chunk",
    "100",
    "--warm-start",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/golden/optimized_nodrop/final.ckpt"),
    "--learning-rate",
    "0.001",
    "--batch-size",
    "20",
    "--max-steps",
    "40",
    "--validate-every",
    "3",
    "--patience",
    "11",
    "--save-every",
    "2",
];

/// A folder with the head of MNIST: 5000 rows to validate, [`TRAIN_ROWS`], and a few to test.
pub fn small_mnist() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| head_of_mnist(5000)).path()
}

/// As [`small_mnist`], with [`VALIDATION_ROWS`] to validate: what [`start`] trains on.
pub fn smallest_mnist() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| head_of_mnist(VALIDATION_ROWS)).path()
}

fn head_of_mnist(validation_rows: usize) -> TempDir {
    let Origin::Mnist(whole) = dataset::load_default(&Form::default(), &Silent).unwrap().origin else {
        panic!("MNIST comes from the cache");
    };
    let folder = tempfile::tempdir().unwrap();
    for (part, rows) in [("train", validation_rows + TRAIN_ROWS), ("t10k", TEST_ROWS)] {
        for (kind, header, row) in [("images-idx3", 16, 784), ("labels-idx1", 8, 1)] {
            let name = format!("{part}-{kind}-ubyte");
            let mut bytes = fs::read(whole.join(&name)).unwrap();
            bytes.truncate(header + rows * row);
            bytes[4..8].copy_from_slice(&(rows as u32).to_be_bytes());
            fs::write(folder.path().join(&name), bytes).unwrap();
        }
    }
    folder
}

/// `tf-mnist` with these arguments.
pub fn tf_mnist(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::program());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// As [`tf_mnist()`], with paths behind the arguments.
pub fn with(arguments: &[&str], paths: &[&Path]) -> Command {
    let mut command = tf_mnist(arguments);
    command.args(paths);
    command
}

/// `tf-mnist export`.
pub fn export(model: &Path, base: &Path) -> Command {
    with(&["export"], &[model, base])
}

/// A new run in `run`, on [`TRAIN_ROWS`] and [`VALIDATION_ROWS`] of MNIST, with the same bits every time.
pub fn start(run: &Path, arguments: &[&str]) -> Command {
    let mut command = tf_mnist(arguments);
    command.arg("--reproducible").arg("--validation-rows").arg(VALIDATION_ROWS.to_string());
    command.arg("--data-dir").arg(smallest_mnist()).arg("--out-dir").arg(run);
    command
}

/// The run in `run` again.
pub fn resume(run: &Path, arguments: &[&str]) -> Command {
    let mut command = tf_mnist(arguments);
    command.arg("--resume").arg(run);
    command
}

/// A folder and all that is in it under another name.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// The output of a process that ends by itself within this time, or is ended and failed.
pub fn end(child: Child, within: Duration) -> Output {
    let (process, deadline) = (Pid::from_child(&child), Instant::now() + within);
    let watch = std::thread::spawn(move || child.wait_with_output().unwrap());
    while !watch.is_finished() {
        if Instant::now() > deadline {
            let _ = kill_process(process, Signal::KILL); // it may have ended just now
            panic!("it hangs: {}", stderr(&watch.join().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    watch.join().unwrap()
}

fn run(mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    end(command.spawn().unwrap(), DEADLINE)
}

pub fn succeed(command: Command) -> Output {
    let told = format!("{command:?}");
    let output = run(command);
    assert!(output.status.success(), "{told}: {}\n{}", output.status, stderr(&output));
    output
}

/// Runs a command that ends with exit code `code`; returns what it says on stderr.
pub fn fail(command: Command, code: i32) -> String {
    let told = format!("{command:?}");
    let output = run(command);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{told}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The lines of `metrics.jsonl`; none if there is no such file.
pub fn metrics(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until the run has done `steps` steps more than `metrics.jsonl` had when the process began.
pub fn wait_for_lines(run: &Path, lines: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while metrics(run).len() < lines {
        assert!(Instant::now() < deadline, "the run did not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Name and contents of every checkpoint file, and of the file that lists them.
pub fn checkpoint_files(run: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| name.starts_with("model.ckpt") || name == "checkpoint")
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The folders of the saved states, the newest last.
pub fn states(run: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(run.join("resume"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("step-"))
        .collect();
    folders.sort();
    folders
}

/// What is half done in `run`, as a killed process leaves it.
pub fn leftovers(run: &Path) -> Vec<String> {
    let folders = [run.to_path_buf(), run.join("resume")];
    folders
        .iter()
        .chain(&states(run))
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.') && name != ".lock")
        .collect()
}

/// Every file of the run that must be whole at any moment and is not.
pub fn unreadable(run: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |what: String, result: Result<(), String>| {
        if let Err(error) = result {
            problems.push(format!("{what}: {error}"));
        }
    };
    let verify = |prefix: &Path| {
        Checkpoint::open(prefix).and_then(|checkpoint| checkpoint.verify()).map_err(|error| error.to_string())
    };
    if let Ok(text) = fs::read(run.join("config.json")) {
        check("config.json".into(), RunConfig::parse(&text).map(drop));
    }
    match latest_checkpoint(run) {
        Ok(Some(prefix)) => check(prefix.display().to_string(), verify(&prefix)),
        Ok(None) => {}
        Err(error) => check("checkpoint".into(), Err(error.to_string())),
    }
    for folder in states(run) {
        let name = folder.display().to_string();
        let text = fs::read(folder.join("state.json")).map_err(|error| error.to_string());
        check(name.clone(), text.and_then(|text| RunState::parse(&text)).map(drop));
        check(name, verify(&folder.join("model.ckpt")));
    }
    problems
}
