//! Where the first layers of a network are those that the ops of [`crate::kernels`] are written for: found by their pattern in
//! the table.

use super::head::Head;
use super::part::{Part, Step};
use crate::graph::{Activation, BatchNormConfig, Mode, Padding, Precision};
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
    let pooling = Pooling2d { pool_size: 2.into(), strides: Some(2.into()), padding: Padding::Valid };
    let pool = Layer::MaxPooling2d(pooling);
    // Any momentum will do.
    let with_epsilon = |epsilon| Layer::BatchNormalization(BatchNormConfig { momentum: 0.0, epsilon });
    let norm = with_epsilon(BATCH_NORM_EPSILON);
    let [relu, selu] = [Activation::Relu, Activation::Selu].map(Layer::Activation);

    let placed = table.layers();
    let layers: Vec<_> = placed
        .iter()
        .map(|placed| match placed.layer {
            Layer::BatchNormalization(norm) => with_epsilon(norm.epsilon),
            Layer::MaxPooling2d(pool) => {
                Layer::MaxPooling2d(Pooling2d { strides: Some(pool.window().strides), ..pool })
            }
            layer => layer,
        })
        .collect();
    // An activation in a row of its own is not the layer's, and the parts would differ.
    let are_pairs = table.rows.iter().take(2).all(|row| row.layers.len() == 2);
    let baseline = [conv(16, 1), relu, conv(32, 2), relu, pool];
    let optimized = [conv(16, 1), norm, selu, conv(32, 1), norm, selu, pool];
    match () {
        () if table.input_shape != [28, 28, 1] || table.rows.len() < 2 => None,
        () if are_pairs && layers.starts_with(&baseline) => Some(3),
        () if layers.starts_with(&optimized) => Some(7),
        () => None,
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
    // In use rows come by the thousand, and TensorFlow's product is as fast.
    let may_be_dense = norms.is_some() && mode == Mode::Training;
    let parts: Vec<_> = rest.iter().take(3).map(|step| &step.part).collect();
    let (dense, rest) = match parts[..] {
        [Part::Flatten(_), Part::Dropout(dropout), Part::Dense(dense)]
            if may_be_dense && dense.kernel.shape()[1] == DENSE_UNITS =>
        {
            (Some((*dropout, dense.clone())), &rest[3..])
        }
        _ => (None, rest),
    };
    let head = Part::Head(Box::new(Head { ops, conv1, conv2, norms, dense }));
    Some([&[Step { scope: "conv".into(), part: head }], rest].concat())
}
