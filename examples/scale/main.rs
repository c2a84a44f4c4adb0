//! What replicas in several processes cost: steps measured at loopback and through a slower network, a simulation of them
//! beside, and what it says of machines that are not here. `docs/scale.md` is made of what it prints.
//!
//! ```text
//! cargo run --release --example scale
//! ```

mod simulation;

use anyhow::{Context, Result};
use simulation::{Costs, Place};
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::relay::{Link, relay};
use tensorflow::{Session, SessionRunArgs, Tensor};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::Precision;
use tf_mnist::model::{BuildOptions, Convolutions, Network, Towers};
use tf_mnist::networks::{self, Table};
use tf_mnist::session::cluster::{Address, Cluster, Patience, Server};
use tf_mnist::session::{Device, SessionConfig};
use tf_mnist::{kernels, runtime};

const ROWS: u64 = 100;
const STEPS: usize = 200;

fn main() -> Result<()> {
    let is_worker = std::env::args().nth(1).as_deref() == Some("worker");
    // Before the environment is this process's own.
    let workers =
        if is_worker { Vec::new() } else { (0..3).map(|_| Worker::spawn()).collect::<Result<_>>()? };
    let options = runtime::Options { onednn: Some(true), ..Default::default() };
    // SAFETY: nothing has started a thread yet that could read the environment meanwhile.
    let runtime = unsafe {
        std::env::set_var("TF_GRPC_REUSE_PORT", "1"); // a relay takes what comes to the chief's port at 127.0.0.2
        runtime::load_with_environment(&options, &Silent)?
    };
    let config = SessionConfig { device: Device::Cpu, intra_op_threads: 1, ..SessionConfig::default() };
    kernels::load(&runtime.library, config.threads().intra_op)?;
    if is_worker {
        let server = Server::start(&Address::new("127.0.0.1", 0)?, &config)?;
        println!("{}", server.address().port());
        std::io::stdin().lines().for_each(drop); // until the other one ends
        return Ok(());
    }
    // The chief's own address is a relay's, for those that it tells it.
    let server = Server::start(&Address::new("127.0.0.2", 0)?, &config)?;
    let links = [Link::new(), Link::new()];
    let [out, back] = links.clone();
    relay(Ipv4Addr::new(127, 0, 0, 2), server.address().port(), server.address().port(), [back, out]);
    let relayed = |worker: &Worker| relay(Ipv4Addr::LOCALHOST, 0, worker.port, links.clone());
    let addresses = workers.iter().map(|worker| Address::new("127.0.0.1", relayed(worker)));
    let addresses = addresses.collect::<Result<_, _>>()?;
    let here = Here { config, server, addresses, links };
    println!("{} processors, one thread a process, steps of {ROWS} rows, medians of {STEPS}\n", processors());
    for name in ["baseline", "optimized"] {
        let costs = here.measure(&networks::find(name.as_ref())?)?;
        predict(name, costs);
    }
    Ok(())
}

/// Other processes that work for this one.
struct Worker {
    child: Child,
    port: u16,
}

impl Worker {
    fn spawn() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let command =
            command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut port = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut port)?;
        Ok(Self { child, port: port.trim().parse().context("a worker did not start")? })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

struct Here {
    config: SessionConfig,
    server: Server,
    /// Of the workers, behind relays.
    addresses: Vec<Address>,
    /// What goes from this process, what comes to it.
    links: [Arc<Link>; 2],
}

impl Here {
    /// Measures a network with 1 to 4 replicas, and prints that beside what is simulated.
    fn measure(&self, table: &Table) -> Result<Costs> {
        let towers = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::Own };
        let options = BuildOptions { seed: Some(0), towers, ..Default::default() };
        let network = Network::build(table, &options)?;
        let session = Session::new(&self.config.session_options()?, &network.graph.graph())?;
        let alone = |rows| step(&session, &network, rows);
        let [few, all] = [alone(ROWS / 4)?, alone(ROWS)?];
        let per_row = (all - few) / (ROWS - ROWS / 4) as f64;
        let trained = network.graph.trainable_variables();
        let bytes = |of: &dyn Fn(u64) -> u64| {
            trained.iter().map(|variable| of(variable.len() * 4)).sum::<u64>() as f64
        };
        let costs = Costs {
            fixed: all - per_row * ROWS as f64,
            per_row,
            serving: 0.0,
            weights: bytes(&|bytes| bytes),
            early: bytes(&|bytes| if bytes > 64 << 10 { bytes } else { 0 }),
            row: 784.0,
        };
        println!(
            "{}: a step of one replica {:.2} ms, of {} rows {:.2} ms",
            table.name,
            all * 1e3,
            ROWS / 4,
            few * 1e3
        );
        println!(
            "\n| network | replicas | kB a step | ms, measured | ms, simulated | ratio |\n|---|---|---|---|---|---|"
        );
        let mut fitted = None;
        for (name, delay, bits) in [
            ("loopback", 0.0, f64::INFINITY),
            ("0.2 ms", 0.2e-3, f64::INFINITY),
            ("1 ms", 1e-3, f64::INFINITY),
            ("1 Gbit/s", 0.0, 1e9),
            ("1 Gbit/s, 0.2 ms", 0.2e-3, 1e9),
            ("1 Gbit/s, 1 ms", 1e-3, 1e9),
        ] {
            let place = Place { delay, rate: bits / 8.0, processors: processors() as f64 };
            for replicas in 2..=4 {
                self.links.iter().for_each(|link| link.slow_down(Duration::from_secs_f64(delay), bits));
                let (seconds, bytes) = self.step(table, &options, replicas)?;
                // Of what is measured, one number is taken: what it costs to serve one worker, by way of the relay.
                let costs = *fitted
                    .get_or_insert_with(|| costs.served_for(place, replicas as u32, ROWS as f64, seconds));
                let simulated = costs.star(place, replicas as u32, ROWS as f64);
                println!(
                    "| {name} | {replicas} | {:.0} | {:.2} | {:.2} | {:.2} |",
                    bytes / 1e3,
                    seconds * 1e3,
                    simulated * 1e3,
                    simulated / seconds
                );
            }
        }
        let costs = fitted.context("nothing was measured")?;
        println!("\nserving a worker: {:.2} ms\n", costs.serving * 1e3);
        Ok(costs)
    }

    /// Seconds and bytes of a step of so many replicas.
    fn step(&self, table: &Table, options: &BuildOptions, replicas: usize) -> Result<(f64, f64)> {
        let limit = Duration::from_secs(60);
        let patience = Patience { arrival: limit, answer: limit, run: limit };
        let workers = self.addresses[..replicas - 1].to_vec();
        let cluster = Cluster::new(self.server.clone(), workers, patience);
        let devices = cluster.replica_devices(&self.config, None, cluster.deadline())?;
        let network = Network::build_on(&devices, table, options)?;
        let session = cluster.open(&self.config, &network.graph.graph())?;
        let carried = || self.links.iter().map(|link| link.carried()).sum::<u64>();
        let before = carried();
        let seconds = step(&session, &network, ROWS)?;
        Ok((seconds, (carried() - before) as f64 / (STEPS + WARM) as f64))
    }
}

/// Steps before those that count.
const WARM: usize = 30;

/// The median of so many steps of training, in seconds.
fn step(session: &Session, network: &Network, rows: u64) -> Result<f64> {
    let mut initialize = SessionRunArgs::new();
    initialize.add_target(&network.initialize);
    session.run(&mut initialize)?;
    let mut bytes = Tensor::<u8>::new(&[rows, 784]);
    bytes.iter_mut().enumerate().for_each(|(place, byte)| *byte = (place * 7919 % 251) as u8);
    let mut floats = Tensor::<f32>::new(&[rows, 784]);
    floats.iter_mut().zip(bytes.iter()).for_each(|(float, &byte)| *float = f32::from(byte) / 255.0);
    let mut labels = Tensor::<i32>::new(&[rows]);
    labels.iter_mut().enumerate().for_each(|(row, label)| *label = (row % 10) as i32);
    let (flag, number) = (Tensor::from(true), Tensor::from(0i64));
    let mut seconds = Vec::new();
    for _ in 0..WARM + STEPS {
        let mut args = SessionRunArgs::new();
        match network.inputs.takes_bytes() {
            true => args.add_feed(&network.inputs.x.operation, 0, &bytes),
            false => args.add_feed(&network.inputs.x.operation, 0, &floats),
        }
        args.add_feed(&network.inputs.labels.operation, 0, &labels);
        if let Some(inputs) = &network.inputs.training {
            args.add_feed(&inputs.flag.operation, 0, &flag);
            args.add_feed(&inputs.step.operation, 0, &number);
        }
        args.add_target(&network.train);
        let started = Instant::now();
        session.run(&mut args)?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    let counted = &mut seconds[WARM..];
    counted.sort_by(f64::total_cmp);
    Ok(counted[STEPS / 2])
}

/// Prints what the simulation says of machines that each have a processor of their own.
fn predict(name: &str, costs: Costs) {
    const REPLICAS: [u32; 4] = [2, 8, 64, 512];
    println!("{name}: times as fast as one, star (bound for a ring)\n");
    println!("| network | rows a step | 2 | 8 | 64 | 512 |\n|---|---|---|---|---|---|");
    for (network, delay, bits) in [("1 Gbit/s, 0.1 ms", 1e-4, 1e9), ("25 Gbit/s, 0.05 ms", 5e-5, 25e9)] {
        let place = Place { delay, rate: bits / 8.0, processors: f64::INFINITY };
        for rows in [100.0, 1e3, 1e4, 1e5] {
            let cells = REPLICAS.map(|replicas| {
                let times = |seconds: f64| costs.alone(rows) / seconds;
                let [star, ring] =
                    [costs.star(place, replicas, rows), costs.ring(place, replicas, rows)].map(times);
                format!("{star:.2} ({ring:.2})")
            });
            println!("| {network} | {rows} | {} |", cells.join(" | "));
        }
    }
    println!();
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
