//! What towers tell each other in the middle of a step: batch norms by mean and variance over the rows of all replicas.

use super::shards::Shard;
use crate::graph::{
    GraphError, Import, MovingAverage, Result, Scope, Statistics, SynchronizedNorm, Variable, cast,
};
use tensorflow::{DataType, Output};

/// Joins the `towers`, of which nothing is imported yet, at their batch norms: on the way forwards by the statistics of their
/// rows, on the way back by their `gradients`, of variables of the graph and of outputs of a tower. Returns what the
/// moving averages are to move towards.
pub(super) fn synchronize(
    scope: &Scope,
    norms: &[SynchronizedNorm],
    gradients: &[(Output, Variable)],
    shards: &[Shard],
    towers: &mut [Import],
) -> Result<Vec<MovingAverage>> {
    if norms.is_empty() {
        return Ok(Vec::new());
    }
    let shares = shards.iter().map(|shard| share(scope, shard)).collect::<Result<Vec<_>>>()?;
    let mut joined = Vec::new();
    let mut averages = Vec::new();
    for norm in norms {
        let scope = scope.name_scope("batch_normalization");
        let statistics = Statistics::combine(&scope, &shares, &take(towers, &norm.own)?)?;
        for tower in &mut *towers {
            tower.give(&norm.all, &statistics.all)?;
        }
        averages.extend(norm.moving_averages(&scope, &statistics, &shards[0].all_rows)?);
        joined.push((norm, scope, statistics));
    }
    for (norm, scope, statistics) in joined.iter().rev() {
        let (in_gamma, gamma) = find(gradients, &norm.norm.gamma)?;
        let (in_beta, _) = find(gradients, &norm.norm.beta)?;
        let [in_gamma, in_beta] = [in_gamma, in_beta].map(|value| sum(scope, &take(towers, value)?));
        let in_own = norm.differentiate(scope, statistics, gamma.read(), [&in_gamma?, &in_beta?])?;
        for (tower, in_own) in towers.iter_mut().zip(in_own) {
            tower.give(&norm.gradients, &in_own)?;
        }
    }
    Ok(averages)
}

/// A replica's share of all rows: float32 [].
fn share(scope: &Scope, shard: &Shard) -> Result<Output> {
    let rows = scope.op("Size", "rows").input(&shard.labels).data_type("out_type", DataType::Int32);
    let rows = cast(scope, "own_rows", &rows.output()?, DataType::Float)?;
    scope.op("RealDiv", "share").input(&rows).input(&shard.all_rows).output()
}

/// An output of a tower in each of the `towers`.
fn take(towers: &[Import], output: &Output) -> Result<Vec<Output>> {
    towers.iter().map(|tower| tower.take(output)).collect()
}

/// The gradient in one of a tower's variables, and the graph's variable for that.
fn find<'a>(gradients: &'a [(Output, Variable)], of: &Variable) -> Result<&'a (Output, Variable)> {
    let found = gradients.iter().find(|(_, variable)| variable.name() == of.name());
    found.ok_or_else(|| GraphError::unfit(of.name(), "batch norms are synchronized by its gradient"))
}

/// The sum of values of one shape, added one after the other.
pub(super) fn sum<'a>(scope: &Scope, values: impl IntoIterator<Item = &'a Output>) -> Result<Output> {
    let mut values = values.into_iter();
    let nothing = || GraphError::unfit(scope.path(), "there is nothing to add up");
    let mut sum = values.next().cloned().ok_or_else(nothing)?;
    for value in values {
        sum = scope.op("AddV2", "add").input(&sum).input(value).output()?;
    }
    Ok(sum)
}
