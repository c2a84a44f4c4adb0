//! Start values: their distribution, and what they are a function of.

use std::collections::BTreeMap;
use support::graph_session::{GraphSession, graph};
use tf_mnist::graph::{GraphError, Initializer, Scope, Variable};

/// Names, shapes and fans: (in, out), those of kernels times the receptive field.
const KERNELS: [(&str, &[u64], (f64, f64)); 4] = [
    ("conv1/kernel", &[3, 3, 1, 16], (9.0, 144.0)),
    ("conv2/kernel", &[3, 3, 16, 32], (144.0, 288.0)),
    ("fc1/kernel", &[6272, 32], (6272.0, 32.0)),
    ("fc2/kernel", &[6272, 32], (6272.0, 32.0)),
];

fn start_values(scope: &Scope) -> BTreeMap<String, Vec<f32>> {
    let session = GraphSession::open(scope);
    session.initialize(scope);
    session.values(scope)
}

fn kernels(seed: Option<u64>) -> BTreeMap<String, Vec<f32>> {
    let scope = graph(seed);
    for (name, shape, _) in KERNELS {
        Variable::new(&scope, name, shape, Initializer::GlorotUniform).unwrap();
    }
    start_values(&scope)
}

/// Uniform in ±limit: mean 0 with a standard deviation of limit/sqrt(3n), variance limit²/3 with one of limit²·sqrt(4/45n).
#[test]
fn glorot_uniform_has_its_limits_mean_and_variance() {
    for seed in [Some(0), Some(1), None] {
        let kernels = kernels(seed);
        for (name, _, (fan_in, fan_out)) in KERNELS {
            let values = &kernels[name];
            let limit = (6.0 / (fan_in + fan_out)).sqrt();
            let n = values.len() as f64;
            let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
            let greatest = values.iter().fold(0f64, |max, &x| max.max(f64::from(x).abs()));
            assert!(greatest <= limit * (1.0 + 1e-7), "{name}: {greatest} above {limit}");
            // All n values below this with probability e^-20.
            assert!(greatest > limit * (1.0 - 20.0 / n), "{name}: {greatest} far below {limit}");
            // Unseeded values are other ones in each run: six standard deviations are once in 500 million runs.
            assert!(mean.abs() < 6.0 * limit / (3.0 * n).sqrt(), "{name}: mean {mean}");
            let off = (variance - limit * limit / 3.0).abs() / (limit * limit * (4.0 / (45.0 * n)).sqrt());
            assert!(off < 6.0, "{name}: variance {variance}, {off:.1} sigma off");
        }
    }
}

#[test]
fn start_values_are_a_function_of_seed_and_name() {
    let first = kernels(Some(0));
    assert!(first == kernels(Some(0)), "the same seed gave other values");
    let others = [Some(1), Some(u64::MAX), None, None].map(kernels);
    for (name, values) in &first {
        for other in &others {
            assert!(*values != other[name], "{name} is the same under another seed");
        }
    }
    assert!(others[2] != others[3], "without a seed, two graphs got the same values");
    assert!(first["fc1/kernel"] != first["fc2/kernel"], "two variables of one shape got the same values");

    // Alone in its graph, made last instead of first: a variable's values stay its own.
    let scope = graph(Some(0));
    Variable::new(&scope, "other/kernel", &[5, 5], Initializer::GlorotUniform).unwrap();
    Variable::new(&scope, "conv2/kernel", &[3, 3, 16, 32], Initializer::GlorotUniform).unwrap();
    assert!(start_values(&scope)["conv2/kernel"] == first["conv2/kernel"]);
}

#[test]
fn a_seeded_initializer_gives_the_same_values_when_run_again_in_another_session_only() {
    // TensorFlow's RandomUniform goes on in its stream within a session, as in Python.
    let scope = graph(Some(0));
    Variable::new(&scope, "kernel", &[50, 50], Initializer::GlorotUniform).unwrap();
    let session = GraphSession::open(&scope);
    session.initialize(&scope);
    let first = session.values(&scope);
    session.initialize(&scope);
    assert!(session.values(&scope) != first);
    assert!(start_values(&scope) == first);
}

#[test]
fn zeros_ones_and_constants_small_and_large() {
    let scope = graph(None);
    let kinds = [
        ("zeros", Initializer::Zeros, 0.0f32),
        ("ones", Initializer::Ones, 1.0),
        ("constant", Initializer::Constant(-2.5), -2.5),
    ];
    // Above a thousand values TensorFlow fills them in at run time.
    let shapes: [(&str, &[u64]); 3] = [("scalar", &[]), ("small", &[3, 5]), ("large", &[40, 50])];
    for (kind, initializer, _) in kinds {
        for (size, shape) in shapes {
            Variable::new(&scope, &format!("{kind}/{size}"), shape, initializer).unwrap();
        }
    }
    let values = start_values(&scope);
    for (kind, _, value) in kinds {
        for (size, shape) in shapes {
            let wanted = vec![value; shape.iter().product::<u64>() as usize];
            assert!(values[&format!("{kind}/{size}")] == wanted, "{kind}/{size}");
        }
    }
}

#[test]
fn a_name_is_given_once() {
    let scope = graph(None);
    Variable::new(&scope, "layer/kernel", &[2], Initializer::Zeros).unwrap();
    let error = Variable::new(&scope, "layer/kernel", &[2], Initializer::Zeros).unwrap_err();
    assert!(matches!(&error, GraphError::DuplicateVariable { name } if name == "layer/kernel"));
    assert_eq!(scope.variables().len(), 1);
}
