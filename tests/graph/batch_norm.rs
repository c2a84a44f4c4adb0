//! Batch normalization's moving averages: how they move, what they are used for, and that training moves them.

use support::float64_reference::{self as reference, Array};
use support::graph_session::{GraphSession, graph, tensor};
use support::values::Values;
use tensorflow::{DataType, Operation, Output};
use tf_mnist::graph::{
    AdamOptimizer, BatchNorm, BatchNormConfig, Dense, GraphError, Mode, Scope, sparse_softmax_cross_entropy,
};

const CONFIG: BatchNormConfig = BatchNormConfig { momentum: 0.9, epsilon: 0.001 };
const CHANNELS: usize = 3;

/// A batch norm over a fed input of which only the number of rows is open.
struct Layer {
    scope: Scope,
    x: Output,
    norm: BatchNorm,
    y: Output,
}

impl Layer {
    fn new(shape: &[u64], mode: Mode) -> Self {
        let scope = graph(None);
        let mut dims: Vec<_> = shape.iter().map(|&dim| Some(dim as i64)).collect();
        dims[0] = None;
        let x = scope.op("Placeholder", "x").data_type("dtype", DataType::Float);
        let x = x.shape("shape", &dims).output().unwrap();
        let norm = BatchNorm::new(&scope, "norm", CHANNELS as u64, CONFIG).unwrap();
        let y = norm.apply(&scope, &x, mode).unwrap();
        Self { scope, x, norm, y }
    }

    fn update(&self, session: &GraphSession, shape: &[u64], values: &[f32]) {
        let values = tensor(shape, values);
        let mut step = session.step().feed(&self.x, &values);
        for update in self.scope.update_ops() {
            step = step.target(&update);
        }
        step.run().unwrap();
    }
}

/// A hundred batches, against float64. `bessel`: whether the batch's variance is multiplied by N / (N - 1) first.
///
/// Tolerance: a batch's mean and variance are float32 sums of up to 36 values near 1, off by at most 36 · 2^-24 = 2e-6
/// of the greatest square, 25, and much less in practice; an update rounds three times, and forgets a tenth of the error
/// each time, which sums it tenfold: 10 · 3 · 2^-24 = 2e-6 of an average below 4. 2e-5 holds both. Without Bessel's
/// correction the variance would be off by 1/36 of itself.
fn check_moving_averages(shape: &[u64], bessel: bool, factor: f64) {
    let layer = Layer::new(shape, Mode::Training);
    let session = GraphSession::open(&layer.scope);
    session.initialize(&layer.scope);
    let count = (shape.iter().product::<u64>() / CHANNELS as u64) as f64;
    let correction = if bessel { count / (count - 1.0) } else { 1.0 };

    let mut random = Values::new(21);
    let (mut mean, mut variance) = ([0.0; CHANNELS], [1.0; CHANNELS]);
    for _ in 0..100 {
        let len = shape.iter().product::<u64>() as usize;
        let values = random.vector(len, -2.0, 5.0);
        layer.update(&session, shape, &values);
        let dims: Vec<_> = shape.iter().map(|&dim| dim as usize).collect();
        let (batch_mean, batch_variance) = reference::moments(&Array::from_f32(&dims, &values));
        for channel in 0..CHANNELS {
            mean[channel] -= (mean[channel] - batch_mean[channel]) * factor;
            variance[channel] -= (variance[channel] - correction * batch_variance[channel]) * factor;
        }
    }

    let wanted = [(&layer.norm.moving_mean, mean), (&layer.norm.moving_variance, variance)];
    for (variable, wanted) in wanted {
        for (got, wanted) in session.value(variable.read()).into_iter().zip(wanted) {
            let error = (f64::from(got) - wanted).abs();
            assert!(error < 2e-5, "{} is {got} instead of {wanted}", variable.name());
        }
    }
}

#[test]
fn after_a_hundred_updates_images_have_the_unbiased_variance() {
    check_moving_averages(&[4, 3, 3, 3], true, (1.0f32 - 0.9).into());
}

#[test]
fn after_a_hundred_updates_rows_have_the_population_s_variance() {
    check_moving_averages(&[8, 3], false, 0.1f32.into());
}

/// From 0 towards a batch of ones, the first update is the factor itself.
#[test]
fn the_two_ranks_move_by_python_s_two_factors() {
    for (shape, factor) in [(&[4, 3, 3, 3][..], 1.0f32 - 0.9), (&[8, 3], 0.1)] {
        let layer = Layer::new(shape, Mode::Training);
        let session = GraphSession::open(&layer.scope);
        session.initialize(&layer.scope);
        layer.update(&session, shape, &vec![1.0; shape.iter().product::<u64>() as usize]);
        assert_eq!(session.value(layer.norm.moving_mean.read()), [factor; CHANNELS]);
    }
}

/// One batch of a single row has no spread: 1/0 must not reach the average.
#[test]
fn a_single_pixel_keeps_the_moving_variance_finite() {
    let layer = Layer::new(&[1, 1, 1, 3], Mode::Training);
    let session = GraphSession::open(&layer.scope);
    session.initialize(&layer.scope);
    layer.update(&session, &[1, 1, 1, 3], &[1.0, 2.0, 3.0]);
    let variance = session.value(layer.norm.moving_variance.read());
    assert!(variance.iter().all(|v| v.is_finite()), "{variance:?}");
}

#[test]
fn in_use_the_moving_averages_count_and_do_not_move() {
    for shape in [&[4, 3, 3, 3][..], &[8, 3]] {
        let layer = Layer::new(shape, Mode::Inference);
        assert!(layer.scope.update_ops().is_empty());
        let session = GraphSession::open(&layer.scope);
        session.initialize(&layer.scope);
        let (mean, variance) = ([0.5f32, -1.0, 2.0], [0.25f32, 4.0, 1e-4]);
        let (gamma, beta) = ([1.5f32, -0.5, 1.0], [0.1f32, 0.0, -3.0]);
        session.assign(&layer.norm.moving_mean, &mean);
        session.assign(&layer.norm.moving_variance, &variance);
        session.assign(&layer.norm.gamma, &gamma);
        session.assign(&layer.norm.beta, &beta);
        let before = session.values(&layer.scope);

        let len = shape.iter().product::<u64>() as usize;
        let values = Values::new(22).vector(len, -2.0, 5.0);
        let fed = tensor(shape, &values);
        let got = session.step().feed(&layer.x, &fed).fetch(&layer.y).run().unwrap().remove(0);

        let dims: Vec<_> = shape.iter().map(|&dim| dim as usize).collect();
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let wanted = reference::normalize(
            &Array::from_f32(&dims, &values),
            &(wide(&mean), wide(&variance)),
            &wide(&gamma),
            &wide(&beta),
            CONFIG.epsilon.into(),
        );
        for (got, wanted) in got.into_iter().zip(wanted.values) {
            // Five roundings of intermediate values below 7 / sqrt(0.0011) = 212; the rank 2 form subtracts two of them.
            let error = (f64::from(got) - wanted).abs();
            assert!(error < 212.0 * 5.0 / f64::from(1 << 24), "{got} instead of {wanted}");
        }
        assert_eq!(session.values(&layer.scope), before);
    }
}

/// A network whose training op depends on the updates, as `tf.GraphKeys.UPDATE_OPS` wants.
struct Classifier {
    scope: Scope,
    x: Output,
    labels: Output,
    loss: Output,
    train: Operation,
}

fn classifier() -> Classifier {
    let scope = graph(Some(1));
    let placeholder = |name, dtype, dims: &[Option<i64>]| {
        let node = scope.op("Placeholder", name).data_type("dtype", dtype);
        node.shape("shape", dims).output().unwrap()
    };
    let x = placeholder("x", DataType::Float, &[None, Some(3)]);
    let labels = placeholder("labels", DataType::Int32, &[None]);
    let norm = BatchNorm::new(&scope, "norm", 3, CONFIG).unwrap();
    let h = norm.apply(&scope, &x, Mode::Training).unwrap();
    let logits = Dense::new(&scope, "output", 3, 2, None).unwrap().apply(&scope, &h).unwrap();
    let loss = sparse_softmax_cross_entropy(&scope, &logits, &labels).unwrap();
    let updates = scope.update_ops();
    let after = scope.name_scope("train").control_dependencies(&updates);
    let train = AdamOptimizer::new(0.01);
    let train = train.minimize(&after, &loss, &scope.trainable_variables()).unwrap();
    Classifier { loss: loss.value, scope, x, labels, train }
}

#[test]
fn a_training_step_moves_the_averages_once_and_a_look_at_the_loss_does_not() {
    let network = classifier();
    let session = GraphSession::open(&network.scope);
    session.initialize(&network.scope);
    let x = tensor(&[2, 3], &[1.0f32, 2.0, 3.0, 3.0, 2.0, 5.0]);
    let labels = tensor(&[2], &[0, 1]);
    let before = session.values(&network.scope);

    let step = || session.step().feed(&network.x, &x).feed(&network.labels, &labels);
    step().fetch(&network.loss).run().unwrap();
    assert_eq!(session.values(&network.scope), before);

    step().target(&network.train).run().unwrap();
    let after = session.values(&network.scope);
    let tenth = 0.1f32;
    assert_eq!(after["norm/moving_mean"], [2.0 * tenth, 2.0 * tenth, 4.0 * tenth]);
    // Population variances 1, 0 and 1.
    assert_eq!(after["norm/moving_variance"], [1.0, 1.0 - tenth, 1.0]);
    assert_ne!(after["output/kernel"], before["output/kernel"]);
}

#[test]
fn another_rank_is_refused_by_name() {
    let scope = graph(None);
    let norm = BatchNorm::new(&scope, "norm", 3, CONFIG).unwrap();
    let of_rank_3 = scope.constant("x", &[2, 2, 3], &[0.0f32; 12]).unwrap();
    let unknown = scope.op("Placeholder", "unknown").data_type("dtype", DataType::Float).output().unwrap();
    for (x, named, rank) in [(of_rank_3, "conv", "3"), (unknown, "conv_1", "an unknown one")] {
        let error = norm.apply(&scope.name_scope("conv"), &x, Mode::Training).unwrap_err();
        assert!(matches!(&error, GraphError::Unfit { .. }));
        let said =
            format!("\"{named}/batch_normalization\": batch normalization takes rank 2 or 4, not {rank}");
        assert_eq!(error.to_string(), said);
    }
}
