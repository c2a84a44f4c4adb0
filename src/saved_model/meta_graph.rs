//! `saved_model.pb`: the served graph and its signatures.

use super::error::Result;
use super::serving_graph::{Port, ServingGraph, Signature};
use crate::graph::checkpoint::meta_graph::proto::{Dim, SavedModel, SignatureDef, TensorInfo, TensorShape};
use crate::graph::checkpoint::meta_graph::{meta_graph, output_name, type_number};
use prost::Message;
use std::collections::BTreeMap;

/// The one tag of the one graph in it: what TensorFlow Serving and `saved_model_cli` look for.
pub(super) const SERVE: &str = "serve";

/// `SAVED_MODEL_SCHEMA_VERSION` of TensorFlow.
const SCHEMA_VERSION: i64 = 1;

/// The bytes of `saved_model.pb`.
pub(super) fn saved_model(serving: &ServingGraph) -> Result<Vec<u8>> {
    let mut meta_graph = meta_graph(&serving.graph, &serving.saver)?;
    if let Some(info) = &mut meta_graph.meta_info_def {
        info.tags.push(SERVE.to_owned());
    }
    meta_graph.signature_def = serving
        .signatures
        .iter()
        .map(|signature| Ok((signature.name.to_owned(), signature_def(signature)?)))
        .collect::<Result<_>>()?;
    let saved_model = SavedModel {
        saved_model_schema_version: SCHEMA_VERSION,
        meta_graphs: vec![meta_graph.encode_to_vec()],
    };
    Ok(saved_model.encode_to_vec())
}

fn signature_def(signature: &Signature) -> Result<SignatureDef> {
    let info = |port: &Port| Ok((port.key.to_owned(), tensor_info(port)?));
    Ok(SignatureDef {
        inputs: BTreeMap::from([info(&signature.input)?]),
        outputs: signature.outputs.iter().map(info).collect::<Result<_>>()?,
        method_name: signature.method.to_owned(),
    })
}

fn tensor_info(port: &Port) -> Result<TensorInfo> {
    Ok(TensorInfo {
        name: Some(output_name(&port.tensor)?),
        dtype: type_number(port.dtype),
        tensor_shape: Some(shape(port.shape.iter().map(|dim| dim.map_or(-1, |dim| dim as i64)))),
    })
}

/// A `TensorShapeProto` of these sizes.
pub(super) fn shape(sizes: impl IntoIterator<Item = i64>) -> TensorShape {
    TensorShape { dim: sizes.into_iter().map(|size| Dim { size }).collect() }
}
