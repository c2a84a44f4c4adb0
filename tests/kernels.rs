//! The ops of our own in TensorFlow's hands: shapes that fit or not, no rows at all, and the same bits every time. What
//! they compute is tested in `graph_network_gradients.rs` and `towers.rs`.

mod support;

use tensorflow::{DataType, Output, Session, SessionRunArgs, Tensor};
use tf_mnist::graph::Scope;

/// A graph of the op `TfMnistSecondLayer`, whose inputs are fed with any shape.
struct SecondLayer {
    session: Session,
    inputs: [Output; 3],
    outputs: [Output; 4],
}

impl SecondLayer {
    /// None where this machine cannot have it.
    fn new() -> Option<Self> {
        if let Err(reason) = support::load_kernels() {
            eprintln!("not tested: {reason}");
            return None;
        }
        let scope = Scope::new(None);
        let inputs = ["hidden", "kernel", "bias"].map(|name| {
            scope
                .op("Placeholder", name)
                .data_type("dtype", DataType::Float)
                .output()
                .unwrap()
        });
        let [hidden, kernel, bias] = &inputs;
        let layer = scope
            .op("TfMnistSecondLayer", "layer")
            .input(hidden)
            .input(kernel)
            .input(bias)
            .build()
            .unwrap();
        let outputs = [0, 1, 2, 3].map(|number| layer.output(number));
        let ranks = outputs
            .each_ref()
            .map(|output| scope.graph().num_dims(output.clone()).unwrap());
        assert_eq!(ranks, [4, 1, 1, 1]);
        let session = Session::new(&support::reproducible_options(), &scope.graph()).unwrap();
        Some(Self {
            session,
            inputs,
            outputs,
        })
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
        let tokens = self
            .outputs
            .each_ref()
            .map(|output| args.request_fetch(&output.operation, output.index));
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
        assert!(
            first
                .iter()
                .zip(&again)
                .all(|(a, b)| support::bits(a) == support::bits(b))
        );
    }
}

#[test]
fn no_rows_are_no_error() {
    let Some(layer) = SecondLayer::new() else { return };
    let [sums, mean, variance, unbiased_variance] = layer.run(&[0, 28, 28, 16], KERNEL).unwrap();
    assert!(sums.is_empty());
    assert_eq!(
        [mean, variance, unbiased_variance],
        [const { vec![] }; 3].map(|_: Vec<f32>| vec![0.0; 32])
    );
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_that_names_the_input() {
    let Some(layer) = SecondLayer::new() else { return };
    for (hidden, kernel, named) in [
        (
            &[2, 28, 28, 32][..],
            KERNEL,
            "its input hidden is [2, 28, 28, 32], not [2, 28, 28, 16]",
        ),
        (&[2, 14, 14, 16], KERNEL, "its input hidden is [2, 14, 14, 16]"),
        (&[784, 16], KERNEL, "its input hidden is [784, 16]"),
        (&[], KERNEL, "its input hidden is []"),
        (
            &[2, 28, 28, 16],
            &[5, 5, 16, 32],
            "its input kernel is [5, 5, 16, 32], not [3, 3, 16, 32]",
        ),
    ] {
        let error = layer.run(hidden, kernel).unwrap_err();
        assert!(
            error.contains("TfMnistSecondLayer") && error.contains(named),
            "{error}"
        );
    }
}
