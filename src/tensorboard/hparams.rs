//! Hyperparameters, as TensorBoard's HParams plugin reads them: it finds out for itself which of them differ between runs.

use super::event_file::now;
use super::proto::{HParamsPluginData, JsonValue, SessionEndInfo, SessionStartInfo};
use super::summary::Summary;
use crate::graph::checkpoint::meta_graph::{proto::TensorProto, type_number};
use prost::Message;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tensorflow::DataType;

impl Summary {
    /// That a run begins, with its options by their names.
    pub fn session_start(options: BTreeMap<String, Json>) -> Self {
        let hparams = options.into_iter().map(|(name, option)| (name, value(&option))).collect();
        let start = Some(SessionStartInfo { hparams, start_time_secs: now() });
        summary("_hparams_/session_start_info", &HParamsPluginData { start, end: None })
    }

    /// That it ended, as it should or by a fault.
    pub fn session_end(success: bool) -> Self {
        let status = if success { 1 } else { 2 };
        let end = Some(SessionEndInfo { status, end_time_secs: now() });
        summary("_hparams_/session_end_info", &HParamsPluginData { start: None, end })
    }
}

fn summary(tag: &str, data: &HParamsPluginData) -> Summary {
    // The plugin wants some tensor: a scalar zero, as its own writer takes.
    let tensor = TensorProto {
        dtype: type_number(DataType::Float),
        tensor_shape: Some(Default::default()),
        tensor_content: 0.0_f32.to_le_bytes().to_vec(),
        string_val: Vec::new(),
    };
    Summary::of_plugin(tag, "hparams", data.encode_to_vec(), tensor)
}

fn value(option: &Json) -> JsonValue {
    let text = match option {
        Json::Bool(_) | Json::Number(_) => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    JsonValue { number: option.as_f64(), string: text, truth: option.as_bool() }
}
