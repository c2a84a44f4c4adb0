//! Trains a small network on points that wind in three spirals, with nothing but the library: how to build a graph,
//! train it, save it, and use it in another session.
//!
//! ```text
//! cargo run --example spiral
//! ```

use anyhow::{Result, ensure};
use std::f32::consts::TAU;
use tensorflow::{DataType, Operation, Output, Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::{
    Accuracy, Activation, AdamOptimizer, Dense, Saver, Scope, in_top_1, sparse_softmax_cross_entropy,
};
use tf_mnist::runtime;

const ARMS: usize = 3;
const POINTS: usize = 100; // of an arm
const STEPS: usize = 400;

fn main() -> Result<()> {
    // First of all TensorFlow's library is opened: found on this machine, or else installed into the cache.
    let options = runtime::Options::default();
    // SAFETY: nothing has started a thread yet that could read the environment meanwhile.
    let _environment = unsafe { runtime::set_environment(&options) };
    runtime::load(&options, &Silent)?;

    let network = Network::new()?;
    let data = spirals()?;
    let folder = tempfile::tempdir()?;
    let checkpoint = folder.path().join("spiral.ckpt");

    let session = Session::new(&SessionOptions::new(), &network.scope.graph())?;
    initialize(&session, &network)?;
    for step in 0..STEPS {
        let loss = train(&session, &network, &data)?;
        if step % 100 == 0 {
            println!("step {step:3}: loss {loss:.3}");
        }
    }
    let trained = accuracy(&session, &network, &data)?;
    println!("accuracy: {:.1}%", 100.0 * trained);
    network.saver.save(&session, &checkpoint)?;

    // A session of its own knows nothing of the first one: what it knows comes from the checkpoint. A program of its
    // own would build the same network and do the same.
    let another = Session::new(&SessionOptions::new(), &network.scope.graph())?;
    network.saver.restore(&another, &checkpoint)?;
    let restored = accuracy(&another, &network, &data)?;
    println!("accuracy, restored: {:.1}%", 100.0 * restored);

    ensure!(restored == trained, "the checkpoint does not hold what was saved");
    ensure!(trained > 0.95, "the network did not learn the spirals");
    Ok(())
}

/// Two inputs, 32 SELU units, 32 more, and a logit for each arm; with what it takes to train and save them.
struct Network {
    scope: Scope,
    points: Output,
    arms: Output,
    loss: Output,
    accuracy: Accuracy,
    train: Operation,
    initialize: Operation,
    saver: Saver,
}

impl Network {
    fn new() -> Result<Self> {
        // The seed makes start values, and so the whole run, repeatable.
        let scope = Scope::new(Some(1));

        // What is fed: any number of points, float32 [rows, 2], and the arm each is on, int32 [rows].
        let points = scope
            .op("Placeholder", "points")
            .data_type("dtype", DataType::Float)
            .shape("shape", &[None, Some(2)])
            .output()?;
        let arms = scope
            .op("Placeholder", "arms")
            .data_type("dtype", DataType::Int32)
            .shape("shape", &[None])
            .output()?;

        // A layer is made once, with its variables, and applied as often as needed.
        let selu = Some(Activation::Selu);
        let h = Dense::new(&scope, "hidden1", 2, 32, selu)?.apply(&scope, &points)?;
        let h = Dense::new(&scope, "hidden2", 32, 32, selu)?.apply(&scope, &h)?;
        let logits = Dense::new(&scope, "output", 32, ARMS as u64, None)?.apply(&scope, &h)?;

        let loss = sparse_softmax_cross_entropy(&scope, &logits, &arms)?;
        let train = AdamOptimizer::new(0.01).minimize(&scope, &loss, &scope.trainable_variables())?;
        let accuracy = in_top_1(&scope, &logits, &arms)?;

        // These two come last, when every variable is made, Adam's too.
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &scope.variables())?;
        Ok(Self {
            scope,
            points,
            arms,
            loss: loss.value,
            accuracy,
            train,
            initialize,
            saver,
        })
    }
}

struct Data {
    points: Tensor<f32>,
    arms: Tensor<i32>,
}

/// Points along three arms that wind once around the origin.
fn spirals() -> Result<Data> {
    let (mut points, mut arms) = (Vec::new(), Vec::new());
    for arm in 0..ARMS {
        for point in 0..POINTS {
            let radius = (point + 1) as f32 / POINTS as f32;
            let angle = TAU * (radius + arm as f32 / ARMS as f32);
            points.extend([radius * angle.cos(), radius * angle.sin()]);
            arms.push(arm as i32);
        }
    }
    let rows = arms.len() as u64;
    Ok(Data {
        points: Tensor::new(&[rows, 2]).with_values(&points)?,
        arms: Tensor::new(&[rows]).with_values(&arms)?,
    })
}

fn initialize(session: &Session, network: &Network) -> Result<()> {
    let mut args = SessionRunArgs::new();
    args.add_target(&network.initialize);
    Ok(session.run(&mut args)?)
}

/// One step on all points; returns the loss before it.
fn train(session: &Session, network: &Network, data: &Data) -> Result<f32> {
    let mut args = SessionRunArgs::new();
    args.add_feed(&network.points.operation, 0, &data.points);
    args.add_feed(&network.arms.operation, 0, &data.arms);
    args.add_target(&network.train);
    let loss = args.request_fetch(&network.loss.operation, network.loss.index);
    session.run(&mut args)?;
    Ok(args.fetch::<f32>(loss)?[0])
}

fn accuracy(session: &Session, network: &Network, data: &Data) -> Result<f32> {
    let mut args = SessionRunArgs::new();
    args.add_feed(&network.points.operation, 0, &data.points);
    args.add_feed(&network.arms.operation, 0, &data.arms);
    let mean = &network.accuracy.mean;
    let mean = args.request_fetch(&mean.operation, mean.index);
    session.run(&mut args)?;
    Ok(args.fetch::<f32>(mean)?[0])
}
