//! The graphs of the built-in networks, in every form, written down as digests of their canonical text.
//!
//! What counts in the published form is everything, names included; in the forms of our own, where nothing outside
//! relies on the names of inner nodes, ops, order, inputs, attributes and colocation count.

use std::fs;
use support::canonical::{Names, text};
use support::networks::table;
use support::{fixture, load_kernels};
use tf_mnist::fetch::Digest;
use tf_mnist::graph::{Precision, Scope};
use tf_mnist::model::{AccuracyOn, BuildOptions, Convolutions, Network, Towers, inference};

fn forms() -> Vec<(String, Towers)> {
    let mut forms = vec![("published".to_owned(), Towers::AsPublished)];
    for (whose, convolutions) in [("fast", Convolutions::TensorFlow), ("own", Convolutions::Own)] {
        for (what, precision) in [("f32", Precision::F32), ("bf16", Precision::Bf16)] {
            let towers = Towers::Fast { precision, convolutions };
            forms.push((format!("{whose} {what}"), towers));
        }
    }
    forms
}

fn digest(graph: &Scope, names: Names) -> String {
    let text = text(&graph.graph_def().unwrap(), names);
    format!("{} {}", text.lines().count(), Digest::of(text.as_bytes()))
}

/// A line a graph: what it is, its nodes, the digest.
fn digests() -> String {
    let mut lines = String::new();
    let mut add = |what: String, form: &str, graph: &Scope| {
        let names = match form {
            "published" => Names::Kept,
            _ => Names::Numbered,
        };
        lines.push_str(&format!("{what}, {form}: {}\n", digest(graph, names)));
    };
    for (form, towers) in forms() {
        for seed in [None, Some(7)] {
            let accuracy_on = AccuracyOn::default();
            let options = BuildOptions { seed, towers, accuracy_on, ..Default::default() };
            let network = Network::build(&table("baseline"), &options).unwrap();
            add(format!("baseline, seed {seed:?}"), &form, &network.graph);
        }
        for accuracy_on in [AccuracyOn::LogitsBatchNorm, AccuracyOn::Logits] {
            let options = BuildOptions { seed: Some(0), towers, accuracy_on, ..Default::default() };
            let network = Network::build(&table("optimized"), &options).unwrap();
            add(format!("optimized, accuracy on {accuracy_on:?}"), &form, &network.graph);
        }
    }
    for name in ["baseline", "optimized"] {
        for convolutions in [Convolutions::TensorFlow, Convolutions::Own] {
            let graph = Scope::new(Some(0));
            let images = graph
                .op("Placeholder", "images")
                .data_type("dtype", tensorflow::DataType::Float)
                .shape("shape", &[None, Some(28), Some(28), Some(1)])
                .output()
                .unwrap();
            inference(&table(name), &graph, &images, convolutions).unwrap();
            add(format!("{name} in use"), &convolutions.to_string(), &graph);
        }
    }
    lines
}

#[test]
fn the_graphs_are_those_that_were_written_down() {
    if !load_kernels() {
        return;
    }
    let written = fixture("graph-digests.txt");
    let found = digests();
    let expected = fs::read_to_string(&written).unwrap_or_default();
    assert!(found == expected, "found\n{found}\nwritten down\n{expected}");
}
