//! Checkpoints of TensorFlow 2's objects (`tf.train.Checkpoint`, Keras, `tf.saved_model.save`): their keys are paths through
//! the program's objects, and a table in the checkpoint says which variable is kept under which.

use crate::proto::{SerializedTensor, TrackableObjectGraph};
use prost::Message;
use std::collections::BTreeMap;

/// Key of the table: a scalar string.
pub(crate) const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// From the names of variables to the keys that they are kept under; a name that several have is left out, but one variable
/// may be kept under several keys, whose `contents` are alike. What all names begin with, as those of a Keras model's layers
/// do with the model's, is left out of them. `table` is the string as a checkpoint stores it; of anything else, there are no
/// names.
pub(crate) fn keys_by_name<T: PartialEq>(
    table: &[u8],
    contents: impl Fn(&str) -> Option<T>,
) -> BTreeMap<String, String> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let Some(graph) = scalar_string(table).and_then(|bytes| TrackableObjectGraph::decode(bytes).ok()) else {
        return keys;
    };
    let mut ambiguous = Vec::new();
    for SerializedTensor { full_name, checkpoint_key: key } in
        graph.nodes.into_iter().flat_map(|node| node.attributes)
    {
        let Some(found) = contents(&key).filter(|_| !full_name.is_empty()) else {
            continue;
        };
        match keys.get(&full_name) {
            Some(other) if contents(other).as_ref() != Some(&found) => ambiguous.push(full_name),
            Some(_) => {}
            None => drop(keys.insert(full_name, key)),
        }
    }
    keys.retain(|name, _| !ambiguous.contains(name));
    without_common_scope(keys)
}

fn without_common_scope(keys: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let model = keys.keys().next().and_then(|name| Some(name.split_once('/')?.0.to_owned()));
    let inner = |name: &str| {
        let inner = name.strip_prefix(model.as_deref()?)?.strip_prefix('/')?;
        inner.contains('/').then(|| inner.to_owned())
    };
    let stripped = keys.iter().map(|(name, key)| Some((inner(name)?, key.clone())));
    stripped.collect::<Option<_>>().unwrap_or(keys)
}

/// A string tensor is stored as the lengths, as varints, their checksum in four bytes, and the strings.
fn scalar_string(mut tensor: &[u8]) -> Option<&[u8]> {
    let length = prost::decode_length_delimiter(&mut tensor).ok()?;
    let string = tensor.get(4..)?;
    (string.len() == length).then_some(string)
}
