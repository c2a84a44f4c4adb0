//! Requests that travel with the model, in `assets.extra`: those that Serving warms it up with, and one to send by hand.
//!
//! The protocol buffers have the fields that are written, no others. Numbers are those of TensorFlow's `core/example/*.proto`,
//! and of Serving's `apis/{prediction_log,predict,classification,input,model}.proto`. A message of which but field 1 is written
//! is that field's own type, or its bytes, which prost takes for such a message.

use super::sample;
use super::serving_graph::{CLASSIFY, IMAGE_FEATURE, IMAGES, PREDICT_BYTES, SERVING_DEFAULT};
use crate::graph::messages;
use crate::graph::proto::{TensorProto, TensorShape, type_number};
use prost::Message;
use std::collections::BTreeMap;
use tensorflow::DataType;
use tensorflow::io::RecordWriter;

/// The name the model is served by in all that is written and printed here.
pub const MODEL_NAME: &str = "mnist";

messages! {
    /// `tensorflow.serving.PredictionLog`: one request that a model is warmed up with.
    PredictionLog {
        /// A `ClassifyLog`, by its field 1, a [`ClassificationRequest`].
        classify: Option<Vec<u8>> = 2 (message, optional),
        /// A `PredictLog`, by its field 1, a [`PredictRequest`].
        predict: Option<Vec<u8>> = 6 (message, optional),
    }
    PredictRequest {
        model_spec: Option<ModelSpec> = 1 (message, optional),
        inputs: BTreeMap<String, TensorProto> = 2 (btree_map = "string, message"),
    }
    ClassificationRequest {
        model_spec: Option<ModelSpec> = 1 (message, optional),
        /// An `Input`, by its field 1, an `ExampleList`.
        input: Option<Vec<u8>> = 2 (message, optional),
    }
    ModelSpec {
        name: String = 1 (string),
        signature_name: String = 3 (string),
    }
    /// `tensorflow.Features`.
    Features {
        feature: BTreeMap<String, Feature> = 1 (btree_map = "string, message"),
    }
    Feature {
        /// A `FloatList`, by its field 1, the floats one after the other.
        float_list: Option<Vec<u8>> = 2 (message, optional),
    }
}

/// The bytes of `tf_serving_warmup_requests`: TFRecords, each a `PredictionLog`, one for each signature. Serving runs
/// them before it calls a version available, so that no client waits for the first, slow run.
pub(super) fn warmup(image_size: [usize; 2]) -> Vec<u8> {
    let floats: Vec<u8> =
        sample::seven_as_floats(image_size).into_iter().flat_map(f32::to_le_bytes).collect();
    let (rows, [height, width]) = (1, image_size.map(|size| size as i64));
    let logs = [
        predict(SERVING_DEFAULT, DataType::Float, &[rows, height * width], floats.clone()),
        predict(PREDICT_BYTES, DataType::UInt8, &[rows, height, width], sample::seven(image_size)),
        classify(floats),
    ];
    let mut bytes = Vec::new();
    for log in logs {
        let written = RecordWriter::new(&mut bytes).write_record(&log.encode_to_vec());
        written.expect("memory takes every byte");
    }
    bytes
}

/// A request of the REST interface for one image, as JSON.
pub(super) fn rest(image_size: [usize; 2]) -> String {
    let floats = sample::seven_as_floats(image_size);
    // `0.0`, never `0`: some versions of Serving take a whole number for an integer, and refuse it.
    let floats: Vec<_> = floats.iter().map(|float| format!("{float:?}")).collect();
    format!("{{\"instances\": [[{}]]}}\n", floats.join(", "))
}

fn model_spec(signature: &str) -> Option<ModelSpec> {
    Some(ModelSpec { name: MODEL_NAME.to_owned(), signature_name: signature.to_owned() })
}

fn predict(signature: &str, dtype: DataType, sizes: &[i64], tensor_content: Vec<u8>) -> PredictionLog {
    let images = TensorProto {
        dtype: type_number(dtype),
        tensor_shape: Some(TensorShape { dim: sizes.to_vec() }),
        tensor_content,
        ..TensorProto::default()
    };
    let inputs = BTreeMap::from([(IMAGES.to_owned(), images)]);
    let request = PredictRequest { model_spec: model_spec(signature), inputs };
    PredictionLog { classify: None, predict: Some(request.encode_to_vec()) }
}

fn classify(floats: Vec<u8>) -> PredictionLog {
    let image = Feature { float_list: Some(floats) };
    let features = Features { feature: BTreeMap::from([(IMAGE_FEATURE.to_owned(), image)]) };
    let example = features.encode_to_vec().encode_to_vec();
    let examples = example.encode_to_vec();
    let request = ClassificationRequest { model_spec: model_spec(CLASSIFY), input: Some(examples) };
    PredictionLog { classify: Some(request.encode_to_vec()), predict: None }
}
