//! The protocol buffers of TensorFlow Serving's requests, for prost: the fields that are written, no others. Numbers
//! are those of TensorFlow's `core/example/*.proto`, and of Serving's
//! `apis/{prediction_log,predict,classification,input,model}.proto`.

use crate::graph::checkpoint::meta_graph::proto::TensorProto;
use prost::{Message, Oneof};
use std::collections::BTreeMap;

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
