//! Requests that travel with the model, in `assets.extra`: those that Serving warms it up with, and one to send by hand.

use super::proto::{
    ClassificationRequest, ClassifyLog, Example, ExampleList, Feature, Features, FloatList, Input, Log,
    ModelSpec, PredictLog, PredictRequest, PredictionLog,
};
use super::sample;
use super::serving_graph::{CLASSIFY, IMAGE_FEATURE, IMAGES, PREDICT_BYTES, SERVING_DEFAULT, shape};
use crate::graph::checkpoint::meta_graph::{proto::TensorProto, type_number};
use prost::Message;
use std::collections::BTreeMap;
use tensorflow::DataType;
use tensorflow::io::RecordWriter;

/// The name the model is served by in all that is written and printed here.
pub const MODEL_NAME: &str = "mnist";

/// The bytes of `tf_serving_warmup_requests`: TFRecords, each a `PredictionLog`, one for each signature. Serving runs
/// them before it calls a version available, so that no client waits for the first, slow run.
pub(super) fn warmup(image_size: [usize; 2]) -> Vec<u8> {
    let floats = sample::seven_as_floats(image_size);
    let float_bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
    let (rows, [height, width]) = (1, image_size.map(|size| size as i64));
    let logs = [
        predict(SERVING_DEFAULT, DataType::Float, &[rows, height * width], float_bytes),
        predict(PREDICT_BYTES, DataType::UInt8, &[rows, height, width], sample::seven(image_size)),
        classify(&floats),
    ];
    let mut bytes = Vec::new();
    for log in logs {
        let log = PredictionLog { log: Some(log) };
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

fn predict(signature: &str, dtype: DataType, sizes: &[i64], tensor_content: Vec<u8>) -> Log {
    let images = TensorProto {
        dtype: type_number(dtype),
        tensor_shape: Some(shape(sizes.iter().copied())),
        tensor_content,
        string_val: Vec::new(),
    };
    Log::Predict(PredictLog {
        request: Some(PredictRequest {
            model_spec: model_spec(signature),
            inputs: BTreeMap::from([(IMAGES.to_owned(), images)]),
        }),
    })
}

fn classify(floats: &[f32]) -> Log {
    let image = Feature { float_list: Some(FloatList { value: floats.to_vec() }) };
    let features = Features { feature: BTreeMap::from([(IMAGE_FEATURE.to_owned(), image)]) };
    let examples = vec![Example { features: Some(features) }];
    Log::Classify(ClassifyLog {
        request: Some(ClassificationRequest {
            model_spec: model_spec(CLASSIFY),
            input: Some(Input { example_list: Some(ExampleList { examples }) }),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_request_is_one_image_of_784_numbers() {
        let request: serde_json::Value = serde_json::from_str(&rest([28, 28])).unwrap();
        let image = request["instances"][0].as_array().unwrap();
        assert_eq!(image.len(), 784);
        assert!(image.iter().all(|pixel| (0.0..=1.0).contains(&pixel.as_f64().unwrap())));
    }
}
