//! The rewrites on networks that are not built in: fewer ops give the function and the gradients of those as published.

use std::collections::BTreeMap;
use support::graph_session::{GraphSession, load, tensor};
use support::networks::{build, table};
use support::values::Values;
use tensorflow::Output;
use tf_mnist::graph::Precision;
use tf_mnist::model::{Convolutions, Network, Towers};
use tf_mnist::networks::Table;

const ROWS: usize = 8;
const FAST: Towers = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::TensorFlow };

/// Every value is a sum of at most some thousand products, each rounded by 2^-24 = 6e-8, and up to six layers lie behind
/// each other; 3e-6 of the largest was the most seen.
const TOLERANCE: f32 = 3e-5;

/// The networks of `tests/fixtures/networks`, which their rows say: with batch norms behind convolutions and dense layers,
/// before and behind pools, and behind the logits; and one with a norm right behind a dense layer of few inputs besides.
fn networks() -> Vec<Table> {
    let names = ["lenet5", "strided", "normed", "dense"];
    let file = |name| format!("tests/fixtures/networks/{name}.toml");
    let mut tables: Vec<_> = names.into_iter().map(|name| table(&file(name))).collect();
    let mut dense = tables[3].clone();
    dense.name = "dense_norm_relu".into();
    dense.rows[2].layers.swap(1, 2);
    dense.check().unwrap();
    tables.push(dense);
    tables
}

/// Loss, gradients by variable and logits in use of `table`, with values that no variable starts with.
struct Computed {
    loss: f32,
    gradients: BTreeMap<String, Vec<f32>>,
    logits: Vec<f32>,
}

impl Computed {
    fn by(table: &Table, towers: Towers) -> Self {
        load();
        let network = build(table, Some(1), towers);
        let session = GraphSession::open(&network.graph);
        session.initialize(&network.graph);
        let mut random = Values::new(5);
        for variable in network.graph.variables() {
            let len = variable.len() as usize;
            match variable.name().rsplit('/').next().unwrap() {
                "gamma" | "moving_variance" => session.assign(&variable, &random.vector(len, 0.5, 1.5)),
                "bias" | "beta" | "moving_mean" => session.assign(&variable, &random.vector(len, -0.3, 0.3)),
                "kernel" => {
                    let reach = (6.0 / (len as f32 / *variable.shape().last().unwrap() as f32)).sqrt();
                    session.assign(&variable, &random.vector(len, -reach, reach));
                }
                _ => {}
            }
        }
        let images =
            tensor(&[ROWS as u64, table.pixels()], &random.vector(ROWS * table.pixels() as usize, 0.0, 1.0));
        let labels: Vec<_> = (0..ROWS as i32).map(|row| row * 7 % 10).collect();
        let (labels, on) = (tensor(&[ROWS as u64], &labels), tensor(&[], &[true]));
        let inputs = &network.inputs;
        let fed = || session.step().feed(&inputs.x, &images).feed(&inputs.labels, &labels);

        let gradients = gradients(&network, &table.training.scope);
        let mut step = fed();
        if let Some(training) = &inputs.training {
            step = step.feed(&training.flag, &on);
        }
        step = gradients.values().fold(step.fetch(&network.loss), |step, gradient| step.fetch(gradient));
        let mut found = step.run().unwrap();
        Self {
            loss: found.remove(0)[0],
            gradients: gradients.into_keys().zip(found).collect(),
            logits: fed().fetch(&network.evaluations[0].logits).run().unwrap().remove(0),
        }
    }
}

/// What ApplyAdam is given for each variable that is trained.
fn gradients(network: &Network, scope: &str) -> BTreeMap<String, Output> {
    let gradient = |name: &str| {
        let update = format!("{scope}/Adam/update_{name}/ApplyAdam");
        let (operation, index) = network.graph.graph().operation_by_name(&update).unwrap()?.input(9);
        let index = index as i32;
        Some((name.to_owned(), Output { operation, index }))
    };
    let variables = network.graph.trainable_variables();
    variables.iter().filter_map(|variable| gradient(variable.name())).collect()
}

/// The largest difference, as a share of the largest value.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0_f32, |largest, a| largest.max(a.abs()));
    let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    difference.fold(0.0, f32::max) / largest
}

#[test]
fn rewritten_networks_have_the_logits_and_gradients_of_plain_ones() {
    let (mut rewritten_in_use, mut frozen) = (Vec::new(), Vec::new());
    for table in networks() {
        let name = &table.name;
        let (plain, fast) = (Computed::by(&table, Towers::AsPublished), Computed::by(&table, FAST));
        assert!((plain.loss - fast.loss).abs() < TOLERANCE * plain.loss, "{name}");
        let logits = apart(&plain.logits, &fast.logits);
        assert!(logits < TOLERANCE, "{name}: logits {logits:e}");
        for (variable, gradient) in &plain.gradients {
            let Some(rewritten) = fast.gradients.get(variable) else {
                // A batch norm takes out what this bias adds: nothing but rounding is left of its gradient.
                let kernel = &plain.gradients[&variable.replace("bias", "kernel")];
                let size = |values: &[f32]| values.iter().fold(0_f32, |most, value| most.max(value.abs()));
                assert!(
                    variable.ends_with("/bias") && size(gradient) < 1e-4 * size(kernel),
                    "{name}: {variable}"
                );
                frozen.push(variable.clone());
                continue;
            };
            let difference = apart(gradient, rewritten);
            assert!(difference < TOLERANCE, "{name}: {variable} {difference:e}");
            let wrong: Vec<_> = rewritten.iter().map(|gradient| gradient * 1.001).collect();
            assert!(apart(gradient, &wrong) > TOLERANCE, "{name}: {variable}: a wrong one would pass");
        }
        if fast.logits != plain.logits {
            rewritten_in_use.push(name.clone());
        }
    }
    // Other sums have other last bits; the others have nothing that a rewrite of what is used applies to.
    assert_eq!(rewritten_in_use, ["normed", "dense_norm_relu"]);
    let of_dense = ["output/bias", "fc2/bias", "output/bias"];
    assert_eq!(frozen, [&["conv2/bias", "conv3/bias"][..], &of_dense].concat());
}
