//! An exported model in TensorFlow's C++ loader.

use std::path::Path;
use tensorflow::{
    Graph, MetaGraphDef, Operation, SavedModelBundle, Session, SessionOptions, SessionRunArgs, Tensor,
    TensorType,
};

/// A SavedModel as C's loader gives it.
pub struct Served {
    pub graph: Graph,
    pub bundle: SavedModelBundle,
}

impl Served {
    pub fn load(folder: &Path) -> Self {
        let mut graph = Graph::new();
        let bundle = SavedModelBundle::load(&SessionOptions::new(), ["serve"], &mut graph, folder).unwrap();
        Self { graph, bundle }
    }

    pub fn meta_graph(&self) -> &MetaGraphDef {
        self.bundle.meta_graph_def()
    }

    pub fn method(&self, signature: &str) -> &str {
        self.meta_graph().get_signature(signature).unwrap().method_name()
    }

    /// The full name of the signature's one input, and of an output.
    pub fn names(&self, signature: &str, output: &str) -> (String, String) {
        let signature = self.meta_graph().get_signature(signature).unwrap();
        assert_eq!(signature.inputs().len(), 1);
        let input = signature.inputs().values().next().unwrap().name();
        let output = signature.get_output(output).unwrap().name();
        assert_eq!((input.index, output.index), (0, 0));
        (input.name.clone(), output.name.clone())
    }

    pub fn run<I: TensorType, O: TensorType>(
        &self,
        signature: &str,
        input: &Tensor<I>,
        output: &str,
    ) -> Tensor<O> {
        let (input_name, output_name) = self.names(signature, output);
        fetch(
            &self.bundle.session,
            &operation(&self.graph, &input_name),
            input,
            &operation(&self.graph, &output_name),
        )
    }
}

pub fn operation(graph: &Graph, name: &str) -> Operation {
    graph.operation_by_name_required(name).unwrap()
}

pub fn fetch<I: TensorType, O: TensorType>(
    session: &Session,
    input: &Operation,
    value: &Tensor<I>,
    output: &Operation,
) -> Tensor<O> {
    let mut args = SessionRunArgs::new();
    args.add_feed(input, 0, value);
    let token = args.request_fetch(output, 0);
    session.run(&mut args).unwrap();
    args.fetch(token).unwrap()
}

pub fn greatest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
