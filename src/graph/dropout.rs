//! Dropout whose masks can be made again.

use super::error::Result;
use super::scope::Scope;
use tensorflow::{DataType, Output};

/// Inverted dropout (Srivastava et al., 2014), as `tf.nn.dropout` computes it:
///
/// ```text
/// y = x / (1 - rate)  where u >= rate,  u uniform in [0, 1)
///     0               elsewhere
/// ```
///
/// u is a function of the seed, the step and the layer's number alone (Salmon et al., 2011: the counter-based Philox
/// generator, `StatelessRandomUniform`), so a run can be repeated, and resumed, mask by mask.
#[derive(Debug, Clone)]
pub struct Dropout {
    rate: f32,
    seed: i64,
    layer: i64,
}

impl Dropout {
    /// Drops each unit with probability `rate`, 0 <= rate < 1. `layer` tells the masks of one network's layers apart.
    pub fn new(rate: f32, seed: u64, layer: u32) -> Self {
        Self {
            rate,
            seed: seed as i64,
            layer: i64::from(layer),
        }
    }

    /// Drops units of `x`, float32 of any shape. `step`, int64 [], numbers the masks.
    ///
    /// # Errors
    /// TensorFlow refuses a node.
    pub fn apply(&self, scope: &Scope, x: &Output, step: &Output) -> Result<Output> {
        if self.rate == 0.0 {
            return Ok(x.clone());
        }
        let scope = scope.name_scope("dropout");
        let uniform = self.uniform(&scope.name_scope("random_uniform"), x, step)?;
        let rate = scope.scalar("rate", self.rate)?;
        let keep = scope
            .op("GreaterEqual", "GreaterEqual")
            .input(&uniform)
            .input(&rate)
            .output()?;
        let scale = scope.scalar("scale", 1.0 / (1.0 - self.rate))?;
        let scaled = scope.op("Mul", "Mul").input(x).input(&scale).output()?;
        let zero = scope.scalar("zero", 0.0f32)?;
        scope
            .op("SelectV2", "SelectV2")
            .input(&keep)
            .input(&scaled)
            .input(&zero)
            .output()
    }

    fn uniform(&self, scope: &Scope, x: &Output, step: &Output) -> Result<Output> {
        let shape = scope
            .op("Shape", "Shape")
            .input(x)
            .data_type("out_type", DataType::Int32)
            .output()?;
        // The op takes two numbers. The layer goes into the step's upper half, which no run reaches.
        let layer = scope.scalar("layer", self.layer << 40)?;
        let position = scope.op("AddV2", "position").input(step).input(&layer).output()?;
        let seed = scope.scalar("seed", self.seed)?;
        let key = scope
            .op("Pack", "key")
            .input_list(&[seed, position])
            .int("axis", 0)
            .output()?;
        scope
            .op("StatelessRandomUniform", "StatelessRandomUniform")
            .input(&shape)
            .input(&key)
            .data_type("dtype", DataType::Float)
            .output()
    }
}
