//! Hyperparameters, as TensorBoard's HParams plugin reads them: it finds out for itself which of them differ between runs.

use super::event_file::now;
use super::proto::{HParams, HParamsPluginData, JsonValue, Kind, SessionEndInfo, SessionStartInfo};
use super::summary::Summary;
use crate::graph::checkpoint::meta_graph::{proto::TensorProto, type_number};
use prost::Message;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tensorflow::DataType;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was tested.
    Success = 1,
    /// It did not come to that.
    Failure = 2,
}

impl Summary {
    /// That a run begins, with its options by their names.
    pub fn session_start(options: BTreeMap<String, Json>) -> Self {
        let hparams = options.into_iter().map(|(name, option)| (name, value(&option))).collect();
        let start = HParams::Start(SessionStartInfo { hparams, start_time_secs: now() });
        summary("_hparams_/session_start_info", start)
    }

    /// How it ended.
    pub fn session_end(status: Status) -> Self {
        let end = HParams::End(SessionEndInfo { status: status as i32, end_time_secs: now() });
        summary("_hparams_/session_end_info", end)
    }
}

fn summary(tag: &str, data: HParams) -> Summary {
    let content = HParamsPluginData { data: Some(data) }.encode_to_vec();
    // The plugin wants some tensor: a scalar zero, as its own writer takes.
    let tensor = TensorProto {
        dtype: type_number(DataType::Float),
        tensor_shape: Some(Default::default()),
        tensor_content: 0.0_f32.to_le_bytes().to_vec(),
        string_val: Vec::new(),
    };
    Summary::of_plugin(tag, "hparams", content, tensor)
}

fn value(option: &Json) -> JsonValue {
    let kind = match option {
        Json::Bool(truth) => Kind::Bool(*truth),
        Json::Number(number) => Kind::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Kind::String(text.clone()),
        other => Kind::String(other.to_string()),
    };
    JsonValue { kind: Some(kind) }
}
