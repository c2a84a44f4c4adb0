//! `--processes`: workers on this machine, started, watched and restarted by this process.

use super::processors::Shares;
use crate::cli::GlobalArgs;
use crate::commands::worker::READY;
use anyhow::{Context, Result, anyhow};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tf_mnist::session::SessionConfig;
use tf_mnist::session::cluster::Address;

/// The workers; they end with this.
#[derive(Debug)]
pub struct Processes {
    /// What each is started with, behind `tf-mnist worker`.
    arguments: Vec<Vec<String>>,
    shares: Shares,
    running: Vec<Process>,
    patience: Duration,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Gives its port, once.
    told: Receiver<u16>,
    /// Ends with its stderr.
    reader: Option<JoinHandle<()>>,
    /// What it said last on stderr.
    last_words: Arc<Mutex<String>>,
}

impl Processes {
    /// Starts a worker for each of `arguments`, on its share of the processors, and waits until they serve, until the `deadline`
    /// now, and for `patience` whenever they are started anew. Returns where: worker 1 first.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(
        arguments: Vec<Vec<String>>,
        shares: Shares,
        patience: Duration,
        deadline: Instant,
    ) -> Result<(Self, Vec<Address>)> {
        let mut processes = Self { arguments, shares, running: Vec::new(), patience };
        for number in 1..=processes.arguments.len() {
            let process = processes.spawn(number)?;
            processes.running.push(process);
        }
        let running = (1..).zip(&mut processes.running);
        let addresses: Result<_> =
            running.map(|(number, process)| process.arrive(number, deadline)).collect();
        let addresses = addresses?;
        Ok((processes, addresses))
    }

    /// When those that are started now are to serve.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Starts these workers anew, all at once, and waits until they serve. Returns where each is.
    pub fn restart(&mut self, numbers: &[usize], deadline: Instant) -> Vec<(usize, Result<Address>)> {
        let mut spawn = |&number: &usize| {
            self.running[number - 1].end();
            self.running[number - 1] = self.spawn(number)?;
            Ok(())
        };
        let spawned: Vec<Result<()>> = numbers.iter().map(&mut spawn).collect();
        let mut arrive = |number: usize| self.running[number - 1].arrive(number, deadline);
        let spawned = numbers.iter().zip(spawned);
        spawned.map(|(&number, spawned)| (number, spawned.and_then(|()| arrive(number)))).collect()
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
        self.shares.bind(number); // it inherits that
        let started = command.spawn();
        self.shares.bind(0);
        let mut child = started.with_context(|| format!("cannot start worker {number}"))?;
        let (tell, told) = mpsc::channel();
        let last_words = Arc::new(Mutex::new(String::new()));
        if let Some(stdout) = child.stdout.take() {
            lines(stdout, move |line| {
                let port = line.strip_prefix(READY).and_then(|port| port.trim().parse::<u16>().ok());
                port.map_or(Ok(()), |port| tell.send(port)).is_ok()
            })?;
        }
        let reader = child.stderr.take().map(|stderr| {
            let last_words = Arc::clone(&last_words);
            lines(stderr, move |line| {
                log::debug!("worker {number}: {line}");
                *last_words.lock().unwrap_or_else(PoisonError::into_inner) = line;
                true
            })
        });
        Ok(Process { child, told, reader: reader.transpose()?, last_words })
    }
}

/// What `worker` is started with, for each but this process.
pub fn arguments(
    global: &GlobalArgs,
    config: &SessionConfig,
    shares: &[u16],
    reproducible: bool,
) -> Vec<Vec<String>> {
    let mut all = vec!["--device".to_owned(), config.device.to_string()];
    match reproducible {
        true => all.push("--reproducible".to_owned()),
        false => {
            for (option, threads) in [
                ("--intra-op-threads", config.intra_op_threads),
                ("--inter-op-threads", config.inter_op_threads),
            ] {
                all.extend([option.to_owned(), threads.to_string()]);
            }
            all.extend(global.no_onednn.then(|| "--no-onednn".to_owned()));
        }
    }
    if let Some(limit) = config.gpu_memory_limit_mib {
        all.extend(["--gpu-memory-limit".to_owned(), limit.to_string()]);
    }
    all.extend((global.verbose > 0).then(|| format!("-{}", "v".repeat(global.verbose.into()))));
    let of_share = |share: &u16| [&all[..], &["--replicas".to_owned(), share.to_string()]].concat();
    shares[1..].iter().map(of_share).collect()
}

/// Shows `see` each line of `stream`, on a thread of its own, as long as it wants more.
fn lines(
    stream: impl std::io::Read + Send + 'static,
    mut see: impl FnMut(String) -> bool + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
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
    thread::Builder::new().spawn(read)
}

impl Process {
    /// Where it serves, once it does.
    fn arrive(&mut self, number: usize, deadline: Instant) -> Result<Address> {
        let told = self.told.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let is_late = match told {
            Ok(port) => return Ok(Address::new("127.0.0.1", port)?),
            Err(error) => error == RecvTimeoutError::Timeout,
        };
        let words = self.end();
        Err(match (words.is_empty(), is_late) {
            (false, _) => anyhow!("worker {number} did not start: {words}"),
            (true, true) => anyhow!("worker {number} did not start in time; --wait allows more"),
            (true, false) => anyhow!("worker {number} ended before it had started"),
        })
    }

    /// Ends it, also where it is stopped; returns its last words.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its words may still be on their way.
        let _ = self.reader.take().map(JoinHandle::join);
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for process in &mut self.running {
            let words = process.end();
            if !words.is_empty() {
                log::debug!("its last words: {words}");
            }
        }
    }
}
