//! The first values of variables.

use crate::error::Result;
use crate::scope::Scope;
use tensorflow::{DataType, Output};

/// How a variable gets its first value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initializer {
    /// All zeros; `tf.zeros_initializer`.
    Zeros,
    /// All ones; `tf.ones_initializer`.
    Ones,
    /// Uniform in ±sqrt(6 / (fan_in + fan_out)); `tf.glorot_uniform_initializer`, after Glorot and Bengio, 2010.
    /// The fans of a kernel [h, w, in, out] are h·w·in and h·w·out.
    GlorotUniform,
    /// One value everywhere.
    Constant(f32),
}

impl Initializer {
    pub(crate) fn build(self, root: &Scope, variable: &str, shape: &[u64]) -> Result<Output> {
        let scope = root.within(&format!("{variable}/Initializer"));
        match self {
            Self::Zeros => filled(&scope, "zeros", variable, shape, 0.0),
            Self::Ones => filled(&scope, "ones", variable, shape, 1.0),
            Self::Constant(value) => filled(&scope, "Const", variable, shape, value),
            Self::GlorotUniform => glorot_uniform(&scope, variable, shape),
        }
    }
}

/// A constant, or above a thousand values a `Fill`, which keeps the GraphDef small; TF1 draws the same line.
fn filled(scope: &Scope, name: &str, variable: &str, shape: &[u64], value: f32) -> Result<Output> {
    let len = shape.iter().product::<u64>() as usize;
    if len < 1000 {
        let values = vec![value; len];
        return scope.op("Const", name).tensor("value", shape, &values).colocate_with(variable).output();
    }
    let inner = scope.within(&format!("{}/{name}", scope.path()));
    let here = |op: &'static str, name| inner.op(op, name).colocate_with(variable);
    let dims =
        here("Const", "shape_as_tensor").tensor("value", &[shape.len() as u64], &int32(shape)).output()?;
    let value = here("Const", "Const").tensor("value", &[], &[value]).output()?;
    scope.op("Fill", name).input(&dims).input(&value).colocate_with(variable).output()
}

fn glorot_uniform(scope: &Scope, variable: &str, shape: &[u64]) -> Result<Output> {
    let (fan_in, fan_out) = fans(shape);
    let limit = (6.0 / (fan_in + fan_out)).sqrt() as f32;
    let (seed, seed2) = match scope.seed() {
        Some(seed) => op_seeds(seed, variable),
        None => (0, 0), // TensorFlow's way to say: draw one
    };

    let inner = scope.within(&format!("{}/random_uniform", scope.path()));
    let here = |op: &'static str, name| inner.op(op, name).colocate_with(variable);
    let dims = here("Const", "shape").tensor("value", &[shape.len() as u64], &int32(shape)).output()?;
    let min = here("Const", "min").tensor("value", &[], &[-limit]).output()?;
    let max = here("Const", "max").tensor("value", &[], &[limit]).output()?;
    let uniform = here("RandomUniform", "RandomUniform")
        .input(&dims)
        .data_type("dtype", DataType::Float)
        .int("seed", seed)
        .int("seed2", seed2)
        .output()?;
    let range = here("Sub", "sub").input(&max).input(&min).output()?;
    let scaled = here("Mul", "mul").input(&uniform).input(&range).output()?;
    scope.op("AddV2", "random_uniform").input(&scaled).input(&min).colocate_with(variable).output()
}

fn int32(shape: &[u64]) -> Vec<i32> {
    shape.iter().map(|&dim| dim as i32).collect()
}

/// `_compute_fans` of TensorFlow's `init_ops`.
fn fans(shape: &[u64]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        [only] => (*only as f64, *only as f64),
        [receptive_field @ .., inputs, outputs] => {
            let field = receptive_field.iter().product::<u64>() as f64;
            (field * *inputs as f64, field * *outputs as f64)
        }
    }
}

/// The two seed attributes of a random op: the same for the same seed and variable, apart for any other.
fn op_seeds(seed: u64, variable: &str) -> (i64, i64) {
    // FNV-1a, whose value is specified: start values must not change with Rust's hasher.
    let next = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let named = variable.bytes().fold(0xcbf2_9ce4_8422_2325, next);
    // Both zero would mean: draw a seed. The lowest bit of the second keeps clear of that.
    (seed as i64, (named | 1) as i64)
}
