//! A mirror of MNIST on this machine, and the command that fetches from it.

use crate::server::{AUTHORITY, Server, begin, file, head};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tf_mnist::dataset::DataFile;

/// Whether answers break off in the middle.
#[derive(Clone, Copy, PartialEq)]
pub enum Breaks {
    Never,
    EveryFourthAnswer,
}

pub struct Mirror {
    server: Server,
    place: TempDir,
}

impl Mirror {
    pub fn of(files: &[DataFile], breaks: Breaks) -> Self {
        let zipped: HashMap<_, _> = files
            .iter()
            .map(|file| {
                let zipped = crate::gzip(&fs::read(&file.path).unwrap());
                (format!("/mnist/{}.gz", file.name), zipped)
            })
            .collect();
        let server = Server::start(move |request, out| {
            let breaks = breaks == Breaks::EveryFourthAnswer && request.nth % 4 == 0;
            match zipped.get(&request.path) {
                None => head(out, "404 Not Found", &[]),
                Some(bytes) if breaks => begin(out, bytes, bytes.len() / 2),
                Some(bytes) => file(out, bytes),
            }
        });
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("ca.pem"), AUTHORITY).unwrap();
        Self { server, place }
    }

    /// `tf-mnist data --json` with the cache `cache` and this mirror.
    pub fn data_command(&self, cache: &Path) -> Command {
        let mut command = Command::new(crate::program());
        command
            .args(["data", "--json"])
            .env("TF_MNIST_CACHE", cache)
            .env("TF_MNIST_MIRROR", self.server.url("mnist"))
            .env("SSL_CERT_FILE", self.place.path().join("ca.pem"))
            .env("NO_PROXY", "127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The files asked for so far.
    pub fn requests(&self) -> usize {
        self.server.requests().len()
    }
}
