//! Several processes, on one machine or many, as one session: this one leads, the others are [servers](Server) that have no
//! files and decide nothing.
//!
//! Servers know but themselves. The session names the others to all of them (`ConfigProto.cluster_def`), so that one that was
//! lost may come back at another address. Variables are in this process; what a session leaves on a server, no other one sees.

pub(super) mod address;
pub(super) mod probe;
mod server;
mod watch;
mod way_back;

pub use address::{Address, ParseAddressError};
pub use probe::{LostWorker, Silence, probe};
pub use server::Server;

use super::config::{SessionConfig, refused};
use super::devices::{DeviceInfo, replicas_of};
use super::error::SessionError;
use super::graph_session::GraphSession;
use crate::proto::{ClusterDef, JobDef};
use prost::Message;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::{Code, Graph, Session, SessionOptions, SessionRunArgs, Status};

/// The job of this process and its workers; task 0 is this one.
const JOB: &str = "worker";

/// How long others are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For workers to be there, before the first step and when one was lost.
    pub arrival: Duration,
    /// For the answer of one that is there.
    pub answer: Duration,
    /// For a run of the session.
    pub run: Duration,
}

/// This process and its workers.
#[derive(Debug, Clone)]
pub struct Cluster {
    server: Server,
    workers: Vec<Address>,
    patience: Patience,
}

impl Cluster {
    /// With `server`, of this process, at an address that `workers` reach it by.
    pub fn new(server: Server, workers: Vec<Address>, patience: Patience) -> Self {
        Self { server, workers, patience }
    }

    /// The others: worker 1 first.
    pub fn workers(&self) -> &[Address] {
        &self.workers
    }

    /// Says that worker `number`, counted from 1, is at another address from now on, for sessions to come.
    pub fn moved(&mut self, number: usize, address: Address) {
        if let Some(worker) = number.checked_sub(1).and_then(|place| self.workers.get_mut(place)) {
            *worker = address;
        }
    }

    /// The workers that do not answer now.
    pub fn lost(&self) -> Vec<LostWorker> {
        // The rest of it has gone until TensorFlow noticed.
        probe::lost_of(&self.workers, self.patience.answer / 4)
    }

    /// When those that are waited for from now on are to be there.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience.arrival
    }

    /// Waits until every worker answers.
    ///
    /// # Errors
    /// As [`wait_for_workers`].
    pub fn wait_for_workers(&self, deadline: Instant) -> Result<(), SessionError> {
        wait_for_workers(&self.workers, self.patience.answer, deadline)
    }

    /// A session over all processes. It is never closed: where a worker was lost, TensorFlow would wait for it. Of this process
    /// one session at a time runs over a worker: where that is lost, connections to it are shut, whoever has them.
    ///
    /// # Errors
    /// [`SessionError::Lost`], [`SessionError::Disconnected`], [`SessionError::Late`]: a worker does not answer, or all too
    /// slowly; [`SessionError::TensorFlow`]: it refuses the graph, such as an op that a worker lacks.
    pub fn open(&self, config: &SessionConfig, graph: &Graph) -> Result<GraphSession, SessionError> {
        self.open_by(self.deadline(), config, graph)
    }

    /// As [`open`](Self::open), by then at the latest, or as soon as workers are to answer.
    fn open_by(
        &self,
        deadline: Instant,
        config: &SessionConfig,
        graph: &Graph,
    ) -> Result<GraphSession, SessionError> {
        let mut options = SessionOptions::new();
        options.set_target(self.server.target()).map_err(refused("reach this process"))?;
        options.set_config(&self.config_proto(config)).map_err(refused("take the session's settings"))?;
        let session = Session::new(&options, graph).map_err(refused("open a session"))?;
        let session = GraphSession::from(session);
        let eternal: &'static GraphSession = Box::leak(Box::new(session.clone()));
        self.greet(&session, deadline.max(Instant::now() + self.patience.answer))?;
        watch::watch(eternal, graph, self)?;
        Ok(session)
    }

    /// Runs nothing, for the first time: TensorFlow then waits for every process, whatever limit it was given.
    fn greet(&self, session: &GraphSession, deadline: Instant) -> Result<(), SessionError> {
        const DOING: &str = "open a session over all workers";
        let begun = Instant::now();
        let (tell, told) = mpsc::channel();
        let session = session.clone();
        let run = move || {
            let ran = session.run(&mut SessionRunArgs::new());
            let _ = tell.send(ran); // nobody waits any more
        };
        thread::Builder::new().spawn(run).map_err(refused(DOING))?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match told.recv_timeout(left.min(self.patience.answer)) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(status)) if ran_nothing(&status) => return Ok(()),
                Ok(Err(status)) => return Err(self.failure(DOING, &status)),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(refused(DOING)("its thread ended"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let lost = self.lost();
                    if !lost.is_empty() {
                        return Err(SessionError::Lost(lost));
                    }
                    if left.is_zero() {
                        return Err(SessionError::Late { waited: probe::rounded(begun.elapsed()) });
                    }
                }
            }
        }
    }

    /// That TensorFlow failed at `doing`, or the loss that it failed for.
    fn failure(&self, doing: &'static str, status: &Status) -> SessionError {
        let lost = self.lost();
        match Self::is_loss(status) {
            _ if !lost.is_empty() => SessionError::Lost(lost),
            true => SessionError::Disconnected { message: status.to_string() },
            false => refused(doing)(status),
        }
    }

    /// The devices that replicas run on, those of this process first, then each worker's: GPUs where it has any, else CPUs. Of
    /// `replicas` in all, this process takes what its workers leave; without a number it takes one. Workers that do not answer yet
    /// are tried again until the `deadline`.
    ///
    /// # Errors
    /// A worker does not answer; [`SessionError::NoWayBack`], [`SessionError::NamedTwice`]: it is not one that could take part;
    /// [`SessionError::NoReplicaLeft`], [`SessionError::MissingDevices`]: the numbers do not fit.
    pub fn replica_devices(
        &self,
        config: &SessionConfig,
        replicas: Option<u16>,
        deadline: Instant,
    ) -> Result<Vec<String>, SessionError> {
        let session = self.open_both_ways(config, deadline, true)?;
        let listed = session.device_list().map_err(refused("list its devices"))?;
        let of_task = |task: usize| -> Vec<_> {
            let prefix = format!("/job:{JOB}/replica:0/task:{task}/device:");
            let own = listed.iter().filter(|device| device.name.starts_with(&prefix)).cloned();
            own.map(DeviceInfo::from).collect()
        };
        let workers: Vec<_> = (1..=self.workers.len()).map(|task| replicas_of(&of_task(task))).collect();
        let theirs = workers.iter().map(Vec::len).sum();
        let own = match replicas {
            None => 1,
            Some(replicas) => usize::from(replicas).saturating_sub(theirs),
        };
        if own == 0 {
            return Err(SessionError::NoReplicaLeft { replicas: replicas.unwrap_or_default(), theirs });
        }
        let own = super::devices::choose(&of_task(0), own)?;
        let named = |(task, names): (usize, &Vec<String>)| -> Vec<_> {
            names.iter().map(|name| format!("/job:{JOB}/replica:0/task:{task}/device:{name}")).collect()
        };
        Ok(std::iter::once(&own).chain(&workers).enumerate().flat_map(named).collect())
    }

    /// Whether TensorFlow failed as it does where a worker is lost, comes back, is taken by another chief, or does not answer
    /// in time.
    pub fn is_loss(status: &Status) -> bool {
        match status.code() {
            Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::Cancelled => true,
            // A worker that is taken frees its name, and compares with what is there then.
            Code::InvalidArgument => {
                let message = status.to_string();
                ["Invalid rendezvous key", "<invalid UTF-8 in message>"]
                    .iter()
                    .any(|words| message.contains(words))
            }
            _ => false,
        }
    }

    fn config_proto(&self, config: &SessionConfig) -> Vec<u8> {
        let addresses = std::iter::once(self.server.address()).chain(&self.workers);
        let tasks = (0..).zip(addresses.map(Address::to_string)).collect();
        let mut proto = server::settings(config);
        proto.allow_soft_placement = false;
        proto.operation_timeout_in_ms = i64::try_from(self.patience.run.as_millis()).unwrap_or(i64::MAX);
        proto.cluster_def = Some(ClusterDef { job: vec![JobDef { name: JOB.to_owned(), tasks }] });
        proto.encode_to_vec()
    }
}

/// Waits until all workers answer at once, each within `answer`.
///
/// # Errors
/// [`SessionError::Lost`]: some do not, by the `deadline`.
pub fn wait_for_workers(
    workers: &[Address],
    answer: Duration,
    deadline: Instant,
) -> Result<(), SessionError> {
    let mut is_told = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // The last time, too, long enough to learn why.
        let lost = probe::lost_of(workers, left.min(answer).max(Duration::from_millis(300)));
        match (lost.is_empty(), left.is_zero()) {
            (true, _) => return Ok(()),
            (false, true) => return Err(SessionError::Lost(lost)),
            (false, false) => {
                if !std::mem::replace(&mut is_told, true) {
                    log::info!("waiting {:?} at most for {}", probe::rounded(left), SessionError::Lost(lost));
                }
                thread::sleep(Duration::from_millis(100).min(left));
            }
        }
    }
}

/// What a run of nothing may end with, once every process is there.
fn ran_nothing(status: &Status) -> bool {
    status.code() == Code::InvalidArgument && status.to_string().contains("at least one target")
}
