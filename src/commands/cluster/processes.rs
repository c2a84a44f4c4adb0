//! `--processes`: workers on this machine, started, watched and restarted by this process.

use crate::commands::worker::READY;
use anyhow::{Context, Result, anyhow};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tf_mnist::session::cluster::Address;

/// The workers; they end with this.
#[derive(Debug)]
pub struct Processes {
    /// What each is started with, behind `tf-mnist worker`.
    arguments: Vec<Vec<String>>,
    running: Vec<Process>,
    patience: Duration,
}

#[derive(Debug)]
struct Process {
    child: Child,
    address: Address,
    /// What it said last on stderr.
    last_words: Arc<Mutex<String>>,
}

impl Processes {
    /// Starts a worker for each of `arguments`, and waits until they serve, `patience` at most.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(arguments: Vec<Vec<String>>, patience: Duration) -> Result<Self> {
        let mut processes = Self { arguments, running: Vec::new(), patience };
        for number in 1..=processes.arguments.len() {
            let process = processes.spawn(number)?;
            processes.running.push(process);
        }
        Ok(processes)
    }

    /// Where they are reached: worker 1 first.
    pub fn addresses(&self) -> Vec<Address> {
        self.running.iter().map(|process| process.address.clone()).collect()
    }

    /// Starts worker `number`, counted from 1, anew; returns its address.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self, number: usize) -> Result<Address> {
        self.running[number - 1].end();
        self.running[number - 1] = self.spawn(number)?;
        Ok(self.running[number - 1].address.clone())
    }

    /// The workers that have ended, counted from 1.
    pub fn ended(&mut self) -> Vec<usize> {
        let running = (1..).zip(&mut self.running);
        running.filter_map(|(number, process)| process.child.try_wait().ok()?.map(|_| number)).collect()
    }

    fn spawn(&self, number: usize) -> Result<Process> {
        let program = std::env::current_exe().context("cannot find this program, to start workers")?;
        let mut command = Command::new(program);
        command.args(["worker", "--port", "0", "--with-parent"]).args(&self.arguments[number - 1]);
        // Ctrl-C is for this process, which ends them when it has saved its state.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start worker {number}"))?;
        let (tell, told) = mpsc::channel();
        let last_words = Arc::new(Mutex::new(String::new()));
        if let Some(stdout) = child.stdout.take() {
            lines(stdout, move |line| {
                let port = line.strip_prefix(READY).and_then(|port| port.trim().parse::<u16>().ok());
                port.map_or(Ok(()), |port| tell.send(port)).is_ok()
            })?;
        }
        if let Some(stderr) = child.stderr.take() {
            let last_words = Arc::clone(&last_words);
            lines(stderr, move |line| {
                log::debug!("worker {number}: {line}");
                *last_words.lock().unwrap_or_else(PoisonError::into_inner) = line;
                true
            })?;
        }
        let port = told.recv_timeout(self.patience);
        let address = port.as_ref().ok().copied().map(|port| Address::new("127.0.0.1", port)).transpose()?;
        match address {
            Some(address) => Ok(Process { child, address, last_words }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                let words = last_words.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Err(match (words.is_empty(), port) {
                    (false, _) => anyhow!("worker {number} did not start: {words}"),
                    (true, Err(mpsc::RecvTimeoutError::Timeout)) => {
                        anyhow!("worker {number} did not start within {:?}", self.patience)
                    }
                    (true, _) => anyhow!("worker {number} ended before it had started"),
                })
            }
        }
    }
}

/// Shows `see` each line of `stream`, on a thread of its own, as long as it wants more.
fn lines(
    stream: impl std::io::Read + Send + 'static,
    mut see: impl FnMut(String) -> bool + Send + 'static,
) -> std::io::Result<()> {
    let read = move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        let mut wants_more = true;
        // To its end: who writes into a pipe that nobody reads stops or dies.
        while stream.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            wants_more = wants_more && see(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    };
    thread::Builder::new().spawn(read).map(drop)
}

impl Process {
    fn end(&mut self) {
        // Also where it is stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        if !words.is_empty() {
            log::debug!("its last words: {words}");
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.running.iter_mut().for_each(Process::end);
    }
}
