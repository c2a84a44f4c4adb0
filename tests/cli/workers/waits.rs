//! How long workers are waited for, and what is obeyed and said meanwhile.

use super::*;
use std::io::Write;
use std::sync::mpsc;
use std::thread;

/// Greets at this port, or with 0 at any, as gRPC does, and says no more; returns which.
pub fn stranger(port: u16) -> u16 {
    let deadline = Instant::now() + Duration::from_secs(20);
    let listener = loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => break listener,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let greeted = listener.incoming().map(|stream| {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0");
            stream
        });
        greeted.collect::<Vec<_>>()
    });
    port
}

#[test]
fn a_signal_is_obeyed_while_the_next_session_opens() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let (port, address) = (worker.port, worker.address());
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "--save-every", "5", "-v"];
    let limits = ["--wait", "120s", "--peer-timeout", "60s", "--workers", &address];
    let mut chief = start(&run, &[&endless[..], &limits].concat()).spawn().unwrap();
    wait_for_lines(&run, 8);
    drop(worker);
    stranger(port);
    // It is there again, by its greeting; no session opens over it.
    thread::sleep(Duration::from_secs(4));
    assert!(chief.try_wait().unwrap().is_none());
    send("-TERM", chief.id());
    let output = end(chief, Duration::from_secs(40));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    assert!(stderr.contains("go on with: tf-mnist baseline --resume"), "{stderr}");
    succeed(resume(&run, &["baseline", "--max-steps", "20"]));
}

#[test]
fn arrival_and_start_are_one_wait() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let limits = ["--wait", "20s", "--peer-timeout", "1s", "--workers", &address];
    let mut chief = start(&run, &[&["baseline"][..], &limits].concat()).spawn().unwrap();
    let (tell, told) = mpsc::channel();
    let lines = BufReader::new(chief.stderr.take().unwrap()).lines();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let ending = thread::spawn(move || end(chief, Duration::from_secs(150)));
    let said = told.iter().find(|line| line.contains("waiting 20s at most for worker 1"));
    assert!(said.is_some(), "nobody is waited for");
    // It arrives when half of the wait is over, and never starts.
    thread::sleep(Duration::from_secs(10));
    stranger(port);
    assert_eq!(ending.join().unwrap().status.code(), Some(1));
    let words: Vec<_> = told.iter().collect();
    let seconds = words.iter().find_map(|line| {
        let (before, seconds) = line.split_once("not within ")?;
        assert!(before.contains("TensorFlow cannot open a session over all workers"), "{line}");
        assert!(line.contains("--wait") && line.contains("--peer-timeout"), "{line}");
        seconds.split_once("s;")?.0.parse::<f64>().ok()
    });
    assert!(seconds.is_some_and(|seconds| seconds <= 10.0), "{words:?}");
}

#[test]
fn who_is_lost_once_too_often_is_named_also_with_q() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let worker = Worker::start(&["--reproducible"]);
    let address = worker.address();
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30", "-q", "--workers", &address];
    let chief = start(&run, &[&endless[..], &["--max-restarts", "0"]].concat()).spawn().unwrap();
    wait_for_lines(&run, 3);
    drop(worker);
    let output = end(chief, Duration::from_secs(60));
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected = format!("the 0 times of --max-restarts; the last time worker 1 ({address})");
    assert!(stderr.contains(&expected) && stderr.contains("--resume"), "{stderr}");
}
