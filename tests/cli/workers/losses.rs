//! Workers and chiefs that are killed, frozen or slow, and what becomes of the run.

use super::*;
use tf_mnist::dataset::{Form, Origin, load_default};
use tf_mnist::fetch::Silent;

/// How often processes are killed; 20 were once.
fn kills() -> u64 {
    support::number("TF_MNIST_KILLS", 3)
}

/// Numbers below what it is given.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407); // Knuth's
        (state >> 33) % below
    }
}

#[test]
fn workers_that_are_killed_leave_no_trace_in_the_bits() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[BASELINE, &["--replicas", "3"]].concat()));
    let mut command = start(&run, &[BASELINE, &["--processes", "3", "--max-restarts", "1000"]].concat());
    let chief = command.spawn().unwrap();
    let mut draw = dice(7);
    let mut killed = 0;
    let deadline = Instant::now() + Duration::from_secs(300);
    while killed < kills()
        && Instant::now() < deadline
        && Path::new(&format!("/proc/{}/exe", chief.id())).exists()
    {
        std::thread::sleep(Duration::from_millis(100 + draw(500)));
        let workers = children(chief.id());
        let lost = metrics(&run).iter().filter(|line| line.contains("\"step\"")).count();
        if workers.len() == 2 && lost > 0 {
            send("-KILL", workers[draw(2) as usize]);
            killed += 1;
        }
    }
    let output = end(chief, Duration::from_secs(300));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(killed > 0, "the run was over before anything was killed");
    assert!(stderr(&output).contains("lost: worker"), "{}", stderr(&output));
    assert_same(&run, &reference);
}

#[test]
fn a_chief_that_is_killed_at_any_moment_leaves_no_trace_in_the_bits() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[BASELINE, &["--replicas", "2"]].concat()));
    let worker = Worker::start(&["--reproducible"]);
    let workers = ["--workers", &worker.address()];
    let again = || match run.join("config.json").exists() {
        true => resume(&run, &[&["baseline"][..], &workers].concat()),
        false => start(&run, &[BASELINE, &workers].concat()),
    };
    let mut draw = dice(11);
    let mut killed = 0;
    for _ in 0..kills() {
        let mut chief = again().stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300 + draw(2000)));
        if chief.try_wait().unwrap().is_some() {
            break;
        }
        chief.kill().unwrap();
        chief.wait().unwrap();
        killed += 1;
    }
    assert!(killed > 0, "the run was over before it was killed");
    let output = end(again().spawn().unwrap(), Duration::from_secs(120));
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same(&run, &reference);
}

#[test]
fn a_chief_that_is_killed_goes_on_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[OPTIMIZED, &["--replicas", "2"]].concat()));
    let worker = Worker::start(&["--reproducible"]);
    let workers = ["--workers", &worker.address()];
    let mut chief = start(&run, &[OPTIMIZED, &workers].concat()).spawn().unwrap();
    wait_for_lines(&run, 4);
    chief.kill().unwrap();
    chief.wait().unwrap();
    // The same worker serves the next chief, which sees nothing of the first one's.
    let mut chief = resume(&run, &[&["optimized"][..], &workers].concat()).spawn().unwrap();
    wait_for_lines(&run, 7);
    chief.kill().unwrap();
    chief.wait().unwrap();
    succeed(resume(&run, &["optimized"]));
    assert_same(&run, &reference);
    if has_fences() {
        let stderr = fail(resume(&run, &["optimized", "--processes", "3"]), 2);
        assert!(stderr.contains("3 processes are more than the 2 replicas"), "{stderr}");
    }
}

fn is_worker(process: &u32) -> bool {
    let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split('\0').any(|word| word == "worker")
}

/// A worker that `chief` starts, as soon as it does.
fn worker_of(chief: &Child) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match children(chief.id()).into_iter().find(is_worker) {
            Some(worker) => return worker,
            None => assert!(Instant::now() < deadline, "no worker is started"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_worker_of_its_own_that_is_killed_while_it_starts_is_started_again() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let chief = start(&run, &["baseline", "--max-steps", "2", "--processes", "2"]).spawn().unwrap();
    send("-KILL", worker_of(&chief));
    let output = end(chief, Duration::from_secs(120));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("worker 1 was killed before it had started"), "{}", stderr(&output));
}

#[test]
fn a_worker_of_its_own_that_is_killed_as_soon_as_it_is_there_again_is_not_waited_for() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--processes", "2"];
    let limits = ["--wait", "300s", "--peer-timeout", "1s", "--max-restarts", "1000"];
    let mut chief = start(&run, &[&endless[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 3);
    let process = chief.id();
    let (tell, told) = std::sync::mpsc::channel();
    let lines = BufReader::new(chief.stderr.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let ending = std::thread::spawn(move || end(chief, Duration::from_secs(120)));
    let comes_back =
        || while !told.recv_timeout(Duration::from_secs(30)).unwrap().contains("is started again") {};
    let kill = || children(process).into_iter().for_each(|worker| send("-KILL", worker));
    kill();
    // While it is asked whether it reaches the chief, for some of these times.
    for wait in [5, 15, 30, 60, 100] {
        comes_back();
        std::thread::sleep(Duration::from_millis(wait));
        kill();
    }
    comes_back();
    send("-TERM", process);
    assert_eq!(ending.join().unwrap().status.code(), Some(143));
}

#[test]
fn workers_end_with_a_chief_that_is_killed_also_where_they_are_stopped() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for stopped in [false, true] {
        let run = folder.path().join(format!("stopped-{stopped}"));
        let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--processes", "2"];
        let mut chief = start(&run, &endless).spawn().unwrap();
        // Not what it fetches with, which comes before.
        wait_for_lines(&run, 3);
        let workers = children(chief.id());
        assert!(workers.len() == 1 && is_worker(&workers[0]), "{workers:?}");
        if stopped {
            send("-STOP", workers[0]);
        }
        chief.kill().unwrap();
        chief.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while is_worker(&workers[0]) {
            if Instant::now() > deadline {
                send("-KILL", workers[0]);
                panic!("a worker outlives its chief; stopped: {stopped}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Those that a process may run on, as `0-3,8`.
fn processors(process: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.unwrap().trim().to_owned()
}

#[test]
fn who_waits_for_workers_of_its_own_is_interrupted_and_they_end() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--processes", "2"];
    let chief = start(&run, &endless).spawn().unwrap();
    wait_for_lines(&run, 3);
    let first = children(chief.id());
    assert_eq!(first.len(), 1);
    let shares = [processors(chief.id()), processors(first[0])];
    if std::thread::available_parallelism().unwrap().get() > 1 {
        assert_ne!(shares[0], shares[1], "both are on the same processors");
    }
    send("-KILL", first[0]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let again = loop {
        match children(chief.id()).into_iter().find(|process| *process != first[0]) {
            Some(again) => break again,
            None => assert!(Instant::now() < deadline, "it is not started again"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // It opens TensorFlow, so it knows whom it ends with, and does not serve yet.
    let opens = || fs::read_to_string(format!("/proc/{again}/maps")).unwrap().contains("libtensorflow");
    while !opens() {
        assert!(Instant::now() < deadline, "it does not open TensorFlow");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!([processors(chief.id()), processors(again)], shares);
    send("-STOP", again);
    send("-TERM", chief.id());
    let output = end(chief, Duration::from_secs(20));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    assert!(stderr.contains("go on with: tf-mnist baseline --resume"), "{stderr}");
    std::thread::sleep(Duration::from_millis(200));
    if Path::new(&format!("/proc/{again}/exe")).exists() {
        send("-KILL", again);
        panic!("a worker outlives its chief");
    }
}

#[test]
fn a_worker_that_freezes_is_named_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let arguments = [
        "baseline",
        "--epochs",
        "1000",
        "--batch-size",
        "30",
        "--workers",
        &worker.address(),
        "--peer-timeout",
        "1s",
        "--wait",
        "1s",
        "--save-every",
        "5",
    ];
    let chief = start(&run, &arguments).spawn().unwrap();
    wait_for_lines(&run, 8);
    worker.signal("-STOP");
    let frozen = Instant::now();
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected = format!("lost: worker 1 ({}): it does not answer", worker.address());
    assert!(stderr.contains(&expected), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    // That second and the one that it is waited for make 2.5 s; the default of 10 s would make 8.6.
    assert!(frozen.elapsed() < Duration::from_secs(7), "{:?}", frozen.elapsed());
    worker.signal("-CONT");
    succeed(resume(&run, &["baseline", "--max-steps", "20", "--workers", &worker.address()]));
}

#[test]
fn a_step_that_takes_too_long_while_all_answer_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--workers", &worker.address()];
    let limits = ["--step-timeout", "2s", "--peer-timeout", "60s"];
    let chief = start(&run, &[&endless[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 3);
    // Asked after it goes on, or 20 s before it counts as lost: it answers.
    worker.signal("-STOP");
    std::thread::sleep(Duration::from_secs(5));
    worker.signal("-CONT");
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("--step-timeout") && stderr.contains("--resume"), "{stderr}");
    assert!(!stderr.contains("lost"), "{stderr}");
}

#[test]
fn a_worker_that_is_lost_while_a_network_is_evaluated_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, &["baseline", "--max-steps", "2"]));
    let worker = Worker::start(&["--reproducible"]);
    let address = worker.address();
    let limits = ["--peer-timeout", "1s", "--step-timeout", "3s", "--workers", &address];
    // All of MNIST, row by row, takes long.
    let fixed = ["evaluate", "--device", "cpu", "--eval-chunk", "1", "--split", "train"];
    let chief = with(&[&fixed[..], &limits].concat(), &[&run]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    worker.signal("-STOP");
    let output = end(chief, Duration::from_secs(90));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("lost: worker 1 ({address}): it does not answer")), "{stderr}");
    let stderr = fail(with(&["evaluate", "--max-restarts", "1"], &[&run]), 2);
    assert!(stderr.contains("unexpected argument"), "{stderr}");
    if has_fences() {
        // One of its own is nobody's to start.
        let chief =
            with(&[&fixed[..], &limits[..4], &["--processes", "2"]].concat(), &[&run]).spawn().unwrap();
        let worker = worker_of(&chief);
        std::thread::sleep(Duration::from_secs(6));
        send("-KILL", worker);
        let output = end(chief, Duration::from_secs(90));
        let stderr = self::stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("lost: worker 1 (") && stderr.contains("started anew when"), "{stderr}");
        assert!(!stderr.contains("tf-mnist worker"), "{stderr}");
    }
}

#[test]
fn who_waits_for_a_worker_is_interrupted_as_any_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut worker = Worker::start(&["--reproducible"]);
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--workers", &worker.address()];
    let chief = start(&run, &endless).spawn().unwrap();
    wait_for_lines(&run, 3);
    // It serves, and obeys all the same.
    worker.signal("-TERM");
    assert!(worker.ends().success());
    std::thread::sleep(Duration::from_secs(1));
    send("-TERM", chief.id());
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    assert!(stderr.contains("go on with: tf-mnist baseline --resume"), "{stderr}");
}

#[test]
fn a_worker_that_comes_back_at_its_address_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[BASELINE, &["--replicas", "2"]].concat()));
    let worker = Worker::start(&["--reproducible"]);
    let (address, port) = (worker.address(), worker.port);
    let chief = start(&run, &[BASELINE, &["--workers", &address]].concat()).spawn().unwrap();
    wait_for_lines(&run, 12);
    let done =
        metrics(&run).iter().filter(|line| line.contains("\"step\":") && line.contains("loss")).count();
    drop(worker);
    let _again = Worker::at(port, &["--reproducible"]);
    let output = end(chief, Duration::from_secs(120));
    let stderr = stderr(&output);
    assert!(output.status.success() && stderr.contains(&format!("lost: worker 1 ({address})")), "{stderr}");
    assert_same(&run, &reference);
    let lost: Vec<_> = metrics(&run).into_iter().filter(|line| line.contains("worker_lost")).collect();
    let [lost] = &lost[..] else { panic!("{lost:?}") };
    let event: serde_json::Value = serde_json::from_str(lost).unwrap();
    assert_eq!(event["workers"][0], *address);
    let again = event["step"].as_u64().unwrap();
    assert!(
        again.is_multiple_of(5) && again + 5 >= done as u64,
        "--save-every 5: from step {again} after {done}"
    );
}

#[test]
fn a_worker_ends_when_it_is_told_to() {
    let mut worker = Worker::start(&[]);
    worker.signal("-TERM");
    assert!(worker.ends().success());
}

#[test]
fn a_run_of_its_own_data_set_fetches_no_other_when_it_goes_on_in_processes() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [run, cache] = ["run", "cache"].map(|name| folder.path().join(name));
    succeed(start(&run, &["baseline", "--max-steps", "2", "--replicas", "2"]));
    // All that is cached but MNIST, which can neither be read nor fetched.
    let Origin::Mnist(mnist) = load_default(&Form::default(), &Silent).unwrap().origin else {
        panic!("MNIST comes from the cache");
    };
    fs::create_dir(&cache).unwrap();
    for entry in fs::read_dir(mnist.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let copy = cache.join(entry.file_name());
        match entry.path() == mnist {
            true => fs::write(copy, "").unwrap(),
            false => std::os::unix::fs::symlink(entry.path(), copy).unwrap(),
        }
    }
    let mut command = resume(&run, &["baseline", "--max-steps", "4", "--processes", "2"]);
    command.env("TF_MNIST_CACHE", &cache);
    succeed(command);
}
