//! One file over HTTPS: tried again when trouble passes, resumed where it broke off, never longer than it may be.

use super::answer::{Answer, Begun};
use super::client::Client;
use super::progress::Progress;
use super::retry::Retries;
use super::transfer_error::{TransferCause, TransferError};
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::thread;
use std::time::Instant;

/// What to transfer.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Where it is; https only.
    pub url: &'a str,
    /// What the user reads beside the progress, such as a file name.
    pub label: &'a str,
    /// No more bytes than this are ever read.
    pub max_bytes: u64,
}

impl Client {
    /// Transfers a file into `into`, from its start, replacing what it holds; returns the count of bytes.
    ///
    /// Passing trouble (a stall, a broken transfer, 5xx, 429) is met with retries after growing pauses, and a broken
    /// transfer is resumed if the server can and still has the same file. What arrives is **not** verified:
    /// [`super::fetch`] does that.
    ///
    /// # Errors
    /// The last failure, once it is not worth trying again. `into` then holds anything.
    pub fn download(
        &self,
        download: &Download<'_>,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<u64, TransferError> {
        let mut transfer = Transfer {
            client: self,
            download,
            into,
            watch: Watch {
                progress,
                started: false,
            },
            begun: Begun::default(),
            most: 0,
        };
        transfer.run().map_err(|cause| TransferError {
            url: without_password(download.url),
            cause,
        })
    }
}

/// A transfer across all its tries.
struct Transfer<'a> {
    client: &'a Client,
    download: &'a Download<'a>,
    into: &'a mut File,
    watch: Watch<'a>,
    /// What `into` holds.
    begun: Begun,
    /// The most bytes that `into` ever held.
    most: u64,
}

impl Transfer<'_> {
    fn run(&mut self) -> Result<u64, TransferCause> {
        let client = self.client;
        let http = client.http().map_err(TransferCause::Setup)?;
        let mut retries = Retries::new(client.policy());
        self.restart()?;
        loop {
            let most = self.most;
            let Err(cause) = self.attempt(http) else {
                return Ok(self.begun.received);
            };
            match retries.pause(cause.advice(), self.most > most) {
                Some(pause) => {
                    log::debug!(
                        "{}: {cause}; trying again in {pause:?}",
                        without_password(self.download.url)
                    );
                    thread::sleep(pause);
                }
                None => return Err(cause),
            }
        }
    }

    /// One request, and its answer read to the end.
    fn attempt(&mut self, http: &reqwest::blocking::Client) -> Result<(), TransferCause> {
        // Compressed for transport, a range would count other bytes than the file's.
        let mut request = http.get(self.download.url).header(ACCEPT_ENCODING, "identity");
        match &self.begun.validator {
            Some(validator) if self.begun.received > 0 => {
                request = request
                    .header(RANGE, format!("bytes={}-", self.begun.received))
                    .header(IF_RANGE, validator);
            }
            _ => self.restart()?,
        }
        let stall_timeout = self.client.policy().stall_timeout;
        let response = request
            .send()
            .map_err(|error| TransferCause::of_request(&error, self.begun.received, stall_timeout))?;
        match Answer::of(response.status(), response.headers(), &self.begun)? {
            Answer::Whole { total, validator } => {
                if self.begun.received > 0 {
                    self.restart()?;
                }
                self.begun.total = total;
                self.begun.validator = validator;
                self.watch.start(self.download.label, total);
            }
            Answer::Rest => {}
            Answer::Contradiction(why) => {
                self.begun.validator = None;
                return Err(TransferCause::Broken {
                    received: self.begun.received,
                    why,
                });
            }
        }
        let max_bytes = self.download.max_bytes;
        if self.begun.total.is_some_and(|total| total > max_bytes) {
            return Err(TransferCause::TooLarge { max_bytes });
        }
        self.read_body(response)
    }

    fn read_body(&mut self, mut response: Response) -> Result<(), TransferCause> {
        let policy = self.client.policy();
        let max_bytes = self.download.max_bytes;
        let mut buffer = vec![0; 64 * 1024];
        let (mut window, mut in_window) = (Instant::now(), 0);
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(TransferCause::of_body(
                        &error,
                        self.begun.received,
                        policy.stall_timeout,
                    ));
                }
            };
            if count as u64 > max_bytes - self.begun.received {
                return Err(TransferCause::TooLarge { max_bytes });
            }
            self.into
                .write_all(&buffer[..count])
                .map_err(TransferCause::Write)?;
            self.begun.received += count as u64;
            self.most = self.most.max(self.begun.received);
            self.watch.progress.position(self.begun.received);
            in_window += count as u64;
            if window.elapsed() >= policy.stall_timeout {
                if in_window < policy.least_bytes_per_stall {
                    return Err(TransferCause::Stalled {
                        received: self.begun.received,
                        silence: policy.stall_timeout,
                    });
                }
                (window, in_window) = (Instant::now(), 0);
            }
        }
        match self.begun.total {
            Some(total) if total != self.begun.received => Err(TransferCause::Broken {
                received: self.begun.received,
                why: format!("the server had announced {total}"),
            }),
            _ => Ok(()),
        }
    }

    fn restart(&mut self) -> Result<(), TransferCause> {
        self.begun.received = 0;
        self.into.set_len(0).map_err(TransferCause::Write)?;
        self.into.rewind().map_err(TransferCause::Write)
    }
}

/// Pairs the watcher's `start` with a `finish`, however the transfer ends.
struct Watch<'a> {
    progress: &'a dyn Progress,
    started: bool,
}

impl Watch<'_> {
    fn start(&mut self, label: &str, total: Option<u64>) {
        if self.started {
            self.progress.position(0);
        } else {
            self.progress.start(label, total);
            self.started = true;
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.started {
            self.progress.finish();
        }
    }
}

/// `url` as it may be shown and logged.
pub(super) fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => match parsed.set_password(None) {
            Ok(()) => parsed.to_string(),
            Err(()) => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_password() {
        assert_eq!(without_password("https://me:secret@host/a"), "https://me@host/a");
        assert_eq!(without_password("https://host/a"), "https://host/a");
        assert_eq!(without_password("nonsense"), "nonsense");
    }
}
