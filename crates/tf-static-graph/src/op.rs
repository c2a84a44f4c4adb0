//! One node: its inputs, attributes and control inputs, collected and handed to TensorFlow at once.

use crate::error::{GraphError, Result};
use std::cell::RefCell;
use tensorflow::{
    DataType, Graph, Operation, OperationDescription, Output, Shape, Status, Tensor, TensorType,
};

/// A node being described. Made by [`Scope::op`](crate::Scope::op); attributes go by TensorFlow's own names.
#[must_use = "a node is made by `build` or `output`"]
pub struct OpBuilder<'a> {
    graph: &'a RefCell<Graph>,
    op: &'a str,
    name: String,
    parts: Vec<Part<'a>>,
}

/// What gives the node one thing: inputs or an attribute.
type Part<'a> = Box<dyn FnOnce(&mut OperationDescription) -> std::result::Result<(), Status> + 'a>;

impl<'a> OpBuilder<'a> {
    pub(crate) fn new(graph: &'a RefCell<Graph>, op: &'a str, name: String) -> Self {
        Self { graph, op, name, parts: Vec::new() }
    }

    /// The next input.
    pub fn input(self, input: &Output) -> Self {
        let input = input.clone();
        self.edges(move |node| node.add_input(input))
    }

    /// The next inputs.
    pub fn inputs<'b>(self, inputs: impl IntoIterator<Item = &'b Output>) -> Self {
        inputs.into_iter().fold(self, Self::input)
    }

    /// The next input, where the op takes a list.
    pub fn input_list(self, inputs: &[Output]) -> Self {
        let inputs = inputs.to_vec();
        self.edges(move |node| node.add_input_list(&inputs))
    }

    /// Waits for these operations, besides those of the scope.
    pub fn control_inputs<'b>(self, operations: impl IntoIterator<Item = &'b Operation>) -> Self {
        let operations: Vec<_> = operations.into_iter().cloned().collect();
        self.edges(move |node| operations.iter().for_each(|operation| node.add_control_input(operation)))
    }

    fn edges(self, add: impl FnOnce(&mut OperationDescription) + 'a) -> Self {
        self.attribute(move |node| {
            add(node);
            Ok::<_, Status>(())
        })
    }

    /// An attribute of type `type`.
    pub fn data_type(self, name: &'a str, value: DataType) -> Self {
        self.attribute(move |node| node.set_attr_type(name, value))
    }

    /// An attribute of type `list(type)`.
    pub fn data_types(self, name: &'a str, values: Vec<DataType>) -> Self {
        self.attribute(move |node| node.set_attr_type_list(name, &values))
    }

    /// An attribute of type `shape`; `None` where a dimension is unknown.
    pub fn shape(self, name: &'a str, dims: &[Option<i64>]) -> Self {
        let shape = Shape::new(Some(dims.to_vec()));
        self.attribute(move |node| node.set_attr_shape(name, &shape))
    }

    /// An attribute of type `list(shape)`.
    pub fn shapes(self, name: &'a str, shapes: &[&[u64]]) -> Self {
        let shape = |dims: &&[u64]| Shape::new(Some(dims.iter().map(|&dim| Some(dim as i64)).collect()));
        let shapes: Vec<_> = shapes.iter().map(shape).collect();
        self.attribute(move |node| node.set_attr_shape_list(name, &shapes))
    }

    /// An attribute of type `int`.
    pub fn int(self, name: &'a str, value: i64) -> Self {
        self.attribute(move |node| node.set_attr_int(name, value))
    }

    /// An attribute of type `list(int)`.
    pub fn ints(self, name: &'a str, values: &[i64]) -> Self {
        let values = values.to_vec();
        self.attribute(move |node| node.set_attr_int_list(name, &values))
    }

    /// An attribute of type `float`.
    pub fn float(self, name: &'a str, value: f32) -> Self {
        self.attribute(move |node| node.set_attr_float(name, value))
    }

    /// An attribute of type `bool`.
    pub fn boolean(self, name: &'a str, value: bool) -> Self {
        self.attribute(move |node| node.set_attr_bool(name, value))
    }

    /// An attribute of type `string`.
    pub fn string(self, name: &'a str, value: &'a str) -> Self {
        self.attribute(move |node| node.set_attr_string(name, value))
    }

    /// An attribute of type `tensor`, and `dtype` with it, as constants want them.
    pub fn tensor<T: TensorType>(self, name: &'a str, shape: &[u64], values: &[T]) -> Self {
        let (shape, values) = (shape.to_vec(), values.to_vec());
        self.attribute(move |node| {
            node.set_attr_type("dtype", T::data_type()).map_err(Status::from)?;
            node.set_attr_tensor(name, Tensor::new(&shape).with_values(&values)?)
        })
    }

    /// Keeps the node on the device of the variable of this name; the attribute `_class`, as `tf.colocate_with` sets it.
    pub fn colocate_with(self, variable: &str) -> Self {
        let class = format!("loc:@{variable}");
        self.attribute(move |node| node.set_attr_string_list("_class", &[class]))
    }

    /// `""` is wherever TensorFlow puts it.
    pub(crate) fn device(self, device: &'a str) -> Self {
        self.attribute(move |node| node.set_device(device))
    }

    fn attribute<E: Into<Status>>(
        mut self,
        set: impl FnOnce(&mut OperationDescription) -> std::result::Result<(), E> + 'a,
    ) -> Self {
        self.parts.push(Box::new(move |node| set(node).map_err(Into::into)));
        self
    }

    /// Makes the node.
    ///
    /// # Errors
    /// TensorFlow refuses it: an unknown op, an attribute or input that does not fit, shapes that disagree.
    pub fn build(self) -> Result<Operation> {
        let Self { graph, op, name, parts } = self;
        let finish = || {
            let mut graph = graph.borrow_mut();
            let mut node = graph.new_operation(op, &name)?;
            parts.into_iter().try_for_each(|part| part(&mut node))?;
            node.finish()
        };
        finish().map_err(|status| GraphError::Node { node: name.clone(), op: op.to_owned(), status })
    }

    /// Makes the node and returns its first output.
    pub fn output(self) -> Result<Output> {
        Ok(self.build()?.output(0))
    }
}
