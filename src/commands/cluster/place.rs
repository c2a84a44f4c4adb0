//! The devices of a run, and what becomes of it when some are lost.

use super::processes::Processes;
use crate::commands::failure;
use anyhow::{Result, bail};
use std::sync::Arc;
use tensorflow::{Graph, Session};
use tf_mnist::graph::GraphError;
use tf_mnist::session::cluster::{Cluster, LostWorker};
use tf_mnist::session::{SessionConfig, SessionError};
use tf_mnist::training::TrainingError;

/// Where replicas run.
pub struct Place {
    /// Their devices, one each.
    pub devices: Vec<String>,
    team: Option<Team>,
}

struct Team {
    cluster: Cluster,
    processes: Option<Processes>,
    max_restarts: u32,
    restarts: u32,
}

impl Place {
    /// This process alone.
    pub fn alone(devices: Vec<String>) -> Self {
        Self { devices, team: None }
    }

    /// This process and its workers, some of which it may have started.
    pub fn shared(
        devices: Vec<String>,
        cluster: Cluster,
        processes: Option<Processes>,
        max_restarts: u32,
    ) -> Self {
        Self { devices, team: Some(Team { cluster, processes, max_restarts, restarts: 0 }) }
    }

    /// A session on the graph.
    ///
    /// # Errors
    /// TensorFlow refuses it, or a worker is not there.
    pub fn open(&self, config: &SessionConfig, graph: &Graph) -> Result<Arc<Session>, SessionError> {
        match &self.team {
            Some(team) => team.cluster.open(config, graph),
            None => {
                let session = Session::new(&config.session_options()?, graph);
                session.map(Arc::new).map_err(|status| SessionError::TensorFlow {
                    doing: "open a session",
                    message: status.to_string(),
                })
            }
        }
    }

    /// How many there are.
    pub fn replicas(&self) -> u16 {
        u16::try_from(self.devices.len()).unwrap_or(u16::MAX)
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
        let address = self
            .team
            .as_ref()
            .zip(task)
            .and_then(|(team, task)| team.cluster.workers().get(task.checked_sub(1)?));
        match (address, task) {
            (Some(address), Some(task)) => format!("worker {task} ({address})"),
            _ => format!("this process ({})", device.rsplit("device:").next().unwrap_or_default()),
        }
    }

    /// The workers whose loss explains `error`, by their own silence or by its words; none if it has another cause.
    pub fn lost_by(&self, error: &anyhow::Error) -> Option<Vec<LostWorker>> {
        let team = self.team.as_ref()?;
        let is_loss = match (error.downcast_ref(), error.downcast_ref()) {
            (Some(SessionError::Lost(_)), _) => true,
            (_, Some(TrainingError::Run { status, .. })) => Cluster::is_loss(status),
            (_, Some(TrainingError::Graph(GraphError::Run { status, .. }))) => Cluster::is_loss(status),
            (_, Some(TrainingError::Graph(GraphError::Save { .. }))) => false,
            (Some(SessionError::TensorFlow { .. }), _) => false,
            _ => return None,
        };
        let lost = team.cluster.lost();
        (is_loss || !lost.is_empty()).then_some(lost)
    }

    /// Who was lost, as far as is known.
    pub fn told_of(lost: &[LostWorker], error: &anyhow::Error) -> String {
        let names: Vec<_> = lost.iter().map(LostWorker::to_string).collect();
        match names.is_empty() {
            true => format!("a worker was lost: {}", failure::text(error)),
            false => format!("lost: {}", names.join("; ")),
        }
    }

    /// Waits until every worker is there again, those of its own started anew; `is_over` says that it is of no use any more.
    ///
    /// # Errors
    /// There were too many restarts, or a worker does not come back.
    pub fn recover(&mut self, lost: &[LostWorker], is_over: &(dyn Fn() -> bool + Sync)) -> Result<()> {
        let Some(team) = &mut self.team else {
            return Ok(());
        };
        let mut gone: Vec<_> = lost.iter().map(|worker| worker.number).collect();
        loop {
            if team.restarts >= team.max_restarts {
                bail!("workers were lost more often than the {} times of --max-restarts", team.max_restarts);
            }
            team.restarts += 1;
            let Some(processes) = &mut team.processes else {
                return Ok(team.cluster.wait_for_workers(is_over)?);
            };
            gone.extend(processes.ended());
            gone.sort_unstable();
            gone.dedup();
            for number in gone {
                match processes.restart(number) {
                    Ok(address) => {
                        log::info!("worker {number} is started again, at {address}");
                        team.cluster.moved(number, address);
                    }
                    Err(error) => log::warn!("{}", failure::text(&error)),
                }
            }
            // Another may have gone meanwhile, or one of these.
            gone = team.cluster.lost().iter().map(|worker| worker.number).collect();
            if gone.is_empty() || is_over() {
                return Ok(());
            }
        }
    }
}
