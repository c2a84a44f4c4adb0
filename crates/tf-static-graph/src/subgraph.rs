//! A part of a graph, put into another one again and again: each time on a device of its own.

use crate::checkpoint::meta_graph::proto::{GraphDef, NodeDef};
use crate::error::{GraphError, Result};
use crate::scope::Scope;
use prost::Message;
use std::collections::{HashMap, HashSet};
use tensorflow::{ImportGraphDefOptions, Output, Status};

/// The nodes of a graph that some outputs need, back to some inputs.
///
/// Nodes that TensorFlow makes itself, those of [`gradients`](crate::gradients) above all, stand on no device: with a device on
/// the nodes of the forward pass alone, the backward pass of every replica would run on the first one. Imported, every
/// node gets the device.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tf_static_graph::{libtensorflow, tensorflow};
/// # let cache = libtensorflow::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" };
/// # unsafe { libtensorflow::load_with_environment(&libtensorflow::Options { cache, ..Default::default() }, &libtensorflow::Silent)? };
/// use tf_static_graph::{GraphSession, Scope, SessionConfig, Subgraph, session::replica_devices};
///
/// let square = Scope::new(None);
/// let x = square.placeholder::<f32>("x", &[])?;
/// let squared = square.op("Square", "squared").input(&x).output()?;
/// let square = Subgraph::new(&square, &[x], &[squared])?;
///
/// let config = SessionConfig { replicas: 2, ..SessionConfig::reproducible() };
/// let graph = Scope::new(None);
/// let mut y = graph.scalar("y", 3.0_f32)?;
/// for device in replica_devices(&config)? {
///     y = square.import(&graph, "square", &device, &[y])?.remove(0);
/// }
/// let session = GraphSession::new(&graph, &config.session_options()?)?;
/// assert_eq!(session.step().fetch(&y).run()?[0], [81.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Subgraph {
    graph_def: Vec<u8>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// Name and number of an output.
type Port = (String, usize);

impl Subgraph {
    /// Takes what `outputs` need from the graph of `scope`, stopping at `inputs`: what those are
    /// made of is left out.
    ///
    /// # Errors
    /// TensorFlow cannot serialize the graph.
    pub fn new(scope: &Scope, inputs: &[Output], outputs: &[Output]) -> Result<Self> {
        let whole = GraphDef::decode(&*scope.graph_def()?).map_err(GraphError::Unreadable)?;
        let ports = |outputs: &[Output]| outputs.iter().map(port).collect::<Result<Vec<_>>>();
        let (inputs, outputs) = (ports(inputs)?, ports(outputs)?);
        let needed = needed(&whole.node, &inputs, &outputs);
        let graph = GraphDef {
            node: whole.node.into_iter().filter(|node| needed.contains(&node.name)).collect(),
            ..whole
        };
        Ok(Self { graph_def: graph.encode_to_vec(), inputs, outputs })
    }

    /// Puts the nodes into a name scope `name` of their own within `scope`, all on `device`, such as `/device:GPU:1`, with
    /// `inputs` of that graph in place of those that it was taken with; returns its outputs there.
    ///
    /// # Errors
    /// TensorFlow refuses it, for example inputs of other dtypes or shapes.
    pub fn import(&self, scope: &Scope, name: &str, device: &str, inputs: &[Output]) -> Result<Vec<Output>> {
        let scope = scope.name_scope(name);
        if inputs.len() != self.inputs.len() {
            return Err(GraphError::Shape {
                node: scope.path().to_owned(),
                reason: format!("{} inputs for the {} of a subgraph", inputs.len(), self.inputs.len()),
            });
        }
        self.try_import(&scope, device, inputs).map_err(|status| GraphError::Node {
            node: scope.path().to_owned(),
            op: "a subgraph".to_owned(),
            status,
        })
    }

    fn try_import(
        &self,
        scope: &Scope,
        device: &str,
        inputs: &[Output],
    ) -> std::result::Result<Vec<Output>, Status> {
        let mut options = ImportGraphDefOptions::new();
        options.set_prefix(scope.path())?;
        options.set_default_device(device)?;
        for ((name, index), input) in self.inputs.iter().zip(inputs) {
            options.add_input_mapping(name, *index, input)?;
        }
        for (name, index) in &self.outputs {
            options.add_return_output(name, *index)?;
        }
        // Not `import_graph_def_with_return_outputs`, in which TensorFlow copies outputs that are not there where it fails.
        let imported = scope.graph_mut().import_graph_def_with_results(&self.graph_def, &options)?;
        Ok(imported.return_outputs())
    }
}

fn port(output: &Output) -> Result<Port> {
    Ok((output.operation.name().map_err(GraphError::Name)?, output.index as usize))
}

/// The names of the nodes that `outputs` are computed by from `inputs`.
fn needed(nodes: &[NodeDef], inputs: &[Port], outputs: &[Port]) -> HashSet<String> {
    let by_name: HashMap<&str, &NodeDef> = nodes.iter().map(|node| (&*node.name, node)).collect();
    let given: HashSet<(&str, usize)> = inputs.iter().map(|(name, index)| (&**name, *index)).collect();
    let mut needed = HashSet::new();
    let mut open: Vec<&str> = outputs.iter().map(|(name, _)| &**name).collect();
    while let Some(name) = open.pop() {
        if !needed.insert(name.to_owned()) {
            continue;
        }
        let inputs = by_name.get(name).into_iter().flat_map(|node| &node.input);
        open.extend(inputs.filter_map(|input| match input.strip_prefix('^') {
            Some(waited_for) => Some(waited_for),
            None => {
                let (name, index) = input.rsplit_once(':').unwrap_or((input, "0"));
                let is_given = index.parse().is_ok_and(|index| given.contains(&(name, index)));
                (!is_given).then_some(name)
            }
        }));
    }
    needed
}
