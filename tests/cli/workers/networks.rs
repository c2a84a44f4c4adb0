//! What lies between the processes: far, slow, cut, or a proxy in between; and steps that take long.

use super::*;
use std::net::Ipv4Addr;
use std::sync::Arc;
use support::relay::{Link, relay};

/// Both directions of a network, with the worker behind it; and the options that lead there. The chief's own address is a
/// relay's too, for the worker.
fn network(worker: &Worker) -> ([Arc<Link>; 2], Vec<String>) {
    let links = [Link::new(), Link::new()];
    let [out, back] = links.clone();
    let chief = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    relay(Ipv4Addr::new(127, 0, 0, 2), chief, chief, [back, out]);
    let workers = format!("127.0.0.1:{}", relay(Ipv4Addr::LOCALHOST, 0, worker.port, links.clone()));
    let options = ["--workers", &workers, "--address", &format!("127.0.0.2:{chief}")].map(str::to_owned);
    (links, options.to_vec())
}

/// A run over that network.
fn over(options: &[String], run: &Path, arguments: &[&str]) -> Command {
    let mut command = start(run, arguments);
    // The server listens on every address; of one of them the relay takes what comes.
    command.args(options).env("TF_GRPC_REUSE_PORT", "1");
    command
}

#[test]
fn a_far_and_slow_network_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[OPTIMIZED, &["--replicas", "2"]].concat()));
    let worker = Worker::start(&["--reproducible"]);
    let (links, options) = network(&worker);
    links.iter().for_each(|link| link.slow_down(Duration::from_millis(5), 2e8));
    succeed(over(&options, &run, OPTIMIZED));
    assert_same(&run, &reference);
    // 2 (N-1) P = 1.6 MB in each of 10 steps.
    let [out, back] = links.map(|link| link.carried());
    assert!(out > 8_000_000 && back > 8_000_000, "{out} and {back} bytes");
}

#[test]
fn a_worker_that_is_cut_off_is_named_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let (links, options) = network(&worker);
    let arguments = ["baseline", "--epochs", "1000", "--batch-size", "30", "--save-every", "5"];
    let limits = ["--peer-timeout", "1s", "--wait", "1s"];
    let chief = over(&options, &run, &[&arguments[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 8);
    links.iter().for_each(|link| link.slow_down(Duration::from_secs(1000), f64::INFINITY));
    let cut = Instant::now();
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("worker 1 ({}): it does not answer", options[1])), "{stderr}");
    // The default, 10 s, would take longer.
    assert!(cut.elapsed() < Duration::from_secs(7), "{:?}", cut.elapsed());
}

/// Nothing else but the limit of a step, a minute, would tell.
#[test]
fn a_worker_that_comes_back_and_does_not_reach_the_chief_is_named_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let port = worker.port;
    let (links, options) = network(&worker);
    let options = ["--workers".to_owned(), worker.address(), options[2].clone(), options[3].clone()];
    let arguments = ["baseline", "--epochs", "1000", "--batch-size", "30", "--save-every", "5"];
    let limits = ["--peer-timeout", "2s", "--wait", "20s"];
    let chief = over(&options, &run, &[&arguments[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 8);
    links[1].slow_down(Duration::from_secs(1000), f64::INFINITY);
    drop(worker);
    let _again = Worker::at(port, &["--reproducible"]);
    let back = Instant::now();
    let output = end(chief, Duration::from_secs(120));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected = format!("answers, and does not reach this process at {}", options[3]);
    assert!(stderr.contains(&expected) && stderr.contains("--resume"), "{stderr}");
    assert!(back.elapsed() < Duration::from_secs(80), "{:?}", back.elapsed());
}

#[test]
fn no_proxy_is_asked_for_workers() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::start(&["--reproducible"]);
    let address = worker.address();
    let arguments = [BASELINE, &["--max-steps", "3", "--workers", &address]].concat();
    let mut command = start(&folder.path().join("run"), &arguments);
    // Nobody listens there.
    for variable in ["http_proxy", "https_proxy", "grpc_proxy"] {
        command.env(variable, "http://127.0.0.1:9").env_remove("no_proxy").env_remove("no_grpc_proxy");
    }
    succeed(command);
}

/// Its first step would wait for ever.
#[test]
fn a_worker_that_does_not_reach_the_chief_is_named_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let (links, options) = network(&worker);
    links[1].slow_down(Duration::from_secs(1000), f64::INFINITY);
    // Not what the chief hears of the worker, only what the worker hears of it.
    let options = ["--workers".to_owned(), worker.address(), options[2].clone(), options[3].clone()];
    let begun = Instant::now();
    let output = end(
        over(&options, &run, &["baseline", "--peer-timeout", "2s", "--wait", "1s"]).spawn().unwrap(),
        Duration::from_secs(60),
    );
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected =
        format!("worker 1 ({}) answers, and does not reach this process at {}", worker.address(), options[3]);
    assert!(stderr.contains(&expected) && stderr.contains("--address"), "{stderr}");
    // Of the 60 s that a step may take, and a worker is waited for.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(!run.exists());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = format!("no-such-host.invalid:{free}");
    let own = ["baseline", "--workers", &worker.address(), "--address", &nowhere, "--wait", "1s"];
    let stderr = fail(start(&run, &own), 1);
    assert!(stderr.contains(&format!("does not reach this process at {nowhere}")), "{stderr}");
    let own = ["baseline", "--workers", &worker.address(), "--address", &worker.address()];
    let stderr = fail(start(&run, &own), 2);
    assert!(stderr.contains("is where a worker is; name where this process is reached"), "{stderr}");
}

#[test]
fn several_that_freeze_are_all_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let workers = [(); 2].map(|()| Worker::start(&["--reproducible"]));
    let workers = workers.each_ref();
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--workers", &names(&workers)];
    let limits = ["--peer-timeout", "1s", "--wait", "1s"];
    let chief = start(&run, &[&endless[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 3);
    workers.iter().for_each(|worker| worker.signal("-STOP"));
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let lost =
        |number: usize| format!("worker {number} ({}): it does not answer", workers[number - 1].address());
    assert!(stderr.contains(&format!("{}; {}", lost(1), lost(2))), "{stderr}");
}
