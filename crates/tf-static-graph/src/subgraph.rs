//! A part of a graph, put into another one again and again: each time on a device of its own.

use crate::error::{GraphError, Result};
use crate::proto::{GraphDef, NodeDef};
use crate::scope::Scope;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::mem;
use tensorflow::{ImportGraphDefOptions, Operation, Output, Status};

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
    nodes: Vec<NodeDef>,
    /// The graph but for its nodes.
    rest: GraphDef,
    inputs: Vec<Output>,
    outputs: Vec<Output>,
}

/// A [`Subgraph`] that is being put into a graph part by part: so an input may be made of what other outputs came to there,
/// those of several imports, say.
#[derive(Debug)]
pub struct Import<'a> {
    from: &'a Subgraph,
    scope: Scope,
    device: String,
    given: HashMap<Port, Output>,
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
        let mut rest = GraphDef::decode(&*scope.graph_def()?).map_err(GraphError::Unreadable)?;
        Ok(Self {
            nodes: mem::take(&mut rest.node),
            rest,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
        })
    }

    /// Puts the nodes into a name scope `name` of their own within `scope`, all on `device`, such as `/device:GPU:1`, with
    /// `inputs` of that graph in place of those that it was taken with; returns its outputs there.
    ///
    /// # Errors
    /// TensorFlow refuses it, for example inputs of other dtypes or shapes.
    pub fn import(&self, scope: &Scope, name: &str, device: &str, inputs: &[Output]) -> Result<Vec<Output>> {
        self.begin(scope, name, device, inputs)?.finish()
    }

    /// Begins an import in which the outputs are taken one after the other.
    ///
    /// # Errors
    /// There are more or fewer `inputs` than it was taken with.
    pub fn begin(&self, scope: &Scope, name: &str, device: &str, inputs: &[Output]) -> Result<Import<'_>> {
        let (scope, device) = (scope.name_scope(name), device.to_owned());
        let mut import = Import { from: self, scope, device, given: HashMap::default() };
        if inputs.len() != self.inputs.len() {
            let reason = format!("{} inputs for the {} of a subgraph", inputs.len(), self.inputs.len());
            return Err(GraphError::unfit(import.scope.path(), reason));
        }
        for (input, given) in self.inputs.iter().zip(inputs) {
            import.give(input, given)?;
        }
        Ok(import)
    }
}

impl Import<'_> {
    /// From here on takes `given`, of this graph, in place of `input`, of the graph that is imported.
    ///
    /// # Errors
    /// [`GraphError::Name`]: a node's name is no UTF-8.
    pub fn give(&mut self, input: &Output, given: &Output) -> Result<()> {
        self.given.insert(port(input)?, given.clone());
        Ok(())
    }

    /// Imports the nodes that `output`, of the graph that is imported, needs and that are not there yet; returns the output
    /// as it is there.
    ///
    /// # Errors
    /// TensorFlow refuses it, for example given outputs of other dtypes or shapes.
    pub fn take(&self, output: &Output) -> Result<Output> {
        Ok(self.take_all(std::slice::from_ref(output))?.remove(0))
    }

    /// Imports what is left; returns all outputs that it was taken with.
    pub fn finish(&self) -> Result<Vec<Output>> {
        self.take_all(&self.from.outputs)
    }

    fn take_all(&self, outputs: &[Output]) -> Result<Vec<Output>> {
        let ports = outputs.iter().map(port).collect::<Result<Vec<_>>>()?;
        let (node, op) = (self.scope.path().to_owned(), "a subgraph".to_owned());
        self.import(&ports).map_err(|status| GraphError::Node { node, op, status })
    }

    fn import(&self, outputs: &[Port]) -> std::result::Result<Vec<Output>, Status> {
        let mut options = ImportGraphDefOptions::new();
        options.set_prefix(self.scope.path())?;
        options.set_default_device(&self.device)?;
        let nodes: HashMap<&str, &NodeDef> = self.from.nodes.iter().map(|node| (&*node.name, node)).collect();
        let mut needed = HashSet::new();
        let mut open = Vec::new();
        for output in outputs {
            match self.here(output)? {
                Some(here) => options.add_input_mapping(&output.0, output.1, &here)?,
                None => open.push(&*output.0),
            }
            options.add_return_output(&output.0, output.1)?;
        }
        while let Some(name) = open.pop() {
            let is_new = needed.insert(name);
            for input in nodes.get(name).filter(|_| is_new).into_iter().flat_map(|node| &node.input) {
                if let Some(waited_for) = input.strip_prefix('^') {
                    match self.operation(waited_for)? {
                        Some(here) => options.remap_control_dependency(waited_for, &here)?,
                        None => open.push(waited_for),
                    }
                    continue;
                }
                let (name, index) = input.rsplit_once(':').unwrap_or((input, "0"));
                let index = index.parse().unwrap_or_default();
                match self.here(&(name.to_owned(), index))? {
                    Some(here) => options.add_input_mapping(name, index, &here)?,
                    None => open.push(name),
                }
            }
        }
        let node = self.from.nodes.iter().filter(|node| needed.contains(&*node.name)).cloned().collect();
        let graph = GraphDef { node, ..self.from.rest.clone() };
        // Not `import_graph_def_with_return_outputs`, in which TensorFlow copies outputs that are not there where it fails.
        let mut into = self.scope.graph_mut();
        Ok(into.import_graph_def_with_results(&graph.encode_to_vec(), &options)?.return_outputs())
    }

    /// What an output is in this graph, if it is there.
    fn here(&self, port: &Port) -> std::result::Result<Option<Output>, Status> {
        Ok(match self.given.get(port) {
            Some(given) => Some(given.clone()),
            None => self.operation(&port.0)?.map(|operation| operation.output(port.1)),
        })
    }

    fn operation(&self, name: &str) -> std::result::Result<Option<Operation>, Status> {
        Ok(self.scope.graph().operation_by_name(&self.scope.full_name(name))?)
    }
}

fn port(output: &Output) -> Result<Port> {
    Ok((output.operation.name().map_err(GraphError::Name)?, output.index as usize))
}
