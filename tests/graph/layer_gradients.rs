//! Each layer, forward and backward, against a float64 reference and its central differences.
//!
//! Every single partial derivative is compared. The reference works in float64 with a step of 1e-5, so its own error is
//! about 1e-10 (truncation h², cancellation 2^-53/h); what remains is TensorFlow's float32: sums of at most 100 products
//! of values near 1, each rounded by 2^-24. That allows 100 · 2^-24 = 6e-6 of the greatest partial derivative; the
//! tolerance is 1e-5. A gradient off by one part in a thousand does not pass: each test tries that too. Inputs
//! stay clear of kinks (zero for ReLU and SELU, ties for the maximum) by far more than the step.

use support::float64_reference::{self as reference, Array};
use support::graph_session::{GraphSession, graph};
use support::values::Values;
use tensorflow::Output;
use tf_mnist::graph::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dense, Dropout, Initializer, Loss, Mode,
    Padding, Pool, Randomness, Scope, Variable, gradients, pool, sparse_softmax_cross_entropy,
};

const TOLERANCE: f64 = 1e-5;
const STEP: f64 = 1e-5;

/// The input of a layer, as a variable so that gradients reach it.
fn input(scope: &Scope, shape: &[u64]) -> Variable {
    Variable::new(scope, "x", shape, Initializer::Zeros).unwrap()
}

fn array(variable: &Variable, values: &[f32]) -> Array {
    let shape: Vec<_> = variable.shape().iter().map(|&dim| dim as usize).collect();
    Array::from_f32(&shape, values)
}

/// A layer under test: the variables it is a function of, their values, and the same function in float64.
struct Layer<'a> {
    scope: Scope,
    variables: Vec<Variable>,
    values: Vec<Vec<f32>>,
    reference: &'a dyn Fn(&[Array]) -> Array,
}

impl Layer<'_> {
    /// Compares `y` and the gradients of sum(y · random weights).
    fn check(&self, y: &Output) {
        let at = self.at();
        let wanted = (self.reference)(&at);
        let weights = Values::new(77).vector(wanted.values.len(), 0.5, 1.5);
        let shape: Vec<_> = wanted.shape.iter().map(|&dim| dim as u64).collect();
        let constant = self.scope.constant("weights", &shape, &weights).unwrap();
        let product = self.scope.op("Mul", "product").input(y).input(&constant).output().unwrap();
        let axes: Vec<i32> = (0..shape.len() as i32).collect();
        let axes = self.scope.constant("axes", &[axes.len() as u64], &axes).unwrap();
        let sum = self.scope.op("Sum", "sum").input(&product).input(&axes);
        let loss = Loss::new(&self.scope, sum.boolean("keep_dims", false).output().unwrap()).unwrap();

        let weights = Array::from_f32(&wanted.shape, &weights).values;
        let weighted = |at: &[Array]| (self.reference)(at).times(&weights).values.iter().sum();
        let session = self.check_gradients(&loss, &weighted);
        compare("y", &session.value(y), &wanted.values).unwrap();
    }

    fn check_gradients(&self, loss: &Loss, reference: &dyn Fn(&[Array]) -> f64) -> GraphSession {
        let gradients = gradients(&self.scope, loss, &self.variables).unwrap();
        let session = GraphSession::open(&self.scope);
        session.initialize(&self.scope);
        for (variable, values) in self.variables.iter().zip(&self.values) {
            session.assign(variable, values);
        }
        for (index, (variable, gradient)) in self.variables.iter().zip(&gradients).enumerate() {
            let got = session.value(gradient);
            let wanted = differences(reference, &self.at(), index);
            compare(variable.name(), &got, &wanted).unwrap();
            for factor in [0.999, 1.001] {
                let wrong: Vec<_> = got.iter().map(|g| g * factor).collect();
                assert!(
                    compare(variable.name(), &wrong, &wanted).is_err(),
                    "the gradient of {} times {factor} would pass",
                    variable.name()
                );
            }
        }
        session
    }

    fn at(&self) -> Vec<Array> {
        let both = self.variables.iter().zip(&self.values);
        both.map(|(variable, values)| array(variable, values)).collect()
    }
}

/// Central differences in every value of argument `index`.
fn differences(f: &dyn Fn(&[Array]) -> f64, at: &[Array], index: usize) -> Vec<f64> {
    let mut at = at.to_vec();
    (0..at[index].values.len())
        .map(|i| {
            let centre = at[index].values[i];
            at[index].values[i] = centre + STEP;
            let above = f(&at);
            at[index].values[i] = centre - STEP;
            let below = f(&at);
            at[index].values[i] = centre;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

fn compare(what: &str, got: &[f32], wanted: &[f64]) -> Result<(), String> {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let greatest = wanted.iter().fold(0f64, |max, x| max.max(x.abs()));
    assert!(greatest > 1e-3, "{what}: nothing to compare");
    for (i, (&got, &wanted)) in got.iter().zip(wanted).enumerate() {
        let error = (f64::from(got) - wanted).abs();
        if error.is_nan() || error > TOLERANCE * greatest {
            return Err(format!("{what}[{i}]: {got} instead of {wanted}, of at most {greatest}"));
        }
    }
    Ok(())
}

fn check_conv2d(size: u64, config: Conv2dConfig) {
    let scope = graph(None);
    let x = input(&scope, &[2, size, size, 2]);
    let conv = Conv2d::new(&scope, "conv", 2, 3, config).unwrap();
    let y = conv.apply(&scope, x.read()).unwrap();
    let mut random = Values::new(size);
    let variables = vec![x, conv.kernel, conv.bias.unwrap()];
    let values = variables.iter().map(|v| random.vector(v.len() as usize, -1.0, 1.0)).collect();
    let (stride, same) = (config.strides.0[0] as usize, config.padding == Padding::Same);
    let reference = |at: &[Array]| reference::conv2d(&at[0], &at[1], &at[2], stride, same);
    Layer { scope, variables, values, reference: &reference }.check(&y);
}

#[test]
fn conv2d_same() {
    check_conv2d(5, Conv2dConfig::default());
}

#[test]
fn conv2d_same_with_stride_2() {
    // An even size pads only behind, an odd one on both sides.
    for size in [5, 6] {
        check_conv2d(size, Conv2dConfig { strides: 2.into(), ..Conv2dConfig::default() });
    }
}

#[test]
fn conv2d_valid() {
    for (size, stride) in [(5, 1), (6, 2)] {
        let padding = Padding::Valid;
        check_conv2d(size, Conv2dConfig { padding, strides: stride.into(), ..Conv2dConfig::default() });
    }
}

#[test]
fn conv2d_of_another_kernel_size_with_an_activation() {
    let scope = graph(None);
    let activation = Some(Activation::Selu);
    let config = Conv2dConfig { kernel_size: 2.into(), activation, ..Conv2dConfig::default() };
    let x = input(&scope, &[1, 3, 3, 1]);
    let conv = Conv2d::new(&scope, "conv", 1, 2, config).unwrap();
    let y = conv.apply(&scope, x.read()).unwrap();
    let mut random = Values::new(2);
    let values = vec![random.vector(9, -1.0, 1.0), random.vector(8, -1.0, 1.0), vec![0.1, -0.1]];
    let variables = vec![x, conv.kernel, conv.bias.unwrap()];
    let sums = |at: &[Array]| reference::conv2d(&at[0], &at[1], &at[2], 1, true);
    let reference = |at: &[Array]| sums(at).map(reference::selu);
    let layer = Layer { scope, variables, values, reference: &reference };
    assert!(sums(&layer.at()).values.iter().all(|x| x.abs() > 100.0 * STEP), "a sum lies on the kink");
    layer.check(&y);
}

#[test]
fn dense() {
    let scope = graph(None);
    let x = input(&scope, &[3, 5]);
    let dense = Dense::new(&scope, "dense", 5, 4, None).unwrap();
    let y = dense.apply(&scope, x.read()).unwrap();
    let mut random = Values::new(3);
    let variables = vec![x, dense.kernel, dense.bias.unwrap()];
    let values = variables.iter().map(|v| random.vector(v.len() as usize, -1.0, 1.0)).collect();
    let reference = |at: &[Array]| reference::dense(&at[0], &at[1], &at[2]);
    Layer { scope, variables, values, reference: &reference }.check(&y);
}

#[test]
fn max_pool_takes_the_greatest_and_gives_it_the_whole_gradient() {
    for (size, stride, padding) in [(2, 2, Padding::Valid), (3, 2, Padding::Same)] {
        let scope = graph(None);
        let x = input(&scope, &[2, 5, 5, 2]);
        let y = pool(&scope, Pool::Max, x.read(), size.into(), stride.into(), padding).unwrap();
        let values = vec![Values::new(4).far_apart(100, 0.05)];
        let reference = |at: &[Array]| {
            reference::max_pool(&at[0], size as usize, stride as usize, padding == Padding::Same)
        };
        Layer { scope, variables: vec![x], values, reference: &reference }.check(&y);
    }
}

#[test]
fn average_pool_is_the_mean_of_what_lies_in_the_image() {
    for (size, stride, padding) in [(2, 2, Padding::Valid), (3, 2, Padding::Same)] {
        let scope = graph(None);
        let x = input(&scope, &[2, 5, 5, 2]);
        let y = pool(&scope, Pool::Average, x.read(), size.into(), stride.into(), padding).unwrap();
        let values = vec![Values::new(4).far_apart(100, 0.05)];
        let reference = |at: &[Array]| {
            reference::average_pool(&at[0], size as usize, stride as usize, padding == Padding::Same)
        };
        Layer { scope, variables: vec![x], values, reference: &reference }.check(&y);
    }
}

#[test]
fn activations() {
    type Function = fn(f64) -> f64;
    let activations: [(Activation, Function); 7] = [
        (Activation::Relu, reference::relu),
        (Activation::Selu, reference::selu),
        (Activation::Elu, |x| if x > 0.0 { x } else { x.exp_m1() }),
        (Activation::Tanh, f64::tanh),
        (Activation::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        (Activation::Softplus, |x| x.exp().ln_1p()),
        (Activation::LeakyRelu, |x| if x > 0.0 { x } else { 0.2 * x }),
    ];
    for (activation, function) in activations {
        let scope = graph(None);
        let x = input(&scope, &[6, 7]);
        let y = activation.apply(&scope, x.read()).unwrap();
        let values = vec![Values::new(5).away_from_zero(42, 0.01, 3.0)];
        let reference = |at: &[Array]| at[0].map(function);
        Layer { scope, variables: vec![x], values, reference: &reference }.check(&y);
    }
}

#[test]
fn batch_norm_in_training_of_both_ranks() {
    for shape in [&[3, 2, 3, 4][..], &[6, 4]] {
        let scope = graph(None);
        let x = input(&scope, shape);
        let norm = BatchNorm::new(&scope, "norm", 4, BatchNormConfig::default()).unwrap();
        let y = norm.apply(&scope, x.read(), Mode::Training).unwrap();
        let mut random = Values::new(6);
        let values = vec![
            random.vector(x.len() as usize, -1.0, 2.0),
            random.vector(4, 0.5, 1.5),
            random.vector(4, -1.0, 1.0),
        ];
        let epsilon = 0.001f32.into();
        let reference = |at: &[Array]| {
            let x = &at[0];
            reference::normalize(x, &reference::moments(x), &at[1].values, &at[2].values, epsilon)
        };
        let variables = vec![x, norm.gamma, norm.beta];
        Layer { scope, variables, values, reference: &reference }.check(&y);
    }
}

#[test]
fn batch_norm_in_use_of_both_ranks() {
    for shape in [&[3, 2, 3, 4][..], &[6, 4]] {
        let scope = graph(None);
        let x = input(&scope, shape);
        let norm = BatchNorm::new(&scope, "norm", 4, BatchNormConfig::default()).unwrap();
        let y = norm.apply(&scope, x.read(), Mode::Inference).unwrap();
        let start = (vec![0.0; 4], vec![1.0; 4]);
        let mut random = Values::new(7);
        let values = vec![
            random.vector(x.len() as usize, -1.0, 2.0),
            random.vector(4, 0.5, 1.5),
            random.vector(4, -1.0, 1.0),
        ];
        let epsilon = 0.001f32.into();
        let reference =
            |at: &[Array]| reference::normalize(&at[0], &start, &at[1].values, &at[2].values, epsilon);
        let variables = vec![x, norm.gamma, norm.beta];
        Layer { scope, variables, values, reference: &reference }.check(&y);
    }
}

#[test]
fn dropout_at_a_fixed_step() {
    let scope = graph(None);
    let x = input(&scope, &[8, 10]);
    let step = scope.scalar("step", 3i64).unwrap();
    let dropout = Dropout { rate: 0.25, seed: 1, layer: 0, randomness: Randomness::Float };
    let y = dropout.apply(&scope, x.read(), &step).unwrap();
    let values = vec![Values::new(8).away_from_zero(80, 0.1, 1.0)];

    // The mask as a forward run shows it: a kept unit is not zero.
    let session = GraphSession::open(&scope);
    session.assign(&x, &values[0]);
    let kept = session.value(&y);
    let mask: Vec<_> = kept.iter().map(|&y| if y == 0.0 { 0.0 } else { 1.0 / 0.75 }).collect();
    assert!(mask.contains(&0.0) && mask.iter().sum::<f64>() > 0.0);
    let reference = |at: &[Array]| at[0].times(&mask);
    Layer { scope, variables: vec![x], values, reference: &reference }.check(&y);
}

#[test]
fn sparse_softmax_cross_entropy_value_and_gradient() {
    let scope = graph(None);
    let x = input(&scope, &[4, 5]);
    let labels = [0, 4, 2, 2];
    let fed = scope.constant("labels", &[4], &labels).unwrap();
    let loss = sparse_softmax_cross_entropy(&scope, x.read(), &fed).unwrap();
    let values = vec![Values::new(9).vector(20, -3.0, 3.0)];
    let reference = |at: &[Array]| reference::cross_entropy(&at[0], &labels);
    let as_array = |at: &[Array]| Array::scalar(reference(at));
    let layer = Layer { scope, variables: vec![x], values, reference: &as_array };
    let session = layer.check_gradients(&loss, &reference);
    compare("loss", &session.value(&loss.value), &[reference(&layer.at())]).unwrap();
}
