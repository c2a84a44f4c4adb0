//! What each replica takes of a step.

use super::inputs::Inputs;
use crate::graph::{Result, Scope, cast};
use tensorflow::{DataType, Output};

/// The most replicas of a network: their numbers are eight bits of what dropout draws its masks by.
pub const MAX_REPLICAS: u16 = 256;

/// A replica's part of a step.
pub(super) struct Shard {
    /// `[own rows, height, width, channels]`, of the dtype of [`Inputs::x`].
    pub images: Output,
    /// int32 `[own rows]`.
    pub labels: Output,
    /// How many rows the step has for all replicas: float32 [].
    pub all_rows: Output,
    /// What dropout draws its masks by, int64 []: the step, and above it, below where the layer goes, the replica. The first
    /// draws the masks of a network on one device.
    pub mask: Output,
}

/// Cuts a step's rows as numpy's `array_split` cuts them: the first parts are a row longer where it does not come out even.
pub(super) fn shards(graph: &Scope, inputs: &Inputs, replicas: usize) -> Result<Vec<Shard>> {
    let scope = graph.name_scope("shards");
    let rows = scope.op("Size", "rows").input(&inputs.labels).data_type("out_type", DataType::Int32);
    let rows = rows.output()?;
    let sizes = sizes(&scope, &rows, replicas as i32)?;
    let all_rows = cast(&scope, "all_rows", &rows, DataType::Float)?;
    let axis = scope.scalar("axis", 0i32)?;
    let split = |name: &str, x: &Output| {
        let node = scope.op("SplitV", name).input(x).input(&sizes).input(&axis);
        node.int("num_split", replicas as i64).build()
    };
    let (images, labels) = (split("images", &inputs.images)?, split("labels", &inputs.labels)?);
    let step = match &inputs.training {
        Some(training) => training.step.clone(),
        None => scope.scalar("no_step", 0i64)?,
    };
    let shard = |replica: usize| {
        Ok(Shard {
            images: images.output(replica),
            labels: labels.output(replica),
            all_rows: all_rows.clone(),
            mask: match replica {
                0 => step.clone(),
                replica => {
                    let replica = scope.scalar("replica", (replica as i64) << 32)?;
                    scope.op("AddV2", "mask").input(&step).input(&replica).output()?
                }
            },
        })
    };
    (0..replicas).map(shard).collect()
}

/// How many rows each replica has, int32 `[replicas]`, of `rows`, int32 [].
fn sizes(scope: &Scope, rows: &Output, replicas: i32) -> Result<Output> {
    let count = scope.scalar("replicas", replicas)?;
    let short = scope.op("FloorDiv", "short").input(rows).input(&count).output()?;
    let longer = scope.op("FloorMod", "longer").input(rows).input(&count).output()?;
    let places: Vec<_> = (0..replicas).collect();
    let places = scope.constant("places", &[places.len() as u64], &places)?;
    let is_longer = scope.op("Less", "is_longer").input(&places).input(&longer).output()?;
    let more = cast(scope, "more", &is_longer, DataType::Int32)?;
    scope.op("AddV2", "sizes").input(&more).input(&short).output()
}
