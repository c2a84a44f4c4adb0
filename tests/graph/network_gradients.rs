//! The gradients that Adam gets in each whole network, against a float64 forward pass and its central differences.
//!
//! Single partial derivatives of 200 000 weights would take hours, so each variable's gradient g is tried along two
//! directions of length 1: g/|g|, which shows a wrong length, and a random one, which shows a wrong direction; in a
//! random direction an error e shows as about |e|/sqrt(n) though, so it is held to that measure. The float64 step of
//! 1e-7 is far below the distance of the units from their kinks: of the 40 000, less than one flips, and moves the
//! result by less than the tolerance.
//!
//! Tolerance: float32 rounds by 2^-24 = 6e-8 at each of some ten layers forward and ten backward, in sums of up to
//! 6272 products; random rounding then adds up to about sqrt(6272) · 6e-8 = 5e-6, and dividing by a batch's standard
//! deviation multiplies it by a few; 1e-5 was the most seen. 1e-4 of |g| leaves room for another processor's order of
//! sums, and each test tries that a gradient off by one part in a hundred does not pass.

use std::collections::BTreeMap;
use support::float64_reference::{self as reference, Array};
use support::graph_session::{GraphSession, load, tensor};
use support::networks::{build, optimized_dropping, table};
use support::replicas::{self, Place};
use support::values::Values;
use tensorflow::Output;
use tf_mnist::graph::{Precision, Variable};
use tf_mnist::model::{Convolutions, Network, Towers};

const TOLERANCE: f64 = 1e-4;
const STEP: f64 = 1e-7;
const ROWS: usize = 3;
const LABELS: [i32; ROWS] = [3, 0, 9];

type Weights = BTreeMap<String, Array>;

type Function<'a> = dyn Fn(&Weights, &Array) -> Array + 'a;

/// A part of a network: the variables it uses, and what it computes from the part before.
struct Stage<'a> {
    variables: &'static [&'static str],
    apply: Box<Function<'a>>,
}

fn stage<'a>(
    variables: &'static [&'static str],
    apply: impl Fn(&Weights, &Array) -> Array + 'a,
) -> Stage<'a> {
    Stage { variables, apply: Box::new(apply) }
}

fn conv2d<'a>(variables: &'static [&'static str], stride: usize) -> Stage<'a> {
    let [kernel, bias] = variables else { panic!() };
    stage(variables, move |w, x| reference::conv2d(x, &w[*kernel], &w[*bias], stride, true))
}

fn batch_norm<'a>(variables: &'static [&'static str]) -> Stage<'a> {
    let [gamma, beta] = variables else { panic!() };
    stage(variables, move |w, x| {
        let (gamma, beta) = (&w[*gamma].values, &w[*beta].values);
        let moments = reference::moments(x);
        reference::normalize(x, &moments, gamma, beta, 0.001f32.into()).map(reference::selu)
    })
}

fn loss(logits: &Array) -> Array {
    Array::scalar(reference::cross_entropy(logits, &LABELS))
}

/// A network in a session, with random weights in every variable and a tiny batch.
struct Trial {
    network: Network,
    session: GraphSession,
    images: Vec<f32>,
    weights: Weights,
}

impl Trial {
    fn new(network: Network) -> Self {
        let session = GraphSession::open(&network.graph);
        session.initialize(&network.graph);
        let mut random = Values::new(11);
        for variable in network.graph.trainable_variables() {
            let len = variable.len() as usize;
            // Start values are fine for kernels; a bias of 0 and a gamma of 1 would hide errors.
            match variable.name().rsplit('/').next().unwrap() {
                "kernel" => {}
                "gamma" => session.assign(&variable, &random.vector(len, 0.5, 1.5)),
                _ => session.assign(&variable, &random.vector(len, -0.2, 0.2)),
            }
        }
        let values = session.values(&network.graph);
        let array = |variable: &Variable| {
            let shape: Vec<_> = variable.shape().iter().map(|&dim| dim as usize).collect();
            Array::from_f32(&shape, &values[variable.name()])
        };
        let variables = network.graph.trainable_variables();
        let weights = variables.iter().map(|v| (v.name().to_owned(), array(v))).collect();
        let images = random.vector(ROWS * 784, 0.0, 1.0);
        Self { network, session, images, weights }
    }

    /// What a training step computes, without its updates.
    fn fetch(&self, outputs: &[Output]) -> Vec<Vec<f32>> {
        let images = tensor(&[ROWS as u64, 784], &self.images);
        let labels = tensor(&[ROWS as u64], &LABELS);
        let (on, number) = (tensor(&[], &[true]), tensor(&[], &[7i64]));
        let inputs = &self.network.inputs;
        let mut step = self.session.step().feed(&inputs.x, &images).feed(&inputs.labels, &labels);
        if let Some(training) = &inputs.training {
            step = step.feed(&training.flag, &on).feed(&training.step, &number);
        }
        for output in outputs {
            step = step.fetch(output);
        }
        step.run().unwrap()
    }

    /// Which units the dropout of node `name` keeps, times 1 / (1 - rate): all ones without dropout.
    fn mask(&self, name: &str, rate: f64, units: usize) -> Vec<f64> {
        if rate == 0.0 {
            return vec![1.0; ROWS * units];
        }
        // The dropped value is seen to be zero, where the value before is not.
        let operation = self.network.graph.graph().operation_by_name_required(name).unwrap();
        let output = |(operation, index): (_, usize)| Output { operation, index: index as i32 };
        let mut values =
            self.fetch(&[Output { operation: operation.clone(), index: 0 }, output(operation.input(1))]);
        let (before, after) = (values.pop().unwrap(), values.pop().unwrap());
        assert!(before.iter().all(|&x| x != 0.0));
        let mask: Vec<_> = after.iter().map(|&y| if y == 0.0 { 0.0 } else { 1.0 / (1.0 - rate) }).collect();
        assert!(mask.contains(&0.0) && mask.iter().sum::<f64>() > 0.0);
        mask
    }

    /// The gradient that ApplyAdam is given for a variable, if Adam changes it.
    fn gradient(&self, scope: &str, variable: &Variable) -> Option<Output> {
        let name = format!("{scope}/Adam/update_{}/ApplyAdam", variable.name());
        let update = self.network.graph.graph().operation_by_name(&name).unwrap()?;
        let (operation, index) = update.input(9);
        Some(Output { operation, index: index as i32 })
    }

    fn check(&self, scope: &str, stages: &[Stage]) {
        let mut variables = self.network.graph.trainable_variables();
        let used: usize = stages.iter().map(|stage| stage.variables.len()).sum();
        assert_eq!(used, variables.len(), "the reference forgets variables");

        let mut fetches = vec![self.network.loss.clone()];
        // The fast towers leave the biases before a batch norm alone.
        variables.retain(|variable| {
            let gradient = self.gradient(scope, variable);
            let updated = gradient.is_some();
            fetches.extend(gradient);
            assert!(updated || variable.name().ends_with("/bias"), "{}", variable.name());
            updated
        });
        let mut got = self.fetch(&fetches);
        let got_loss = f64::from(got.remove(0)[0]);

        // The value before each stage: a change in a stage leaves those before it alone.
        let mut before = vec![Array::from_f32(&[ROWS, 28, 28, 1], &self.images)];
        for stage in stages {
            before.push((stage.apply)(&self.weights, before.last().unwrap()));
        }
        let wanted_loss = before.pop().unwrap().values[0];
        let error = (got_loss - wanted_loss).abs();
        assert!(error <= 1e-6 * wanted_loss, "loss {got_loss} instead of {wanted_loss}");

        let mut random = Values::new(12);
        let lengths: Vec<_> = got.iter().map(|gradient| length(gradient)).collect();
        for ((variable, gradient), &length) in variables.iter().zip(&got).zip(&lengths) {
            let name = variable.name();
            let first = stages.iter().position(|stage| stage.variables.contains(&name)).unwrap();
            let along = |direction: &[f64]| {
                let loss = |signed_step: f64| {
                    let mut weights = self.weights.clone();
                    let moved = weights.get_mut(name).unwrap();
                    for (value, d) in moved.values.iter_mut().zip(direction) {
                        *value += signed_step * d;
                    }
                    let start = before[first].clone();
                    let end =
                        stages[first..].iter().fold(start, |value, stage| (stage.apply)(&weights, &value));
                    end.values[0]
                };
                (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
            };

            let drawn = random.vector(gradient.len(), -1.0, 1.0);
            let random_direction = scaled(&drawn, 1.0 / self::length(&drawn));
            if name.ends_with("/bias") && self.network.inputs.training.is_some() {
                // A batch norm subtracts whatever this bias adds: the true gradient is zero, and rounding is left over.
                let kernel =
                    variables.iter().position(|v| v.name() == name.replace("bias", "kernel")).unwrap();
                assert!(along(&random_direction).abs() < 1e-6 * lengths[kernel], "{name}");
                assert!(length < TOLERANCE * lengths[kernel], "{name}: {length} instead of 0");
                continue;
            }
            let own_direction = scaled(gradient, 1.0 / length);
            let spread = (gradient.len() as f64).sqrt();
            for (what, direction, scale) in
                [("its own", &own_direction, length), ("a random", &random_direction, length / spread)]
            {
                let wanted = along(direction);
                let dot = |factor: f64| -> f64 {
                    gradient.iter().zip(direction).map(|(&g, d)| factor * f64::from(g) * d).sum()
                };
                let error = (dot(1.0) - wanted).abs() / scale;
                assert!(error <= TOLERANCE, "{name}: {} along {what} direction, not {wanted}", dot(1.0));
                if what == "its own" {
                    let wrong = (dot(1.01) - wanted).abs() / scale;
                    assert!(wrong > TOLERANCE, "{name}: a gradient times 1.01 would pass");
                }
            }
        }
    }
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

fn scaled(values: &[f32], factor: f64) -> Vec<f64> {
    values.iter().map(|&x| factor * f64::from(x)).collect()
}

#[test]
fn baseline_network() {
    check_baseline(1, Towers::AsPublished);
}

#[test]
fn baseline_network_of_two_replicas_with_two_rows_and_one() {
    check_baseline(2, Towers::AsPublished);
}

#[test]
fn baseline_network_s_own_kernels() {
    if let Some(towers) = own_kernels() {
        check_baseline(1, towers);
        check_baseline(3, towers);
    }
}

fn check_baseline(replicas: u16, towers: Towers) {
    load();
    let trial = Trial::new(replicas::build(&table("baseline"), replicas, Place::OneDevice, towers));
    let relu = |x: Array| x.map(reference::relu);
    let stages = [
        conv2d(&["conv1/kernel", "conv1/bias"], 1),
        stage(&["conv2/kernel", "conv2/bias"], move |w, x| {
            reference::conv2d(&relu(x.clone()), &w["conv2/kernel"], &w["conv2/bias"], 2, true)
        }),
        stage(&["fc1/kernel", "fc1/bias"], move |w, x| {
            let h = reference::max_pool(&relu(x.clone()), 2, 2, false).rows();
            reference::dense(&h, &w["fc1/kernel"], &w["fc1/bias"])
        }),
        stage(&["output/kernel", "output/bias"], move |w, x| {
            reference::dense(&relu(x.clone()), &w["output/kernel"], &w["output/bias"])
        }),
        stage(&[], |_, x| loss(x)),
    ];
    trial.check("train", &stages);
}

fn check_optimized(towers: Towers, pool_dropout: f32, fc_dropout: f32) {
    load();
    let network = build(&optimized_dropping(pool_dropout, fc_dropout), Some(1), towers);
    // Kernels of our own have no node of its own for it; the gradient's mask is the layer's.
    let own = matches!(towers, Towers::Fast { convolutions: Convolutions::Own, .. });
    let pool_dropped = if own { "loss_and_train/conv/dense" } else { DROPPED };
    check_optimized_as(network, pool_dropped, pool_dropout, fc_dropout);
}

/// Where TensorFlow's ops drop values of the pool's.
const DROPPED: &str = "training/pool3/dropout/SelectV2";

fn check_optimized_as(network: Network, pool_dropped: &str, pool_dropout: f32, fc_dropout: f32) {
    let trial = Trial::new(network);
    let pool_mask = trial.mask(pool_dropped, pool_dropout.into(), 14 * 14 * 32);
    let fc_mask = trial.mask("training/fc1/dropout/SelectV2", fc_dropout.into(), 32);
    let stages = [
        conv2d(&["conv1/kernel", "conv1/bias"], 1),
        batch_norm(&["batch_normalization/gamma", "batch_normalization/beta"]),
        conv2d(&["conv2/kernel", "conv2/bias"], 1),
        batch_norm(&["batch_normalization_1/gamma", "batch_normalization_1/beta"]),
        stage(&["fc1/kernel", "fc1/bias"], |w, x| {
            let h = reference::max_pool(x, 2, 2, false).rows().times(&pool_mask);
            reference::dense(&h, &w["fc1/kernel"], &w["fc1/bias"])
        }),
        batch_norm(&["batch_normalization_2/gamma", "batch_normalization_2/beta"]),
        stage(&["output/kernel", "output/bias"], |w, x| {
            reference::dense(&x.times(&fc_mask), &w["output/kernel"], &w["output/bias"])
        }),
        stage(&["batch_normalization_3/gamma", "batch_normalization_3/beta"], |w, x| {
            let gamma = &w["batch_normalization_3/gamma"].values;
            let beta = &w["batch_normalization_3/beta"].values;
            reference::normalize(x, &reference::moments(x), gamma, beta, 0.001f32.into())
        }),
        stage(&[], |_, x| loss(x)),
    ];
    trial.check("loss_and_train", &stages);
}

#[test]
fn optimized_network_without_dropout() {
    check_optimized(Towers::AsPublished, 0.0, 0.0);
}

#[test]
fn optimized_network_with_dropout() {
    check_optimized(Towers::AsPublished, 0.25, 0.5);
}

#[test]
fn optimized_network_s_fast_tower_with_dropout() {
    check_optimized(fast(Convolutions::TensorFlow), 0.25, 0.5);
}

#[test]
fn optimized_network_s_own_kernels_with_dropout() {
    if let Some(towers) = own_kernels() {
        check_optimized(towers, 0.25, 0.5);
    }
}

/// Of two rows and one, and of three times one, of which no replica by itself could normalize anything behind a dense layer.
#[test]
fn optimized_network_of_synchronized_replicas() {
    load();
    let table = optimized_dropping(0.0, 0.0);
    for (replicas, towers) in
        [(2, Towers::AsPublished), (3, Towers::AsPublished), (2, fast(Convolutions::TensorFlow))]
    {
        let network = replicas::build_synchronized(&table, replicas, Place::OneDevice, towers);
        check_optimized_as(network, DROPPED, 0.0, 0.0);
    }
}

/// The towers by kernels of our own, if this machine can have them.
fn own_kernels() -> Option<Towers> {
    support::load_kernels().then(|| fast(Convolutions::Own))
}

fn fast(convolutions: Convolutions) -> Towers {
    let precision = Precision::F32;
    Towers::Fast { precision, convolutions }
}
