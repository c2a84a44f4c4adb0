//! `tf-mnist worker`: a process that computes for others.

use super::failure::usage;
use super::{output, signals, tensorflow};
use crate::cli::{GlobalArgs, WorkerArgs};
use anyhow::{Context, Result};
use std::io::{self, Read};
use std::process;
use std::thread;
use std::time::{Duration, Instant};
use tf_mnist::session::cluster::{Address, Server, Silence, probe};
use tf_mnist::session::{SessionConfig, SessionError};

/// What is printed of a server that is ready, before its port.
pub const READY: &str = "listening at port";

/// Serves until a signal, or the end of the process that this one is to end with.
///
/// # Errors
/// TensorFlow cannot be had, the port is in use, or a usage error.
pub fn run(global: &GlobalArgs, args: &WorkerArgs) -> Result<()> {
    if args.with_parent {
        end_with_parent()?;
    }
    let server = serve(global, args)?;
    let interrupt = signals::interrupt().context("cannot watch for signals")?;
    output::print(&format!("{READY} {}\n", server.address().port()))?;
    while !interrupt.is_set() {
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Serves the chief of a cluster, until a signal, or until the chief, once there, is gone for `wait`: it may come back.
///
/// # Errors
/// As [`run`].
pub fn work_for(chief: &Address, global: &GlobalArgs, args: &WorkerArgs, wait: Duration) -> Result<()> {
    serve(global, args)?;
    log::info!("working for {chief}");
    let interrupt = signals::interrupt().context("cannot watch for signals")?;
    let mut seen: Option<Instant> = None;
    while !interrupt.is_set() && seen.is_none_or(|last| last.elapsed() < wait) {
        match probe(chief, args.peer_timeout) {
            Ok(()) => seen = Some(Instant::now()),
            // Frozen, or out of reach: it may come back.
            Err(Silence::Silent) => seen = seen.map(|_| Instant::now()),
            Err(_) => {}
        }
        thread::sleep(Duration::from_millis(500));
    }
    if !interrupt.is_set() {
        log::info!("{chief} has ended");
    }
    Ok(())
}

/// Starts the server, with our own ops where this processor has them.
///
/// # Errors
/// As [`run`].
pub fn serve(global: &GlobalArgs, args: &WorkerArgs) -> Result<Server> {
    let config = tensorflow::session_config(global, args.reproducible)?;
    let config = tensorflow::with_replicas(SessionConfig { replicas: 1, ..config }, args.replicas)?;
    let onednn = tensorflow::onednn(global, args.reproducible);
    let runtime = tensorflow::load_for(global, &config, onednn, Some(args.peer_timeout))?;
    if !args.reproducible {
        // The chief may build its graph of them; where it does not, nothing is lost.
        tensorflow::fastest_convolutions(runtime, &config)?;
    }
    let address = Address::new("localhost", args.port)?;
    let server = Server::start(&address, &config).map_err(|error| of_port(error, args.port))?;
    if !args.with_parent {
        exposed(server.address().port());
    }
    Ok(server)
}

/// Says who may come in.
pub fn exposed(port: u16) {
    log::warn!(
        "port {port} is open on every interface of this machine: whoever reaches it can run anything with this user's rights, \
         as TensorFlow's server asks for no password"
    );
}

fn of_port(error: SessionError, port: u16) -> anyhow::Error {
    match &error {
        SessionError::Server { reason, .. } if reason.contains("Could not start gRPC server") => {
            usage(format!("--port {port} is in use; take another one, or 0 for any that is free"))
        }
        _ => error.into(),
    }
}

/// Ends this process when standard input ends, and with it whoever holds its other end; where the system does that by itself,
/// also a process that is stopped.
fn end_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let watch = || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0)
    };
    thread::Builder::new().spawn(watch).map(drop)
}
