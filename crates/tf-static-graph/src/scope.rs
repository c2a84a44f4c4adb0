//! The graph under construction: name scopes, control dependencies and the two collections that TF1 keeps.

use crate::error::{GraphError, Result};
use crate::names::Names;
use crate::op::OpBuilder;
use crate::variable::{MovingAverage, Variable};
use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use tensorflow::{Graph, Operation, Output, TensorType};

/// A place in a graph that is being built: a name scope and control dependencies. Clones share the graph, within one thread
/// (`Scope` is neither `Send` nor `Sync`; a session is both).
///
/// Names follow TF1's rules (`tf.Graph.unique_name`): a second `name_scope("cond")` becomes `cond_1`, a second op
/// `Selu` becomes `Selu_1`. Variables are named absolutely, as `tf.get_variable` does.
#[derive(Debug, Clone)]
pub struct Scope {
    shared: Rc<Shared>,
    /// `""` at the root, else such as `"train/Adam"`.
    path: String,
    pub(crate) control_inputs: Vec<Operation>,
    /// `""`: wherever TensorFlow puts them.
    device: String,
    reuse: bool,
    /// Whether new variables are resource variables.
    pub(crate) resources: bool,
}

#[derive(Debug)]
struct Shared {
    graph: RefCell<Graph>,
    names: RefCell<Names>,
    variables: RefCell<Vec<Variable>>,
    update_ops: RefCell<Vec<Operation>>,
    moving_averages: RefCell<Vec<MovingAverage>>,
    seed: Option<u64>,
}

impl Scope {
    /// An empty graph. With a `seed`, every random initializer becomes a function of the seed and of the variable's
    /// name; without one, TensorFlow draws its own seeds.
    ///
    /// # Panics
    /// No TensorFlow is [loaded](libtensorflow::load).
    pub fn new(seed: Option<u64>) -> Self {
        Self::with_names(Graph::new(), Names::default(), seed)
    }

    /// A graph that is there already, an imported one say, to be built upon; `seed` as for [`new`](Self::new). Its nodes are
    /// had from [`graph`](Self::graph), and new ones get other names. Variables among them are not in the collections
    /// here, so that nobody trains, initializes or saves them unasked: [`Variable::existing`] takes one in.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tf_static_graph::libtensorflow;
    /// # let cache = libtensorflow::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" };
    /// # unsafe { libtensorflow::load_with_environment(&libtensorflow::Options { cache, ..Default::default() }, &libtensorflow::Silent)? };
    /// use tf_static_graph::tensorflow::{Graph, ImportGraphDefOptions};
    /// use tf_static_graph::{Dense, Scope, Variable};
    ///
    /// # let source = Scope::new(Some(1));
    /// # let images = source.placeholder::<f32>("images", &[None, Some(4)])?;
    /// # Dense::new(&source, "features", 4, 3, None)?.apply(&source, &images)?;
    /// # let graph_def = source.graph_def()?;
    /// let mut graph = Graph::new(); // Python wrote it, say
    /// graph.import_graph_def(&graph_def, &ImportGraphDefOptions::new())?;
    ///
    /// let scope = Scope::wrap(graph, Some(1))?;
    /// let features = scope.graph().operation_by_name_required("features/BiasAdd")?.output(0);
    /// for name in ["features/kernel", "features/bias"] {
    ///     Variable::existing(&scope, name, false)?; // initialized and saved with the rest, but not trained
    /// }
    /// Dense::new(&scope, "logits", 3, 2, None)?.apply(&scope, &features)?;
    /// assert_eq!((scope.variables().len(), scope.trainable_variables().len()), (4, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GraphError::Name`]: a node's name is no UTF-8.
    pub fn wrap(graph: Graph, seed: Option<u64>) -> Result<Self> {
        let names = Names::of(&graph)?;
        Ok(Self::with_names(graph, names, seed))
    }

    fn with_names(graph: Graph, names: Names, seed: Option<u64>) -> Self {
        Self {
            shared: Rc::new(Shared {
                graph: RefCell::new(graph),
                names: RefCell::new(names),
                variables: RefCell::default(),
                update_ops: RefCell::default(),
                moving_averages: RefCell::default(),
                seed,
            }),
            path: String::new(),
            control_inputs: Vec::new(),
            device: String::new(),
            reuse: false,
            resources: false,
        }
    }

    /// The scope `name` within this one, made unique; `tf.name_scope(name)`.
    pub fn name_scope(&self, name: &str) -> Self {
        Self { path: self.unique_name(name), ..self.clone() }
    }

    /// The root of the same graph, for names given in full. Without control dependencies: a variable's initial value
    /// must not wait for anything in a step.
    pub(crate) fn root(&self) -> Self {
        Self { path: String::new(), ..self.without_control_dependencies() }
    }

    /// This scope, where new nodes wait for nothing; `tf.control_dependencies(None)`.
    pub fn without_control_dependencies(&self) -> Self {
        Self { control_inputs: Vec::new(), ..self.clone() }
    }

    /// The scope below an existing name, such as a variable's, without making it unique; `tf.name_scope("name/")`.
    pub fn within(&self, full_name: &str) -> Self {
        Self { path: full_name.to_owned(), ..self.clone() }
    }

    /// This scope, where a variable that is there already is taken again, so that a network can be built a second time
    /// over the same variables; `tf.variable_scope(reuse=tf.AUTO_REUSE)`.
    pub fn reuse_variables(&self) -> Self {
        Self { reuse: true, ..self.clone() }
    }

    /// This scope, where new variables are resource variables, which Python's `tf.saved_model.load` gives back as
    /// `tf.Variable`s; `tf.compat.v1.enable_resource_variables`. For a graph that is used: the optimizers here train
    /// reference variables.
    pub fn resource_variables(&self) -> Self {
        Self { resources: true, ..self.clone() }
    }

    /// This scope, where every new node also waits for `operations`; `tf.control_dependencies`.
    pub fn control_dependencies<'a>(&self, operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut scope = self.clone();
        scope.control_inputs.extend(operations.into_iter().cloned());
        scope
    }

    /// This scope, where new nodes are on `device`, such as `/device:GPU:1`; `tf.device`. Nodes of
    /// [`gradients`](crate::gradients) are not: see [`Subgraph`](crate::Subgraph).
    pub fn device(&self, device: &str) -> Self {
        Self { device: device.to_owned(), ..self.clone() }
    }

    /// Begins a node of op type `op`, as TensorFlow's list of raw ops names it, under the name `name` within this scope.
    pub fn op<'a>(&'a self, op: &'a str, name: &str) -> OpBuilder<'a> {
        self.builder(op, self.unique_name(name))
    }

    /// Begins the node of op type `op` whose full name is this scope's, where TF1 gives a node's own constants the
    /// node's name as their scope: `Reshape` and `Reshape/shape`.
    pub fn op_named_as_scope<'a>(&'a self, op: &'a str) -> OpBuilder<'a> {
        self.builder(op, self.path.clone())
    }

    fn builder<'a>(&'a self, op: &'a str, name: String) -> OpBuilder<'a> {
        let builder = OpBuilder::new(&self.shared.graph, op, name).device(&self.device);
        builder.control_inputs(&self.control_inputs)
    }

    /// A scalar constant.
    pub fn scalar<T: TensorType>(&self, name: &str, value: T) -> Result<Output> {
        self.constant(name, &[], &[value])
    }

    /// A constant of shape `shape`, row-major `values`; `tf.constant`.
    ///
    /// # Errors
    /// The number of values does not fit the shape.
    pub fn constant<T: TensorType>(&self, name: &str, shape: &[u64], values: &[T]) -> Result<Output> {
        self.op("Const", name).tensor("value", shape, values).output()
    }

    /// A value that every run feeds: of dtype `T` and shape `shape`, `None` where a dimension is open;
    /// `tf.compat.v1.placeholder`.
    pub fn placeholder<T: TensorType>(&self, name: &str, shape: &[Option<i64>]) -> Result<Output> {
        self.op("Placeholder", name).data_type("dtype", T::data_type()).shape("shape", shape).output()
    }

    /// A scalar that is `default` unless a run feeds it; `tf.compat.v1.placeholder_with_default`.
    pub fn placeholder_with_default<T: TensorType>(&self, name: &str, default: T) -> Result<Output> {
        let inner = self.name_scope(name);
        let default = inner.scalar("input", default)?;
        inner.op_named_as_scope("PlaceholderWithDefault").input(&default).shape("shape", &[]).output()
    }

    /// Groups operations into one that runs after all of them; `tf.group`.
    pub fn group<'a>(
        &self,
        name: &str,
        operations: impl IntoIterator<Item = &'a Operation>,
    ) -> Result<Operation> {
        self.op("NoOp", name).control_inputs(operations).build()
    }

    /// All variables so far, in the order made; `tf.global_variables()`.
    pub fn variables(&self) -> Vec<Variable> {
        self.shared.variables.borrow().clone()
    }

    /// The variables that an optimizer changes; `tf.trainable_variables()`.
    pub fn trainable_variables(&self) -> Vec<Variable> {
        self.shared.variables.borrow().iter().filter(|variable| variable.trainable).cloned().collect()
    }

    /// What must run along with each training step; the collection `tf.GraphKeys.UPDATE_OPS`.
    pub fn update_ops(&self) -> Vec<Operation> {
        self.shared.update_ops.borrow().clone()
    }

    /// Adds to the collection `tf.GraphKeys.UPDATE_OPS`.
    pub fn add_update_op(&self, operation: Operation) {
        self.shared.update_ops.borrow_mut().push(operation);
    }

    /// The moving averages that the update ops move, in their order.
    pub fn moving_averages(&self) -> Vec<MovingAverage> {
        self.shared.moving_averages.borrow().clone()
    }

    pub(crate) fn add_moving_average(&self, average: MovingAverage) {
        self.shared.moving_averages.borrow_mut().push(average);
    }

    /// An operation that gives every variable its initial value; `tf.global_variables_initializer()`.
    pub fn global_variables_initializer(&self) -> Result<Operation> {
        self.group("init", self.variables().iter().map(|variable| &variable.initializer))
    }

    /// The graph, for sessions and look-ups.
    ///
    /// # Panics
    /// Not here, but where a node is added while what this returns is still held.
    pub fn graph(&self) -> Ref<'_, Graph> {
        self.shared.graph.borrow()
    }

    pub(crate) fn graph_mut(&self) -> RefMut<'_, Graph> {
        self.shared.graph.borrow_mut()
    }

    /// Serialized `GraphDef` of all nodes.
    ///
    /// # Errors
    /// TensorFlow cannot serialize the graph.
    pub fn graph_def(&self) -> Result<Vec<u8>> {
        self.graph().graph_def().map_err(GraphError::run("serialize the graph"))
    }

    /// The dimensions of an output, `None` where one is open; `None` in all where not even their number is known.
    pub fn shape(&self, output: &Output) -> Option<Vec<Option<i64>>> {
        self.graph().tensor_shape(output.clone()).ok()?.into()
    }

    /// The variable of this full name, where variables may be taken again.
    pub(crate) fn variable_to_reuse(&self, full_name: &str) -> Option<Variable> {
        let variables = self.shared.variables.borrow();
        let named = variables.iter().find(|variable| variable.name() == full_name);
        named.filter(|_| self.reuse).cloned()
    }

    pub(crate) fn add_variable(&self, variable: Variable) {
        self.shared.variables.borrow_mut().push(variable);
    }

    pub(crate) fn seed(&self) -> Option<u64> {
        self.shared.seed
    }

    /// The full name of this scope, `""` at the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `path/name`.
    pub(crate) fn full_name(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// Whether a node, variable or scope of this full name was made.
    pub(crate) fn is_taken(&self, full_name: &str) -> bool {
        self.shared.names.borrow().is_taken(full_name)
    }

    /// `path/name`, made unique.
    fn unique_name(&self, name: &str) -> String {
        self.shared.names.borrow_mut().unique(self.full_name(name))
    }
}
