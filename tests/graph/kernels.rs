//! The ops of our own in TensorFlow's hands: shapes that fit or not, no rows at all, and the same bits every time. What
//! they compute is tested in `graph_network_gradients.rs` and `towers.rs`.

use serde_json::Value;
use std::fs;
use support::Feeds;
use support::graph_session::{GraphSession, graph, tensor};
use support::networks::{build, table};
use tensorflow::{DataType, Output, Session, SessionRunArgs, Tensor};
use tf_mnist::graph::Precision;
use tf_mnist::model::{Convolutions, Network, Towers};

/// A graph of the op `TfMnistLayers`, whose inputs are fed with any shape.
struct Layers {
    session: GraphSession,
    inputs: [Output; 9],
    outputs: [Output; 10],
}

const IMAGES: &[u64] = &[37, 28, 28, 1];
const KERNEL2: &[u64] = &[3, 3, 16, 32];

impl Layers {
    /// None where this machine cannot have it.
    fn new() -> Option<Self> {
        support::load_kernels().then(|| {
            let scope = graph(None);
            let inputs = ["images", "k1", "b1", "g1", "be1", "k2", "b2", "g2", "be2"].map(|name| {
                scope.op("Placeholder", name).data_type("dtype", DataType::Float).output().unwrap()
            });
            let node =
                inputs.iter().fold(scope.op("TfMnistLayers", "layers"), |node, input| node.input(input));
            let layers = node.build().unwrap();
            let outputs = std::array::from_fn(|number| layers.output(number));
            let ranks = outputs.each_ref().map(|output| scope.graph().num_dims(output.clone()).unwrap());
            assert_eq!(ranks, [4, 4, 4, 2, 1, 1, 1, 1, 1, 1]);
            Self { session: GraphSession::open(&scope), inputs, outputs }
        })
    }

    fn run(&self, images: &[u64], kernel2: &[u64]) -> Result<Vec<Vec<f32>>, String> {
        let kernel1 = &[3, 3, 1, 16];
        let [of_16, of_32] = [&[16][..], &[32]];
        let shapes = [images, kernel1, of_16, of_16, of_16, kernel2, of_32, of_32, of_32];
        let fed = shapes.map(|shape| {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|n: u64| (n * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
            tensor(shape, &values)
        });
        let mut step = self.session.step();
        for (input, value) in self.inputs.iter().zip(&fed) {
            step = step.feed(input, value);
        }
        let step = self.outputs.iter().fold(step, |step, output| step.fetch(output));
        step.run().map_err(|error| error.to_string())
    }
}

#[test]
fn the_same_bits_every_time() {
    let Some(layers) = Layers::new() else { return };
    let first = layers.run(IMAGES, KERNEL2).unwrap();
    assert_eq!(first[0].len(), 37 * 14 * 14 * 32);
    for _ in 0..5 {
        let again = layers.run(IMAGES, KERNEL2).unwrap();
        assert!(first.iter().zip(&again).all(|(a, b)| support::bits(a) == support::bits(b)));
    }
}

#[test]
fn no_rows_are_no_error() {
    let Some(layers) = Layers::new() else { return };
    let found = layers.run(&[0, 28, 28, 1], KERNEL2).unwrap();
    assert!(found[..3].iter().all(Vec::is_empty));
    for (statistics, channels) in found[4..].iter().zip([16, 16, 32, 32, 16, 32]) {
        assert_eq!(*statistics, vec![0.0; channels]);
    }
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_that_names_the_input() {
    let Some(layers) = Layers::new() else { return };
    for (images, kernel2, named) in [
        (&[2, 28, 28, 16][..], KERNEL2, "its input images is [2, 28, 28, 16], not [2, 28, 28, 1]"),
        (&[2, 14, 14, 1], KERNEL2, "its input images is [2, 14, 14, 1]"),
        (&[784, 1], KERNEL2, "its input images is [784, 1]"),
        (&[], KERNEL2, "its input images is []"),
        (&[2, 28, 28, 1], &[5, 5, 16, 32], "its input kernel2 is [5, 5, 16, 32], not [3, 3, 16, 32]"),
    ] {
        let error = layers.run(images, kernel2).unwrap_err();
        assert!(error.contains("TfMnistLayers") && error.contains(named), "{error}");
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
        let mut command = support::tf_mnist();
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
