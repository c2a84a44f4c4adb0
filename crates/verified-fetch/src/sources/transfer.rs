//! One file over HTTPS: tried again when trouble passes, never longer than it may be.

use super::Failure;
use super::client::{Client, causes, innermost, without_password};
use crate::progress::Progress;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use std::error::Error;
use std::io::Read;
use std::thread;
use std::time::Instant;

const TRIES: u32 = 3;

impl Client {
    /// The file at `url`, of no more than `max_bytes`. What arrives is **not** verified: [`crate::cached()`] does that.
    /// `label` is what the user reads.
    ///
    /// # Errors
    /// The last failure, once it is not worth trying again.
    pub fn download(
        &self,
        url: &str,
        label: &str,
        max_bytes: u64,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Failure> {
        let mut tries = 1;
        loop {
            let outcome = self.ask(url, max_bytes).and_then(|response| {
                progress.start(label, response.content_length());
                let body = self.body(response, max_bytes, progress);
                progress.finish();
                body
            });
            match outcome {
                Err(Failure::Passing(why)) if tries < TRIES => {
                    log::debug!("{}: {why}; trying again", without_password(url));
                }
                outcome => return outcome,
            }
            thread::sleep(self.policy.pause * tries);
            tries += 1;
        }
    }

    fn ask(&self, url: &str, max_bytes: u64) -> Result<Response, Failure> {
        // Compressed for transport, the length announced would be another than the file's.
        let request = self.http()?.get(url).header(ACCEPT_ENCODING, "identity");
        let response = request.send().map_err(|error| self.not_answered(&error))?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if response.status() != StatusCode::OK {
            Err(refused(response.status()))
        } else if kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html")) {
            Err(Failure::Artifact("the server sent an HTML page in place of the file".to_owned()))
        } else if response.content_length().is_some_and(|bytes| bytes > max_bytes) {
            Err(too_large(max_bytes))
        } else {
            Ok(response)
        }
    }

    fn body(
        &self,
        mut response: Response,
        max_bytes: u64,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Failure> {
        let begun = Instant::now();
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            match response.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => return Err(self.broken(&error, bytes.len())),
            }
            let (received, elapsed) = (bytes.len() as u64, begun.elapsed());
            if received > max_bytes {
                return Err(too_large(max_bytes));
            }
            if elapsed > self.policy.deadline {
                let seconds = elapsed.as_secs_f32();
                return Err(Failure::Source(format!("no more than {received} bytes in {seconds} s")));
            }
            progress.position(received);
        }
    }

    /// What an error of asking, before any byte of the body, means.
    fn not_answered(&self, error: &reqwest::Error) -> Failure {
        let why = innermost(error);
        let tls = causes(error).find_map(|error| error.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(_)) = tls {
            Failure::Source(format!(
                "its certificate is not trusted: {why} (behind a proxy that inspects TLS, name that proxy's CA \
                 certificate in SSL_CERT_FILE)"
            ))
        } else if error.is_builder() || error.is_redirect() {
            Failure::Artifact(format!("not fetched: {why}"))
        } else if error.is_connect() {
            // A name that does not resolve or a refusal is seldom mended by waiting: the next source is quicker.
            Failure::Source(format!("cannot be reached: {why}"))
        } else {
            self.broken(error, 0)
        }
    }

    /// What an error after `received` bytes of the body means.
    fn broken(&self, error: &(dyn Error + 'static), received: usize) -> Failure {
        let mut http = causes(error).filter_map(|error| error.downcast_ref());
        Failure::Passing(match http.any(reqwest::Error::is_timeout) {
            true => {
                format!("no data for {} s after {received} bytes", self.policy.stall_timeout.as_secs_f32())
            }
            false => format!("the transfer broke off after {received} bytes: {}", innermost(error)),
        })
    }
}

fn too_large(max_bytes: u64) -> Failure {
    Failure::Artifact(format!("the server sends more than the {max_bytes} bytes that the file may have"))
}

fn refused(status: StatusCode) -> Failure {
    let why = format!("the server answered {status}");
    match status.as_u16() {
        408 | 425 | 429 | 500 | 502..=504 | 507.. => Failure::Passing(why),
        _ if status.is_server_error() => Failure::Source(why),
        _ => Failure::Artifact(why),
    }
}
