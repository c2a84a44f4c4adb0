//! The messages in a checkpoint's index.

use prost::Message;
use tensorflow::DataType;

/// `BundleHeaderProto` of TensorFlow's `core/protobuf/tensor_bundle.proto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BundleHeader {
    #[prost(int32, tag = "1")]
    pub num_shards: i32,
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
    #[prost(int32, tag = "3")]
    pub shard_id: i32,
    #[prost(int64, tag = "4")]
    pub offset: i64,
    #[prost(int64, tag = "5")]
    pub size: i64,
    #[prost(fixed32, tag = "6")]
    pub crc32c: u32,
    #[prost(message, repeated, tag = "7")]
    pub slices: Vec<TensorSlice>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
}

/// `TensorShapeProto.Dim`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dim {
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// `TensorSliceProto`, of which only the presence counts here.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorSlice {}

/// The dtypes that a checkpoint of these networks, or of their kin, can hold (`types.proto`).
pub(crate) fn data_type(number: i32) -> Option<DataType> {
    Some(match number {
        1 => DataType::Float,
        2 => DataType::Double,
        3 => DataType::Int32,
        4 => DataType::UInt8,
        5 => DataType::Int16,
        6 => DataType::Int8,
        7 => DataType::String,
        9 => DataType::Int64,
        10 => DataType::Bool,
        14 => DataType::BFloat16,
        19 => DataType::Half,
        _ => return None,
    })
}
