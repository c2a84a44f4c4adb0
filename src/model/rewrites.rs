//! The same function by fewer and cheaper ops: rewrites of a list of parts, wherever their pattern occurs.

use super::part::{Part, Step};
use crate::graph::{Pool, Variable};

/// Pools before it activates: the greatest value stays the greatest behind an increasing function, and a part of the
/// values is left for it.
pub(super) fn pool_first(mut steps: Vec<Step>) -> Vec<Step> {
    for at in 1..steps.len() {
        if let (Part::Activation(_), Part::Pool(Pool::Max, _)) = (&steps[at - 1].part, &steps[at].part) {
            steps.swap(at - 1, at);
        }
    }
    steps
}

/// Folds each batch norm, in use, into the layer right before it, and adds the bias behind a max pool, to a part of the
/// values. `logits` says that the last layer's own sums are asked for too.
pub(super) fn fold_norms(steps: Vec<Step>) -> Vec<Step> {
    let last = steps.len().saturating_sub(1);
    let mut folded: Vec<Step> = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        let before = folded.last_mut().map(|before| &mut before.part);
        match (before, &step.part) {
            (Some(part), Part::BatchNorm(norm)) if at < last && folding_pays(part) => {
                *part = Part::Folded(Box::new(part.clone()), norm.clone(), None);
            }
            (Some(Part::Folded(layer, _, pooled @ None)), Part::Pool(Pool::Max, window))
                if matches!(**layer, Part::Conv2d(_)) =>
            {
                *pooled = Some(*window);
            }
            _ => folded.push(step),
        }
    }
    folded
}

/// Folding multiplies the kernel once a run, and saves work on each value of the output. A dense layer uses each factor
/// of its kernel once a row: there it pays for as many rows as it has inputs.
fn folding_pays(part: &Part) -> bool {
    const FEW_INPUTS: u64 = 256;
    match (part, part.linear()) {
        (Part::Conv2d(_), Some(_)) => true,
        (Part::Dense(_), Some((kernel, _))) => {
            kernel.shape().first().is_some_and(|&inputs| inputs <= FEW_INPUTS)
        }
        _ => false,
    }
}

/// Makes each batch norm one of all replicas'.
pub(super) fn synchronize(mut steps: Vec<Step>) -> Vec<Step> {
    for Step { part, .. } in &mut steps {
        if let Part::BatchNorm(norm) = part {
            *part = Part::SynchronizedNorm(norm.clone());
        }
    }
    steps
}

/// The biases that a batch norm right behind takes out again. Their gradient is zero but for rounding, of which Adam,
/// which divides by its size, would make a random walk. Of the last layer, only if nobody looks at its own sums.
pub(super) fn biases_before_norms(steps: &[Step], sums_of_the_last_show: bool) -> Vec<&Variable> {
    let steps = match sums_of_the_last_show {
        true => &steps[..steps.len().saturating_sub(1)],
        false => steps,
    };
    let pairs = steps.windows(2).map(|pair| (&pair[0].part, &pair[1].part));
    let before_norms = pairs.filter(|(_, behind)| matches!(behind, Part::BatchNorm(_)));
    before_norms.filter_map(|(layer, _)| layer.linear()?.1).collect()
}
