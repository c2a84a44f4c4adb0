//! Where the first layers of a network are those that the ops of [`crate::kernels`] are written for: found by their pattern in
//! the table.

use super::head::Head;
use super::part::{Part, Step};
use crate::graph::{Activation, Mode, Padding, Precision};
use crate::kernels::{BATCH_NORM_EPSILON, DENSE_UNITS, OpTypes};
use crate::networks::{self, Layer, Pooling2d, Table};

/// How many steps the kernels of our own stand for, if the table begins with a head that they are written for.
fn replaced(table: &Table) -> Option<usize> {
    let conv = |filters, strides: u64| {
        Layer::Conv2d(networks::Conv2d {
            filters,
            kernel_size: 3.into(),
            strides: strides.into(),
            padding: Padding::Same,
            use_bias: true,
        })
    };
    let pool = |layer: Layer| {
        let window = |pool: Pooling2d| (pool.pool_size, pool.window().strides, pool.padding);
        matches!(layer, Layer::MaxPooling2d(pool) if window(pool) == (2.into(), 2.into(), Padding::Valid))
    };
    let norm = |layer| matches!(layer, Layer::BatchNormalization(norm) if norm.epsilon == BATCH_NORM_EPSILON);
    let relu = |layer| layer == Layer::Activation(Activation::Relu);
    let selu = |layer| layer == Layer::Activation(Activation::Selu);

    // An activation in a row of its own is not the layer's, and the parts would differ.
    let rows = table.rows.get(..2)?;
    let layers: Vec<_> = table.layers().iter().map(|placed| placed.layer).collect();
    match layers[..] {
        _ if table.input_shape != [28, 28, 1] => None,
        [a, b, c, d, e, ..]
            if rows.iter().all(|row| row.layers.len() == 2)
                && a == conv(16, 1)
                && relu(b)
                && c == conv(32, 2)
                && relu(d)
                && pool(e) =>
        {
            Some(3)
        }
        [a, b, c, d, e, f, g, ..]
            if a == conv(16, 1)
                && norm(b)
                && selu(c)
                && d == conv(32, 1)
                && norm(e)
                && selu(f)
                && pool(g) =>
        {
            Some(7)
        }
        _ => None,
    }
}

/// Whether there are kernels of our own for the first layers of a network.
pub fn has_own_kernels(table: &Table) -> bool {
    replaced(table).is_some()
}

/// Whether those normalize too, each replica over its own rows.
pub fn own_kernels_normalize(table: &Table) -> bool {
    let layers = table.layers();
    let mut layers = layers.iter().take(replaced(table).unwrap_or_default());
    layers.any(|placed| matches!(placed.layer, Layer::BatchNormalization(_)))
}

/// Takes the kernels of our own for the first steps of a network, where they are written for them.
pub(super) fn by_own_kernels(
    table: &Table,
    steps: &[Step],
    precision: Precision,
    mode: Mode,
) -> Option<Vec<Step>> {
    let ops = match precision {
        Precision::F32 => OpTypes::F32,
        Precision::Bf16 => OpTypes::BF16,
    };
    let (head, rest) = steps.split_at_checked(replaced(table)?)?;
    let (mut convolutions, mut norms) = (Vec::new(), Vec::new());
    for step in head {
        match &step.part {
            Part::Conv2d(conv) => convolutions.push(conv.clone()),
            Part::BatchNorm(norm) => norms.push(norm.clone()),
            _ => {}
        }
    }
    let [conv1, conv2] = convolutions.try_into().ok()?;
    let norms = norms.try_into().ok();
    let parts: Vec<_> = rest.iter().take(3).map(|step| &step.part).collect();
    let (dense, rest) = match parts[..] {
        // In use rows come by the thousand, and TensorFlow's product is as fast.
        [Part::Flatten(_), Part::Dropout(dropout), Part::Dense(dense)]
            if norms.is_some()
                && mode == Mode::Training
                && dense.kernel.shape().last() == Some(&DENSE_UNITS) =>
        {
            (Some((dropout.clone(), dense.clone())), &rest[3..])
        }
        _ => (None, rest),
    };
    let head = Part::Head(Box::new(Head { ops, conv1, conv2, norms, dense }));
    Some([&[Step { scope: "conv".into(), part: head }], rest].concat())
}
