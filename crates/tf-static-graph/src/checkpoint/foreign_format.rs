//! Files of trained networks that are no checkpoint of this form, told by what they hold: to say what they are, and what
//! to do with them.

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::table;
use crate::proto::{GraphDef, NodeDef, SavedModel};
use prost::Message;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use whole_files::regular_file;

/// More bytes than a graph can have, as protocol buffers end at 2 GB.
const MAX_GRAPH_BYTES: u64 = 1 << 31;

/// What a file is, and the way to something that can be read.
type Format = (&'static str, &'static str);

const KERAS_WAY_OUT: &str = "in Python, tf.keras.models.load_model(FILE).export(FOLDER) makes a SavedModel of it (of weights alone, \
     model.load_weights(FILE) in the program that builds the model, then model.export(FOLDER)); name that folder";

const KERAS_HDF5: Format = ("a Keras file in HDF5", KERAS_WAY_OUT);
const KERAS: Format = ("a Keras file", KERAS_WAY_OUT);
const TFLITE: Format = (
    "a TensorFlow Lite model",
    "there is no way back from it; name the SavedModel or the checkpoint that it was converted from",
);
const FROZEN_GRAPH: Format = (
    "a GraphDef, such as a frozen graph",
    "name the checkpoint or SavedModel it was made from; or, in Python, import it by tf.import_graph_def and write a \
     SavedModel by tf.compat.v1.saved_model.simple_save",
);
const GRAPH_TEXT: Format =
    ("a graph as text", "it holds no values; name the checkpoint or SavedModel it belongs to");
const SAVED_MODEL: Format = (
    "the graph of a SavedModel under another name",
    "call it saved_model.pb again, beside its folder variables, and name the folder",
);
const META_GRAPH: Format = (
    "only the graph of a checkpoint",
    "its values are in the files of the same name that end in .index and .data-00000-of-00001; put them beside it",
);
const V1: Format = (
    "a checkpoint in TensorFlow's V1 format",
    "in Python, restore it by tf.compat.v1.train.Saver() and save it by another: that writes the V2 format",
);
const INDEX: Format = (
    "the index of a checkpoint under another name",
    "its name must end in .index, and its values, which end in .data-00000-of-00001, must lie beside it",
);
const PYTORCH: Format = (
    "a PyTorch file",
    "copy its values into the network in TensorFlow, which has kernels as [height, width, in, out], and save that",
);
const ONNX: Format = ("an ONNX model", "convert it to a SavedModel in Python, and name that folder");
const ARCHIVE: Format = ("an archive", "unpack it, and name the run folder, checkpoint or SavedModel in it");

/// Formats by the ends of their files' names.
const ENDS: [(&str, Format); 10] = [
    (".keras", KERAS),
    (".h5", KERAS),
    (".hdf5", KERAS),
    (".pt", PYTORCH),
    (".pth", PYTORCH),
    (".safetensors", PYTORCH),
    (".onnx", ONNX),
    (".meta", META_GRAPH),
    (".pbtxt", GRAPH_TEXT),
    (".tar", ARCHIVE),
];

/// What the file `path` is, if it is a file of a known kind, as the error to say so with.
pub(crate) fn foreign(path: &Path) -> Option<CheckpointError> {
    recognize(path).map(|format| error(path, format))
}

/// The first file in `folder`, by name, that is of a known kind, as the error to say so with.
///
/// # Errors
/// The folder cannot be read.
pub fn foreign_file(folder: &Path) -> io::Result<Option<CheckpointError>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files.iter().find_map(|file| foreign(file)))
}

/// That the checkpoint `prefix` is of the V1 format, in parts: their names lack the `.data` of the V2 format's.
pub fn foreign_shard(prefix: &Path) -> Option<CheckpointError> {
    let start = format!("{}-00000-of-", prefix.file_name()?.to_str()?);
    let mut entries = fs::read_dir(whole_files::folder_of(prefix)).ok()?.flatten();
    let first = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(&start))?;
    (recognize(&first.path()) == Some(V1)).then(|| error(prefix, V1))
}

fn error(path: &Path, (what, way_out): Format) -> CheckpointError {
    let reason = format!("is {what}, which cannot be used as it is: {way_out}");
    CheckpointError::Unfit { path: path.to_path_buf(), reason }
}

fn recognize(path: &Path) -> Option<Format> {
    let length = fs::metadata(path).ok().filter(|found| found.is_file())?.len();
    let head = read(path, 16).ok()?;
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    if head.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Some(KERAS_HDF5);
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Some(TFLITE);
    }
    if let Some((_, format)) = ENDS.iter().find(|(end, _)| name.ends_with(end)) {
        return Some(*format);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"\x1f\x8b") {
        return Some(ARCHIVE);
    }
    if length > MAX_GRAPH_BYTES {
        return None;
    }
    by_contents(&read(path, MAX_GRAPH_BYTES).ok()?)
}

fn by_contents(bytes: &[u8]) -> Option<Format> {
    if let Some(first) = table::first_value(bytes) {
        // The header of an index begins with a number, that of a V1 checkpoint with a message.
        return Some(if first.starts_with(&[0x08]) { INDEX } else { V1 });
    }
    let is_model = |model: SavedModel| model.saved_model_schema_version == 1 && !model.meta_graphs.is_empty();
    if SavedModel::decode(bytes).is_ok_and(is_model) {
        return Some(SAVED_MODEL);
    }
    let is_graph = |graph: GraphDef| {
        let named = |node: &NodeDef| !node.name.is_empty() && !node.op.is_empty();
        !graph.node.is_empty() && graph.node.iter().all(named)
    };
    GraphDef::decode(bytes).is_ok_and(is_graph).then_some(FROZEN_GRAPH)
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular_file::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
