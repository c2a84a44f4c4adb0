//! Whether a SavedModel can be asked about 28 x 28 images, and by which tensors.

use tensorflow::{DataType, Graph, MetaGraphDef, Output, SignatureDef, TensorInfo};

const SERVING_DEFAULT: &str = "serving_default";

/// The tensors that a SavedModel is asked by.
#[derive(Debug)]
pub(super) struct Tensors {
    pub images: Output,
    /// The dimensions of one image.
    pub image: Vec<u64>,
    /// float32 `[rows, 10]`.
    pub scores: Output,
}

/// The tensors of `serving_default`; or what does not fit.
pub(super) fn tensors(meta_graph: &MetaGraphDef, graph: &Graph) -> Result<Tensors, String> {
    let signatures = meta_graph.signatures();
    let signature = signatures.get(SERVING_DEFAULT).ok_or_else(|| {
        let names = listed(signatures.keys().map(String::as_str));
        format!("it has no signature {SERVING_DEFAULT}, but {names}")
    })?;
    let (images, image) = input(signature)?;
    let scores = output(signature)?;
    Ok(Tensors {
        images: find(graph, images)?,
        image,
        scores: find(graph, scores)?,
    })
}

/// The one input, and the dimensions of an image.
fn input(signature: &SignatureDef) -> Result<(&TensorInfo, Vec<u64>), String> {
    let inputs: Vec<_> = signature.inputs().iter().collect();
    let [(key, info)] = inputs[..] else {
        let count = inputs.len();
        return Err(format!("its {SERVING_DEFAULT} takes {count} inputs, not one"));
    };
    let dims = dims(info);
    let image = match dims.as_deref() {
        Some([None, Some(784)]) => vec![784],
        Some([None, Some(28), Some(28)]) => vec![28, 28],
        Some([None, Some(28), Some(28), Some(1)]) => vec![28, 28, 1],
        _ => return Err(format!("its input {key:?} is {}", shown(info))),
    };
    if info.dtype() != DataType::Float {
        return Err(format!("its input {key:?} is {}", shown(info)));
    }
    Ok((info, image))
}

/// The output with ten scores a row: the only one, or the one called `probabilities`.
fn output(signature: &SignatureDef) -> Result<&TensorInfo, String> {
    let outputs = signature.outputs();
    let fits = |info: &TensorInfo| {
        let dims = dims(info);
        info.dtype() == DataType::Float && matches!(dims.as_deref(), Some([None, Some(10)]))
    };
    let fitting: Vec<_> = outputs.iter().filter(|(_, info)| fits(info)).collect();
    match (&fitting[..], outputs.get("probabilities")) {
        ([(_, only)], _) => Ok(only),
        ([], _) => {
            let mut all: Vec<_> = outputs
                .iter()
                .map(|(key, info)| format!("{key:?} is {}", shown(info)))
                .collect();
            all.sort();
            Err(format!(
                "of its outputs, {}",
                listed(all.iter().map(String::as_str))
            ))
        }
        (_, Some(probabilities)) if fits(probabilities) => Ok(probabilities),
        (several, _) => {
            let keys = listed(several.iter().map(|(key, _)| key.as_str()));
            Err(format!(
                "several of its outputs, {keys}, could be meant, and none is called probabilities"
            ))
        }
    }
}

/// The dimensions, the unknown ones `None`; `None` if not even their number is known.
fn dims(info: &TensorInfo) -> Option<Vec<Option<i64>>> {
    let shape: Option<Vec<Option<i64>>> = info.shape().clone().into();
    shape.map(|dims| dims.into_iter().map(|dim| dim.filter(|&dim| dim >= 0)).collect())
}

fn shown(info: &TensorInfo) -> String {
    let dims = match dims(info) {
        Some(dims) => {
            let dims: Vec<_> = dims.iter().map(|dim| dim.unwrap_or(-1).to_string()).collect();
            format!("[{}]", dims.join(", "))
        }
        None => "of unknown shape".to_owned(),
    };
    format!("{} {dims}", info.dtype()).to_lowercase()
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("__")).collect();
    names.sort_unstable();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn find(graph: &Graph, info: &TensorInfo) -> Result<Output, String> {
    let name = info.name();
    let operation = graph
        .operation_by_name(&name.name)
        .ok()
        .flatten()
        .filter(|operation| (name.index as usize) < operation.num_outputs());
    let operation = operation.ok_or_else(|| format!("its graph has no tensor {name}"))?;
    Ok(Output {
        operation,
        index: name.index,
    })
}
