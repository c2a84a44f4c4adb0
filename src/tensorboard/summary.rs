//! What an event tells under one tag.

use super::event_file::now;
use super::proto::{
    HParamsPluginData, Image, JsonValue, PluginData, SessionEndInfo, SessionStartInfo, SummaryMetadata, Value,
};
use crate::drawing::Picture;
use crate::graph::proto::{TensorProto, type_number};
use prost::Message;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tensorflow::DataType;

/// A value under a tag; a tag's part before `/` is the group it is shown in.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary(pub(super) Value);

impl Summary {
    /// A point of a curve.
    pub fn scalar(tag: &str, value: f64) -> Self {
        Self(Value { tag: tag.to_owned(), simple_value: Some(value as f32), ..Value::default() })
    }

    /// Markdown.
    pub fn text(tag: &str, markdown: &str) -> Self {
        let tensor = TensorProto {
            dtype: type_number(DataType::String),
            string_val: vec![markdown.as_bytes().to_vec()],
            ..TensorProto::default()
        };
        Self::of_plugin(tag, "text", Vec::new(), tensor)
    }

    /// A picture, with a line or two that say what it shows.
    pub fn image(tag: &str, picture: &Picture, description: &str) -> Self {
        let image = Image {
            height: picture.height() as i32,
            width: picture.width() as i32,
            colorspace: 3,
            encoded_image_string: picture.to_png(),
        };
        let metadata = SummaryMetadata { plugin_data: None, summary_description: description.to_owned() };
        Self(Value { tag: tag.to_owned(), image: Some(image), metadata: Some(metadata), ..Value::default() })
    }

    /// That a run begins, with its options by their names: TensorBoard's HParams plugin finds out for itself which of them
    /// differ between runs.
    pub fn session_start(options: BTreeMap<String, Json>) -> Self {
        let hparams = options.into_iter().map(|(name, option)| (name, json_value(&option))).collect();
        let start = Some(SessionStartInfo { hparams, start_time_secs: now() });
        Self::hparams("_hparams_/session_start_info", &HParamsPluginData { start, end: None })
    }

    /// That it ended, as it should or by a fault.
    pub fn session_end(success: bool) -> Self {
        let status = if success { 1 } else { 2 };
        let end = Some(SessionEndInfo { status, end_time_secs: now() });
        Self::hparams("_hparams_/session_end_info", &HParamsPluginData { start: None, end })
    }

    fn hparams(tag: &str, data: &HParamsPluginData) -> Self {
        // The plugin wants some tensor: a scalar zero, as its own writer takes.
        let tensor = TensorProto {
            dtype: type_number(DataType::Float),
            tensor_content: 0.0_f32.to_le_bytes().to_vec(),
            ..TensorProto::default()
        };
        Self::of_plugin(tag, "hparams", data.encode_to_vec(), tensor)
    }

    /// With `scalar`, which is given its shape.
    fn of_plugin(tag: &str, plugin: &str, content: Vec<u8>, scalar: TensorProto) -> Self {
        let tensor = TensorProto { tensor_shape: Some(Default::default()), ..scalar };
        let plugin_data = Some(PluginData { plugin_name: plugin.to_owned(), content });
        let metadata = Some(SummaryMetadata { plugin_data, ..SummaryMetadata::default() });
        Self(Value { tag: tag.to_owned(), tensor: Some(tensor), metadata, ..Value::default() })
    }
}

fn json_value(option: &Json) -> JsonValue {
    let text = match option {
        Json::Bool(_) | Json::Number(_) => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    JsonValue { number: option.as_f64(), string: text, truth: option.as_bool() }
}
