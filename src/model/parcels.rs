//! What goes from one process to another in a step. TensorFlow makes a call of its own for each tensor, which takes both
//! processes the longer the more there are, however small they are; so of the small ones one is made.

use crate::graph::{Result, Scope};
use tensorflow::{DataType, Output};

/// The most bytes of a tensor that is packed with others. A larger one goes by itself, as soon as it is there and while others
/// are still computed, and nobody copies it.
const SMALL: i64 = 64 << 10;

/// How many rows a tensor of any number of rows is taken to have.
const ROWS: i64 = 1000;

/// The dimensions of a tensor, where they are known; an open one is a number of rows.
type Dims = Vec<Option<i64>>;

/// A tensor that goes with others.
struct Packed {
    place: usize,
    dtype: DataType,
    /// Bytes; -1 where they follow from those of the whole.
    size: i64,
    /// The shape of its bytes.
    shape: Vec<i32>,
}

/// `values`, of these `dims`, which are on device `from`, as they are to be taken on device `to`: themselves within a process.
/// Their bits are copied, whatever they stand for.
pub(super) fn carry(
    scope: &Scope,
    [from, to]: [&str; 2],
    values: &[Output],
    dims: &[Option<Dims>],
) -> Result<Vec<Output>> {
    let mut carried = values.to_vec();
    if process(from) == process(to) {
        return Ok(carried);
    }
    let scope = scope.name_scope("parcel");
    let mut small: Vec<Packed> = Vec::new();
    for (place, (value, dims)) in values.iter().zip(dims).enumerate() {
        let dtype = value.operation.output_type(value.index as usize);
        let width = match dtype {
            DataType::Float | DataType::Int32 => 4,
            DataType::Int64 => 8,
            _ => continue,
        };
        let Some(dims) = dims else { continue };
        let size = dims.iter().map(|dim| dim.unwrap_or(ROWS)).product::<i64>() * width;
        let open = dims.iter().filter(|dim| dim.is_none()).count();
        // The size of one follows from that of the whole, not of two.
        let may_be_open = small.iter().all(|packed| packed.size >= 0);
        if size <= SMALL && open <= usize::from(may_be_open) {
            let shape = dims.iter().map(|dim| dim.unwrap_or(-1)).chain([width]);
            let shape = shape.map(|dim| dim as i32).collect();
            small.push(Packed { place, dtype, size: if open == 0 { size } else { -1 }, shape });
        }
    }
    if small.len() < 2 {
        return Ok(carried);
    }
    // What is sent is in a host's memory in any case.
    let (there, scope) = (host_of(&scope, to), host_of(&scope, from));

    let mut bytes = Vec::new();
    for Packed { place, .. } in &small {
        let value = scope.op("Bitcast", "bytes").input(&values[*place]);
        let value = value.data_type("type", DataType::UInt8).output()?;
        let shape = scope.constant("shape", &[1], &[-1i32])?;
        bytes.push(scope.op("Reshape", "flat").inputs([&value, &shape]).output()?);
    }
    let axis = scope.scalar("axis", 0i32)?;
    let packed = scope.op("ConcatV2", "packed").input_list(&bytes).input(&axis).output()?;

    let sizes: Vec<_> = small.iter().map(|packed| packed.size).collect();
    let sizes = there.constant("sizes", &[sizes.len() as u64], &sizes)?;
    let axis = there.scalar("axis", 0i32)?;
    let parts = there.op("SplitV", "parts").inputs([&packed, &sizes, &axis]);
    let parts = parts.int("num_split", small.len() as i64).build()?;
    for (part, Packed { place, dtype, shape, .. }) in small.iter().enumerate() {
        let shape = there.constant("shape", &[shape.len() as u64], shape)?;
        let bytes = there.op("Reshape", "bytes").inputs([&parts.output(part), &shape]).output()?;
        carried[*place] = there.op("Bitcast", "value").input(&bytes).data_type("type", *dtype).output()?;
    }
    Ok(carried)
}

/// Whether these devices are in several processes.
pub(crate) fn spans_processes(devices: &[String]) -> bool {
    devices.iter().any(|device| process(device) != process(&devices[0]))
}

/// Where new nodes are in the memory of the host of `device`.
pub(crate) fn host_of(scope: &Scope, device: &str) -> Scope {
    scope.device(&format!("{}/device:CPU:0", process(device)))
}

/// The process that a device belongs to: `/job:worker/replica:0/task:1`, or `""` where there is but one.
fn process(device: &str) -> &str {
    device.split_once("/device:").map_or(device, |(process, _)| process)
}
