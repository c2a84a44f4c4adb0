//! Where a run's replicas are: on this process's devices, or in a cluster of processes that this one leads or works for.

mod fence;
mod place;
mod processes;
mod processors;
mod tf_config;

pub use place::Place;

use super::failure::usage;
use super::{output, tensorflow, worker};
use crate::cli::{GlobalArgs, ReplicaArgs, WorkerArgs};
use anyhow::{Context, Result, bail};
use processes::{Processes, arguments};
use processors::Shares;
use std::env;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use tf_mnist::fetch::child::end_with_parent;
use tf_mnist::model::MAX_REPLICAS;
use tf_mnist::session::cluster::{Address, Cluster, Patience, Server, wait_for_workers};
use tf_mnist::session::{SessionConfig, replica_devices};

/// With what a worker serves its chief: options, how many replicas there are to be in all, if that is said, and whether the
/// run is to be reproducible.
pub type Work = (GlobalArgs, Option<u16>, bool);

/// The processes that are to take part.
pub enum Plan {
    /// This one alone.
    Alone,
    /// This one and those that run elsewhere.
    Elsewhere { workers: Vec<Address>, address: Option<Address> },
    /// This one and some that it starts: so many in all.
    Here { processes: u16, trust_network: bool, shares: Shares },
}

const TF_CONFIG: &str = "TF_CONFIG";

/// Of the system's choice.
const ANY_PORT: u16 = 0;

/// What the options make of this process. One that is to work for the chief of a cluster does so, by `work`, and there is no
/// plan left.
///
/// # Errors
/// A usage error: `--cluster` is given no cluster; or [`worker::work_for`] has one.
pub fn plan(args: &ReplicaArgs, work: impl FnOnce() -> Result<Work>) -> Result<Option<Plan>> {
    if let Some(source) = &args.cluster {
        let (mut processes, own) = tf_config::parse(&described(source)?)
            .map_err(|reason| usage(format!("--cluster {}: {reason}", source.display())))?;
        let count = u16::try_from(processes.len()).unwrap_or(u16::MAX);
        shares("--cluster", args.replicas.unwrap_or(count), count)?;
        let port = processes[own].port();
        let chief = processes.remove(0);
        if own > 0 {
            let (global, replicas, reproducible) = work()?;
            let replicas = shares("--cluster", replicas.unwrap_or(count), count)?[own];
            let own = WorkerArgs { port, replicas, reproducible, with_parent: false };
            worker::work_for(&chief, &global, &own, args)?;
            return Ok(None);
        }
        return Ok(Some(match processes.is_empty() {
            true => Plan::Alone,
            false => Plan::Elsewhere { address: Some(chief), workers: processes },
        }));
    }
    if let Some(processes) = args.processes {
        let (trust_network, shares) = (args.trust_network, Shares::of(processes));
        return Ok(Some(Plan::Here { processes, trust_network, shares }));
    }
    if args.workers.is_empty() {
        if env::var_os(TF_CONFIG).is_some_and(|set| !set.is_empty()) {
            log::info!(
                "{TF_CONFIG} is set, and left alone: --cluster {TF_CONFIG} takes part in that cluster"
            );
        }
        return Ok(Some(Plan::Alone));
    }
    if let Some(twice) =
        args.workers.iter().enumerate().find(|(place, own)| args.workers[..*place].contains(own))
    {
        return Err(usage(format!("--workers names {} twice", twice.1)));
    }
    if let Some(own) = args.address.as_ref().filter(|own| args.workers.contains(own)) {
        return Err(usage(format!(
            "--address {own} is where a worker is; name where this process is reached"
        )));
    }
    Ok(Some(Plan::Elsewhere { workers: args.workers.clone(), address: args.address.clone() }))
}

fn described(source: &Path) -> Result<String> {
    if source == Path::new(TF_CONFIG) {
        return env::var(TF_CONFIG).map_err(|_| {
            usage(format!(
                "--cluster {TF_CONFIG}: there is no such environment variable; set it, or name a file"
            ))
        });
    }
    fs::read_to_string(source).map_err(|error| usage(format!("--cluster {}: {error}", source.display())))
}

impl Plan {
    /// Whether other processes take part.
    pub fn has_workers(&self) -> bool {
        !matches!(self, Self::Alone)
    }

    /// What has to be done while this process has one thread: it gets processors of its own and, unless another is trusted, a
    /// network; before that what is to be fetched is, MNIST where the data set is not in `data_dir`.
    ///
    /// # Errors
    /// The system gives no such network; or TensorFlow or MNIST cannot be had.
    pub fn prepare(
        &self,
        global: &GlobalArgs,
        config: &SessionConfig,
        data_dir: Option<&Path>,
    ) -> Result<()> {
        let is_fenced = matches!(self, Self::Here { trust_network: false, .. });
        if is_fenced {
            fetch(global, &["runtime", "--json", "--device", &config.device.to_string()])?;
        }
        // Later there is a server: in its library's handlers a fork, which npm is started by, may hang.
        if self.has_workers() && data_dir.is_none() {
            fetch(global, &["data", "--json"])?;
        }
        if is_fenced {
            fence::enter().map_err(|error| {
                usage(format!(
                    "--processes: the system gives this user no network of its own ({error}); on a network that nobody else can \
                     reach, --trust-network goes without"
                ))
            })?;
        }
        if let Self::Here { shares, .. } = self {
            shares.bind(0);
        }
        Ok(())
    }

    /// Brings the processes together. `replicas` in all, if that is said.
    pub fn join(
        self,
        global: &GlobalArgs,
        args: &ReplicaArgs,
        config: &SessionConfig,
        replicas: Option<u16>,
        reproducible: bool,
    ) -> Result<Place> {
        // Arrival and start are one wait.
        let deadline = Instant::now() + args.wait;
        let patience = Patience { arrival: args.wait, answer: args.peer_timeout, run: args.step_timeout };
        let (own, workers, processes, replicas) = match self {
            Self::Alone => {
                let devices = replica_devices(config).map_err(tensorflow::no_gpu)?;
                if config.has_replicas() {
                    let shared = match devices.iter().any(|device| device.contains("CPU")) {
                        true => ", which share the processors",
                        false => "",
                    };
                    let names = devices.join(", ").replace("/device:", "");
                    log::info!("{} replicas: {names}{shared}", devices.len());
                }
                return Ok(Place::alone(devices));
            }
            Self::Elsewhere { workers, address } => {
                let own = match address {
                    Some(address) => address,
                    None => {
                        // Names may have addresses only once what they name is there.
                        wait_for_workers(&workers, args.peer_timeout, deadline)?;
                        Address::new(&own_host(&workers), ANY_PORT)?
                    }
                };
                (own, workers, None, replicas)
            }
            Self::Here { processes, trust_network, shares } => {
                let replicas = replicas.unwrap_or(processes);
                let own_replicas = self::shares("--processes", replicas, processes)?;
                let arguments = arguments(global, config, &own_replicas, reproducible);
                if trust_network {
                    output::notice(&format!(
                        "warn: the ports of {processes} processes are open on every interface of this machine: whoever reaches \
                         one can run anything with this user's rights"
                    ));
                }
                let (started, addresses) = Processes::start_all(arguments, shares, deadline)?;
                let own = Address::new("127.0.0.1", ANY_PORT)?;
                (own, addresses, Some(started), Some(replicas))
            }
        };
        // Devices that it turns out not to need cost nothing; they cannot be added later.
        let most = replicas.map_or(1, |replicas| {
            usize::from(replicas).saturating_sub(workers.len()).clamp(1, MAX_REPLICAS.into())
        });
        #[allow(clippy::cast_possible_truncation)] // at most MAX_REPLICAS
        let own_config = SessionConfig { replicas: most as u16, ..config.clone() };
        let option = if args.cluster.is_some() { "--cluster" } else { "--address" };
        let server =
            Server::start(&own, &own_config).map_err(|error| worker::of_port(error, option, own.port()))?;
        if processes.is_none() {
            worker::exposed(server.address().port());
        }
        let cluster = Cluster::new(server, workers, patience);
        cluster.wait_for_workers(deadline)?;
        let devices = cluster.replica_devices(config, replicas, deadline)?;
        if devices.len() > MAX_REPLICAS.into() {
            return Err(usage(format!(
                "there are {} replicas, and {MAX_REPLICAS} are the most",
                devices.len()
            )));
        }
        let names: Vec<_> = cluster.workers().iter().map(Address::to_string).collect();
        log::info!("{} replicas: on this process and {}", devices.len(), names.join(", "));
        Ok(Place::shared(devices, cluster, processes))
    }
}

/// This machine, as workers elsewhere see it.
fn own_host(workers: &[Address]) -> String {
    let seen_by = |worker: &Address| -> Option<IpAddr> {
        let peer = (worker.host(), worker.port()).to_socket_addrs().ok()?.next()?;
        let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(peer).ok()?; // sends nothing
        Some(socket.local_addr().ok()?.ip())
    };
    let seen: Vec<_> = workers.iter().filter_map(seen_by).collect();
    let outside = seen.iter().find(|address| !address.is_loopback()).or(seen.first());
    outside.map_or_else(|| "127.0.0.1".to_owned(), IpAddr::to_string)
}

/// How many replicas each process has, as numpy's `array_split` cuts them.
fn shares(option: &str, replicas: u16, processes: u16) -> Result<Vec<u16>> {
    if replicas < processes {
        return Err(usage(format!(
            "{option}: {processes} processes are more than the {replicas} replicas that there are to be"
        )));
    }
    Ok((0..processes)
        .map(|process| replicas / processes + u16::from(process < replicas % processes))
        .collect())
}

/// Has another process of this program fetch what the fence will keep out.
fn fetch(global: &GlobalArgs, arguments: &[&str]) -> Result<()> {
    let program = env::current_exe().context("cannot find this program, to fetch what it needs")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command.args(global.quiet.then_some("--quiet"));
    let status = end_with_parent(&mut command)
        .status()
        .context("cannot start this program anew, to fetch what it needs")?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => Err(usage("cannot get what is needed: see above")),
        _ => bail!("cannot get what is needed: see above"),
    }
}
