//! Checkpoints of TensorFlow 2's objects (`tf.train.Checkpoint`, Keras, `tf.saved_model.save`): their keys are paths through
//! the program's objects, and a table in the checkpoint says which variable is kept under which.

use prost::Message;
use std::collections::BTreeMap;

/// Key of the table: a scalar string.
pub(super) const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// From the names of variables to the keys that they are kept under; a name that several have is left out. `tensor` is
/// the table's string as a checkpoint stores it; of anything else, there are no names.
pub(super) fn keys_by_name(tensor: &[u8]) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let Some(graph) = scalar_string(tensor).and_then(|bytes| ObjectGraph::decode(bytes).ok()) else {
        return keys;
    };
    let mut ambiguous = Vec::new();
    for attribute in graph.nodes.into_iter().flat_map(|node| node.attributes) {
        let Attribute { full_name, key, .. } = attribute;
        if full_name.is_empty() {
            continue;
        }
        if let Some(other) = keys.insert(full_name.clone(), key.clone())
            && other != key
        {
            ambiguous.push(full_name);
        }
    }
    keys.retain(|name, _| !ambiguous.contains(name));
    keys
}

/// A string tensor is stored as the lengths, as varints, their checksum in four bytes, and the strings.
fn scalar_string(mut tensor: &[u8]) -> Option<&[u8]> {
    let length = prost::decode_length_delimiter(&mut tensor).ok()?;
    let string = tensor.get(4..)?;
    (string.len() == length).then_some(string)
}

/// `TrackableObjectGraph` of TensorFlow's `core/protobuf/trackable_object_graph.proto`.
#[derive(Clone, PartialEq, Message)]
struct ObjectGraph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

/// `TrackableObjectGraph.TrackableObject`.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, repeated, tag = "2")]
    attributes: Vec<Attribute>,
}

/// `TrackableObjectGraph.TrackableObject.SerializedTensor`.
#[derive(Clone, PartialEq, Message)]
struct Attribute {
    /// The variable's name in its graph, such as `conv1/kernel`.
    #[prost(string, tag = "2")]
    full_name: String,
    #[prost(string, tag = "3")]
    key: String,
}
