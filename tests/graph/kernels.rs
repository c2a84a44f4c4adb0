//! The ops of our own in TensorFlow's hands: shapes that fit or not, no rows at all, and the same bits every time. What
//! they compute is tested in `graph_network_gradients.rs` and `towers.rs`.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use support::Feeds;
use support::networks::{build, table};
use tensorflow::{DataType, Output, Session, SessionRunArgs, Tensor};
use tf_mnist::graph::{Precision, Scope};
use tf_mnist::model::{Convolutions, Network, Towers};

/// A graph of the op `TfMnistSecondLayer`, whose inputs are fed with any shape.
struct SecondLayer {
    session: Session,
    inputs: [Output; 3],
    outputs: [Output; 4],
}

impl SecondLayer {
    /// None where this machine cannot have it.
    fn new() -> Option<Self> {
        support::load_kernels().then(Self::build)
    }

    fn build() -> Self {
        let scope = Scope::new(None);
        let inputs = ["hidden", "kernel", "bias"]
            .map(|name| scope.op("Placeholder", name).data_type("dtype", DataType::Float).output().unwrap());
        let [hidden, kernel, bias] = &inputs;
        let layer =
            scope.op("TfMnistSecondLayer", "layer").input(hidden).input(kernel).input(bias).build().unwrap();
        let outputs = [0, 1, 2, 3].map(|number| layer.output(number));
        let ranks = outputs.each_ref().map(|output| scope.graph().num_dims(output.clone()).unwrap());
        assert_eq!(ranks, [4, 1, 1, 1]);
        let session = Session::new(&support::reproducible_options(), &scope.graph()).unwrap();
        Self { session, inputs, outputs }
    }

    fn run(&self, hidden: &[u64], kernel: &[u64]) -> Result<[Vec<f32>; 4], String> {
        let tensor = |shape: &[u64]| {
            let mut tensor = Tensor::<f32>::new(shape);
            for (place, value) in tensor.iter_mut().enumerate() {
                *value = (place * 7919 % 1009) as f32 / 1009.0 - 0.5;
            }
            tensor
        };
        let fed = [tensor(hidden), tensor(kernel), tensor(&[32])];
        let mut args = SessionRunArgs::new();
        for (input, tensor) in self.inputs.iter().zip(&fed) {
            args.add_feed(&input.operation, input.index, tensor);
        }
        let tokens =
            self.outputs.each_ref().map(|output| args.request_fetch(&output.operation, output.index));
        self.session.run(&mut args).map_err(|status| status.to_string())?;
        Ok(tokens.map(|token| args.fetch::<f32>(token).unwrap().to_vec()))
    }
}

const KERNEL: &[u64] = &[3, 3, 16, 32];

#[test]
fn the_same_bits_every_time() {
    let Some(layer) = SecondLayer::new() else { return };
    let first = layer.run(&[37, 28, 28, 16], KERNEL).unwrap();
    assert_eq!(first[0].len(), 37 * 28 * 28 * 32);
    for _ in 0..5 {
        let again = layer.run(&[37, 28, 28, 16], KERNEL).unwrap();
        assert!(first.iter().zip(&again).all(|(a, b)| support::bits(a) == support::bits(b)));
    }
}

#[test]
fn no_rows_are_no_error() {
    let Some(layer) = SecondLayer::new() else { return };
    let [sums, mean, variance, unbiased_variance] = layer.run(&[0, 28, 28, 16], KERNEL).unwrap();
    assert!(sums.is_empty());
    assert_eq!([mean, variance, unbiased_variance], [const { vec![] }; 3].map(|_: Vec<f32>| vec![0.0; 32]));
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_that_names_the_input() {
    let Some(layer) = SecondLayer::new() else { return };
    for (hidden, kernel, named) in [
        (&[2, 28, 28, 32][..], KERNEL, "its input hidden is [2, 28, 28, 32], not [2, 28, 28, 16]"),
        (&[2, 14, 14, 16], KERNEL, "its input hidden is [2, 14, 14, 16]"),
        (&[784, 16], KERNEL, "its input hidden is [784, 16]"),
        (&[], KERNEL, "its input hidden is []"),
        (&[2, 28, 28, 16], &[5, 5, 16, 32], "its input kernel is [5, 5, 16, 32], not [3, 3, 16, 32]"),
    ] {
        let error = layer.run(hidden, kernel).unwrap_err();
        assert!(error.contains("TfMnistSecondLayer") && error.contains(named), "{error}");
    }
}

#[test]
fn a_number_that_is_none_shows_in_the_loss() {
    if !support::load_kernels() {
        return;
    }
    let towers = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::Own };
    let networks: [(Network, &[&str]); 2] = [
        (
            build(&table("baseline"), None, towers),
            &["conv1/kernel", "conv1/bias", "conv2/kernel", "conv2/bias"],
        ),
        (
            build(&table("optimized"), Some(0), towers),
            &[
                "conv1/kernel",
                "batch_normalization/gamma",
                "batch_normalization/beta",
                "conv2/kernel",
                "batch_normalization_1/gamma",
                "batch_normalization_1/beta",
                "fc1/kernel",
            ],
        ),
    ];
    let mut feeds = Feeds::new(20);
    feeds.gather(&support::mnist().train, &(0..20).collect::<Vec<_>>());
    let flag = Tensor::<bool>::from(true);
    for (network, names) in &networks {
        let session = Session::new(&support::reproducible_options(), &network.graph.graph()).unwrap();
        support::run_target(&session, &network.initialize);
        let variables = network.graph.variables();
        let loss = |poisoned: Option<&str>| {
            let variable = variables.iter().find(|variable| Some(variable.name()) == poisoned);
            let value = variable.map(|variable| {
                let mut value = Tensor::<f32>::new(variable.shape());
                value[0] = f32::NAN;
                value
            });
            let mut args = SessionRunArgs::new();
            args.add_feed(&network.inputs.x.operation, 0, &feeds.images);
            args.add_feed(&network.inputs.labels.operation, 0, &feeds.labels);
            if let Some(training) = &network.inputs.training {
                args.add_feed(&training.flag.operation, 0, &flag);
            }
            if let (Some(variable), Some(value)) = (variable, &value) {
                args.add_feed(&variable.read().operation, 0, value);
            }
            let token = args.request_fetch(&network.loss.operation, network.loss.index);
            session.run(&mut args).unwrap();
            args.fetch::<f32>(token).unwrap()[0]
        };
        assert!(loss(None).is_finite());
        for name in *names {
            assert!(loss(Some(name)).is_nan(), "{name}");
        }
    }
}

#[test]
fn runs_use_them_by_themselves_unless_reproducible() {
    let folder = tempfile::tempdir().unwrap();
    let convolutions = |name: &str, options: &[&str]| {
        let run = folder.path().join(name);
        let mut command = Command::cargo_bin("tf-mnist").unwrap();
        command.args(["baseline", "--max-steps", "1", "--validation-rows", "500", "--data-dir"]);
        command.arg(support::runs::smallest_mnist()).arg("--out-dir").arg(&run).args(options);
        command.assert().success();
        let config: Value = serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
        config["convolutions"].as_str().unwrap().to_owned()
    };
    let own = if support::load_kernels() { "own" } else { "tensor_flow" };
    assert_eq!(convolutions("default", &[]), own);
    assert_eq!(convolutions("reproducible", &["--reproducible"]), "tensor_flow");
}
