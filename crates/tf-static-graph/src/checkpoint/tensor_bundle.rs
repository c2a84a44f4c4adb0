//! The messages in a checkpoint's index. Numbers that are never negative are read so: on the wire that is the same.

use crate::checkpoint::meta_graph::proto::TensorShape;
use prost::Message;
use tensorflow::DataType;

/// `BundleHeaderProto` of TensorFlow's `core/protobuf/tensor_bundle.proto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BundleHeader {
    #[prost(uint32, tag = "1")]
    pub num_shards: u32,
    #[prost(int32, tag = "2")]
    pub endianness: i32,
}

/// `BundleEntryProto` of the same file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BundleEntry {
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
    #[prost(uint32, tag = "3")]
    pub shard_id: u32,
    #[prost(uint64, tag = "4")]
    pub offset: u64,
    #[prost(uint64, tag = "5")]
    pub size: u64,
    #[prost(fixed32, tag = "6")]
    pub crc32c: u32,
    /// Each a `TensorSliceProto`, of which only the presence counts here.
    #[prost(message, repeated, tag = "7")]
    pub slices: Vec<()>,
}

/// The dtypes that a checkpoint or signature of these networks, or of their kin, can have, and their numbers in
/// `types.proto`.
const DATA_TYPES: [(i32, DataType); 11] = [
    (1, DataType::Float),
    (2, DataType::Double),
    (3, DataType::Int32),
    (4, DataType::UInt8),
    (5, DataType::Int16),
    (6, DataType::Int8),
    (7, DataType::String),
    (9, DataType::Int64),
    (10, DataType::Bool),
    (14, DataType::BFloat16),
    (19, DataType::Half),
];

pub(crate) fn data_type(number: i32) -> Option<DataType> {
    DATA_TYPES.into_iter().find(|(other, _)| *other == number).map(|(_, dtype)| dtype)
}

/// The number of a dtype in `types.proto`; of one that neither checkpoints nor signatures have here, 0, which is
/// `DT_INVALID`.
pub fn type_number(dtype: DataType) -> i32 {
    DATA_TYPES.into_iter().find(|(_, other)| *other == dtype).map_or(0, |(number, _)| number)
}
