//! Several artifacts, several sources, one cache.

use crate::recorder::Recorder;
use std::time::Duration;
use std::{fs, thread};
use support::server::{Server, absent, file, head};
use support::{gzip, names};
use tf_mnist::fetch::{Artifact, Client, Digest, FetchError, GzipMirror, Silent, Source, cached};

const ONE: &[u8] = b"the first file";
const TWO: &[u8] = b"the second file";

fn artifacts() -> [Artifact<'static>; 2] {
    [("one", ONE), ("two", TWO)].map(|(name, bytes)| Artifact {
        name,
        sha256: Digest::of(bytes),
        max_bytes: bytes.len() as u64,
    })
}

fn good_mirror() -> Server {
    Server::start(|request, out| match &*request.path {
        "/one.gz" => file(out, &gzip(ONE)),
        "/two.gz" => file(out, &gzip(TWO)),
        _ => head(out, "404 Not Found", &[]),
    })
}

fn source(server: &Server) -> Box<dyn Source> {
    Box::new(GzipMirror::new(server.client(), server.url("")))
}

fn none() -> Vec<Box<dyn Source>> {
    panic!("a sound cache needs no sources")
}

#[test]
fn fetches_once_and_then_uses_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("a/b");
    let mirror = good_mirror();
    let bytes = cached(&folder, &artifacts(), || vec![source(&mirror)], &Silent).unwrap();
    assert_eq!(bytes, [ONE, TWO]);
    assert_eq!(names(&folder), ["one", "two"]);
    assert_eq!(cached(&folder, &artifacts(), none, &Silent).unwrap(), [ONE, TWO]);
    assert_eq!(mirror.requests().len(), 2);
}

#[test]
fn goes_from_source_to_source_until_one_gives_the_right_bytes() {
    let absent = absent();
    let portal = Server::start(|_, out| {
        head(out, "200 OK", &[("Content-Type", "application/octet-stream")])?;
        out.write_all(b"<html>in")
    });
    let wrong = Server::start(|_, out| file(out, &gzip(b"not that one")));
    let bomb = Server::start(|_, out| file(out, &gzip(&[0; 50_000])));
    let cut = Server::start(|_, out| file(out, &gzip(ONE)[..20]));
    let untrusted = Server::start(|_, out| file(out, &gzip(ONE)));
    let good = good_mirror();
    let sources = || -> Vec<Box<dyn Source>> {
        vec![
            source(&absent),
            source(&portal),
            source(&wrong),
            source(&bomb),
            source(&cut),
            Box::new(GzipMirror::new(Client::default(), untrusted.url(""))),
            source(&good),
        ]
    };
    let cache = tempfile::tempdir().unwrap();
    let watcher = Recorder::default();
    let bytes = cached(cache.path(), &artifacts(), sources, &watcher).unwrap();
    assert_eq!(bytes, [ONE, TWO]);
    assert_eq!(names(cache.path()), ["one", "two"]);
    let notes = watcher.notes();
    for (note, said) in notes.iter().zip([
        "404",
        "HTML page",
        "has SHA-256",
        "holds more than 14 bytes",
        "cannot be decompressed",
        "not trusted",
    ]) {
        assert!(note.contains(said) && note.contains("trying the next source"), "{note}");
    }
}

#[test]
fn asks_a_dead_host_once_not_for_every_file() {
    let good = good_mirror();
    let cache = tempfile::tempdir().unwrap();
    let watcher = Recorder::default();
    let dead = || GzipMirror::new(Client::default(), "https://127.0.0.1:9");
    cached(cache.path(), &artifacts(), || vec![Box::new(dead()), source(&good)], &watcher).unwrap();
    assert_eq!(watcher.notes().len(), 1, "{:?}", watcher.notes());
}

#[test]
fn fetches_a_damaged_entry_again_and_says_so() {
    let cache = tempfile::tempdir().unwrap();
    for damaged in [&b"the FIRST file"[..], b"short", b"longer than it may ever be", b""] {
        fs::write(cache.path().join("one"), damaged).unwrap();
        fs::write(cache.path().join("two"), TWO).unwrap();
        let mirror = good_mirror();
        let watcher = Recorder::default();
        let bytes = cached(cache.path(), &artifacts(), || vec![source(&mirror)], &watcher).unwrap();
        assert_eq!(bytes, [ONE, TWO]);
        assert_eq!(mirror.requests().len(), 1);
        assert!(watcher.notes()[0].starts_with("warning: ") && watcher.notes()[0].contains("is damaged"));
        assert_eq!(fs::read(cache.path().join("one")).unwrap(), ONE);
    }
}

#[test]
fn never_gives_damaged_bytes_when_no_source_answers() {
    let cache = tempfile::tempdir().unwrap();
    fs::write(cache.path().join("one"), b"the FIRST file").unwrap();
    let error = cached(cache.path(), &artifacts(), Vec::new, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::EverySourceFailed { .. }), "{error}");
}

#[test]
fn several_at_once_fetch_each_file_once() {
    let mirror = Server::start(|request, out| {
        thread::sleep(Duration::from_millis(100));
        file(out, &gzip(if request.path == "/one.gz" { ONE } else { TWO }))
    });
    let cache = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let bytes = cached(cache.path(), &artifacts(), || vec![source(&mirror)], &Silent).unwrap();
                assert_eq!(bytes, [ONE, TWO]);
            });
        }
    });
    assert_eq!(mirror.requests().len(), 2);
    assert_eq!(names(cache.path()), ["one", "two"]);
}

#[test]
fn clears_away_what_a_killed_process_left() {
    let cache = tempfile::tempdir().unwrap();
    let leave = || {
        fs::write(cache.path().join(".aside-abcdefghij"), b"half").unwrap();
        fs::create_dir(cache.path().join(".aside-0123456789")).unwrap();
        fs::write(cache.path().join(".aside-0123456789/x"), b"half").unwrap();
    };
    leave();
    let mirror = good_mirror();
    cached(cache.path(), &artifacts(), || vec![source(&mirror)], &Silent).unwrap();
    assert_eq!(names(cache.path()), ["one", "two"]);
    leave();
    cached(cache.path(), &artifacts(), none, &Silent).unwrap();
    assert_eq!(names(cache.path()), ["one", "two"]);
}

#[test]
fn says_which_place_cannot_be_written() {
    let cache = tempfile::tempdir().unwrap();
    let not_a_folder = cache.path().join("file");
    fs::write(&not_a_folder, b"").unwrap();
    let error = cached(&not_a_folder, &artifacts(), Vec::new, &Silent).unwrap_err();
    assert!(error.to_string().contains(not_a_folder.to_str().unwrap()), "{error}");
}
