//! One transfer, from servers of every kind.

use crate::recorder::Recorder;
use std::io::Write;
use std::thread;
use std::time::Duration;
use support::server::{Server, absent, begin, file, head};
use tf_mnist::fetch::{Client, Failure, Silent};

/// Larger than what sits in any buffer on the way.
fn body() -> Vec<u8> {
    (0..300_000u32).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn download(client: &Client, url: &str, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    client.download(url, "a", max_bytes, &Silent)
}

fn get(server: &Server) -> Result<Vec<u8>, Failure> {
    download(&server.client(), &server.url("a"), 1_000_000)
}

fn said(server: &Server) -> String {
    get(server).unwrap_err().to_string()
}

#[test]
fn reports_its_progress() {
    let server = Server::start(|_, out| file(out, &body()));
    let watcher = Recorder::default();
    server.client().download(&server.url("a"), "a", 300_000, &watcher).unwrap();
    let events = watcher.events();
    assert_eq!(events.first().unwrap(), "start a Some(300000)");
    assert_eq!(events[events.len() - 2..], ["at 300000", "finish"]);
}

#[test]
fn speaks_https_only_also_when_sent_elsewhere() {
    let client = Client::default();
    for url in ["http://127.0.0.1:9/a", "file:///etc/passwd", "a"] {
        let error = download(&client, url, 10).unwrap_err();
        assert!(matches!(error, Failure::Artifact(_)), "{error}");
    }
    let server = Server::start(|_, out| head(out, "302 Found", &[("Location", "http://127.0.0.1:9/a")]));
    assert!(matches!(get(&server), Err(Failure::Artifact(_))));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn follows_redirects_but_not_in_circles() {
    let to =
        |out: &mut dyn Write, place| head(out, "302 Found", &[("Location", place), ("Content-Length", "0")]);
    let server = Server::start(move |request, out| match &*request.path {
        "/a" => to(out, "/b"),
        "/b" => file(out, &body()),
        _ => to(out, "/circle"),
    });
    assert_eq!(get(&server).unwrap(), body());
    let error = download(&server.client(), &server.url("circle"), 10).unwrap_err();
    assert!(error.to_string().starts_with("not fetched: "), "{error}");
}

#[test]
fn asks_once_for_what_is_not_there_or_is_a_page() {
    let missing = absent();
    assert_eq!(said(&missing), "the server answered 404 Not Found");
    let page = Server::start(|_, out| {
        head(out, "200 OK", &[("Content-Type", "Text/HTML; charset=utf-8")])?;
        out.write_all(b"<!doctype html><title>Sign in</title>")
    });
    assert_eq!(said(&page), "the server sent an HTML page in place of the file");
    // A part that nobody asked for is no file.
    let part = Server::start(|_, out| head(out, "206 Partial Content", &[("Content-Range", "bytes 0-1/9")]));
    assert_eq!(said(&part), "the server answered 206 Partial Content");
    for server in [missing, page, part] {
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn tries_three_times_where_trouble_may_pass() {
    let passing = Server::start(|request, out| match request.nth {
        0 => begin(out, &body(), 100_000),
        1 => head(out, "503 Service Unavailable", &[("Content-Length", "0")]),
        _ => file(out, &body()),
    });
    assert_eq!(get(&passing).unwrap(), body());
    let lasting = Server::start(|_, out| begin(out, &body(), 1000));
    assert!(said(&lasting).starts_with("the transfer broke off after 1000 bytes: "));
    assert_eq!(lasting.requests().len(), 3);
}

#[test]
fn tells_passing_trouble_from_lasting() {
    for (codes, tries) in [
        (&[408, 429, 500, 502, 503, 504, 520][..], 3),
        (&[501, 505], 1),
        (&[400, 401, 403, 404, 410, 416, 451], 1),
    ] {
        for &code in codes {
            let server =
                Server::start(move |_, out| head(out, &format!("{code} X"), &[("Content-Length", "0")]));
            let failure = get(&server).unwrap_err();
            let is_source = matches!(failure, Failure::Source(_));
            assert_eq!((server.requests().len(), is_source), (tries, [501, 505].contains(&code)), "{code}");
        }
    }
}

#[test]
fn gives_up_on_a_server_that_is_silent_or_drips() {
    let silent = Server::start(|_, _| {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    assert_eq!(said(&silent), "no data for 0.3 s after 0 bytes");
    assert_eq!(silent.requests().len(), 3);
    let dripping = Server::start(|_, out| {
        head(out, "200 OK", &[("Content-Length", "200000")])?;
        loop {
            out.write_all(b"x")?;
            out.flush()?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(said(&dripping).starts_with("no more than "));
    assert_eq!(dripping.requests().len(), 1);
}

#[test]
fn cuts_off_a_body_without_end() {
    let endless = Server::start(|_, out| {
        head(out, "200 OK", &[])?;
        loop {
            out.write_all(&[0; 8192])?;
        }
    });
    assert_eq!(said(&endless), "the server sends more than the 1000000 bytes that the file may have");
    assert_eq!(endless.requests().len(), 1);
    let boastful = Server::start(|_, out| head(out, "200 OK", &[("Content-Length", "99999999999")]));
    assert_eq!(said(&boastful), said(&endless));
}
