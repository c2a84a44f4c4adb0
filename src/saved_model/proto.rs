//! The protocol buffers of a SavedModel and of TensorFlow Serving's requests, for prost: the fields that are written,
//! no others. Numbers are those of TensorFlow's `core/protobuf/{saved_model,meta_graph,saver}.proto`,
//! `core/framework/{graph,node_def,op_def,variable,tensor,tensor_shape}.proto`, `core/example/*.proto`, and of
//! Serving's `apis/{prediction_log,predict,classification,input,model}.proto`.
//!
//! A field typed `bytes` that is a message there is passed on as TensorFlow serialized it: on the wire the two are one.

use prost::{Message, Oneof};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedModel {
    #[prost(int64, tag = "1")]
    pub saved_model_schema_version: i64,
    #[prost(message, repeated, tag = "2")]
    pub meta_graphs: Vec<MetaGraphDef>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetaGraphDef {
    #[prost(message, optional, tag = "1")]
    pub meta_info_def: Option<MetaInfoDef>,
    #[prost(message, optional, tag = "2")]
    pub graph_def: Option<GraphDef>,
    #[prost(message, optional, tag = "3")]
    pub saver_def: Option<SaverDef>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub collection_def: BTreeMap<String, CollectionDef>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub signature_def: BTreeMap<String, SignatureDef>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetaInfoDef {
    #[prost(message, optional, tag = "2")]
    pub stripped_op_list: Option<OpList>,
    #[prost(string, repeated, tag = "4")]
    pub tags: Vec<String>,
    #[prost(string, tag = "5")]
    pub tensorflow_version: String,
    #[prost(bool, tag = "7")]
    pub stripped_default_attrs: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OpList {
    /// Each an `OpDef`.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub op: Vec<Vec<u8>>,
}

/// Of an `OpDef`, what tells an attribute's default value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OpDefaults {
    #[prost(message, repeated, tag = "4")]
    pub attr: Vec<AttrDefault>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttrDefault {
    #[prost(string, tag = "1")]
    pub name: String,
    /// An `AttrValue`.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub default_value: Option<Vec<u8>>,
}

/// Every field of it, so that reading and writing it again loses nothing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphDef {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeDef>,
    /// A `FunctionDefLibrary`.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub library: Option<Vec<u8>>,
    #[prost(int32, tag = "3")]
    pub version: i32,
    /// A `VersionDef`.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub versions: Option<Vec<u8>>,
    /// A `GraphDebugInfo`.
    #[prost(bytes = "vec", optional, tag = "5")]
    pub debug_info: Option<Vec<u8>>,
}

/// Every field of it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeDef {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub op: String,
    #[prost(string, repeated, tag = "3")]
    pub input: Vec<String>,
    #[prost(string, tag = "4")]
    pub device: String,
    /// From an attribute's name to its `AttrValue`.
    #[prost(btree_map = "string, bytes", tag = "5")]
    pub attr: BTreeMap<String, Vec<u8>>,
    /// An `ExperimentalDebugInfo`.
    #[prost(bytes = "vec", optional, tag = "6")]
    pub experimental_debug_info: Option<Vec<u8>>,
    /// A `FullTypeDef`.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub experimental_type: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SaverDef {
    #[prost(string, tag = "1")]
    pub filename_tensor_name: String,
    #[prost(string, tag = "2")]
    pub save_tensor_name: String,
    #[prost(string, tag = "3")]
    pub restore_op_name: String,
    #[prost(int32, tag = "4")]
    pub max_to_keep: i32,
    #[prost(float, tag = "6")]
    pub keep_checkpoint_every_n_hours: f32,
    /// `CheckpointFormatVersion`; 2 is `V2`.
    #[prost(int32, tag = "7")]
    pub version: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CollectionDef {
    #[prost(message, optional, tag = "2")]
    pub bytes_list: Option<BytesList>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BytesList {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub value: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VariableDef {
    #[prost(string, tag = "1")]
    pub variable_name: String,
    #[prost(string, tag = "2")]
    pub initializer_name: String,
    #[prost(string, tag = "3")]
    pub snapshot_name: String,
    #[prost(bool, tag = "5")]
    pub is_resource: bool,
    #[prost(string, tag = "6")]
    pub initial_value_name: String,
    #[prost(bool, tag = "7")]
    pub trainable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SignatureDef {
    #[prost(btree_map = "string, message", tag = "1")]
    pub inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub outputs: BTreeMap<String, TensorInfo>,
    #[prost(string, tag = "3")]
    pub method_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorInfo {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(int32, tag = "2")]
    pub dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub tensor_shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    /// -1 where any size will do.
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// `tensorflow.serving.PredictionLog`: one request that a model is warmed up with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PredictionLog {
    #[prost(oneof = "Log", tags = "2, 6")]
    pub log: Option<Log>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Log {
    #[prost(message, tag = "2")]
    Classify(ClassifyLog),
    #[prost(message, tag = "6")]
    Predict(PredictLog),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PredictLog {
    #[prost(message, optional, tag = "1")]
    pub request: Option<PredictRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PredictRequest {
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub inputs: BTreeMap<String, TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub signature_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<TensorShape>,
    /// The values, little-endian, row-major.
    #[prost(bytes = "vec", tag = "4")]
    pub tensor_content: Vec<u8>,
    /// Those of a string tensor.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub string_val: Vec<Vec<u8>>,
}

/// Of an `AttrValue`, of which one field is set: a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorValue {
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ClassifyLog {
    #[prost(message, optional, tag = "1")]
    pub request: Option<ClassificationRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ClassificationRequest {
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    #[prost(message, optional, tag = "2")]
    pub input: Option<Input>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Input {
    #[prost(message, optional, tag = "1")]
    pub example_list: Option<ExampleList>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExampleList {
    #[prost(message, repeated, tag = "1")]
    pub examples: Vec<Example>,
}

/// `tensorflow.Example`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Example {
    #[prost(message, optional, tag = "1")]
    pub features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Features {
    #[prost(btree_map = "string, message", tag = "1")]
    pub feature: BTreeMap<String, Feature>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Feature {
    #[prost(message, optional, tag = "2")]
    pub float_list: Option<FloatList>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FloatList {
    #[prost(float, repeated, tag = "1")]
    pub value: Vec<f32>,
}
