//! Files of trained networks that are no checkpoint of this form, told by what they hold: to say what they are, and what
//! to do with them.

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::meta_graph::proto::{GraphDef, NodeDef, SavedModel};
use crate::checkpoint::table;
use prost::Message;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use whole_files::regular_file;

/// More bytes than a graph can have, as protocol buffers end at 2 GB.
const MAX_GRAPH_BYTES: u64 = 1 << 31;

/// What a file is, and the way to something that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ForeignFormat {
    pub what: &'static str,
    pub way_out: &'static str,
}

const KERAS_WAY_OUT: &str = "in Python, tf.keras.models.load_model(FILE).export(FOLDER) makes a SavedModel of it (of weights alone, \
     model.load_weights(FILE) in the program that builds the model, then model.export(FOLDER)); name that folder";

const KERAS_HDF5: ForeignFormat = ForeignFormat { what: "a Keras file in HDF5", way_out: KERAS_WAY_OUT };
const KERAS: ForeignFormat = ForeignFormat { what: "a Keras file", way_out: KERAS_WAY_OUT };
const TFLITE: ForeignFormat = ForeignFormat {
    what: "a TensorFlow Lite model",
    way_out: "there is no way back from it; name the SavedModel or the checkpoint that it was converted from",
};
const FROZEN_GRAPH: ForeignFormat = ForeignFormat {
    what: "a GraphDef, such as a frozen graph",
    way_out: "name the checkpoint or SavedModel it was made from; or, in Python, import it by tf.import_graph_def and write a \
              SavedModel by tf.compat.v1.saved_model.simple_save",
};
const GRAPH_TEXT: ForeignFormat = ForeignFormat {
    what: "a graph as text",
    way_out: "it holds no values; name the checkpoint or SavedModel it belongs to",
};
const SAVED_MODEL: ForeignFormat = ForeignFormat {
    what: "the graph of a SavedModel under another name",
    way_out: "call it saved_model.pb again, beside its folder variables, and name the folder",
};
const META_GRAPH: ForeignFormat = ForeignFormat {
    what: "only the graph of a checkpoint",
    way_out: "its values are in the files of the same name that end in .index and .data-00000-of-00001; put them beside it",
};
const V1: ForeignFormat = ForeignFormat {
    what: "a checkpoint in TensorFlow's V1 format",
    way_out: "in Python, restore it by tf.compat.v1.train.Saver() and save it by another: that writes the V2 format",
};
const INDEX: ForeignFormat = ForeignFormat {
    what: "the index of a checkpoint under another name",
    way_out: "its name must end in .index, and its values, which end in .data-00000-of-00001, must lie beside it",
};
const PYTORCH: ForeignFormat = ForeignFormat {
    what: "a PyTorch file",
    way_out: "copy its values into the network in TensorFlow, which has kernels as [height, width, in, out], and save that",
};
const ONNX: ForeignFormat = ForeignFormat {
    what: "an ONNX model",
    way_out: "convert it to a SavedModel in Python, and name that folder",
};
const ARCHIVE: ForeignFormat = ForeignFormat {
    what: "an archive",
    way_out: "unpack it, and name the run folder, checkpoint or SavedModel in it",
};

/// Formats by the ends of their files' names.
const ENDS: [(&str, ForeignFormat); 10] = [
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

/// What the file `path` is, if it is a file of a known kind.
pub(crate) fn recognize(path: &Path) -> Option<ForeignFormat> {
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

/// The first file in `folder`, by name, that is of a known kind, as the error to say so with.
///
/// # Errors
/// The folder cannot be read.
pub fn foreign_file(folder: &Path) -> io::Result<Option<CheckpointError>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files.into_iter().find_map(|file| recognize(&file).map(|format| format.error(file))))
}

/// That the checkpoint `prefix` is of the V1 format, in parts: their names lack the `.data` of the V2 format's.
pub fn foreign_shard(prefix: &Path) -> Option<CheckpointError> {
    let start = format!("{}-00000-of-", prefix.file_name()?.to_str()?);
    let entries = fs::read_dir(whole_files::folder_of(prefix)).ok()?.flatten();
    let first = entries.map(|entry| entry.path()).find(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with(&start))
    })?;
    (recognize(&first) == Some(V1)).then(|| V1.error(prefix.to_path_buf()))
}

impl ForeignFormat {
    /// That `file` is of this format.
    pub fn error(self, file: PathBuf) -> CheckpointError {
        CheckpointError::Foreign { file, what: self.what, way_out: self.way_out }
    }
}

fn by_contents(bytes: &[u8]) -> Option<ForeignFormat> {
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
