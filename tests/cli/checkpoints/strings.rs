//! The strings in an exported graph, which OpenVINO reads only where Python's front end writes them.

use super::{export, folder, golden};
use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use support::runs::succeed;

#[derive(Clone, PartialEq, Message)]
struct SavedModel {
    #[prost(message, repeated, tag = "2")]
    meta_graphs: Vec<MetaGraph>,
}

#[derive(Clone, PartialEq, Message)]
struct MetaGraph {
    #[prost(message, optional, tag = "2")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    op: String,
    #[prost(btree_map = "string, message", tag = "5")]
    attributes: BTreeMap<String, Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(bytes = "vec", tag = "4")]
    content: Vec<u8>,
    #[prost(string, repeated, tag = "8")]
    strings: Vec<String>,
}

const STRING: i32 = 7;

#[test]
fn string_constants_are_spelled_out_and_numbers_stay() {
    let (_place, here) = folder();
    succeed(export(&golden("optimized_nodrop/final.ckpt"), &here));
    let bytes = fs::read(here.join("1/saved_model.pb")).unwrap();
    let model = SavedModel::decode(&bytes[..]).unwrap();
    let nodes = &model.meta_graphs[0].graph.as_ref().unwrap().nodes;
    let tensors: BTreeMap<_, _> = nodes
        .iter()
        .filter(|node| node.op == "Const")
        .map(|node| (&*node.name, node.attributes["value"].tensor.clone().unwrap()))
        .collect();
    let (strings, numbers): (Vec<_>, Vec<_>) = tensors.values().partition(|tensor| tensor.dtype == STRING);
    assert!(strings.len() >= 6 && strings.iter().all(|tensor| tensor.content.is_empty()));
    assert!(numbers.iter().all(|tensor| tensor.strings.is_empty()));

    let digits: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
    let of = |name: &str| {
        let found = tensors.iter().find(|(full, _)| full.ends_with(name));
        found.unwrap_or_else(|| panic!("no {name}")).1.strings.clone()
    };
    assert_eq!(of("classes/digits"), digits);
    assert_eq!(of("save/filename/input"), ["model"]);
    let names = of("save/SaveV2/tensor_names");
    assert!(names.contains(&"batch_normalization/moving_mean".to_owned()), "{names:?}");
    assert_eq!(of("save/SaveV2/shape_and_slices"), vec![String::new(); names.len()]);
}
