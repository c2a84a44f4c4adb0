//! A variable of a graph: its name, its shape and its nodes.

use tensorflow::{Operation, Output};

/// A float32 variable of a graph.
#[derive(Debug, Clone)]
pub struct Variable {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) read: Output,
    /// Whether optimizers change it.
    pub trainable: bool,
    /// Whether it is a resource variable; see [`Scope::resource_variables`](crate::Scope::resource_variables).
    pub is_resource: bool,
    /// The variable itself, for nodes that assign to it: a float32 reference, or the handle of a resource variable.
    pub reference: Output,
    /// Its initial value.
    pub initial_value: Output,
    /// The operation that assigns the initial value.
    pub initializer: Operation,
}

impl Variable {
    /// The name in full, which is also the key in a checkpoint.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dimensions.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The number of values.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Its value, for other nodes to use.
    pub fn read(&self) -> &Output {
        &self.read
    }
}

/// A moving average in a step of training, as a batch norm notes it;
/// see [`Scope::moving_averages`](crate::Scope::moving_averages).
#[derive(Debug, Clone)]
pub struct MovingAverage {
    /// The average.
    pub variable: Variable,
    /// The batch's value, of its shape, which it is to move towards.
    pub value: Output,
    /// How much of the way it goes in a step.
    pub(crate) factor: f32,
}
