//! Whether a SavedModel can be asked about grey images, and by which tensors.

use std::ops::RangeInclusive;
use tensorflow::{DataType, Graph, MetaGraphDef, Output, SignatureDef, TensorInfo};

const SERVING_DEFAULT: &str = "serving_default";
/// What the height and width of an image may be, as in a network's table.
const SIDES: RangeInclusive<i64> = 1..=1024;

/// The tensors that a SavedModel is asked by.
#[derive(Debug)]
pub(super) struct Tensors {
    pub images: Output,
    /// The dimensions of one image.
    pub image: Vec<u64>,
    /// Height and width of an image in pixels; of one that is taken as a row of values, as the model says, or else the
    /// sides of a square.
    pub image_size: [usize; 2],
    /// float32 `[rows, classes]`.
    pub scores: Output,
    /// Scores of a row.
    pub classes: usize,
}

/// The tensors of `serving_default`; or what does not fit. `known` is the size of the images, of a model that says.
pub(super) fn tensors(
    meta_graph: &MetaGraphDef,
    graph: &Graph,
    known: Option<[usize; 2]>,
) -> Result<Tensors, String> {
    let signatures = meta_graph.signatures();
    let signature = signatures.get(SERVING_DEFAULT).ok_or_else(|| match signatures.is_empty() {
        true => "it has no signatures".to_owned(),
        false => {
            let names = listed(signatures.keys().map(String::as_str));
            format!("it has no signature {SERVING_DEFAULT}, but {names}")
        }
    })?;
    let (images, image, image_size) = input(signature, known)?;
    let (scores, classes) = output(signature)?;
    Ok(Tensors { images: find(graph, images)?, image, image_size, classes, scores: find(graph, scores)? })
}

/// The one input, and the dimensions of an image.
fn input(
    signature: &SignatureDef,
    known: Option<[usize; 2]>,
) -> Result<(&TensorInfo, Vec<u64>, [usize; 2]), String> {
    let inputs: Vec<_> = signature.inputs().iter().collect();
    let [(key, info)] = inputs[..] else {
        let count = inputs.len();
        return Err(format!("its {SERVING_DEFAULT} takes {count} inputs, not one"));
    };
    let dims = dims(info);
    let square = |pixels: i64| SIDES.map(|side| (side, side)).find(|side| side.0 * side.1 == pixels);
    let known = known.map(|[height, width]| (height as i64, width as i64));
    let size = |pixels: i64| known.filter(|size| size.0 * size.1 == pixels).or_else(|| square(pixels));
    let misfit = || format!("its input {key:?} is {}", shown(info));
    let (height, width) = match dims.as_deref() {
        Some(&[None, Some(pixels)]) => size(pixels).ok_or_else(misfit)?,
        Some(&([None, Some(height), Some(width)] | [None, Some(height), Some(width), Some(1)]))
            if SIDES.contains(&height) && SIDES.contains(&width) =>
        {
            (height, width)
        }
        _ => return Err(misfit()),
    };
    let image = dims.iter().flatten().flatten().map(|&dim| dim as u64).collect();
    if info.dtype() != DataType::Float {
        return Err(misfit());
    }
    Ok((info, image, [height as usize, width as usize]))
}

/// The output with some scores a row, and how many: the only one, or the one called `probabilities`.
fn output(signature: &SignatureDef) -> Result<(&TensorInfo, usize), String> {
    let outputs = signature.outputs();
    let fits = |info: &TensorInfo| match dims(info).as_deref() {
        Some(&[None, Some(classes @ 2..=256)]) if info.dtype() == DataType::Float => Some(classes as usize),
        _ => None,
    };
    let fitting: Vec<_> = outputs.iter().filter_map(|(key, info)| Some((key, info, fits(info)?))).collect();
    match (&fitting[..], outputs.get("probabilities")) {
        ([(_, only, classes)], _) => Ok((only, *classes)),
        ([], _) => {
            let mut all: Vec<_> =
                outputs.iter().map(|(key, info)| format!("{key:?} is {}", shown(info))).collect();
            all.sort();
            Err(format!("of its outputs, {}", listed(all.iter().map(String::as_str))))
        }
        (several, named) => {
            if let Some((info, classes)) = named.and_then(|info| Some((info, fits(info)?))) {
                return Ok((info, classes));
            }
            let keys = listed(several.iter().map(|(key, ..)| key.as_str()));
            Err(format!("several of its outputs, {keys}, could be meant, and none is called probabilities"))
        }
    }
}

/// The dimensions, the unknown ones `None`; `None` if not even their number is known.
fn dims(info: &TensorInfo) -> Option<Vec<Option<i64>>> {
    let shape: Option<Vec<Option<i64>>> = info.shape().clone().into();
    shape.map(|dims| dims.into_iter().map(|dim| dim.filter(|&dim| dim != -1)).collect())
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
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn find(graph: &Graph, info: &TensorInfo) -> Result<Output, String> {
    let name = info.name();
    let operation = graph
        .operation_by_name(&name.name)
        .ok()
        .flatten()
        .filter(|operation| (name.index as usize) < operation.num_outputs());
    let operation = operation.ok_or_else(|| format!("its graph has no tensor {name}"))?;
    Ok(Output { operation, index: name.index })
}
