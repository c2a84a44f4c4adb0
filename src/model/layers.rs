//! A table's layers with their variables, made once a graph; whatever is built of the network shares them.

use super::forms::Towers;
use super::part::{Part, Step};
use crate::graph::{
    BatchNorm, Conv2d, Conv2dConfig, Dense, Dropout, Pool, Randomness, Result, Scope, reshape,
};
use crate::networks::{Layer, Table};
use tensorflow::Output;

/// Makes the variables of `table` in `graph`, in the table's order. An activation right behind a convolution or a dense
/// layer becomes that layer's own, as in `tf.layers`.
pub(super) fn make(table: &Table, graph: &Scope, towers: Towers, seed: u64) -> Result<Vec<Step>> {
    let randomness = match towers {
        Towers::AsPublished => Randomness::Float,
        Towers::Fast { .. } => Randomness::Byte,
    };
    let mut dropouts = 0;
    let mut steps = Vec::new();
    let mut layers = table.layers().into_iter().peekable();
    while let Some(placed) = layers.next() {
        let channels = placed.input.last().copied().unwrap_or(1);
        let (name, row) = (placed.name.as_str(), placed.row);
        let mut own_activation = || match layers.peek().map(|next| (next.layer, &next.row.name)) {
            Some((Layer::Activation(activation), name)) if *name == row.name => {
                layers.next();
                Some(activation)
            }
            _ => None,
        };
        let part = match placed.layer {
            Layer::Conv2d(conv) => {
                let config = Conv2dConfig {
                    kernel_size: conv.kernel_size,
                    strides: conv.strides,
                    padding: conv.padding,
                    use_bias: conv.use_bias,
                    activation: own_activation(),
                    precision: towers.precision(),
                };
                Part::Conv2d(Conv2d::new(graph, name, channels, conv.filters, config)?)
            }
            Layer::Dense(dense) => {
                let make = if dense.use_bias { Dense::new } else { Dense::without_bias };
                Part::Dense(make(graph, name, channels, dense.units, own_activation())?)
            }
            Layer::BatchNormalization(norm) => Part::BatchNorm(BatchNorm::new(graph, name, channels, norm)?),
            Layer::Activation(activation) => Part::Activation(activation),
            Layer::MaxPooling2d(pool) => Part::Pool(Pool::Max, pool.window()),
            Layer::AveragePooling2d(pool) => Part::Pool(Pool::Average, pool.window()),
            Layer::Flatten {} => Part::Flatten(placed.input.iter().product()),
            Layer::Dropout { rate } => {
                dropouts += 1;
                Part::Dropout(Dropout { rate, seed, layer: dropouts - 1, randomness })
            }
        };
        let scope = row.scope.clone();
        steps.push(Step { scope, part });
    }
    Ok(steps)
}

/// `x`, float32 `[rows, height * width]`, as float32 `[rows, height, width, 1]`.
pub fn to_images(table: &Table, scope: &Scope, x: &Output) -> Result<Output> {
    let [height, width, channels] = table.input_shape.map(|size| size as i32);
    reshape(scope, x, &[-1, height, width, channels])
}
