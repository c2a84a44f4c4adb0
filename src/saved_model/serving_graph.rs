//! The graph that is served: the network three times over the same variables, each behind another kind of input.

use crate::graph::checkpoint::meta_graph::{meta_graph, output_name};
use crate::graph::proto::{SavedModel, SignatureDef, TensorInfo, TensorShape, type_number};
use crate::graph::{Result, Saver, Scope, softmax};
use crate::model::{self, Convolutions, to_floats};
use crate::networks::Table;
use prost::Message;
use std::collections::BTreeMap;
use tensorflow::{DataType, Output};

/// The signature that is asked when a request names none.
pub const SERVING_DEFAULT: &str = "serving_default";
/// The signature that takes pixels as bytes.
pub const PREDICT_BYTES: &str = "predict_bytes";
/// The signature that takes `tf.Example`s.
pub const CLASSIFY: &str = "classify";

const PREDICT_METHOD: &str = "tensorflow/serving/predict";
const CLASSIFY_METHOD: &str = "tensorflow/serving/classify";

/// The input of `serving_default` and `predict_bytes`.
pub(super) const IMAGES: &str = "images";
/// The input of `classify`, as TensorFlow Serving wants it named.
pub(super) const EXAMPLES: &str = "inputs";
/// The feature of an example that holds the image: height * width floats in 0..=1.
pub(super) const IMAGE_FEATURE: &str = "image";

/// A network to be served, whose variables have no values yet.
pub(super) struct ServingGraph {
    pub graph: Scope,
    pub saver: Saver,
    /// By their names.
    pub signatures: BTreeMap<String, SignatureDef>,
}

impl ServingGraph {
    /// Builds the graph of `table`: no labels, no optimizer, no dropout, no `training`.
    pub fn new(table: &Table) -> Result<Self> {
        // Start values are never used: any seed will do, and a fixed one makes every export of a network the same.
        let graph = Scope::new(Some(0)).resource_variables();
        let again = |name: &str| graph.name_scope(name).reuse_variables();
        let [height, width, _] = table.input_shape;
        let signatures = [
            (SERVING_DEFAULT, predict(&graph, table, DataType::Float, &[table.pixels()])?),
            (PREDICT_BYTES, predict(&again(PREDICT_BYTES), table, DataType::UInt8, &[height, width])?),
            (CLASSIFY, classify(&again(CLASSIFY), table)?),
        ];
        let signatures = signatures.map(|(name, signature)| (name.to_owned(), signature)).into();
        let saver = Saver::new(&graph, &graph.variables())?;
        Ok(Self { graph, saver, signatures })
    }

    /// The bytes of `saved_model.pb`, for TensorFlow Serving and `saved_model_cli`, which look for a graph tagged
    /// `serve`.
    pub fn saved_model(&self) -> Result<Vec<u8>> {
        let mut meta_graph = meta_graph(&self.graph, &self.saver)?;
        if let Some(info) = &mut meta_graph.meta_info_def {
            info.tags.push("serve".to_owned());
        }
        meta_graph.signature_def.clone_from(&self.signatures);
        let meta_graphs = vec![meta_graph.encode_to_vec()];
        // TensorFlow's `SAVED_MODEL_SCHEMA_VERSION`.
        Ok(SavedModel { saved_model_schema_version: 1, meta_graphs }.encode_to_vec())
    }
}

/// `images` of shape `row` each, float32 in 0..=1 or uint8, to `probabilities` and `classes`.
fn predict(scope: &Scope, table: &Table, dtype: DataType, row: &[u64]) -> Result<SignatureDef> {
    let shape: Vec<_> = [None].into_iter().chain(row.iter().map(|&size| Some(size as i64))).collect();
    let images = scope.op("Placeholder", IMAGES).data_type("dtype", dtype).shape("shape", &shape).output()?;
    let logits = logits(scope, table, &to_floats(scope, &images)?)?;
    Ok(SignatureDef {
        inputs: [tensor_info(IMAGES, &images, row)?].into(),
        outputs: predictions(scope, table, &logits)?,
        method_name: PREDICT_METHOD.to_owned(),
    })
}

/// `inputs` string `[rows]`, each a serialized `tf.Example`, to `classes` string `[rows, classes]` and `scores` float32
/// `[rows, classes]`, as TensorFlow Serving's classifier wants them: every class of every row, in their order.
fn classify(scope: &Scope, table: &Table) -> Result<SignatureDef> {
    let examples = scope
        .op("Placeholder", EXAMPLES)
        .data_type("dtype", DataType::String)
        .shape("shape", &[None])
        .output()?;
    let images = parse_examples(&scope.name_scope("ParseExample"), table, &examples)?;
    let logits = logits(scope, table, &images)?;
    let scores = softmax(scope, "scores", &logits)?;
    let classes = labels_of_every_row(&scope.name_scope("classes"), table, &scores)?;
    Ok(SignatureDef {
        inputs: [tensor_info(EXAMPLES, &examples, &[])?].into(),
        outputs: [
            tensor_info("classes", &classes, &[table.classes])?,
            tensor_info("scores", &scores, &[table.classes])?,
        ]
        .into(),
        method_name: CLASSIFY_METHOD.to_owned(),
    })
}

/// `tensor`, which is called `key` in a signature and has any number of rows of shape `row`.
fn tensor_info(key: &str, tensor: &Output, row: &[u64]) -> Result<(String, TensorInfo)> {
    let dim = [-1].into_iter().chain(row.iter().map(|&dim| dim as i64)).collect();
    let info = TensorInfo {
        name: Some(output_name(tensor)?),
        dtype: type_number(tensor.operation.output_type(tensor.index as usize)),
        tensor_shape: Some(TensorShape { dim }),
    };
    Ok((key.to_owned(), info))
}

fn logits(scope: &Scope, table: &Table, images: &Output) -> Result<Output> {
    let images = model::to_images(table, scope, images)?;
    model::inference(table, scope, &images, Convolutions::TensorFlow)
}

/// `probabilities` float32 `[rows, classes]` and `classes` int64 `[rows]`, the labels.
fn predictions(scope: &Scope, table: &Table, logits: &Output) -> Result<BTreeMap<String, TensorInfo>> {
    let probabilities = softmax(scope, "probabilities", logits)?;
    let inner = scope.name_scope("classes");
    let axis = inner.scalar("dimension", 1i32)?;
    let classes = inner
        .op_named_as_scope("ArgMax")
        .input(logits)
        .input(&axis)
        .data_type("output_type", DataType::Int64)
        .output()?;
    let classes = match table.first_label {
        0 => classes,
        first => {
            let first = inner.scalar("first_label", i64::from(first))?;
            inner.op("AddV2", "labels").input(&classes).input(&first).output()?
        }
    };
    Ok([
        tensor_info("classes", &classes, &[])?,
        tensor_info("probabilities", &probabilities, &[table.classes])?,
    ]
    .into())
}

/// The feature `image` of every example: float32 `[rows, height * width]`. An example without it is an error of the request.
fn parse_examples(scope: &Scope, table: &Table, examples: &Output) -> Result<Output> {
    // No names, no sparse and no ragged features. Filled, because the tensorflow crate cannot soundly make a string
    // tensor without elements: it allocates zero bytes.
    let inner = scope.name_scope("none");
    let none = inner
        .op_named_as_scope("Fill")
        .input(&inner.constant("dims", &[1], &[0i32])?)
        .input(&inner.scalar("value", String::new())?)
        .output()?;
    let dense_keys = scope.constant("dense_keys", &[1], &[IMAGE_FEATURE.to_owned()])?;
    // An empty default says: there is none, the feature must be there.
    let no_default = scope.constant::<f32>("Const", &[0], &[])?;
    scope
        .op("ParseExampleV2", "ParseExampleV2")
        .input(examples)
        .input(&none)
        .input(&none)
        .input(&dense_keys)
        .input(&none)
        .input_list(&[no_default])
        .int("num_sparse", 0)
        .data_types("sparse_types", Vec::new())
        .data_types("ragged_value_types", Vec::new())
        .data_types("ragged_split_types", Vec::new())
        .shapes("dense_shapes", &[&[table.pixels()]])
        .output()
}

/// The classes' labels as strings for each row of `scores`: string `[rows, classes]`.
fn labels_of_every_row(scope: &Scope, table: &Table, scores: &Output) -> Result<Output> {
    let first = u64::from(table.first_label);
    let labels: Vec<_> = (first..first + table.classes).map(|label| label.to_string()).collect();
    let labels = scope.constant("digits", &[1, table.classes], &labels)?;
    let shape = scope.op("Shape", "Shape").input(scores).data_type("out_type", DataType::Int32).output()?;
    scope.op("BroadcastTo", "BroadcastTo").input(&labels).input(&shape).output()
}
