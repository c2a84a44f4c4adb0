//! A graph with all that Python needs to go on with it: its ops' definitions, its variables, its Saver, its training op.

use crate::checkpoint::saver::Saver;
use crate::error::{GraphError, Result};
use crate::proto::{
    BytesList, CollectionDef, GraphDef, MetaGraphDef, MetaInfoDef, NodeDef, NodeList, OpDefaults, OpList,
    SaverDef, TensorProto, TensorValue, VariableDef, type_number,
};
use crate::scope::Scope;
use crate::variable::Variable;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use tensorflow::{DataType, Graph, Operation, Output};
use whole_files::regular_file;

/// `SaverDef.V2`.
const V2: i32 = 2;
/// `meta_graph_version` of the files written here; and what it was before.
const WRITERS: [&str; 2] = ["tf-static-graph", "tf-mnist"];

/// The bytes of a `.meta` file: `graph` with its variables, update ops, `saver` and training op, such that
/// `tf.compat.v1.train.import_meta_graph` restores its checkpoints and goes on training; `tf.train.export_meta_graph`.
///
/// # Errors
/// TensorFlow cannot serialize the graph.
pub fn export_meta_graph(graph: &Scope, saver: &Saver, train: &Operation) -> Result<Vec<u8>> {
    let mut meta_graph = meta_graph(graph, saver)?;
    if let Some(info) = &mut meta_graph.meta_info_def {
        WRITERS[0].clone_into(&mut info.meta_graph_version);
    }
    let update_ops = graph.update_ops();
    for (key, operations) in [("update_ops", &*update_ops), ("train_op", std::slice::from_ref(train))] {
        if !operations.is_empty() {
            let value = operations.iter().map(name).collect::<Result<_>>()?;
            let collection = CollectionDef { node_list: Some(NodeList { value }), bytes_list: None };
            meta_graph.collection_def.insert(key.to_owned(), collection);
        }
    }
    Ok(meta_graph.encode_to_vec())
}

/// Whether `path` is a `.meta` file that was written here, and not by Python.
pub fn is_own(path: &Path) -> bool {
    const FIRST_FIELD: u8 = 1 << 3 | 2; // of any message, where it has a length
    let mut head = Vec::new();
    let read = regular_file::open(path).and_then(|file| file.take(64).read_to_end(&mut head));
    let Some((&FIRST_FIELD, mut info)) = head.split_first().filter(|_| read.is_ok()) else {
        return false;
    };
    let is_message = prost::decode_length_delimiter(&mut info).is_ok();
    let mark = |writer: &str| [&[FIRST_FIELD, writer.len() as u8], writer.as_bytes()].concat();
    is_message && WRITERS.iter().any(|writer| info.starts_with(&mark(writer)))
}

/// `graph`, its ops, its collections of variables and its `saver`.
///
/// # Errors
/// TensorFlow cannot serialize the graph.
pub fn meta_graph(graph: &Scope, saver: &Saver) -> Result<MetaGraphDef> {
    let mut graph_def = GraphDef::decode(&graph.graph_def()?[..]).map_err(GraphError::Unreadable)?;
    spell_out_strings(&mut graph_def);
    let op_list = strip_default_attributes(&graph.graph(), &mut graph_def)?;
    Ok(MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            stripped_op_list: Some(op_list),
            tensorflow_version: tensorflow::version().map_err(GraphError::Name)?,
            stripped_default_attrs: true,
            ..MetaInfoDef::default()
        }),
        graph_def: Some(graph_def),
        saver_def: Some(saver_def(saver)?),
        collection_def: variables(&graph.variables())?,
        signature_def: BTreeMap::new(),
    })
}

/// Removes attributes that hold their op's default, so that a TensorFlow older than an attribute loads the model, and
/// returns the definitions of all ops used.
fn strip_default_attributes(graph: &Graph, graph_def: &mut GraphDef) -> Result<OpList> {
    let used: BTreeSet<_> = graph_def.node.iter().map(|node| node.op.clone()).collect();
    let mut op_list = OpList::default();
    let mut defaults = BTreeMap::new();
    for op in used {
        let definition = graph.get_op_def(&op).map_err(GraphError::run(format!("define op {op}")))?;
        let OpDefaults { attr } = OpDefaults::decode(&definition[..]).map_err(GraphError::Unreadable)?;
        op_list.op.push(definition);
        defaults.insert(op, attr);
    }
    for NodeDef { op, attr, .. } in &mut graph_def.node {
        for default in defaults.get(op).into_iter().flatten() {
            if default.default_value.is_some() && attr.get(&default.name) == default.default_value.as_ref() {
                attr.remove(&default.name);
            }
        }
    }
    Ok(op_list)
}

/// Moves the strings of constants from `tensor_content`, where TensorFlow's C API leaves them packed, to `string_val`, where
/// Python's front end writes them: OpenVINO looks for them only there.
fn spell_out_strings(graph_def: &mut GraphDef) {
    let constants = graph_def.node.iter_mut().filter(|node| node.op == "Const");
    for value in constants.filter_map(|node| node.attr.get_mut("value")) {
        let Ok(TensorValue { tensor: Some(mut tensor) }) = TensorValue::decode(&value[..]) else {
            continue;
        };
        if tensor.dtype != type_number(DataType::String) {
            continue;
        }
        if let Some(strings) = unpacked(&tensor) {
            tensor.string_val = strings;
            tensor.tensor_content.clear();
            *value = TensorValue { tensor: Some(tensor) }.encode_to_vec();
        }
    }
}

/// The strings packed in `tensor_content`: the lengths of all as varints, then their bytes. `None` if it holds something else.
fn unpacked(tensor: &TensorProto) -> Option<Vec<Vec<u8>>> {
    let count = tensor.tensor_shape.iter().flat_map(|shape| &shape.dim).product::<i64>();
    let mut rest = &tensor.tensor_content[..];
    let lengths =
        (0..count).map(|_| prost::decode_length_delimiter(&mut rest).ok()).collect::<Option<Vec<_>>>()?;
    let strings = lengths.into_iter().map(|length| rest.split_off(..length).map(<[u8]>::to_vec));
    let strings = strings.collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(strings)
}

/// What both loaders, C++ and Python, restore the variables by. Python wants the filename and save tensors with `:0`.
fn saver_def(saver: &Saver) -> Result<SaverDef> {
    Ok(SaverDef {
        filename_tensor_name: output_name(&saver.filename.output(0))?,
        save_tensor_name: output_name(&saver.save.output(0))?,
        restore_op_name: name(&saver.restore_all)?,
        max_to_keep: 5,
        keep_checkpoint_every_n_hours: 10_000.0,
        version: V2,
    })
}

/// Python finds the variables of the graph by these collections.
fn variables(variables: &[Variable]) -> Result<BTreeMap<String, CollectionDef>> {
    let collection = |key: &str, is_in: fn(&Variable) -> bool| -> Result<_> {
        let variables = variables.iter().filter(|variable| is_in(variable));
        let value = variables.map(|variable| Ok(variable_def(variable)?.encode_to_vec()));
        let value = value.collect::<Result<_>>()?;
        Ok((key.to_owned(), CollectionDef { node_list: None, bytes_list: Some(BytesList { value }) }))
    };
    let trainable = collection("trainable_variables", |variable| variable.trainable)?;
    Ok([collection("variables", |_| true)?, trainable].into())
}

fn variable_def(variable: &Variable) -> Result<VariableDef> {
    Ok(VariableDef {
        variable_name: output_name(&variable.reference)?,
        initializer_name: name(&variable.initializer)?,
        snapshot_name: output_name(variable.read())?,
        initial_value_name: output_name(&variable.initial_value)?,
        is_resource: variable.is_resource,
        trainable: variable.trainable,
    })
}

/// A tensor's name: `NODE:OUTPUT`.
pub fn output_name(output: &Output) -> Result<String> {
    Ok(format!("{}:{}", name(&output.operation)?, output.index))
}

fn name(operation: &Operation) -> Result<String> {
    operation.name().map_err(GraphError::Name)
}
