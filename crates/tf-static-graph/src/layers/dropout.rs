//! Dropout whose masks can be made again.

use crate::error::Result;
use crate::scope::Scope;
use tensorflow::{DataType, Output};

/// Inverted dropout (Srivastava et al., 2014), as `tf.nn.dropout` computes it:
///
/// ```text
/// y = x / (1 - rate)  where u >= rate,  u uniform in [0, 1)
///     0               elsewhere
/// ```
///
/// u is a function of the seed, the step and the layer's number alone (Salmon et al., 2011: the counter-based Philox
/// generator of `StatelessRandomUniform`), so a run can be repeated, and resumed, mask by mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// How many units are dropped, as a share: 0 <= rate < 1.
    pub rate: f32,
    /// Tells the masks of one run from those of another.
    pub seed: u64,
    /// Tells the masks of one network's layers apart.
    pub layer: u32,
    /// What u is drawn as.
    pub randomness: Randomness,
}

/// What the u of a [`Dropout`] is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Randomness {
    /// A float32 for each unit, as Python's front end does.
    #[default]
    Float,
    /// Eight random bits for each unit, a quarter as many as a float32 takes: exact for rates that are a multiple of 1/256. For other
    /// rates, and where the last dimension is unknown or no multiple of 8, a float32 after all.
    Byte,
}

impl Dropout {
    /// Drops units of `x`, float32 of any shape. `step`, int64 `[]`, numbers the masks.
    pub fn apply(&self, scope: &Scope, x: &Output, step: &Output) -> Result<Output> {
        if self.rate == 0.0 {
            return Ok(x.clone());
        }
        let scope = scope.name_scope("dropout");
        let keep = self.mask(&scope, x, step)?;
        let scale = scope.scalar("scale", 1.0 / (1.0 - self.rate))?;
        let scaled = scope.op("Mul", "Mul").input(x).input(&scale).output()?;
        let zero = scope.scalar("zero", 0.0f32)?;
        scope.op("SelectV2", "SelectV2").input(&keep).input(&scaled).input(&zero).output()
    }

    /// u >= rate, bool of the shape of `x`.
    fn mask(&self, scope: &Scope, x: &Output, step: &Output) -> Result<Output> {
        let random = scope.name_scope("random_uniform");
        let shape = random.op("Shape", "Shape").input(x).data_type("out_type", DataType::Int32).output()?;
        let key = self.key(&random, step)?;
        let (uniform, rate) = match self.byte_threshold(&random, x) {
            Some(threshold) => {
                (random_bytes(&random, x, &shape, &key)?, scope.scalar("threshold", threshold)?)
            }
            None => {
                let uniform = random
                    .op("StatelessRandomUniform", "StatelessRandomUniform")
                    .inputs([&shape, &key])
                    .data_type("dtype", DataType::Float)
                    .output()?;
                (uniform, scope.scalar("rate", self.rate)?)
            }
        };
        scope.op("GreaterEqual", "GreaterEqual").input(&uniform).input(&rate).output()
    }

    /// The least byte that keeps a unit, if bytes will do.
    fn byte_threshold(&self, scope: &Scope, x: &Output) -> Option<u8> {
        let threshold = self.rate * 256.0;
        let last = (*scope.shape(x)?.last()?)?;
        let fits = self.randomness == Randomness::Byte && threshold.fract() == 0.0 && last % 8 == 0;
        fits.then_some(threshold as u8) // below 256, as the rate is below 1
    }

    /// What the mask numbered `step`, int64 `[]`, is drawn by: seed and position, int64 `[2]`.
    pub fn key(&self, scope: &Scope, step: &Output) -> Result<Output> {
        // The op takes two numbers. The layer goes into the step's upper bits, which no run reaches.
        let layer = scope.scalar("layer", i64::from(self.layer) << 40)?;
        let position = scope.op("AddV2", "position").input(step).input(&layer).output()?;
        let seed = scope.scalar("seed", self.seed as i64)?;
        scope.op("Pack", "key").input_list(&[seed, position]).int("axis", 0).output()
    }
}

/// Random bytes, uint8 of `shape`, which is that of `x`: drawn as 64-bit words, eight units a word.
fn random_bytes(scope: &Scope, x: &Output, shape: &Output, key: &Output) -> Result<Output> {
    let rank = scope.shape(x).map_or(1, |dims| dims.len());
    let mut units_a_word = vec![1i32; rank];
    units_a_word[rank - 1] = 8;
    let units_a_word = scope.constant("units_a_word", &[rank as u64], &units_a_word)?;
    let words = scope.op("FloorDiv", "words").input(shape).input(&units_a_word).output()?;
    let words = scope
        .op("StatelessRandomUniformFullInt", "StatelessRandomUniformFullInt")
        .inputs([&words, key])
        .data_type("dtype", DataType::UInt64)
        .output()?;
    let bytes = scope.op("Bitcast", "Bitcast").input(&words).data_type("type", DataType::UInt8).output()?;
    scope.op("Reshape", "Reshape").inputs([&bytes, shape]).output()
}
