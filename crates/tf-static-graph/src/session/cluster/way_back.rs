//! Whether workers reach this process: a session is open once this one reaches them, and its first step would wait for ever.

use super::probe::rounded;
use super::{Cluster, JOB};
use crate::Scope;
use crate::error::GraphError;
use crate::proto::RunOptions;
use crate::session::config::{SessionConfig, refused};
use crate::session::error::SessionError;
use crate::session::graph_session::GraphSession;
use prost::Message;
use std::mem::discriminant;
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::{Code, Operation, SessionRunArgs};

impl Cluster {
    /// A session in which every worker has taken a value from this process. One that starts again, hangs for a while, or is
    /// taken by another chief has until the `deadline`. [`replica_devices`](Self::replica_devices) opens one, too; a worker that
    /// has come back since may be elsewhere. One that is lost meanwhile is waited for if somebody else `starts_again` what is
    /// lost; where the caller does, it has to learn of it.
    ///
    /// # Errors
    /// As [`Cluster::open`]; or [`SessionError::NoWayBack`], [`SessionError::NamedTwice`].
    pub fn open_both_ways(
        &self,
        config: &SessionConfig,
        deadline: Instant,
        starts_again: bool,
    ) -> Result<GraphSession, SessionError> {
        use SessionError::{Disconnected, Lost, NoWayBack};
        let mut told = None;
        loop {
            let error = match self.try_both_ways(config, deadline) {
                Err(lost @ Lost(_)) if !starts_again => return Err(lost),
                Err(error @ (Lost(_) | Disconnected { .. } | NoWayBack { .. })) => error,
                done => return done,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(error);
            }
            // Of TensorFlow's words the first line, and once.
            if told.replace(discriminant(&error)) != Some(discriminant(&error)) {
                let words = error.to_string();
                let words = words.lines().next().unwrap_or("");
                log::info!("{words}; trying again for {:?}", rounded(left));
            }
            thread::sleep(Duration::from_secs(1).min(left));
        }
    }

    fn try_both_ways(&self, config: &SessionConfig, deadline: Instant) -> Result<GraphSession, SessionError> {
        let scope = Scope::new(None);
        let takers = self.takers(&scope).map_err(refused("build a graph over all workers"))?;
        let session = self.open_by(deadline, config, &scope.graph())?;
        let limit = i64::try_from(self.patience.answer.as_millis()).unwrap_or(i64::MAX);
        for (place, taker) in takers.iter().enumerate() {
            let mut run = SessionRunArgs::new();
            run.set_run_options(&RunOptions { timeout_in_ms: limit }.encode_to_vec());
            run.add_target(taker);
            let Err(status) = session.run(&mut run) else { continue };
            let (number, worker) = (place + 1, self.workers[place].clone());
            return Err(match (self.failure("send to its workers", &status), status.code()) {
                (lost @ SessionError::Lost(_), _) => lost,
                // Nothing came; or nobody was there, or somebody else.
                (_, Code::DeadlineExceeded | Code::Unavailable | Code::Unimplemented) => {
                    log::debug!("{status}");
                    SessionError::NoWayBack { number, worker, own: self.server.address().clone() }
                }
                (_, Code::InvalidArgument) if status.to_string().contains("unknown device") => {
                    SessionError::NamedTwice { number, worker }
                }
                (error, _) => error,
            });
        }
        Ok(session)
    }

    /// For each worker an operation that takes a value from this process, which nothing can compute in advance.
    fn takers(&self, scope: &Scope) -> Result<Vec<Operation>, GraphError> {
        let device = |task: usize| format!("/job:{JOB}/replica:0/task:{task}/device:CPU:0");
        let clock = scope.op("Timestamp", "clock").device(&device(0)).output()?;
        let taker = |task| {
            scope.op("NoOp", "sign_of_life").device(&device(task)).build()?;
            scope.op("Identity", "taker").input(&clock).device(&device(task)).build()
        };
        (1..=self.workers.len()).map(taker).collect()
    }
}
