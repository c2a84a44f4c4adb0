//! What is wrong with the files of a SavedModel that TensorFlow could not load, where its own words do not tell.

use crate::graph::Checkpoint;
use crate::graph::checkpoint::meta_graph::proto::SavedModel;
use crate::staging::regular_file;
use prost::Message;
use std::path::Path;

/// The file of the SavedModel in `folder` that is damaged or missing, and how; `None` if all look whole. A model may have
/// no variables, unless it `lacks_values`: TensorFlow loads one whose values are gone, and fails when it runs it.
pub(super) fn find(folder: &Path, lacks_values: bool) -> Option<String> {
    let graph = folder.join("saved_model.pb");
    if graph.exists() {
        let reason = match regular_file::read(&graph).map(|bytes| SavedModel::decode(&bytes[..])) {
            Ok(Ok(model)) if !model.meta_graphs.is_empty() => None,
            Ok(Ok(_)) => Some("is damaged: it holds no graph".to_owned()),
            Ok(Err(error)) => Some(format!("is damaged: {error}")),
            Err(error) => Some(format!("cannot be read: {error}")),
        };
        if let Some(reason) = reason {
            return Some(format!("{} {reason}", graph.display()));
        }
    }
    let variables = folder.join("variables");
    if !variables.is_dir() && !lacks_values {
        return None;
    }
    Checkpoint::open(&variables.join("variables"))
        .and_then(|checkpoint| checkpoint.verify())
        .err()
        .map(|error| error.to_string())
}
