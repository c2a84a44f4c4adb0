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
    let values = values.iter().zip(dims).enumerate();
    let small =
        values.filter_map(|(place, (value, dims))| Some((place, Packed::new(value, dims.as_ref()?)?)));
    let mut small: Vec<_> = small.collect();
    // The size of one follows from that of the whole.
    let mut open = false;
    small.retain(|(_, value)| !value.is_open() || !std::mem::replace(&mut open, true));
    if small.len() < 2 {
        return Ok(carried);
    }
    // What is sent is in a host's memory in any case.
    let (there, scope) = (host_of(&scope, to), host_of(&scope, from));

    let bytes = small.iter().map(|(_, value)| value.bytes(&scope)).collect::<Result<Vec<_>>>()?;
    let axis = scope.scalar("axis", 0i32)?;
    let packed = scope.op("ConcatV2", "packed").input_list(&bytes).input(&axis).output()?;

    let sizes: Vec<_> = small.iter().map(|(_, value)| value.size()).collect();
    let sizes = there.constant("sizes", &[sizes.len() as u64], &sizes)?;
    let axis = there.scalar("axis", 0i32)?;
    let parts = there.op("SplitV", "parts").input(&packed).input(&sizes).input(&axis);
    let parts = parts.int("num_split", small.len() as i64).build()?;
    for (part, (place, value)) in small.iter().enumerate() {
        carried[*place] = value.unpack(&there, &parts.output(part))?;
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

/// A tensor that goes with others.
struct Packed<'a> {
    value: &'a Output,
    dtype: DataType,
    dims: &'a [Option<i64>],
    /// Bytes of a number.
    width: i64,
}

impl<'a> Packed<'a> {
    /// `None`: it goes by itself.
    fn new(value: &'a Output, dims: &'a [Option<i64>]) -> Option<Self> {
        let dtype = value.operation.output_type(value.index as usize);
        let width = match dtype {
            DataType::Float | DataType::Int32 => 4,
            DataType::Int64 => 8,
            _ => return None,
        };
        let size: i64 = dims.iter().map(|dim| dim.unwrap_or(ROWS)).product::<i64>() * width;
        let open = dims.iter().filter(|dim| dim.is_none()).count();
        (open < 2 && size <= SMALL).then_some(Self { value, dtype, dims, width })
    }

    fn is_open(&self) -> bool {
        self.dims.contains(&None)
    }

    /// Bytes; -1 where they follow from the rest.
    fn size(&self) -> i64 {
        let count = self.dims.iter().copied().product::<Option<i64>>();
        count.map_or(-1, |count| count * self.width)
    }

    /// Its bytes: uint8 `[size]`.
    fn bytes(&self, scope: &Scope) -> Result<Output> {
        let bytes =
            scope.op("Bitcast", "bytes").input(self.value).data_type("type", DataType::UInt8).output()?;
        let shape = scope.constant("shape", &[1], &[-1i32])?;
        scope.op("Reshape", "flat").input(&bytes).input(&shape).output()
    }

    /// The reverse of [`bytes`](Self::bytes).
    fn unpack(&self, scope: &Scope, bytes: &Output) -> Result<Output> {
        let dims = self.dims.iter().map(|dim| dim.unwrap_or(-1)).chain([self.width]);
        let dims: Vec<_> = dims.map(|dim| dim as i32).collect();
        let shape = scope.constant("shape", &[dims.len() as u64], &dims)?;
        let bytes = scope.op("Reshape", "bytes").input(bytes).input(&shape).output()?;
        scope.op("Bitcast", "value").input(&bytes).data_type("type", self.dtype).output()
    }
}
