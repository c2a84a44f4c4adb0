//! Adam against the formula of Kingma and Ba in float64, and in its place among a step's other operations.

use support::graph_session::{GraphSession, graph, tensor};
use support::values::Values;
use tensorflow::{DataType, Output};
use tf_mnist::graph::{
    AdamOptimizer, Dense, Initializer, Scope, Variable, gradients, sparse_softmax_cross_entropy,
};

/// Half of float32's relative spacing: the most that one rounding changes a value by.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

fn placeholder(scope: &Scope, name: &str, dtype: DataType, dims: &[Option<i64>]) -> Output {
    let node = scope.op("Placeholder", name).data_type("dtype", dtype);
    node.shape("shape", dims).output().unwrap()
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;

/// "Adam: a method for stochastic optimization", the form before section 2.1 that TensorFlow documents.
struct Reference {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    t: i32,
    values: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
    /// The greatest gradient so far.
    greatest: Vec<f64>,
    /// How far rounding may have taken a float32 variable from `values`.
    tolerance: Vec<f64>,
}

impl Reference {
    /// With TensorFlow's defaults, as float32 holds them.
    fn new(learning_rate: f32, start: &[f32]) -> Self {
        let zeros = vec![0.0; start.len()];
        Self {
            learning_rate: learning_rate.into(),
            beta1: BETA1.into(),
            beta2: BETA2.into(),
            epsilon: 1e-8,
            t: 0,
            values: start.iter().map(|&x| x.into()).collect(),
            m: zeros.clone(),
            v: zeros.clone(),
            greatest: zeros.clone(),
            tolerance: zeros,
        }
    }

    fn step(&mut self, gradient: &[f32]) {
        self.t += 1;
        let correction1 = 1.0 - self.beta1.powi(self.t);
        let correction2 = 1.0 - self.beta2.powi(self.t);
        let rate = self.learning_rate * correction2.sqrt() / correction1;
        // beta2^t is a product of t float32: 1 - beta2^t, near zero, keeps little of it. The square root halves that.
        // Ten roundings more for the rest of the formula.
        let power = f64::from(self.t) * ROUNDING;
        let relative = power / correction2 / 2.0 + power / correction1 + 10.0 * ROUNDING;
        let roundings = self.roundings();
        for (i, &g) in gradient.iter().enumerate() {
            let g = f64::from(g);
            self.m[i] = self.beta1 * self.m[i] + (1.0 - self.beta1) * g;
            self.v[i] = self.beta2 * self.v[i] + (1.0 - self.beta2) * g * g;
            self.greatest[i] = self.greatest[i].max(g.abs());
            let change = rate * self.m[i] / (self.v[i].sqrt() + self.epsilon);
            self.values[i] -= change;
            let of_m = rate * roundings * self.greatest[i] / (self.v[i].sqrt() + self.epsilon);
            self.tolerance[i] += relative * change.abs() + of_m + ROUNDING * self.values[i].abs();
        }
    }

    /// Three roundings a step, of terms no greater than the greatest gradient.
    fn m_tolerance(&self) -> Vec<f64> {
        self.greatest.iter().map(|greatest| self.roundings() * greatest).collect()
    }

    /// Three roundings a step, of a sum that only grows.
    fn v_tolerance(&self) -> Vec<f64> {
        self.v.iter().map(|v| self.roundings() * v).collect()
    }

    fn roundings(&self) -> f64 {
        3.0 * f64::from(self.t) * ROUNDING
    }
}

#[test]
fn five_steps_are_those_of_the_paper_in_float64() {
    let scope = graph(None);
    let adam = AdamOptimizer::new(0.01);
    let shapes: [&[u64]; 2] = [&[2, 3], &[4]];
    let names = ["b/kernel", "a/bias"];
    let variables: Vec<_> = names
        .iter()
        .zip(shapes)
        .map(|(name, shape)| Variable::new(&scope, name, shape, Initializer::Zeros).unwrap())
        .collect();
    let fed: Vec<_> = shapes
        .iter()
        .map(|shape| {
            let dims: Vec<_> = shape.iter().map(|&dim| Some(dim as i64)).collect();
            placeholder(&scope, "gradient", DataType::Float, &dims)
        })
        .collect();
    let gradients: Vec<_> = fed.iter().cloned().zip(variables.iter().cloned()).collect();
    let train = adam.apply_gradients(&scope.name_scope("train"), &gradients, &variables).unwrap();

    let session = GraphSession::open(&scope);
    session.initialize(&scope);
    let mut random = Values::new(1);
    let start = [random.vector(6, -1.0, 1.0), random.vector(4, -1.0, 1.0)];
    let mut references: Vec<_> = start.iter().map(|start| Reference::new(0.01, start)).collect();
    for (variable, start) in variables.iter().zip(&start) {
        session.assign(variable, start);
    }

    for step in 1..=5 {
        let mut given = [random.vector(6, -1.0, 1.0), random.vector(4, -1e-3, 1e-3)];
        given[0][0] = 0.0; // no gradient, no move
        given[0][1] *= 1e4;
        given[1][0] *= 1e-5; // so small that epsilon counts
        for (reference, given) in references.iter_mut().zip(&given) {
            reference.step(given);
        }
        let given = [tensor(shapes[0], &given[0]), tensor(shapes[1], &given[1])];
        let fed = session.step().feed(&fed[0], &given[0]).feed(&fed[1], &given[1]);
        fed.target(&train).run().unwrap();

        let now = session.values(&scope);
        for (name, reference) in names.iter().zip(&references) {
            let close = |what: &str, got: &[f32], wanted: &[f64], tolerance: &[f64]| {
                for (i, ((&got, wanted), tolerance)) in got.iter().zip(wanted).zip(tolerance).enumerate() {
                    let error = (f64::from(got) - wanted).abs();
                    assert!(
                        error <= *tolerance,
                        "step {step}, {what}[{i}] of {name}: {got} instead of {wanted}, off by {error:e} > {tolerance:e}"
                    );
                }
            };
            let slot = |slot: &str| &now[&format!("{name}/{slot}")];
            close("value", &now[*name], &reference.values, &reference.tolerance);
            close("m", slot("Adam"), &reference.m, &reference.m_tolerance());
            close("v", slot("Adam_1"), &reference.v, &reference.v_tolerance());
            assert_eq!(now["b/kernel"][0], start[0][0], "moved without a gradient");
        }
        for (name, beta) in [("beta1_power", BETA1), ("beta2_power", BETA2)] {
            let wanted = f64::from(beta).powi(step + 1);
            let got = f64::from(now[&format!("train/{name}")][0]);
            let tolerance = wanted * f64::from(step) * ROUNDING;
            assert!((got - wanted).abs() <= tolerance, "step {step}: {name} is {got}, not {wanted}");
        }
    }
}

#[test]
fn operations_the_scope_depends_on_run_before_the_variables_change() {
    let scope = graph(None);
    let weight = Variable::new(&scope, "weight", &[3], Initializer::Constant(2.0)).unwrap();
    let seen = Variable::untrainable(&scope, "seen", &[3], Initializer::Zeros).unwrap();
    let zero = scope.scalar("zero", 0.0f32).unwrap();
    let value = scope.op("AddV2", "value").input(weight.read()).input(&zero).output().unwrap();
    let look = scope.op("Assign", "look").input(&seen.reference).input(&value).build().unwrap();
    let gradient = scope.constant("gradient", &[3], &[1.0f32, -1.0, 0.5]).unwrap();
    let train = AdamOptimizer::new(0.5)
        .apply_gradients(&scope.control_dependencies([&look]), &[(gradient, weight.clone())], &[weight])
        .unwrap();

    for _ in 0..20 {
        let session = GraphSession::with_threads(&scope, 2);
        session.initialize(&scope);
        session.step().target(&train).run().unwrap();
        let now = session.values(&scope);
        assert_eq!(now["seen"], [2.0; 3], "the update op saw changed weights, or did not run");
        assert_ne!(now["weight"], [2.0; 3]);
    }
}

/// Without a barrier between the last gradient and the first ApplyAdam, gradients of the lower layers are computed from
/// upper weights that this step has changed already: a `read` aliases what ApplyAdam overwrites.
#[test]
fn every_gradient_is_computed_from_the_weights_before_the_step() {
    const LAYERS: usize = 6;
    const UNITS: u64 = 64;
    let scope = graph(Some(3));
    let x = placeholder(&scope, "x", DataType::Float, &[None, Some(UNITS as i64)]);
    let labels = placeholder(&scope, "labels", DataType::Int32, &[None]);
    let mut h = x.clone();
    for layer in 0..LAYERS {
        let dense = Dense::new(&scope, &format!("dense_{layer}"), UNITS, UNITS, None).unwrap();
        h = dense.apply(&scope, &h).unwrap();
    }
    let loss = sparse_softmax_cross_entropy(&scope, &h, &labels).unwrap();
    let variables = scope.trainable_variables();
    let alone = gradients(&scope, &loss, &variables).unwrap();
    // A step so long that a gradient of changed weights cannot be mistaken for one of the old.
    let adam = AdamOptimizer::new(10.0);
    let train = adam.minimize(&scope.name_scope("train"), &loss, &variables).unwrap();

    let x_values = tensor(&[32, UNITS], &Values::new(4).vector(32 * UNITS as usize, -1.0, 1.0));
    let label_values = tensor(&[32], &(0..32).collect::<Vec<i32>>());
    for attempt in 0..20 {
        let session = GraphSession::with_threads(&scope, 1 + attempt % 2);
        session.initialize(&scope);
        let mut step = session.step().feed(&x, &x_values).feed(&labels, &label_values);
        for gradient in &alone {
            step = step.fetch(gradient);
        }
        let wanted = step.run().unwrap();
        let step = session.step().feed(&x, &x_values).feed(&labels, &label_values);
        step.target(&train).run().unwrap();

        let now = session.values(&scope);
        for (variable, wanted) in variables.iter().zip(&wanted) {
            // After one step m = (1 - beta1) g. Two roundings apart, and sums that two threads may split differently.
            let greatest = wanted.iter().fold(0f32, |max, g| max.max(g.abs()));
            for (m, g) in now[&format!("{}/Adam", variable.name())].iter().zip(wanted) {
                let error = (m / (1.0 - BETA1) - g).abs();
                assert!(
                    error <= 1e-5 * greatest,
                    "attempt {attempt}: Adam took {} for the gradient {g} of {}",
                    m / (1.0 - BETA1),
                    variable.name()
                );
            }
        }
    }
}
