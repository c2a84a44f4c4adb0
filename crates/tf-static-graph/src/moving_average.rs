//! What a moving average is to move towards.

use crate::variable::Variable;
use tensorflow::Output;

/// A moving average in a step of training, as a batch norm notes it: [`Scope::moving_averages`](crate::Scope::moving_averages).
#[derive(Debug, Clone)]
pub struct MovingAverage {
    /// The average.
    pub variable: Variable,
    /// The batch's value, of its shape.
    pub value: Output,
    /// How much of the way it goes in a step.
    pub(crate) factor: f32,
}
