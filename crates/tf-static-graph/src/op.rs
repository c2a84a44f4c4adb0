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
    inputs: Vec<Input>,
    control_inputs: Vec<Operation>,
    attributes: Vec<SetAttribute<'a>>,
}

enum Input {
    One(Output),
    List(Vec<Output>),
}

type SetAttribute<'a> = Box<dyn FnOnce(&mut OperationDescription) -> std::result::Result<(), Status> + 'a>;

impl<'a> OpBuilder<'a> {
    pub(crate) fn new(
        graph: &'a RefCell<Graph>,
        op: &'a str,
        name: String,
        control_inputs: Vec<Operation>,
    ) -> Self {
        Self { graph, op, name, inputs: Vec::new(), control_inputs, attributes: Vec::new() }
    }

    /// The next input.
    pub fn input(mut self, input: &Output) -> Self {
        self.inputs.push(Input::One(input.clone()));
        self
    }

    /// The next input, where the op takes a list.
    pub fn input_list(mut self, inputs: &[Output]) -> Self {
        self.inputs.push(Input::List(inputs.to_vec()));
        self
    }

    /// Waits for these operations, besides those of the scope.
    pub fn control_inputs<'b>(mut self, operations: impl IntoIterator<Item = &'b Operation>) -> Self {
        self.control_inputs.extend(operations.into_iter().cloned());
        self
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

    pub(crate) fn colocate_with_name(self, name: &str) -> Self {
        let class = format!("loc:@{name}");
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
        self.attributes.push(Box::new(move |node| set(node).map_err(Into::into)));
        self
    }

    /// Makes the node.
    ///
    /// # Errors
    /// TensorFlow refuses it: an unknown op, an attribute or input that does not fit, shapes that disagree.
    pub fn build(self) -> Result<Operation> {
        let Self { graph, op, name, inputs, control_inputs, attributes } = self;
        let finish = || {
            let mut graph = graph.borrow_mut();
            let mut node = graph.new_operation(op, &name)?;
            for input in inputs {
                match input {
                    Input::One(output) => node.add_input(output),
                    Input::List(outputs) => node.add_input_list(&outputs),
                }
            }
            for operation in &control_inputs {
                node.add_control_input(operation);
            }
            for set in attributes {
                set(&mut node)?;
            }
            node.finish()
        };
        finish().map_err(|status| GraphError::Node { node: name.clone(), op: op.to_owned(), status })
    }

    /// Makes the node and returns its first output.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn output(self) -> Result<Output> {
        Ok(self.build()?.output(0))
    }
}
