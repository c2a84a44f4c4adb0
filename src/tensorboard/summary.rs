//! What an event tells under one tag.

use super::proto::{Image, Metadata, PluginData, Value};
use crate::drawing::Picture;
use crate::graph::checkpoint::meta_graph::{proto::TensorProto, type_number};
use tensorflow::DataType;

/// A value under a tag; a tag's part before `/` is the group it is shown in.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary(pub(super) Value);

impl Summary {
    /// A point of a curve.
    pub fn scalar(tag: &str, value: f64) -> Self {
        Self(Value { tag: tag.to_owned(), scalar: Some(value as f32), ..Value::default() })
    }

    /// Markdown.
    pub fn text(tag: &str, markdown: &str) -> Self {
        let tensor = TensorProto {
            dtype: type_number(DataType::String),
            tensor_shape: Some(Default::default()),
            tensor_content: Vec::new(),
            string_val: vec![markdown.as_bytes().to_vec()],
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
        let metadata = Some(Metadata { plugin_data: None, summary_description: description.to_owned() });
        Self(Value { tag: tag.to_owned(), image: Some(image), metadata, ..Value::default() })
    }

    pub(super) fn of_plugin(tag: &str, plugin: &str, content: Vec<u8>, tensor: TensorProto) -> Self {
        let plugin_data = Some(PluginData { plugin_name: plugin.to_owned(), content });
        let metadata = Some(Metadata { plugin_data, summary_description: String::new() });
        Self(Value { tag: tag.to_owned(), tensor: Some(tensor), metadata, ..Value::default() })
    }
}
