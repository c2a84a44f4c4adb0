//! One transfer, and what servers do to it.

use crate::recorder::Recorder;
use crate::server::{Server, begin, file, head, quick, rest};
use std::io::Write;
use std::time::{Duration, Instant};
use std::{fs, thread};
use tf_mnist::fetch::{Client, Download, Silent, TransferCause, TransferError};

/// Larger than what sits in any buffer on the way.
fn body() -> Vec<u8> {
    (0..300_000u32).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn download(client: &Client, url: &str, max_bytes: u64) -> Result<Vec<u8>, TransferError> {
    let mut into = tempfile::NamedTempFile::new().unwrap();
    // Whatever the file held before must not show through.
    into.write_all(&[9; 400_000]).unwrap();
    let download = Download {
        url,
        label: "a",
        max_bytes,
    };
    let outcome = client.download(&download, into.as_file_mut(), &Silent);
    let bytes = fs::read(into.path()).unwrap();
    assert!(bytes.len() as u64 <= max_bytes, "{} bytes were kept", bytes.len());
    let count = outcome?;
    assert_eq!(count, bytes.len() as u64);
    Ok(bytes)
}

fn get(server: &Server) -> Result<Vec<u8>, TransferCause> {
    download(&server.client(), &server.url("a"), 1_000_000).map_err(|error| error.cause)
}

#[test]
fn reports_its_progress() {
    let server = Server::start(|_, out| file(out, &body()));
    let watcher = Recorder::default();
    let download = Download {
        url: &server.url("a"),
        label: "a",
        max_bytes: 300_000,
    };
    let mut into = tempfile::tempfile().unwrap();
    server.client().download(&download, &mut into, &watcher).unwrap();
    let events = watcher.events();
    assert_eq!(events.first().unwrap(), "start a Some(300000)");
    assert_eq!(events[events.len() - 2..], ["at 300000", "finish"]);
}

#[test]
fn trusts_no_certificate_of_an_unknown_authority() {
    let server = Server::start(|_, out| file(out, &body()));
    let client = Client::new().with_policy(quick());
    let error = download(&client, &server.url("a"), 1_000_000).unwrap_err();
    assert!(matches!(error.cause, TransferCause::Untrusted(_)), "{error}");
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn speaks_https_only_also_when_sent_elsewhere() {
    let client = Client::new().with_policy(quick());
    for url in ["http://127.0.0.1:9/a", "file:///etc/passwd", "a"] {
        let error = download(&client, url, 10).unwrap_err();
        assert!(matches!(error.cause, TransferCause::Url(_)), "{error}");
    }
    let server = Server::start(|_, out| head(out, "302 Found", &[("Location", "http://127.0.0.1:9/a")]));
    assert!(matches!(get(&server), Err(TransferCause::Url(_))));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn follows_redirects_but_not_in_circles() {
    let server = Server::start(|request, out| match &*request.path {
        "/a" => head(out, "302 Found", &[("Location", "/b"), ("Content-Length", "0")]),
        "/b" => file(out, &body()),
        _ => head(
            out,
            "302 Found",
            &[("Location", "/circle"), ("Content-Length", "0")],
        ),
    });
    assert_eq!(get(&server).unwrap(), body());
    let error = download(&server.client(), &server.url("circle"), 10).unwrap_err();
    assert!(matches!(error.cause, TransferCause::Url(_)), "{error}");
}

#[test]
fn does_not_ask_again_for_what_is_not_there() {
    let server = Server::start(|_, out| head(out, "404 Not Found", &[("Content-Length", "0")]));
    assert!(matches!(get(&server), Err(TransferCause::Status { status, .. }) if status == 404));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn takes_no_page_for_a_file() {
    let page = |status: &'static str| {
        Server::start(move |_, out| {
            head(out, status, &[("Content-Type", "text/html; charset=utf-8")])?;
            out.write_all(b"<!doctype html><title>Sign in</title>")
        })
    };
    assert!(matches!(get(&page("200 OK")), Err(TransferCause::HtmlPage)));
    let refused = get(&page("403 Forbidden"));
    assert!(matches!(refused, Err(TransferCause::Status { status, .. }) if status == 403));
}

#[test]
fn gives_up_quickly_on_a_host_that_refuses() {
    let begun = Instant::now();
    // Nobody listens on the discard port.
    let error = download(&Client::new(), "https://127.0.0.1:9/a", 10).unwrap_err();
    assert!(matches!(error.cause, TransferCause::Unreachable(_)), "{error}");
    assert!(error.cause.concerns_host());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn resumes_a_broken_transfer_where_it_broke() {
    let server = Server::start(|request, out| match request.range_start() {
        None => begin(out, &body(), 100_000),
        Some(start) => rest(out, &body(), start),
    });
    assert_eq!(get(&server).unwrap(), body());
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].range.as_deref(), Some("bytes=100000-"));
    assert_eq!(requests[1].if_range.as_deref(), Some("\"v1\""));
}

#[test]
fn begins_again_where_the_server_cannot_resume() {
    let server = Server::start(|request, out| match request.nth {
        0 => begin(out, &body(), 100_000),
        _ => file(out, &body()),
    });
    assert_eq!(get(&server).unwrap(), body());
    assert!(server.requests()[1].range.is_some());
}

#[test]
fn begins_again_when_the_file_has_changed() {
    // The second answer ignores If-Range and would splice two files; the third is the new file, whole.
    let server = Server::start(|request, out| match request.nth {
        0 => begin(out, &body(), 100_000),
        1 => {
            let range = ("Content-Range", "bytes 100000-299999/300000");
            head(
                out,
                "206 Partial Content",
                &[range, ("Content-Length", "200000"), ("ETag", "\"v2\"")],
            )?;
            out.write_all(&vec![1; 200_000])
        }
        _ => file(out, &vec![1; 300_000]),
    });
    assert_eq!(get(&server).unwrap(), vec![1; 300_000]);
    assert_eq!(server.requests()[2].range, None);
}

#[test]
fn begins_again_when_the_server_sends_another_part() {
    let server = Server::start(|request, out| match request.range_start() {
        None if request.nth == 0 => begin(out, &body(), 100_000),
        None => file(out, &body()),
        Some(start) => rest(out, &body(), start - 1),
    });
    assert_eq!(get(&server).unwrap(), body());
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn resumes_after_a_stall() {
    let server = Server::start(|request, out| match request.range_start() {
        None => {
            begin(out, &body(), 100_000)?;
            thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Some(start) => rest(out, &body(), start),
    });
    let begun = Instant::now();
    assert_eq!(get(&server).unwrap(), body());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn gives_up_on_a_server_that_is_silent_or_drips() {
    let silent = Server::start(|_, _| {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    assert!(matches!(
        get(&silent),
        Err(TransferCause::Stalled { received: 0, .. })
    ));
    assert_eq!(silent.requests().len(), 1 + quick().retries as usize);
    let dripping = Server::start(|_, out| {
        head(out, "200 OK", &[("Content-Length", "200000")])?;
        loop {
            out.write_all(b"x")?;
            out.flush()?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(matches!(get(&dripping), Err(TransferCause::Stalled { .. })));
}

#[test]
fn cuts_off_a_body_without_end() {
    let endless = Server::start(|_, out| {
        head(out, "200 OK", &[])?;
        loop {
            out.write_all(&[0; 8192])?;
        }
    });
    let error = download(&endless.client(), &endless.url("a"), 100_000).unwrap_err();
    assert!(
        matches!(error.cause, TransferCause::TooLarge { max_bytes: 100_000 }),
        "{error}"
    );
    assert_eq!(endless.requests().len(), 1);
    let boastful = Server::start(|_, out| head(out, "200 OK", &[("Content-Length", "99999999999")]));
    assert!(matches!(get(&boastful), Err(TransferCause::TooLarge { .. })));
}

#[test]
fn waits_as_a_busy_server_asks_but_not_for_ever() {
    let busy = Server::start(|request, out| match request.nth {
        0 => head(
            out,
            "503 Service Unavailable",
            &[("Retry-After", "1"), ("Content-Length", "0")],
        ),
        1 => head(out, "502 Bad Gateway", &[("Content-Length", "0")]),
        _ => file(out, &body()),
    });
    let begun = Instant::now();
    assert_eq!(get(&busy).unwrap(), body());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let asks_for_too_much = Server::start(|_, out| {
        head(
            out,
            "429 Too Many Requests",
            &[("Retry-After", "3600"), ("Content-Length", "0")],
        )
    });
    assert!(matches!(get(&asks_for_too_much), Err(TransferCause::Status { status, .. }) if status == 429));
    assert_eq!(asks_for_too_much.requests().len(), 1);
}

#[test]
fn leaves_a_server_that_always_breaks_off_alone_at_last() {
    let server = Server::start(|_, out| begin(out, &body(), 1000));
    assert!(matches!(get(&server), Err(TransferCause::Broken { .. })));
    // Only the first try brings anything new.
    assert_eq!(server.requests().len(), 1 + quick().retries as usize);
}
