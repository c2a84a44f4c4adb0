//! A GraphDef as text, the same for the same graph: a line a node in the graph's order, attributes sorted by name.

use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

#[derive(Clone, PartialEq, Message)]
struct GraphDef {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeDef>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeDef {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    op: String,
    #[prost(string, repeated, tag = "3")]
    input: Vec<String>,
    #[prost(string, tag = "4")]
    device: String,
    #[prost(btree_map = "string, bytes", tag = "5")]
    attr: BTreeMap<String, Vec<u8>>,
}

/// What stands for a node's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Names {
    /// The name.
    Kept,
    /// Its place in the graph: graphs that differ in names alone have one text.
    Numbered,
}

/// The canonical text of a serialized GraphDef: name, op, device, inputs, colocation and every other attribute.
pub fn text(graph_def: &[u8], names: Names) -> String {
    let graph = GraphDef::decode(graph_def).unwrap();
    let places: HashMap<_, _> = graph.node.iter().map(|node| node.name.clone()).zip(0..).collect();
    let name = |name: &str| match names {
        Names::Kept => name.to_owned(),
        Names::Numbered => format!("#{}", places[name]),
    };
    let input = |input: &String| {
        let (control, rest) = match input.strip_prefix('^') {
            Some(rest) => ("^", rest),
            None => ("", input.as_str()),
        };
        let (node, port) = rest.split_once(':').unwrap_or((rest, "0"));
        format!("{control}{}:{port}", name(node))
    };
    let mut text = String::new();
    for node in &graph.node {
        let inputs: Vec<_> = node.input.iter().map(input).collect();
        write!(text, "{} {} {:?} {inputs:?}", name(&node.name), node.op, node.device).unwrap();
        for (key, value) in &node.attr {
            match colocated_with(value).filter(|_| key == "_class") {
                Some(other) => write!(text, " {key}=loc:@{}", name(&other)).unwrap(),
                None => write!(text, " {key}={value:?}").unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

/// The node that a `_class` attribute, a list of one string `loc:@NODE`, names.
fn colocated_with(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    text.split_once("loc:@").map(|(_, node)| node.to_owned())
}
