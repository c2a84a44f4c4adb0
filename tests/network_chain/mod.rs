//! Walks a built network from its logits back to its images, and holds each node against the summary.

use std::collections::VecDeque;
use tensorflow::{Operation, Output};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::Scope;
use tf_mnist::model::summary::{Operation as Described, RowShape, Summary};
use tf_mnist::runtime;

/// Opens the TensorFlow that the program itself would.
pub fn load_tensorflow() {
    let options = runtime::Options::default();
    // SAFETY: until TensorFlow is open, the threads of tests read the environment through `std::env` alone.
    let _environment = unsafe { runtime::set_environment(&options) };
    runtime::load(&options, &Silent).unwrap();
}

/// The nodes between two ends that are still to be accounted for, the first to run at the front.
struct Chain<'a> {
    graph: &'a Scope,
    nodes: VecDeque<Operation>,
}

/// Asserts that the nodes from `images` to `logits` are those of `summary`, each with its shape, and no others.
pub fn check(graph: &Scope, images: &Output, logits: &Operation, summary: &Summary, training: bool) {
    let mut chain = Chain::between(graph, images, logits);
    for layer in &summary.layers {
        let mut input = layer.input_shape.clone();
        for step in &layer.operations {
            let node = chain.take(step.operation, &input, training);
            if let Some(node) = node {
                assert_eq!(
                    chain.shape(&node),
                    open_rows(&step.output_shape),
                    "{} {step:?}",
                    layer.name
                );
            }
            input = step.output_shape.clone();
        }
        if let Some(window) = layer.window {
            assert_eq!(window.windows, layer.operations[0].output_shape.dims()[0]);
        }
    }
    let left: Vec<_> = chain.nodes.iter().map(|node| node.name().unwrap()).collect();
    assert!(left.is_empty(), "not in the summary: {left:?}");
}

impl<'a> Chain<'a> {
    fn between(graph: &'a Scope, images: &Output, logits: &Operation) -> Self {
        let mut nodes = VecDeque::new();
        let mut node = logits.clone();
        while node.name() != images.operation.name() {
            // SelectV2, the end of dropout, takes its condition first; every other node takes its data first.
            let data = usize::from(node.op_type().unwrap() == "SelectV2");
            let before = node.input(data).0;
            if node.op_type().unwrap() != "Switch" {
                nodes.push_front(node);
            }
            node = before;
        }
        Self { graph, nodes }
    }

    /// Takes the nodes that `described` stands for; the last of them, or none where it does nothing.
    fn take(&mut self, described: Described, input: &RowShape, training: bool) -> Option<Operation> {
        match described {
            Described::Conv2d {
                filters,
                kernel_size,
                stride,
                padding,
            } => {
                let node = self.expect("Conv2D");
                let channels = *input.dims().last().unwrap();
                let kernel = [kernel_size, kernel_size, channels, filters].map(|dim| Some(dim as i64));
                assert_eq!(self.shape(&node.input(1).0), kernel);
                assert_window(&node, "strides", stride);
                assert_eq!(node.get_attr_string("padding").unwrap(), padding.as_str());
                Some(self.expect("BiasAdd"))
            }
            Described::MaxPool {
                kernel_size,
                stride,
                padding,
            } => {
                let node = self.expect("MaxPool");
                assert_window(&node, "ksize", kernel_size);
                assert_window(&node, "strides", stride);
                assert_eq!(node.get_attr_string("padding").unwrap(), padding.as_str());
                Some(node)
            }
            Described::Dense { units } => {
                let node = self.expect("MatMul");
                let kernel = [input.values(), units].map(|dim| Some(dim as i64));
                assert_eq!(self.shape(&node.input(1).0), kernel);
                Some(self.expect("BiasAdd"))
            }
            Described::BatchNorm if input.dims().len() == 3 => {
                let node = self.expect("FusedBatchNormV3");
                assert_eq!(node.get_attr_bool("is_training").unwrap(), training);
                Some(node)
            }
            Described::BatchNorm => {
                self.expect("Mul");
                Some(self.expect("AddV2"))
            }
            Described::Flatten => Some(self.expect("Reshape")),
            Described::Relu => Some(self.expect("Relu")),
            Described::Selu => Some(self.expect("Selu")),
            Described::Dropout { rate } if training => {
                let scale = self
                    .expect("Mul")
                    .input(1)
                    .0
                    .get_attr_tensor::<f32>("value")
                    .unwrap();
                assert_eq!(scale[0], 1.0 / (1.0 - rate));
                Some(self.expect("SelectV2"))
            }
            Described::Dropout { .. } => None,
        }
    }

    fn expect(&mut self, op: &str) -> Operation {
        let node = self
            .nodes
            .pop_front()
            .unwrap_or_else(|| panic!("the graph has no {op} there"));
        assert_eq!(node.op_type().unwrap(), op, "{}", node.name().unwrap());
        node
    }

    fn shape(&self, node: &Operation) -> Vec<Option<i64>> {
        let shape = self.graph.graph().tensor_shape(node.output(0)).unwrap();
        Option::<Vec<Option<i64>>>::from(shape).expect("the rank is known")
    }
}

/// The shape with its rows left open, as TensorFlow gives it.
fn open_rows(shape: &RowShape) -> Vec<Option<i64>> {
    let dims = shape.dims().iter().map(|&dim| Some(dim as i64));
    std::iter::once(None).chain(dims).collect()
}

/// `attribute` is [1, size, size, 1].
fn assert_window(node: &Operation, attribute: &str, size: u64) {
    let size = size as i64;
    assert_eq!(
        node.get_attr_int_list(attribute).unwrap(),
        [1, size, size, 1],
        "{attribute}"
    );
}
