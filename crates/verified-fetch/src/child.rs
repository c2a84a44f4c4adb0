//! Child processes that must come to an end.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A child that does not outlive this value.
#[derive(Debug)]
pub struct Supervised(Child);

impl Supervised {
    /// Starts `command` with no standard input.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    /// Waits for the end, calling `meanwhile` at every `pace`; kills the child after `deadline`.
    ///
    /// # Errors
    /// Of [`ErrorKind::TimedOut`](io::ErrorKind::TimedOut) after `deadline`; or it cannot be waited for.
    pub fn wait(
        &mut self,
        pace: Duration,
        deadline: Duration,
        mut meanwhile: impl FnMut(),
    ) -> io::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it did not end within {} s", deadline.as_secs()),
                ));
            }
            thread::sleep(pace);
            meanwhile();
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it has ended already, as a rule
        let _ = self.0.wait();
    }
}

/// What a quick command prints to stdout, if it ends well within 10 s.
///
/// # Errors
/// It cannot be started, fails, or takes longer.
pub fn answer(command: &mut Command) -> io::Result<String> {
    let mut child = Supervised::spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let mut stdout = child.0.stdout.take();
    // Read aside, so that an answer longer than a pipe holds does not block the child.
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stdout) = stdout.as_mut() {
            stdout.read_to_end(&mut text)?;
        }
        Ok::<_, io::Error>(text)
    });
    let status = child.wait(Duration::from_millis(2), Duration::from_secs(10), || {})?;
    let text = reader.join().unwrap_or_else(|_| Err(io::Error::other("its output cannot be read")))?;
    if status.success() {
        Ok(String::from_utf8_lossy(&text).into_owned())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_long_answers_reports_failures_and_kills_what_does_not_end() {
        let long = answer(Command::new("sh").args(["-c", "head -c 300000 /dev/zero | tr '\\0' x"])).unwrap();
        assert_eq!(long.len(), 300_000);
        let failed = answer(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(failed.to_string().contains('3'), "{failed}");

        let mut child = Supervised::spawn(Command::new("sleep").arg("60")).unwrap();
        let pace = Duration::from_millis(1);
        let late = child.wait(pace, pace * 20, || {}).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let begun = Instant::now();
        drop(child);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
