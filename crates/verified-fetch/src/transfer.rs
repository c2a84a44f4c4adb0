//! One file over HTTPS: tried again when trouble passes, never longer than it may be.

use crate::client::Client;
use crate::progress::Progress;
use crate::transfer_cause::{TransferCause, without_password};
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::thread;
use std::time::Instant;

impl Client {
    /// Transfers the file at `url` into `into`, from its start, replacing what it holds, and no more than `max_bytes` of
    /// it. What arrives is **not** verified: [`crate::fetch()`] does that. `label` is what the user reads.
    ///
    /// # Errors
    /// The last failure, once it is not worth trying again. `into` then holds anything.
    pub fn download(
        &self,
        url: &str,
        label: &str,
        max_bytes: u64,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), TransferCause> {
        let mut tries = 1;
        loop {
            into.set_len(0).and_then(|()| into.rewind()).map_err(TransferCause::Write)?;
            let outcome = self.ask(url, max_bytes).and_then(|response| {
                progress.start(label, response.content_length());
                let kept = self.keep(response, max_bytes, into, progress);
                progress.finish();
                kept
            });
            match outcome {
                Err(cause) if tries < cause.tries() => {
                    log::debug!("{}: {cause}; trying again", without_password(url));
                }
                outcome => return outcome,
            }
            thread::sleep(self.policy().pause * tries);
            tries += 1;
        }
    }

    fn ask(&self, url: &str, max_bytes: u64) -> Result<Response, TransferCause> {
        // Compressed for transport, the length announced would be another than the file's.
        let request = self.http()?.get(url).header(ACCEPT_ENCODING, "identity");
        let response =
            request.send().map_err(|error| TransferCause::of_request(&error, self.policy().stall_timeout))?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if response.status() != StatusCode::OK {
            Err(TransferCause::Status(response.status()))
        } else if kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html")) {
            Err(TransferCause::HtmlPage)
        } else if response.content_length().is_some_and(|bytes| bytes > max_bytes) {
            Err(TransferCause::TooLarge { max_bytes })
        } else {
            Ok(response)
        }
    }

    fn keep(
        &self,
        mut response: Response,
        max_bytes: u64,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), TransferCause> {
        let (policy, begun) = (self.policy(), Instant::now());
        let (mut received, mut buffer) = (0, vec![0; 64 * 1024]);
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(TransferCause::of_body(&error, received, policy.stall_timeout)),
            };
            received += count as u64;
            if received > max_bytes {
                return Err(TransferCause::TooLarge { max_bytes });
            }
            let after = begun.elapsed();
            if after > policy.deadline {
                return Err(TransferCause::TooSlow { received, after });
            }
            into.write_all(&buffer[..count]).map_err(TransferCause::Write)?;
            progress.position(received);
        }
    }
}
