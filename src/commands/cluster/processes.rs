//! `--processes`: workers on this machine, started, watched and restarted by this process.

use super::processors::Shares;
use crate::cli::GlobalArgs;
use crate::commands::worker::READY;
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tf_mnist::session::SessionConfig;
use tf_mnist::session::cluster::Address;

/// The workers, counted from 1; they end with this.
pub struct Processes {
    /// What each is started with, behind `tf-mnist worker`.
    arguments: Vec<Vec<String>>,
    shares: Shares,
    running: BTreeMap<usize, Process>,
}

struct Process {
    child: Child,
    /// Gives its port, once.
    told: Receiver<u16>,
    /// Ends with its stderr, and gives what it said last there.
    reader: Option<JoinHandle<String>>,
}

/// A worker, by its number, that somebody killed before it served.
#[derive(Debug, thiserror::Error)]
#[error("worker {0} was killed before it had started")]
struct Killed(usize);

impl Processes {
    /// Starts a worker for each of `arguments`, on its share of the processors; one that is killed meanwhile is started again.
    /// Returns where they are, worker 1 first.
    ///
    /// # Errors
    /// One does not serve by the `deadline`.
    pub fn start_all(
        arguments: Vec<Vec<String>>,
        shares: Shares,
        deadline: Instant,
    ) -> Result<(Self, Vec<Address>)> {
        let mut missing: Vec<_> = (1..=arguments.len()).collect();
        let mut processes = Self { arguments, shares, running: BTreeMap::new() };
        let mut addresses = BTreeMap::new();
        let mut restarts = 3;
        while !missing.is_empty() {
            for (number, started) in processes.start(&missing, deadline) {
                match started {
                    Ok(address) => drop(addresses.insert(number, address)),
                    Err(error) if error.is::<Killed>() && restarts > 0 && Instant::now() < deadline => {
                        log::warn!("{error}: it is started again");
                        restarts -= 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            missing.retain(|number| !addresses.contains_key(number));
        }
        Ok((processes, addresses.into_values().collect()))
    }

    /// Starts these workers, or starts them anew, all at once, and waits until they serve. Returns where each is.
    pub fn start(&mut self, numbers: &[usize], deadline: Instant) -> Vec<(usize, Result<Address>)> {
        numbers.iter().for_each(|number| drop(self.running.remove(number))); // which ends it
        let spawned: Vec<_> = numbers.iter().map(|&number| (number, self.spawn(number))).collect();
        let arrive = |(number, spawned): (usize, Result<Process>)| {
            let started = spawned.and_then(|mut process| {
                let address = process.arrive(number, deadline)?;
                self.running.insert(number, process);
                Ok(address)
            });
            (number, started)
        };
        spawned.into_iter().map(arrive).collect()
    }

    /// The workers that have ended, or were not started again.
    pub fn ended(&mut self) -> Vec<usize> {
        let runs = |process: &mut Process| matches!(process.child.try_wait(), Ok(None));
        (1..=self.arguments.len()).filter(|number| !self.running.get_mut(number).is_some_and(runs)).collect()
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
        let (mut stdout, stderr) = (lines(child.stdout.take()), lines(child.stderr.take()));
        let (tell, told) = mpsc::channel();
        let mut process = Process { child, told, reader: None };
        let port = move || {
            let port = stdout.find_map(|line| line.strip_prefix(READY)?.trim().parse().ok());
            let _ = port.map(|port| tell.send(port)); // perhaps nobody waits any more
            stdout.for_each(drop); // who writes into a pipe that nobody reads stops or dies
        };
        thread::Builder::new().spawn(port)?;
        let words = move || {
            stderr.fold(String::new(), |_, line| {
                log::debug!("worker {number}: {line}");
                line
            })
        };
        process.reader = Some(thread::Builder::new().spawn(words)?);
        Ok(process)
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

/// The lines of a stream, whatever is in them.
fn lines(stream: Option<impl Read>) -> impl Iterator<Item = String> {
    let lines = stream.into_iter().flat_map(|stream| BufReader::new(stream).split(b'\n'));
    lines.map_while(Result::ok).map(|line| String::from_utf8_lossy(&line).trim_end().to_owned())
}

impl Process {
    /// Where it serves, once it does.
    fn arrive(&mut self, number: usize, deadline: Instant) -> Result<Address> {
        let told = self.told.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let is_late = match told {
            Ok(port) => return Ok(Address::new("127.0.0.1", port)?),
            Err(error) => error == RecvTimeoutError::Timeout,
        };
        // Of one that is ending already, this changes nothing.
        let _ = self.child.kill();
        let signal = self.child.wait().ok().and_then(|status| status.signal());
        // Its words may still be on their way.
        let words = self.reader.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        Err(match (words.is_empty(), is_late, signal) {
            (_, false, Some(libc::SIGKILL | libc::SIGTERM)) => Killed(number).into(),
            (false, ..) => anyhow!("worker {number} did not start: {words}"),
            (true, true, _) => anyhow!("worker {number} did not start in time; --wait allows more"),
            (true, false, _) => anyhow!("worker {number} ended before it had started"),
        })
    }
}

impl Drop for Process {
    /// Ends it, also where it is stopped.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
