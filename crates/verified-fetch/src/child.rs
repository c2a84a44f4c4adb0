//! Child processes that must come to an end.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `command` with no standard input, and what it prints in the empty file `log`: not in a pipe, so that it never
/// waits for a reader, however much it says. Calls `meanwhile` at every `pace`.
///
/// Returns how it ended and what `log` then holds.
///
/// # Errors
/// It cannot be started; or, of [`ErrorKind::TimedOut`](io::ErrorKind::TimedOut), was killed after `deadline`; or `log`
/// cannot be used.
pub fn run(
    command: &mut Command,
    mut log: File,
    pace: Duration,
    deadline: Duration,
    mut meanwhile: impl FnMut(),
) -> io::Result<(ExitStatus, String)> {
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    let status = Supervised::spawn(command)?.wait(pace, deadline, &mut meanwhile)?;
    let mut said = Vec::new();
    log.rewind()?;
    log.read_to_end(&mut said)?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

/// What a quick command prints to stdout, no more than a pipe holds, if it ends well within 10 s.
///
/// # Errors
/// It cannot be started, fails, or takes longer.
pub fn answer(command: &mut Command) -> io::Result<String> {
    let mut child = Supervised::spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let status = child.wait(Duration::from_millis(2), Duration::from_secs(10), &mut || {})?;
    let mut text = Vec::new();
    if let Some(stdout) = child.0.stdout.as_mut() {
        // All that it said is in the pipe, which something that it started may hold open for long.
        rustix::io::ioctl_fionbio(&*stdout, true)?;
        match stdout.read_to_end(&mut text) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    match status.success() {
        true => Ok(String::from_utf8_lossy(&text).into_owned()),
        false => Err(io::Error::other(status.to_string())),
    }
}

/// Has the system kill what `command` starts once this process, or the thread that starts it, ends however it may; only Linux
/// does that.
pub fn end_with_parent(command: &mut Command) -> &mut Command {
    #[cfg(target_os = "linux")]
    // SAFETY: one system call, which takes no lock and no memory.
    #[allow(unsafe_code)]
    unsafe {
        use rustix::process::{Signal, set_parent_process_death_signal};
        use std::os::unix::process::CommandExt;
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    command
}

/// A child that does not outlive this value.
struct Supervised(Child);

impl Supervised {
    fn spawn(command: &mut Command) -> io::Result<Self> {
        end_with_parent(command.stdin(Stdio::null())).spawn().map(Self)
    }

    fn wait(
        &mut self,
        pace: Duration,
        deadline: Duration,
        meanwhile: &mut dyn FnMut(),
    ) -> io::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > deadline {
                let why = format!("it did not end within {deadline:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
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

#[cfg(test)]
#[test]
fn takes_answers_reports_failures_and_kills_what_does_not_end() {
    let shell = |script| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    };
    assert_eq!(answer(&mut shell("echo hello; echo no >&2")).unwrap(), "hello\n");
    let begun = Instant::now();
    assert_eq!(answer(&mut shell("sleep 20 & echo hello")).unwrap(), "hello\n");
    assert!(begun.elapsed() < Duration::from_secs(10), "what it started was waited for");
    let failed = answer(&mut shell("exit 3")).unwrap_err();
    assert!(failed.to_string().contains('3'), "{failed}");

    let pace = Duration::from_millis(1);
    let run = |script, deadline| {
        let log = tempfile::tempfile().unwrap();
        run(&mut shell(script), log, pace, deadline, || {})
    };
    let long = "head -c 300000 /dev/zero | tr '\\0' x; echo no >&2; exit 4";
    let (status, said) = run(long, pace * 20_000).unwrap();
    assert_eq!((status.code(), said.len()), (Some(4), 300_003));
    let begun = Instant::now();
    let late = run("exec sleep 60", pace * 20).unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(30), "it was waited for");
}
