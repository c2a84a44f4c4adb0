//! From parts to ops: the one interpreter of a table.

use super::head::TrainedHead;
use super::part::{Part, Step};
use crate::graph::{Mode, Pool, Result, Scope, SynchronizedNorm, bias_add, pool, reshape, to_f32};
use crate::networks::Window;
use std::collections::HashMap;
use tensorflow::Output;

/// The ends of a tower.
pub(super) struct Tower {
    /// The logits in front of the last batch norm, or the same as `logits`: float32 `[rows, classes]`.
    pub plain: Output,
    /// float32 `[rows, classes]`.
    pub logits: Output,
    /// What a head of our own ops left for its gradients.
    pub head: Option<TrainedHead>,
    /// Its batch norms that have to be synchronized with other towers', in their order.
    pub synchronized: Vec<SynchronizedNorm>,
}

/// Builds the ops of `steps` in `tower`, from `images`, float32 `[rows, height, width, channels]`: to train at `step`,
/// int64 [], or, without one, as `mode` says.
pub(super) fn lower(
    steps: &[Step],
    tower: &Scope,
    images: &Output,
    mode: Mode,
    step: Option<&Output>,
) -> Result<Tower> {
    let mut scopes: HashMap<&str, Scope> = HashMap::new();
    let (mut h, mut plain, mut head) = (images.clone(), images.clone(), None);
    let mut synchronized = Vec::new();
    for Step { scope, part } in steps {
        // One for all parts of a name, so that two rows of `conv` share it.
        let scope = scopes.entry(scope).or_insert_with_key(|name| match *name {
            "" => tower.clone(),
            name => tower.name_scope(name),
        });
        plain.clone_from(&h);
        h = match part {
            Part::Conv2d(conv) => conv.apply(scope, &h)?,
            Part::Dense(dense) => dense.apply(scope, &h)?,
            Part::BatchNorm(norm) => norm.apply(scope, &h, mode)?,
            Part::SynchronizedNorm(norm) => {
                let (h, norm) = norm.apply_synchronized(scope, &h)?;
                synchronized.push(norm);
                h
            }
            Part::Activation(activation) => activation.apply(scope, &h)?,
            Part::Pool(kind, window) => pool(scope, *kind, &h, window.size, window.strides, window.padding)?,
            Part::Flatten(values) => reshape(scope, &h, &[-1, *values as i32])?,
            Part::Dropout(dropout) => match step {
                Some(step) => dropout.apply(scope, &h, step)?,
                None => h,
            },
            Part::FoldedConv2d(conv, norm, pooled) => {
                let (kernel, bias) = norm.fold(scope, &conv.kernel, conv.bias.as_ref())?;
                match pooled {
                    Some(Window { size, strides, padding }) => {
                        let sums = conv.sums(scope, &h, &kernel)?;
                        let h = pool(scope, Pool::Max, &sums, *size, *strides, *padding)?;
                        bias_add(scope, &to_f32(scope, &h)?, &bias)?
                    }
                    None => conv.apply_with(scope, &h, &kernel, Some(&bias))?,
                }
            }
            Part::FoldedDense(dense, norm) => {
                let (kernel, bias) = norm.fold(scope, &dense.kernel, dense.bias.as_ref())?;
                dense.apply_with(scope, &h, &kernel, Some(&bias))?
            }
            Part::Head(own) if mode == Mode::Training => {
                head.insert(own.train(scope, &h, step)?).output.clone()
            }
            Part::Head(own) => own.apply(scope, &h)?,
        };
    }
    let last = steps.last().map(|step| &step.part);
    if !matches!(last, Some(Part::BatchNorm(_) | Part::SynchronizedNorm(_))) {
        plain.clone_from(&h);
    }
    let logits = h;
    Ok(Tower { plain, logits, head, synchronized })
}
