//! Child processes that must come to an end.

use std::io::{self, ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a child is looked after.
const PACE: Duration = Duration::from_millis(10);

/// Runs `command` with no standard input; calls `meanwhile` again and again. Returns how it ended and what it printed, to
/// stdout or stderr. What it started itself and left behind is not waited for.
///
/// # Errors
/// It cannot be started; or, of [`ErrorKind::TimedOut`], was killed after `deadline`; or it cannot be listened to.
pub fn run(
    command: &mut Command,
    deadline: Duration,
    mut meanwhile: impl FnMut(),
) -> io::Result<(ExitStatus, String)> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&reader, true)?; // others may hold it open for long
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = Supervised(end_with_parent(command).spawn()?);
    let (begun, mut said) = (Instant::now(), Vec::new());
    loop {
        let ended = child.0.try_wait()?;
        // More than a pipe holds: all that one that ended had said.
        match (&reader).take(1 << 20).read_to_end(&mut said) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if let Some(status) = ended {
            return Ok((status, String::from_utf8_lossy(&said).into_owned()));
        }
        if begun.elapsed() > deadline {
            let why = format!("it did not end within {deadline:?}");
            return Err(io::Error::new(ErrorKind::TimedOut, why));
        }
        thread::sleep(PACE);
        meanwhile();
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

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it has ended already, as a rule
        let _ = self.0.wait();
    }
}

#[cfg(test)]
#[test]
fn listens_to_children_and_kills_what_does_not_end() {
    let run = |script: &str, seconds| {
        let mut command = Command::new("sh");
        run(command.args(["-c", script]), Duration::from_secs(seconds), || {})
    };
    let begun = Instant::now();
    let (status, said) = run("sleep 20 & echo hello", 15).unwrap();
    assert!(status.success() && said == "hello\n", "{said}");
    assert!(begun.elapsed() < Duration::from_secs(10), "what it started was waited for");
    let long = "head -c 300000 /dev/zero | tr '\\0' x; echo no >&2; exit 4";
    let (status, said) = run(long, 20).unwrap();
    assert_eq!((status.code(), said.len()), (Some(4), 300_003));
    let begun = Instant::now();
    for endless in ["exec sleep 60", "exec yes"] {
        assert_eq!(run(endless, 1).unwrap_err().kind(), ErrorKind::TimedOut);
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "it was waited for");
}
