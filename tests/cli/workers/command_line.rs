//! What is typed of other processes, and what is found out before any is started or waited for.

use super::*;

const PROCESSES: [&str; 2] = ["--processes", "2"];

#[test]
fn what_is_for_other_processes_alone_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = &folder.path().join("no-such-run");
    for option in ["--peer-timeout", "--step-timeout", "--wait", "--max-restarts"] {
        let stderr = fail(start(run, &["baseline", "--replicas", "2", option, "2"]), 2);
        assert!(stderr.contains(option) && stderr.contains("--workers"), "{stderr}");
        if option != "--max-restarts" {
            let stderr = fail(with(&["evaluate", option, "2"], &[run]), 2);
            assert!(stderr.contains(option) && stderr.contains("--workers"), "{stderr}");
        }
        // With them the run that is not there is what is wrong.
        let stderr = fail(resume(run, &[&["baseline", option, "2"][..], &PROCESSES].concat()), 1);
        assert!(stderr.contains("no-such-run"), "{stderr}");
    }
}

#[test]
fn a_time_is_more_than_zero() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["--peer-timeout", "--step-timeout", "--wait"] {
        for time in ["0", "0ms", "-5s", "-1"] {
            let all = [&["baseline", option, time][..], &PROCESSES].concat();
            let stderr = fail(start(&folder.path().join("run"), &all), 2);
            let expected = format!("invalid value '{time}' for '{option} <TIME>'");
            assert!(stderr.contains(&expected) && stderr.contains("more than zero"), "{stderr}");
            assert!(stderr.contains("10s or 2m; seconds without a unit"), "{stderr}");
        }
    }
}

#[test]
fn a_step_that_no_session_opens_within_is_found_out_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for time in ["1ms", "99ms"] {
        let all = [&["baseline", "--step-timeout", time][..], &PROCESSES].concat();
        let stderr = fail(start(&folder.path().join("run"), &all), 2);
        let expected = format!("invalid value '{time}' for '--step-timeout <TIME>': the least is 100ms");
        assert!(stderr.contains(&expected), "{stderr}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_found_out_before_workers_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let workers = ["baseline", "--wait", "1s", "--workers", &format!("127.0.0.1:{gone}")];
    for (run, code) in
        [(file.join("run"), 2), (file.join("a/b/run"), 2), ("/proc/no-such-folder/run".into(), 1)]
    {
        let stderr = fail(start(&run, &workers), code);
        assert!(stderr.contains(run.to_str().unwrap()) && !stderr.contains("worker"), "{stderr}");
    }
    // One that can be is not left behind by a run that did not begin.
    let run = folder.path().join("a/b/run");
    let stderr = fail(start(&run, &workers), 1);
    assert!(stderr.contains("worker 1"), "{stderr}");
    assert!(!folder.path().join("a").exists());
    // And where runs go by themselves.
    let mut command = tf_mnist(&workers);
    fs::write(folder.path().join("runs"), "").unwrap();
    command.current_dir(&folder);
    let stderr = fail(command, 1);
    assert!(stderr.contains("runs") && !stderr.contains("worker"), "{stderr}");
}

#[test]
fn that_a_port_is_open_is_said_also_with_q_and_help_says_so() {
    for command in ["worker", "train", "evaluate"] {
        let help = String::from_utf8(succeed(tf_mnist(&[command, "--help"])).stdout).unwrap();
        let words: Vec<_> = help.split_whitespace().collect();
        let quiet =
            "--quiet No log and no progress, only results, errors, and the warning of a port that is open";
        assert!(words.join(" ").contains(quiet), "{help}");
    }
}
