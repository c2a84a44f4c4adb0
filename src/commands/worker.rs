//! `tf-mnist worker`: a process that computes for others.

use super::failure::usage;
use super::{output, signals, tensorflow};
use crate::cli::{GlobalArgs, ReplicaArgs, WorkerArgs};
use anyhow::{Context, Result, bail};
use std::io::{self, Read};
use std::sync::atomic::Ordering;
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
    // Here, and not between fork and exec: a fork of a process that has a server may hang in its library's handlers.
    #[cfg(target_os = "linux")]
    if args.with_parent {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    }
    let server = serve(global, args, "--port")?;
    if args.with_parent {
        end_with_input()?;
    }
    let interrupt = signals::interrupt().context("cannot watch for signals")?;
    output::print(&format!("{READY} {}\n", server.address().port()))?;
    while interrupt.load(Ordering::Relaxed) == 0 {
        thread::sleep(Duration::from_millis(50));
    }
    leave()
}

/// Ends this process as it is: its threads may be serving, and would stumble over what is taken down before a usual end.
fn leave() -> ! {
    signal_hook::low_level::exit(0)
}

/// Serves the chief of a cluster, until a signal, or until the chief, once there, is gone for `wait`: it may come back.
///
/// # Errors
/// As [`run`]; or the chief did not come within `wait`.
pub fn work_for(chief: &Address, global: &GlobalArgs, own: &WorkerArgs, args: &ReplicaArgs) -> Result<()> {
    serve(global, own, "--cluster")?;
    log::info!("working for {chief}, until it has been gone for {:?}", args.wait);
    let interrupt = signals::interrupt().context("cannot watch for signals")?;
    let (answer, wait) = (args.peer_timeout, args.wait);
    let gone = signals::or_end(&interrupt, || leave(), || gone(chief, answer, wait));
    match gone.context("cannot watch the chief")? {
        (true, silence) => log::info!("{chief} has ended: {silence}"),
        (false, silence) => {
            bail!(
                "the chief, {chief}, did not come within {wait:?}: {silence}; start it, or wait longer for it: --wait"
            )
        }
    }
    leave()
}

/// Waits until the chief has not answered for `wait`. Returns whether it ever did, and what was found last.
fn gone(chief: &Address, answer: Duration, wait: Duration) -> (bool, Silence) {
    let (mut came, mut last) = (false, Instant::now());
    loop {
        match probe(chief, answer) {
            Ok(()) => (came, last) = (true, Instant::now()),
            // However it is silent: one whose machine is gone says no more than one that is frozen.
            Err(silence) if last.elapsed() >= wait => return (came, silence),
            Err(_) => {}
        }
        // A short run is soon over.
        thread::sleep(Duration::from_millis(if came { 500 } else { 50 }).min(wait));
    }
}

/// Starts the server, with our own ops where this processor has them, at the port that `option` gave.
fn serve(global: &GlobalArgs, args: &WorkerArgs, option: &str) -> Result<Server> {
    let config = tensorflow::session_config(global, args.reproducible)?;
    let config = tensorflow::with_replicas(SessionConfig { replicas: 1, ..config }, args.replicas)?;
    let onednn = tensorflow::onednn(global, args.reproducible);
    let runtime = tensorflow::load(global, &config, onednn)?;
    if !args.reproducible {
        // The chief may build its graph of them; where it does not, nothing is lost.
        tensorflow::fastest_convolutions(runtime, &config)?;
    }
    let address = Address::new("localhost", args.port)?;
    let server = Server::start(&address, &config).map_err(|error| of_port(error, option, args.port))?;
    if !args.with_parent {
        exposed(server.address().port());
    }
    Ok(server)
}

/// Says who may come in.
pub fn exposed(port: u16) {
    // With --quiet, too: who starts it must know.
    output::notice(&format!(
        "warn: port {port} is open on every interface of this machine: whoever reaches it can run anything with this user's \
         rights, as TensorFlow's server asks for no password"
    ));
}

/// The error of a server at the port that `option` gave.
pub fn of_port(error: SessionError, option: &str, port: u16) -> anyhow::Error {
    match &error {
        SessionError::Server { reason, .. } if reason.contains("Could not start gRPC server") => {
            usage(match option {
                "--port" => format!("--port {port} is in use; take another one, or 0 for any that is free"),
                _ => format!("{option}: port {port} is in use on this machine; take another one"),
            })
        }
        _ => error.into(),
    }
}

/// Ends this process when standard input ends, and with it whoever holds its other end. On a thread, so only when TensorFlow
/// is open: until then the environment is written.
fn end_with_input() -> io::Result<()> {
    let watch = || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        leave()
    };
    thread::Builder::new().spawn(watch).map(drop)
}
