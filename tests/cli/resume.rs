//! `--resume` through the binary: the run that was stopped is the run that goes on.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::runs::{fail, metrics, resume, start, succeed, wait_for_lines};
use support::{DEADLINE, runs};
use tf_mnist::graph::latest_checkpoint;

const BASELINE: &[&str] = &["baseline", "--batch-size", "20", "--epochs", "2"];
const OPTIMIZED: &[&str] =
    &["optimized", "--batch-size", "20", "--max-steps", "14", "--validate-every", "6", "--save-every", "4"];

/// Starts a run, sends it `signals` once it wrote some lines, and waits for its end.
fn signalled(command: &Command, run: &Path, lines: usize, signals: &[&str]) -> Output {
    let child = with_default_signals(command).spawn().unwrap();
    wait_for_lines(run, lines);
    for signal in signals {
        let pid = child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.unwrap().success());
    }
    runs::end(child, DEADLINE)
}

/// `command`, with signals that end it: who started the tests may have them ignored, as `nohup` does with SIGHUP and a shell
/// with SIGINT for what it runs in the background, and children inherit that.
fn with_default_signals(command: &Command) -> Command {
    let mut wrapped = Command::new("env");
    wrapped
        .arg("--default-signal=INT,TERM,HUP")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    wrapped
}

fn assert_same(expected: &Path, found: &Path) {
    assert_eq!(metrics(expected), metrics(found));
    let [expected, found] = [expected, found].map(runs::checkpoint_files);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&expected), names(&found));
    assert!(expected == found, "the checkpoints differ");
}

#[test]
fn a_signal_saves_the_state_says_how_to_go_on_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference");
    succeed(start(&reference, BASELINE));
    for (signals, code) in [
        (&["INT"][..], 130),
        (&["TERM"], 143),
        (&["HUP"], 129),
        (&["INT", "INT"], 130), // at once, or, if it was quicker, after it saved
    ] {
        let run = folder.path().join(signals.concat());
        let output = signalled(&start(&run, BASELINE), &run, 4, signals);
        let stderr = runs::stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(runs::unreadable(&run).is_empty());
        if signals.len() == 1 {
            let again = format!("go on with: tf-mnist baseline --resume {}", run.display());
            assert!(stderr.contains(&again), "{stderr}");
            let prefix = latest_checkpoint(&run).unwrap().unwrap();
            let saved = format!("saved {}", prefix.display());
            assert!(stderr.contains(&saved), "{stderr}");
        }
        let stderr = runs::stderr(&succeed(resume(&run, &["baseline"])));
        if signals.len() == 1 {
            assert!(stderr.contains("resumed after "), "{stderr}");
        }
        assert_same(&reference, &run);
    }
}

#[test]
fn the_best_weights_of_that_time_are_back_when_better_ones_were_lost() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, OPTIMIZED));
    // Killed after the best of step 6 was saved, before the state of step 8 was, or soon after.
    let mut child = start(&run, OPTIMIZED).spawn().unwrap();
    wait_for_lines(&run, 9);
    child.kill().unwrap();
    child.wait().unwrap();
    // Whatever was there of newer checkpoints, and the older ones gone besides.
    for (name, _) in runs::checkpoint_files(&run) {
        fs::remove_file(run.join(name)).unwrap();
    }
    fs::write(run.join("model.ckpt-99.data-00000-of-00001"), "half").unwrap();
    fs::write(run.join("model.ckpt-notes.txt"), "mine").unwrap();
    succeed(resume(&run, &["optimized"]));
    fs::remove_file(run.join("model.ckpt-notes.txt")).unwrap();
    assert_same(&reference, &run);
}

#[test]
fn a_run_that_saved_no_state_begins_again_with_its_own_seed() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    let arguments = [BASELINE, &["--seed", "7", "--save-every", "0"]].concat();
    succeed(start(&reference, &arguments));
    assert_eq!(runs::states(&reference).len(), 1, "only at the end");
    let mut child = start(&run, &arguments).spawn().unwrap();
    wait_for_lines(&run, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(runs::states(&run).is_empty());
    succeed(resume(&run, &["baseline"]));
    assert_same(&reference, &run);
}

#[test]
fn a_warm_started_run_needs_its_checkpoint_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline/init.ckpt");
    let mut warm = folder.path().join("start.ckpt");
    for suffix in [".index", ".data-00000-of-00001"] {
        let file = |prefix: &Path| format!("{}{suffix}", prefix.display());
        fs::copy(file(&golden), file(&warm)).unwrap();
    }
    let arguments = [BASELINE, &["--warm-start", warm.to_str().unwrap()]].concat();
    succeed(start(&reference, &arguments));
    let mut child = start(&run, &arguments).spawn().unwrap();
    wait_for_lines(&run, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    warm.set_extension("ckpt.index");
    fs::remove_file(&warm).unwrap();
    succeed(resume(&run, &["baseline"]));
    assert_same(&reference, &run);
}

#[test]
fn a_finished_run_has_nothing_left_until_it_is_extended() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[OPTIMIZED, &["--patience", "20"]].concat()));
    // Stops early, right after the first validation.
    succeed(start(&run, &[OPTIMIZED, &["--patience", "0"]].concat()));
    let before = metrics(&run);
    assert!(before.iter().any(|line| line.contains("early_stop")), "{before:?}");
    let output = succeed(resume(&run, &["optimized"]));
    assert!(runs::stderr(&output).contains("nothing left to do"));
    assert!(output.stdout.is_empty());
    assert_eq!(metrics(&run), before);

    // What concluded the shorter run no longer holds: the longer one is as if it had been asked for at once.
    succeed(resume(&run, &["optimized", "--patience", "20"]));
    assert_same(&reference, &run);
    assert!(runs::stderr(&succeed(resume(&run, &["optimized"]))).contains("nothing left to do"));
}

/// `baseline` validates, and saves a checkpoint, where it ends. That the shorter run ended is part of what happened, so
/// its last validation stays in the record, and its last checkpoint among the kept ones; only the test, which concludes
/// a run, is of the whole run.
#[test]
fn an_extended_baseline_keeps_the_validation_at_its_first_end() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[&BASELINE[..3], &["--epochs", "3"]].concat()));
    // Two epochs of 15 steps: epoch 0 is validated anyway, the end of epoch 1 only because it is the end.
    succeed(start(&run, BASELINE));
    let shorter = metrics(&run);
    succeed(resume(&run, &["baseline", "--epochs", "3"]));

    let at_its_end = |line: &&String| line.contains(r#""event":"validation","step":29,"#);
    let event =
        |line: &String| line.contains(r#""event":"validation""#) || line.contains(r#""event":"test""#);
    let (expected, mut found) = (metrics(&reference), metrics(&run));
    assert_eq!(shorter.iter().filter(|line| event(line)).count(), 3);
    assert_eq!(expected.iter().filter(at_its_end).count(), 0);
    // The record begins with that of the shorter run, but for its test.
    assert_eq!(found[..shorter.len() - 1], shorter[..shorter.len() - 1]);
    assert_eq!(found.iter().filter(at_its_end).count(), 1);
    // Without that line, it is that of a run that was asked for at once.
    found.retain(|line| !at_its_end(&line));
    assert_eq!(found, expected);

    let files = |run: &Path| {
        let files = runs::checkpoint_files(run).into_iter();
        files.filter(|(name, _)| name != "checkpoint").collect::<Vec<_>>()
    };
    let (kept, others): (Vec<_>, Vec<_>) =
        files(&run).into_iter().partition(|(name, _)| name.starts_with("model.ckpt-29."));
    assert_eq!(kept.len(), 3);
    assert!(others == files(&reference));
}

/// Several threads, oneDNN where there is one: the last bits may differ from run to run, what happened may not.
#[test]
fn a_run_that_is_not_reproducible_has_no_gap_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = runs::tf_mnist(OPTIMIZED);
    command.args(["--seed", "5", "--data-dir"]).arg(runs::small_mnist()).arg("--out-dir").arg(&run);
    // Killed after a state was saved and something was done since; then once more.
    let mut child = command.spawn().unwrap();
    wait_for_lines(&run, 9);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = metrics(&run);
    let mut child = resume(&run, &["optimized"]).spawn().unwrap();
    wait_for_lines(&run, 13);
    child.kill().unwrap();
    child.wait().unwrap();
    succeed(resume(&run, &["optimized"]));

    let lines: Vec<Value> = metrics(&run).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps_of = |event: &str| -> Vec<u64> {
        let of_event = lines.iter().filter(|line| line["event"] == event);
        of_event.map(|line| line["step"].as_u64().unwrap()).collect()
    };
    assert_eq!(steps_of("step"), (0..14).collect::<Vec<_>>());
    assert_eq!(steps_of("validation"), [0, 6, 12]);
    assert_eq!(lines.len(), 14 + 3 + 1);
    assert_eq!(lines.last().unwrap()["event"], "test");
    for line in &lines {
        assert!(line["event"] != "step" || line["loss"].as_f64().unwrap().is_finite());
    }
    // What was done before the state that was saved first was not done again.
    assert_eq!(metrics(&run)[..5], before[..5]);
    assert!(runs::unreadable(&run).is_empty() && runs::leftovers(&run).is_empty());
    let config = fs::read_to_string(run.join("config.json")).unwrap();
    assert!(config.contains(r#""reproducible": false"#));
    assert!(runs::stderr(&succeed(resume(&run, &["optimized"]))).contains("nothing left to do"));
}

#[test]
fn bounded_validation_decides_the_same_when_the_order_of_rows_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, runs::BOUNDED));
    let bounds = |run: &Path| {
        let lines = metrics(run).into_iter();
        lines.filter(|line| line.contains(r#""bound":true"#)).count()
    };
    let all = bounds(&reference);
    assert!(all > 1 && metrics(&reference).iter().any(|line| line.contains("early_stop")));
    // Killed when it has an order of its own.
    let mut child = start(&run, runs::BOUNDED).spawn().unwrap();
    while bounds(&run) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "there was no bound");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(bounds(&run) < all);
    succeed(resume(&run, &["optimized"]));
    assert_same(&reference, &run);
}

#[test]
fn only_some_options_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, &[BASELINE, &["--max-steps", "2"]].concat()));
    let other = folder.path().to_str().unwrap();
    for arguments in [
        &["baseline", "--batch-size", "21"][..],
        &["baseline", "--batch-size", "100"], // the default, but typed
        &["baseline", "--seed", "1"],
        &["baseline", "--learning-rate", "0.5"],
        &["baseline", "--no-shuffle"],
        &["baseline", "--save-every", "7"],
        &["baseline", "--gpu-memory-limit", "100"],
        &["baseline", "--data-dir", other],
        &["baseline", "--out-dir", other],
        &["optimized", "--resume"], // the other network
    ] {
        let command = match arguments {
            [network, "--resume"] => resume(&run, &[network]),
            _ => resume(&run, arguments),
        };
        let stderr = fail(command, 2);
        assert!(stderr.contains(arguments[1]), "{arguments:?}: {stderr}");
    }
    assert_eq!(metrics(&run).len(), 4);
    // What agrees is taken, and so is what may change.
    let agreeing = [
        "baseline",
        "--batch-size",
        "20",
        "--reproducible",
        "--seed",
        "0",
        "--no-onednn",
        "--device",
        "cpu",
        "--max-steps",
        "3",
    ];
    succeed(resume(&run, &agreeing));
    let config = fs::read_to_string(run.join("config.json")).unwrap();
    assert!(config.contains(r#""max_steps": 3"#) && config.contains(r#""device": "cpu""#), "{config}");
    // The shorter run's own last validation stays, its test does not.
    assert_eq!(metrics(&run).len(), 3 + 2 + 1);
}

#[test]
fn a_folder_in_use_is_refused_and_the_process_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let long = ["baseline", "--batch-size", "20", "--epochs", "100000"];
    let mut child = start(&run, &long).spawn().unwrap();
    wait_for_lines(&run, 1);
    for command in [resume(&run, &["baseline"]), start(&run, &["baseline", "--overwrite"])] {
        let stderr = fail(command, 1);
        let holder = format!("is in use by process {} (", child.id());
        assert!(stderr.contains(&holder) && stderr.contains("--epochs 100000"), "{stderr}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    succeed(start(&run, &["baseline", "--overwrite", "--max-steps", "1"]));
}

#[test]
fn what_holds_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stderr = fail(resume(folder.path(), &["baseline"]), 1);
    assert!(stderr.contains("holds no run"), "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_state_in_a_folder_of_another_name_is_passed_over_and_one_in_use_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["baseline", "--max-steps", "6", "--save-every", "3", "--batch-size", "20"];
    succeed(start(&run, &arguments));
    let states = runs::states(&run);
    fs::rename(states.last().unwrap(), run.join("resume/step-00000999")).unwrap();
    let stderr = runs::stderr(&succeed(resume(&run, &["baseline", "--max-steps", "8"])));
    assert!(stderr.contains("in a folder of another name"), "{stderr}");
    assert!(stderr.contains("resumed after 3 steps"), "{stderr}");
}

#[test]
fn a_checkpoint_that_somebody_laid_into_a_run_stays() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["baseline", "--max-steps", "8", "--batch-size", "20"];
    succeed(start(&run, &arguments));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline");
    let laid = [".index", ".data-00000-of-00001"].map(|suffix| {
        let to = run.join(format!("model.ckpt-5{suffix}"));
        fs::copy(golden.join(format!("final.ckpt{suffix}")), &to).unwrap();
        to
    });
    succeed(resume(&run, &["baseline", "--max-steps", "10"]));
    assert!(laid.iter().all(|file| file.exists()));
    let mut again = start(&run, &arguments);
    again.arg("--overwrite");
    let stderr = fail(again, 2);
    assert!(stderr.contains("model.ckpt-5.index"), "{stderr}");
    assert!(laid.iter().all(|file| file.exists()));
}
