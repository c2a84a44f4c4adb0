//! The devices of a run, and what becomes of it when some are lost.

use super::processes::Processes;
use crate::commands::failure::{self, advised};
use anyhow::{Result, anyhow, bail};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::{Code, Graph, Session, Status};
use tf_mnist::graph::{GraphError, GraphSession};
use tf_mnist::session::cluster::{Cluster, LostWorker, Silence};
use tf_mnist::session::{SessionConfig, SessionError};

/// Where replicas run.
pub struct Place {
    /// Their devices, one each.
    pub devices: Vec<String>,
    team: Option<Team>,
}

struct Team {
    cluster: Cluster,
    processes: Option<Processes>,
    restarts: u32,
}

impl Place {
    /// This process alone.
    pub fn alone(devices: Vec<String>) -> Self {
        Self { devices, team: None }
    }

    /// This process and its workers, some of which it may have started.
    pub fn shared(devices: Vec<String>, cluster: Cluster, processes: Option<Processes>) -> Self {
        Self { devices, team: Some(Team { cluster, processes, restarts: 0 }) }
    }

    /// A session on the graph.
    pub fn open(&self, config: &SessionConfig, graph: &Graph) -> Result<GraphSession, SessionError> {
        match &self.team {
            Some(team) => team.cluster.open(config, graph),
            None => {
                let session = Session::new(&config.session_options()?, graph);
                session.map(GraphSession::from).map_err(|status| SessionError::TensorFlow {
                    doing: "open a session",
                    message: status.to_string(),
                })
            }
        }
    }

    /// Whether workers that have come back reach this process, before a step waits for them.
    pub fn check_both_ways(&self, config: &SessionConfig) -> Result<(), SessionError> {
        let Some(Team { cluster, processes, .. }) = &self.team else { return Ok(()) };
        // A worker of its own comes back only if this process starts it again.
        cluster.open_both_ways(config, cluster.deadline(), processes.is_none()).map(drop)
    }

    /// How many there are.
    pub fn replicas(&self) -> u16 {
        u16::try_from(self.devices.len()).unwrap_or(u16::MAX)
    }

    /// How many there are, and in how many processes; nothing of one alone.
    pub fn in_short(&self) -> Option<String> {
        let replicas = self.replicas();
        match &self.team {
            Some(team) => {
                Some(format!("{replicas} replicas in {} processes", 1 + team.cluster.workers().len()))
            }
            None => (replicas > 1).then(|| format!("{replicas} replicas")),
        }
    }

    /// How many are on devices of this process.
    pub fn own_replicas(&self) -> u16 {
        let elsewhere = |device: &&String| device.contains("/task:") && !device.contains("/task:0/");
        self.replicas() - u16::try_from(self.devices.iter().filter(elsewhere).count()).unwrap_or_default()
    }

    /// The settings of sessions of this process alone, whatever the whole run has.
    pub fn alone_of(&self, config: &SessionConfig) -> SessionConfig {
        SessionConfig { replicas: self.own_replicas(), ..config.clone() }
    }

    /// Whether a worker was lost before.
    pub fn has_restarted(&self) -> bool {
        self.team.as_ref().is_some_and(|team| team.restarts > 0)
    }

    /// Whether the session failed for want of ops that this process has.
    pub fn lacks_ops(&self, error: &anyhow::Error) -> bool {
        self.team.is_some() && failure::text(error).contains("Op type not registered")
    }

    /// Whether some of the devices are GPUs.
    pub fn has_gpu(&self) -> bool {
        self.devices.iter().any(|device| device.contains("GPU"))
    }

    /// Where a replica is, for the user.
    pub fn name_of(&self, replica: usize) -> String {
        let device = &self.devices[replica];
        let task =
            device.split_once("/task:").and_then(|(_, rest)| rest.split('/').next()?.parse::<usize>().ok());
        let address = |task: usize| self.team.as_ref()?.cluster.workers().get(task.checked_sub(1)?);
        match task.and_then(|task| Some((task, address(task)?))) {
            Some((task, address)) => format!("worker {task} ({address})"),
            None => format!("this process ({})", device.rsplit("device:").next().unwrap_or_default()),
        }
    }

    /// The workers whose loss explains `error`, by their own silence or by its words; none if it has another cause.
    pub fn lost_by(&self, error: &anyhow::Error) -> Option<Vec<LostWorker>> {
        let team = self.team.as_ref()?;
        let is_sure = error.chain().find_map(tells_of_loss)?;
        let mut lost = team.cluster.lost();
        if !is_sure {
            // That names are not resolved now is no cause of what went wrong on connections that were there.
            lost.retain(|worker| !matches!(worker.reason, Silence::Unknown(_)));
        }
        // It may be back already.
        (is_sure || !lost.is_empty()).then_some(lost)
    }

    /// The error, or the loss of workers behind it.
    pub fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(lost) = self.lost_by(&error) else { return error };
        log::debug!("{}", failure::text(&error));
        let are_own = self.team.as_ref().is_some_and(|team| team.processes.is_some());
        let advice = match (lost.is_empty(), are_own) {
            (true, _) if error.is::<SessionError>() => return error,
            (true, _) => "a worker serves one command at a time: once it is free, run the same command again",
            (false, true) => "its processes are started anew when the same command is run again",
            (false, false) => return anyhow::Error::new(SessionError::Lost(lost)).context("lost"),
        };
        advised(anyhow!("lost: {}", Self::told_of(&lost, &error)), advice)
    }

    /// Who was lost, as far as is known.
    pub fn told_of(lost: &[LostWorker], error: &anyhow::Error) -> String {
        if !lost.is_empty() {
            return lost.iter().map(LostWorker::to_string).collect::<Vec<_>>().join("; ");
        }
        let words = failure::text(error);
        log::debug!("{words}");
        let first = words.lines().next().unwrap_or("").trim_end_matches([':', ' ']);
        match words.contains("DeadlineExceeded") {
            true => format!("a worker that answers, and took longer than --step-timeout: {first}"),
            false => format!("a worker that perhaps started again, or that another run took: {first}"),
        }
    }

    /// Waits until every worker is there again, those of its own started anew, as long as at the start. This is done `most`
    /// times.
    ///
    /// # Errors
    /// It was done so often; or a worker does not come back.
    pub fn recover(&mut self, lost: &[LostWorker], error: &anyhow::Error, most: u32) -> Result<()> {
        let Some(team) = &mut self.team else {
            return Ok(());
        };
        if team.restarts >= most {
            bail!(
                "workers were lost more often than the {most} times of --max-restarts; the last time {}",
                Self::told_of(lost, error)
            );
        }
        team.restarts += 1;
        let Some(processes) = &mut team.processes else {
            // Whoever took one that answers is not to lose it again at once, nor this one.
            thread::sleep(Duration::from_secs(if lost.is_empty() { team.restarts.into() } else { 0 }));
            return Ok(team.cluster.wait_for_workers(team.cluster.deadline())?);
        };
        let deadline = team.cluster.deadline();
        let mut lost = lost.to_vec();
        loop {
            let mut gone: Vec<_> = lost.iter().map(|worker| worker.number).collect();
            gone.extend(processes.ended());
            gone.sort_unstable();
            gone.dedup();
            for (number, started) in processes.start(&gone, deadline) {
                match started {
                    Ok(address) => {
                        log::info!("worker {number} is started again, at {address}");
                        team.cluster.moved(number, address);
                    }
                    Err(error) => log::warn!("{}", failure::text(&error)),
                }
            }
            // Another may have gone meanwhile, or one of these.
            lost = team.cluster.lost();
            if lost.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!(
                    "lost, and not started again in time: {}; --wait allows more",
                    Self::told_of(&lost, error)
                );
            }
            // Whatever it is that they end of, it may pass.
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// Whether an error is in TensorFlow's words for a lost worker; `false`: in others, which may stand for a loss if there is one.
fn tells_of_loss(cause: &(dyn Error + 'static)) -> Option<bool> {
    if let Some(error) = cause.downcast_ref() {
        let is_loss = |status: &Status| Cluster::is_loss(status) && status.code() != Code::DeadlineExceeded;
        return match error {
            // Also that a step took too long: where all answer, it will the next time, too.
            GraphError::Run { status, .. } => Some(is_loss(status)),
            GraphError::Save { .. } => Some(false),
            _ => None,
        };
    }
    match cause.downcast_ref()? {
        SessionError::Lost(_) | SessionError::Disconnected { .. } => Some(true),
        SessionError::TensorFlow { .. } | SessionError::Late { .. } => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_not_open_within_the_time_of_a_step_names_that() {
        let message = "DeadlineExceeded: Operation timed out.".to_owned();
        let told = Place::told_of(&[], &SessionError::Disconnected { message }.into());
        assert!(told.contains("took longer than --step-timeout: TensorFlow cannot open"), "{told}");
    }
}
