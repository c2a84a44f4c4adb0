//! The protocol buffers of an event file, of each message the fields that are written. Numbers are those of TensorFlow's
//! `core/util/event.proto` and `core/framework/summary.proto`, and of TensorBoard's `plugins/hparams/{plugin_data,api}.proto`.
//! Where a message has but a field 1 here, it is that field's own type, which prost takes for such a message. Of a `oneof` the
//! fields are options.

use crate::graph::messages;
use crate::graph::proto::TensorProto;
use std::collections::BTreeMap;

messages! {
    Event {
        /// Seconds since 1970.
        wall_time: f64 = 1 (double),
        step: i64 = 2 (int64),
        file_version: Option<String> = 3 (string, optional),
        /// A `GraphDef`.
        graph_def: Option<Vec<u8>> = 4 (bytes, optional),
        summary: Option<Values> = 5 (message, optional),
        /// A `SessionLog`, by its field 1; 1 is `START`.
        session_log: Option<i32> = 7 (message, optional),
        /// A `SourceMetadata`, by its field 1, the writer.
        source_metadata: Option<String> = 10 (message, optional),
    }
    /// A `Summary`.
    Values {
        value: Vec<Value> = 1 (message, repeated),
    }
    /// A `Summary.Value`.
    Value {
        tag: String = 1 (string),
        simple_value: Option<f32> = 2 (float, optional),
        image: Option<Image> = 4 (message, optional),
        tensor: Option<TensorProto> = 8 (message, optional),
        metadata: Option<SummaryMetadata> = 9 (message, optional),
    }
    Image {
        height: i32 = 1 (int32),
        width: i32 = 2 (int32),
        /// 1 is gray, 3 is RGB.
        colorspace: i32 = 3 (int32),
        encoded_image_string: Vec<u8> = 4 (bytes),
    }
    SummaryMetadata {
        plugin_data: Option<PluginData> = 1 (message, optional),
        summary_description: String = 3 (string),
    }
    PluginData {
        plugin_name: String = 1 (string),
        content: Vec<u8> = 2 (bytes),
    }
    HParamsPluginData {
        start: Option<SessionStartInfo> = 3 (message, optional),
        end: Option<SessionEndInfo> = 4 (message, optional),
    }
    SessionStartInfo {
        hparams: BTreeMap<String, JsonValue> = 1 (btree_map = "string, message"),
        start_time_secs: f64 = 5 (double),
    }
    SessionEndInfo {
        status: i32 = 1 (int32),
        end_time_secs: f64 = 2 (double),
    }
    /// A `google.protobuf.Value`, of `struct.proto`.
    JsonValue {
        number: Option<f64> = 2 (double, optional),
        string: Option<String> = 3 (string, optional),
        truth: Option<bool> = 4 (bool, optional),
    }
}
