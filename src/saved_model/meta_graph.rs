//! `saved_model.pb`: the served graph and its signatures.

use super::error::Result;
use super::serving_graph::ServingGraph;
use crate::graph::checkpoint::meta_graph::meta_graph;
use crate::graph::checkpoint::meta_graph::proto::SavedModel;
use prost::Message;

/// The one tag of the one graph in it: what TensorFlow Serving and `saved_model_cli` look for.
const SERVE: &str = "serve";

/// `SAVED_MODEL_SCHEMA_VERSION` of TensorFlow.
const SCHEMA_VERSION: i64 = 1;

/// The bytes of `saved_model.pb`.
pub(super) fn saved_model(serving: &ServingGraph) -> Result<Vec<u8>> {
    let mut meta_graph = meta_graph(&serving.graph, &serving.saver)?;
    if let Some(info) = &mut meta_graph.meta_info_def {
        info.tags.push(SERVE.to_owned());
    }
    meta_graph.signature_def.clone_from(&serving.signatures);
    let saved_model = SavedModel {
        saved_model_schema_version: SCHEMA_VERSION,
        meta_graphs: vec![meta_graph.encode_to_vec()],
    };
    Ok(saved_model.encode_to_vec())
}
