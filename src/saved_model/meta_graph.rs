//! `saved_model.pb`: the served graph, its signatures, and what loaders ask for besides.

use super::error::{Result, SavedModelError};
use super::proto::{
    BytesList, CollectionDef, Dim, GraphDef, MetaGraphDef, MetaInfoDef, NodeDef, OpDefaults, OpList,
    SavedModel, SaverDef, SignatureDef, TensorInfo, TensorProto, TensorShape, TensorValue, VariableDef,
};
use super::serving_graph::{Port, ServingGraph, Signature};
use crate::graph::{GraphError, Saver, Variable};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use tensorflow::{DataType, Graph, Operation, Output};

/// The one tag of the one graph in it: what TensorFlow Serving and `saved_model_cli` look for.
pub(super) const SERVE: &str = "serve";

/// `SAVED_MODEL_SCHEMA_VERSION` of TensorFlow.
const SCHEMA_VERSION: i64 = 1;
/// `SaverDef.V2`.
const V2: i32 = 2;

/// The bytes of `saved_model.pb`.
pub(super) fn saved_model(serving: &ServingGraph) -> Result<Vec<u8>> {
    let mut graph_def = GraphDef::decode(&serving.graph.graph_def()?[..]).map_err(unreadable)?;
    spell_out_strings(&mut graph_def);
    let op_list = strip_default_attributes(&serving.graph.graph(), &mut graph_def)?;
    let version = tensorflow::version().map_err(SavedModelError::Name)?;
    let meta_graph = MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            stripped_op_list: Some(op_list),
            tags: vec![SERVE.to_owned()],
            tensorflow_version: version,
            stripped_default_attrs: true,
        }),
        graph_def: Some(graph_def),
        saver_def: Some(saver_def(&serving.saver)?),
        collection_def: collections(&serving.graph.variables())?,
        signature_def: serving
            .signatures
            .iter()
            .map(|signature| Ok((signature.name.to_owned(), signature_def(signature)?)))
            .collect::<Result<_>>()?,
    };
    let saved_model = SavedModel {
        saved_model_schema_version: SCHEMA_VERSION,
        meta_graphs: vec![meta_graph],
    };
    Ok(saved_model.encode_to_vec())
}

/// Removes attributes that hold their op's default, so that a TensorFlow older than an attribute loads the model, and
/// returns the definitions of all ops used.
fn strip_default_attributes(graph: &Graph, graph_def: &mut GraphDef) -> Result<OpList> {
    let used: BTreeSet<_> = graph_def.node.iter().map(|node| node.op.clone()).collect();
    let mut op_list = OpList::default();
    let mut defaults = BTreeMap::new();
    for op in used {
        let definition = graph.get_op_def(&op).map_err(|status| GraphError::Run {
            action: format!("define op {op}"),
            status,
        })?;
        let OpDefaults { attr } = OpDefaults::decode(&definition[..]).map_err(unreadable)?;
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
        let Ok(TensorValue {
            tensor: Some(mut tensor),
        }) = TensorValue::decode(&value[..])
        else {
            continue;
        };
        if tensor.dtype != data_type(DataType::String) {
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
    let sizes = tensor.tensor_shape.iter().flat_map(|shape| &shape.dim);
    let count = sizes.map(|dim| dim.size).product::<i64>();
    let mut rest = &tensor.tensor_content[..];
    let lengths = (0..count)
        .map(|_| prost::decode_length_delimiter(&mut rest).ok())
        .collect::<Option<Vec<_>>>()?;
    let mut strings = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (string, behind) = rest.split_at_checked(length)?;
        strings.push(string.to_vec());
        rest = behind;
    }
    rest.is_empty().then_some(strings)
}

/// What both loaders, C++ and Python, restore the variables by. Python wants the filename and save tensors with `:0`.
fn saver_def(saver: &Saver) -> Result<SaverDef> {
    Ok(SaverDef {
        filename_tensor_name: tensor_name(saver.filename(), 0)?,
        save_tensor_name: tensor_name(saver.save_operation(), 0)?,
        restore_op_name: name(saver.restore_operation())?,
        max_to_keep: 5,
        keep_checkpoint_every_n_hours: 10_000.0,
        version: V2,
    })
}

/// Python's `tf.saved_model.load` finds the variables to lift out of the graph by these collections.
fn collections(variables: &[Variable]) -> Result<BTreeMap<String, CollectionDef>> {
    let collection = |variables: &mut dyn Iterator<Item = &Variable>| -> Result<CollectionDef> {
        let value = variables
            .map(|variable| Ok(variable_def(variable)?.encode_to_vec()))
            .collect::<Result<_>>()?;
        Ok(CollectionDef {
            bytes_list: Some(BytesList { value }),
        })
    };
    let trainable = &mut variables.iter().filter(|variable| variable.is_trainable());
    Ok(BTreeMap::from([
        ("variables".to_owned(), collection(&mut variables.iter())?),
        ("trainable_variables".to_owned(), collection(trainable)?),
    ]))
}

fn variable_def(variable: &Variable) -> Result<VariableDef> {
    Ok(VariableDef {
        variable_name: output_name(variable.reference())?,
        initializer_name: name(variable.initializer())?,
        snapshot_name: output_name(variable.read())?,
        initial_value_name: output_name(variable.initial_value())?,
        is_resource: variable.is_resource(),
        trainable: variable.is_trainable(),
    })
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
        dtype: data_type(port.dtype),
        tensor_shape: Some(shape(
            port.shape.iter().map(|dim| dim.map_or(-1, |dim| dim as i64)),
        )),
    })
}

/// A `TensorShapeProto` of these sizes.
pub(super) fn shape(sizes: impl IntoIterator<Item = i64>) -> TensorShape {
    TensorShape {
        dim: sizes.into_iter().map(|size| Dim { size }).collect(),
    }
}

/// The number of a dtype in `types.proto`, for those that signatures have here.
pub(super) fn data_type(dtype: DataType) -> i32 {
    match dtype {
        DataType::Float => 1,
        DataType::UInt8 => 4,
        DataType::String => 7,
        DataType::Int64 => 9,
        _ => 0, // DT_INVALID, which every loader refuses
    }
}

fn output_name(output: &Output) -> Result<String> {
    tensor_name(&output.operation, output.index)
}

fn tensor_name(operation: &Operation, index: i32) -> Result<String> {
    Ok(format!("{}:{index}", name(operation)?))
}

fn name(operation: &Operation) -> Result<String> {
    operation.name().map_err(SavedModelError::Name)
}

fn unreadable(error: prost::DecodeError) -> SavedModelError {
    SavedModelError::Unreadable(error)
}
