//! Where the time of a training step and of an evaluation goes, per op, by TensorFlow's own trace, beside the floor: the
//! multiply-adds over the rate of a large matrix product on the same machine in the same run. Rows are MNIST's.
//!
//! ```text
//! cargo run --release --example profile -- baseline|optimized [plain|fast|bf16|own] [runs]
//! ```

use anyhow::{Context, Result, bail};
use prost::Message;
use std::collections::BTreeMap;
use std::time::Instant;
use tensorflow::{DataType, Operation, Session, SessionRunArgs, Tensor};
use tf_mnist::dataset::{self, Form, Split};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::{Precision, Scope};
use tf_mnist::kernels;
use tf_mnist::model::summary::Summary;
use tf_mnist::model::{BuildOptions, Convolutions, Network, Towers};
use tf_mnist::networks;
use tf_mnist::runtime;
use tf_mnist::session::SessionConfig;

const BATCH: u64 = 100;
const CHUNK: u64 = 1000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize, default: &'static str| arguments.get(place).map_or(default, String::as_str);
    let fast = |precision, convolutions| Towers::Fast { precision, convolutions };
    let towers = match argument(1, "own") {
        "plain" => Towers::AsPublished,
        "fast" => fast(Precision::F32, Convolutions::TensorFlow),
        "bf16" => fast(Precision::Bf16, Convolutions::TensorFlow),
        "own" => fast(Precision::F32, Convolutions::Own),
        other => bail!("{other}: the towers are plain, fast, bf16 or own"),
    };
    let runs: usize = argument(2, "60").parse().context("runs is a number")?;

    let options = runtime::Options { onednn: Some(true), ..Default::default() };
    // SAFETY: nothing has started a thread yet that could read the environment meanwhile.
    let runtime = unsafe { runtime::load_with_environment(&options, &Silent)? };
    let config = SessionConfig::default();
    if towers == fast(Precision::F32, Convolutions::Own) {
        kernels::load(&runtime.library, config.threads().intra_op)?;
    }
    let table = networks::find(argument(0, "optimized").as_ref())?;
    let options = BuildOptions { seed: Some(0), towers, ..Default::default() };
    let network = Network::build(&table, &options)?;
    // Multiply-adds count as two. A step computes each product forwards, for the filter and, but in the first layer, for the
    // input.
    let summary = Summary::of(&table);
    let [first, all] = [summary.layers[0].multiply_adds_per_row, summary.totals.multiply_adds_per_row];
    let step_flop = 2 * BATCH * (3 * all - first);
    let evaluation_flop = summary.forward_flop(CHUNK);

    let session = Session::new(&config.session_options()?, &network.graph.graph())?;
    let mut initialize = SessionRunArgs::new();
    initialize.add_target(&network.initialize);
    session.run(&mut initialize)?;

    let data = dataset::load_default(&Form::default(), &Silent)?;
    let rate = matrix_rate(&config)?;
    println!("matrix product, float32: {rate:.0} GFLOP/s");
    for (what, rows, training, flop) in [
        ("training step of 100 rows", BATCH, true, step_flop),
        ("evaluation of 1000 rows", CHUNK, false, evaluation_flop),
    ] {
        let job = Job::new(&network, &data.test, rows, training);
        let (fastest, median) = job.time(&session, runs)?;
        let floor = flop as f64 / rate / 1e6;
        println!("\n{what}: median {median:.2} ms, fastest {fastest:.2} ms");
        println!(
            "{:.3} GFLOP: floor {floor:.2} ms, {:.0}% of the matrix product's rate",
            flop as f64 / 1e9,
            100.0 * floor / median
        );
        let mut ops: BTreeMap<String, f64> = BTreeMap::new();
        let traces = runs.min(20);
        for _ in 0..traces {
            for (op, millis) in job.trace(&session)? {
                *ops.entry(op).or_default() += millis / traces as f64;
            }
        }
        let mut ops: Vec<_> = ops.into_iter().collect();
        ops.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f64 = ops.iter().map(|(_, millis)| millis).sum();
        println!("sum of its ops {total:.2} ms (they overlap):");
        for (op, millis) in ops.iter().take(30).filter(|(_, millis)| *millis > 0.02) {
            println!("  {millis:7.3} ms  {op}");
        }
    }
    Ok(())
}

/// What is run and fed.
struct Job<'a> {
    network: &'a Network,
    images: Tensor<f32>,
    labels: Tensor<i32>,
    training: Option<(Tensor<bool>, Tensor<i64>)>,
}

impl<'a> Job<'a> {
    fn new(network: &'a Network, data: &Split, rows: u64, training: bool) -> Self {
        let (mut images, mut labels) = (Tensor::new(&[rows, 784]), Tensor::new(&[rows]));
        data.gather(0..rows as usize, &mut images, &mut labels);
        Self { network, images, labels, training: training.then(|| (Tensor::from(true), Tensor::from(0))) }
    }

    fn run(&self, session: &Session, traced: bool) -> Result<Option<Vec<u8>>> {
        let network = self.network;
        let mut args = SessionRunArgs::new();
        args.add_feed(&network.inputs.x.operation, 0, &self.images);
        args.add_feed(&network.inputs.labels.operation, 0, &self.labels);
        match &self.training {
            Some((flag, step)) => {
                if let Some(inputs) = &network.inputs.training {
                    args.add_feed(&inputs.flag.operation, 0, flag);
                    args.add_feed(&inputs.step.operation, 0, step);
                }
                args.add_target(&network.train);
                args.request_fetch(&network.loss.operation, network.loss.index);
            }
            None => {
                let correct = &network.evaluations[0].accuracy.correct;
                args.request_fetch(&correct.operation, correct.index);
            }
        }
        if traced {
            let options = RunOptions { trace_level: 3 };
            args.set_run_options(&options.encode_to_vec());
            args.set_request_metadata(true);
        }
        session.run(&mut args)?;
        Ok(args.get_metadata().map(<[u8]>::to_vec))
    }

    fn time(&self, session: &Session, runs: usize) -> Result<(f64, f64)> {
        let mut millis = Vec::new();
        for run in 0..runs + 5 {
            let started = Instant::now();
            self.run(session, false)?;
            if run >= 5 {
                millis.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        millis.sort_by(f64::total_cmp);
        Ok((millis[0], millis[millis.len() / 2]))
    }

    fn trace(&self, session: &Session) -> Result<BTreeMap<String, f64>> {
        let metadata = self.run(session, true)?.context("TensorFlow gave no trace")?;
        let metadata = RunMetadata::decode(&metadata[..])?;
        let mut ops = BTreeMap::new();
        for node in metadata.step_stats.unwrap_or_default().devices.iter().flat_map(|device| &device.nodes) {
            // "[CPU]name = Op(inputs)"
            let op =
                node.label.split_once(" = ").map_or("", |(_, rest)| rest.split('(').next().unwrap_or(""));
            *ops.entry(format!("{op:34} {}", node.name)).or_default() +=
                (node.op_end - node.op_start) as f64 / 1e3;
        }
        Ok(ops)
    }
}

/// GFLOP/s of a product of two float32 matrices 1536 x 1536, the best of ten.
fn matrix_rate(config: &SessionConfig) -> Result<f64> {
    const SIZE: u64 = 1536;
    let scope = Scope::new(None);
    let matrix = scope.op("Placeholder", "a").data_type("dtype", DataType::Float).output()?;
    let product: Operation = scope.op("MatMul", "product").input(&matrix).input(&matrix).build()?;
    let session = Session::new(&config.session_options()?, &scope.graph())?;
    let value = Tensor::from(0.5f32);
    let mut values = Tensor::<f32>::new(&[SIZE, SIZE]);
    values.iter_mut().for_each(|x| *x = value[0]);
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let mut args = SessionRunArgs::new();
        args.add_feed(&matrix.operation, 0, &values);
        args.add_target(&product);
        let started = Instant::now();
        session.run(&mut args)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(2.0 * (SIZE as f64).powi(3) / best / 1e9)
}

/// What is used of TensorFlow's `core/protobuf/config.proto` and `core/framework/step_stats.proto`.
#[derive(Clone, PartialEq, Message)]
struct RunOptions {
    #[prost(int32, tag = "1")]
    trace_level: i32,
}

#[derive(Clone, PartialEq, Message)]
struct RunMetadata {
    #[prost(message, optional, tag = "1")]
    step_stats: Option<StepStats>,
}

#[derive(Clone, PartialEq, Message)]
struct StepStats {
    #[prost(message, repeated, tag = "1")]
    devices: Vec<DeviceStats>,
}

#[derive(Clone, PartialEq, Message)]
struct DeviceStats {
    #[prost(message, repeated, tag = "2")]
    nodes: Vec<NodeStats>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeStats {
    #[prost(string, tag = "1")]
    name: String,
    /// Microseconds after the node began.
    #[prost(int64, tag = "3")]
    op_start: i64,
    #[prost(int64, tag = "4")]
    op_end: i64,
    #[prost(string, tag = "8")]
    label: String,
}
