//! Batch normalization in training by the statistics of rows that several graphs have parts of; Keras's
//! `BatchNormalization(synchronized=True)`.

use super::batch_norm::{BatchNorm, Mode, moments};
use super::dense::reshape;
use crate::error::{GraphError, Result, shown};
use crate::scope::Scope;
use crate::variable::MovingAverage;
use tensorflow::Output;

/// A [`BatchNorm`] in the tower of one of several replicas, in training by mean and variance over the rows of all of them.
///
/// A tower gives the statistics of its own rows, and normalizes by those that it is given. What they are put together by
/// (Chan, Golub and LeVeque, 1979) takes no difference of large numbers, as `E[x²] - E[x]²` does: with a replica's share
/// of all rows
///
/// ```text
/// mean = Σ share · own mean,   variance = Σ share · (own variance + (own mean - mean)²)
/// ```
///
/// Backwards, a loss, the sum of those of all towers, depends on them through the normalized values alone, and so on what its
/// gradients in gamma and beta are sums of too. With s = 1 / sqrt(variance + epsilon), and d for the gradient of the loss
///
/// ```text
/// d mean = -gamma · s · d beta,   d variance = -gamma · s² · d gamma / 2,
/// d own mean = share · (d mean + 2 (own mean - mean) · d variance),   d own variance = share · d variance
/// ```
///
/// and each tower takes the last two back through its own statistics.
#[derive(Debug, Clone)]
pub struct SynchronizedNorm {
    /// The layer.
    pub norm: BatchNorm,
    /// A tower gives mean and population variance of its own rows: float32 `[2, channels]`.
    pub own: Output,
    /// It is given those of all rows, float32 `[2, channels]`: a placeholder.
    pub all: Output,
    /// It is given the gradients of the loss in its own statistics, float32 `[2, channels]`: a placeholder.
    pub gradients: Output,
    /// What it takes them back by: float32 [], whose gradients are to be [added](crate::Loss::with_gradients_of) to those of
    /// the tower's loss.
    pub term: Output,
    rank: usize,
    /// How many values a channel has in a row.
    values: i64,
}

/// What the towers of a [`SynchronizedNorm`] give is put together by.
#[derive(Debug)]
pub struct Statistics {
    /// Of all rows: float32 `[2, channels]`.
    pub all: Output,
    mean: Output,
    variance: Output,
    /// Of each replica: its share of the rows, and how far its own mean is from that of all.
    parts: Vec<(Output, Output)>,
}

impl BatchNorm {
    /// As [`apply`](Self::apply) in [`Mode::Training`], by statistics that are given; the moving averages are left to
    /// [`SynchronizedNorm::moving_averages`].
    ///
    /// # Errors
    /// `x` has another rank, other channels, or rows of a size that is not known.
    pub fn apply_synchronized(&self, scope: &Scope, x: &Output) -> Result<(Output, SynchronizedNorm)> {
        let scope = scope.name_scope("batch_normalization");
        let (rank, values, channels) = match scope.shape(x).as_deref() {
            Some(&[_, Some(channels)]) => (2, 1, channels),
            Some(&[_, Some(height), Some(width), Some(channels)]) => (4, height * width, channels),
            shape => {
                let takes = "batch normalization over replicas takes rank 2 or 4 with rows of a known size";
                return Err(GraphError::unfit(scope.path(), format!("{takes}, not {}", shown(shape))));
            }
        };
        let (mean, variance) = moments(&scope, x, rank)?;
        let own = pack(&scope, &mean, &variance)?;
        let statistics = |name| scope.placeholder::<f32>(name, &[Some(2), Some(channels)]);
        let (all, gradients) = (statistics("all")?, statistics("gradients")?);
        let term = scope.op("Mul", "product").input(&own).input(&gradients).output()?;
        let axes = scope.constant("axes", &[2], &[0, 1])?;
        let term = scope.op("Sum", "term").input(&term).input(&axes).boolean("keep_dims", false).output()?;

        let [mean, variance] = unpack(&scope, &all)?;
        let normalize = |x: &Output| self.fused(&scope, x, [&mean, &variance], Mode::Inference);
        let y = match rank {
            // The op is of rank 4.
            2 => {
                let x = reshape(&scope, x, &[-1, 1, 1, channels as i32])?;
                reshape(&scope, &normalize(&x)?.output(0), &[-1, channels as i32])?
            }
            _ => normalize(x)?.output(0),
        };
        Ok((y, SynchronizedNorm { norm: self.clone(), own, all, gradients, term, rank, values }))
    }
}

impl Statistics {
    /// Puts together what the towers give: of each its share of the rows, float32 [], and [its own](SynchronizedNorm::own).
    ///
    /// # Errors
    /// The shapes do not fit, there is no tower, or not one share for each.
    pub fn combine(scope: &Scope, shares: &[Output], own: &[Output]) -> Result<Self> {
        let scope = scope.name_scope("statistics");
        let own = own.iter().map(|own| unpack(&scope, own)).collect::<Result<Vec<_>>>()?;
        let unfit = |reason: String| Err(GraphError::unfit(scope.path(), reason));
        let Some([first, _]) = own.first() else {
            return unfit("there is no replica".to_owned());
        };
        if shares.len() != own.len() {
            return unfit(format!("{} shares of the rows for {} replicas", shares.len(), own.len()));
        }
        let of = |op, a: &Output, b: &Output| binary(&scope, op, a, b);
        // From the first one on: what is rounded is the differences.
        let mut mean = first.clone();
        for (share, [other, _]) in shares.iter().zip(&own).skip(1) {
            mean = of("AddV2", &mean, &of("Mul", share, &of("Sub", other, first)?)?)?;
        }
        let mut variance = scope.scalar("zero", 0.0f32)?;
        let mut parts = Vec::new();
        for (share, [own_mean, own_variance]) in shares.iter().zip(&own) {
            let off = of("Sub", own_mean, &mean)?;
            let part = of("Mul", share, &of("AddV2", own_variance, &of("Mul", &off, &off)?)?)?;
            variance = of("AddV2", &variance, &part)?;
            parts.push((share.clone(), off));
        }
        Ok(Self { all: pack(&scope, &mean, &variance)?, mean, variance, parts })
    }
}

impl SynchronizedNorm {
    /// What each tower takes for [`gradients`](Self::gradients): from those of the loss in gamma and beta, and from gamma, of
    /// the graph of `scope`, float32 `[channels]`.
    pub fn differentiate(
        &self,
        scope: &Scope,
        statistics: &Statistics,
        gamma: &Output,
        [in_gamma, in_beta]: [&Output; 2],
    ) -> Result<Vec<Output>> {
        let scope = scope.name_scope("gradients");
        let of = |op, a: &Output, b: &Output| binary(&scope, op, a, b);
        let epsilon = scope.scalar("epsilon", self.norm.config.epsilon)?;
        let sum = of("AddV2", &statistics.variance, &epsilon)?;
        let rsqrt = scope.op("Rsqrt", "Rsqrt").input(&sum).output()?;
        let down = scope.op("Neg", "Neg").input(&of("Mul", gamma, &rsqrt)?).output()?;
        let in_mean = of("Mul", &down, in_beta)?;
        let twice_in_variance = of("Mul", &of("Mul", &down, &rsqrt)?, in_gamma)?;
        let in_variance = of("Mul", &twice_in_variance, &scope.scalar("half", 0.5f32)?)?;
        let of_replica = |(share, off): &(Output, Output)| {
            let in_own_mean = of("AddV2", &in_mean, &of("Mul", off, &twice_in_variance)?)?;
            pack(&scope, &of("Mul", share, &in_own_mean)?, &of("Mul", share, &in_variance)?)
        };
        statistics.parts.iter().map(of_replica).collect()
    }

    /// What its moving averages are to move towards, of `all_rows`, float32 []: as those of [`BatchNorm::apply`].
    pub fn moving_averages(
        &self,
        scope: &Scope,
        statistics: &Statistics,
        all_rows: &Output,
    ) -> Result<[MovingAverage; 2]> {
        let variance = match self.rank {
            2 => statistics.variance.clone(),
            _ => {
                let scope = scope.name_scope("unbiased");
                let of = |op, a: &Output, b: &Output| binary(&scope, op, a, b);
                let one = scope.scalar("one", 1.0f32)?;
                #[allow(clippy::cast_precision_loss)] // a rounding below that of the product
                let values = of("Mul", all_rows, &scope.scalar("values", self.values as f32)?)?;
                // Of a single value, which has no spread, nothing is made.
                let but_one = of("Maximum", &of("Sub", &values, &one)?, &one)?;
                of("Mul", &statistics.variance, &of("RealDiv", &values, &but_one)?)?
            }
        };
        Ok(self.norm.moving_averages([&statistics.mean, &variance], self.rank))
    }
}

fn binary(scope: &Scope, op: &str, a: &Output, b: &Output) -> Result<Output> {
    scope.op(op, op).input(a).input(b).output()
}

/// Mean and variance in one, which travels at once.
fn pack(scope: &Scope, mean: &Output, variance: &Output) -> Result<Output> {
    scope.op("Pack", "pack").input_list(&[mean.clone(), variance.clone()]).int("axis", 0).output()
}

fn unpack(scope: &Scope, packed: &Output) -> Result<[Output; 2]> {
    let parts = scope.op("Unpack", "unpack").input(packed).int("num", 2).int("axis", 0).build()?;
    Ok([parts.output(0), parts.output(1)])
}
