//! The protocol buffers of an event file, for prost: the fields that are written, no others. Numbers are those of
//! TensorFlow's `core/util/event.proto` and `core/framework/summary.proto`, and of TensorBoard's
//! `plugins/hparams/{plugin_data,api}.proto`. Where a message has but a field 1 here, it is that field's own type, which prost
//! takes for such a message. Of a `oneof` the fields are options.

use crate::graph::checkpoint::meta_graph::proto::TensorProto;
use prost::Message;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    /// A `GraphDef`.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub graph_def: Option<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Values>,
    /// A `SessionLog`, by its field 1; 1 is `START`.
    #[prost(message, optional, tag = "7")]
    pub session_log: Option<i32>,
    /// A `SourceMetadata`, by its field 1, the writer.
    #[prost(message, optional, tag = "10")]
    pub source_metadata: Option<String>,
}

/// A `Summary`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Values {
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// A `Summary.Value`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(float, optional, tag = "2")]
    pub scalar: Option<f32>,
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    pub height: i32,
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// 1 is gray, 3 is RGB.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// A `SummaryMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<PluginData>,
    #[prost(string, tag = "3")]
    pub summary_description: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginData {
    #[prost(string, tag = "1")]
    pub plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HParamsPluginData {
    #[prost(message, optional, tag = "3")]
    pub start: Option<SessionStartInfo>,
    #[prost(message, optional, tag = "4")]
    pub end: Option<SessionEndInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionStartInfo {
    #[prost(btree_map = "string, message", tag = "1")]
    pub hparams: BTreeMap<String, JsonValue>,
    #[prost(double, tag = "5")]
    pub start_time_secs: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionEndInfo {
    #[prost(int32, tag = "1")]
    pub status: i32,
    #[prost(double, tag = "2")]
    pub end_time_secs: f64,
}

/// A `google.protobuf.Value`, of `struct.proto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct JsonValue {
    #[prost(double, optional, tag = "2")]
    pub number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub string: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub truth: Option<bool>,
}
