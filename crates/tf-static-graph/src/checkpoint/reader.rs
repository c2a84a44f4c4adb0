//! Reading a V2 checkpoint without TensorFlow: which tensors it holds, whether its bytes are whole, their values.
//!
//! A checkpoint `PREFIX` is `PREFIX.index`, a sorted table (the LevelDB format, see [`table`](crate::checkpoint::table)) from tensor
//! name to `BundleEntryProto`, and `PREFIX.data-NNNNN-of-MMMMM`, the values one after another
//! (TensorFlow's `core/util/tensor_bundle`).

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::file_names::{INDEX, with_suffix};
use crate::checkpoint::foreign_format;
use crate::checkpoint::object_graph::{OBJECT_GRAPH, keys_by_name};
use crate::checkpoint::state::prefix_of_file;
use crate::checkpoint::table;
use crate::proto::{BundleEntryProto, BundleHeaderProto, data_type};
use prost::Message;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tensorflow::DataType;
use whole_files::regular_file;

/// A result whose error is a [`CheckpointError`].
type Result<T> = std::result::Result<T, CheckpointError>;

/// One tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// The element type.
    pub dtype: DataType,
    /// The dimensions.
    pub shape: Vec<u64>,
    shard: u32,
    offset: u64,
    bytes: u64,
    crc32c: u32,
}

/// An opened checkpoint: its table of contents.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    prefix: PathBuf,
    shards: u32,
    entries: BTreeMap<String, TensorEntry>,
    /// Keys of variables that are not kept under their names.
    keys: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Reads the table of contents of the checkpoint `prefix`, such as `runs/baseline-1/model.ckpt-5499`. In one of
    /// TensorFlow 2's objects, variables go by their names as well as by their keys.
    ///
    /// # Errors
    /// There is no such checkpoint, it is of another format or holds partitioned variables, or its index is damaged.
    pub fn open(prefix: &Path) -> Result<Self> {
        let file = with_suffix(prefix, INDEX);
        let bytes = regular_file::read(&file).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => missing(prefix, &file),
            _ => CheckpointError::Io { file: file.clone(), cause: source },
        })?;
        let damaged = |reason: String| CheckpointError::Damaged { file: file.clone(), reason };

        let mut shards = None;
        let mut entries = BTreeMap::new();
        for (key, value) in table::read(&bytes).map_err(|reason| damaged(reason.into()))? {
            if key.is_empty() {
                let header =
                    BundleHeaderProto::decode(&value[..]).map_err(|error| damaged(error.to_string()))?;
                if header.endianness != 0 {
                    return Err(damaged("its values are big-endian, which is not supported".into()));
                }
                shards = Some(header.num_shards);
                continue;
            }
            // The slices of a variable, which has an entry of its own that says so.
            if key.starts_with(&[0]) {
                continue;
            }
            let name = String::from_utf8(key).map_err(|_| damaged("a tensor name is no UTF-8".into()))?;
            let in_entry = |reason: String| damaged(format!("entry {name:?}: {reason}"));
            let entry = BundleEntryProto::decode(&value[..]).map_err(|error| in_entry(error.to_string()))?;
            if !entry.slices.is_empty() {
                let reason = format!(
                    "holds partitioned variables, such as {name} in {} slices, which cannot be read: in Python, \
                     restore it into a graph built without a partitioner, and save that",
                    entry.slices.len()
                );
                return Err(CheckpointError::Unfit { path: prefix.to_path_buf(), reason });
            }
            let entry = tensor_entry(entry).map_err(in_entry)?;
            entries.insert(name, entry);
        }
        let mut checkpoint = Self {
            prefix: prefix.to_path_buf(),
            shards: shards.ok_or_else(|| damaged("it has no header".into()))?,
            entries,
            keys: BTreeMap::new(),
        };
        if let Some(entry) = checkpoint.entries.get(OBJECT_GRAPH) {
            let contents = |key: &str| {
                let entry = checkpoint.entries.get(key)?;
                Some((entry.dtype, &entry.shape, entry.bytes, entry.crc32c))
            };
            checkpoint.keys = keys_by_name(&checkpoint.read_bytes(OBJECT_GRAPH, entry)?, contents);
        }
        Ok(checkpoint)
    }

    /// The prefix it was opened by.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The tensors by name, in the order of the names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorEntry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The tensor of that name, if any.
    pub fn get(&self, name: &str) -> Option<&TensorEntry> {
        let by_key = || self.entries.get(self.keys.get(name)?);
        self.entries.get(name).or_else(by_key)
    }

    /// Whether it is one of TensorFlow 2's objects, as Keras and `tf.train.Checkpoint` write.
    pub fn is_of_objects(&self) -> bool {
        self.entries.contains_key(OBJECT_GRAPH)
    }

    /// The first few names of its variables, or keys, as a message lists them: they tell what it is of.
    pub fn first_names(&self) -> String {
        let names: Vec<_> = match self.keys.is_empty() {
            true => self.entries.keys().collect(),
            false => self.keys.keys().collect(),
        };
        let mut shown: Vec<_> = names.iter().take(5).map(|name| name.as_str()).collect();
        if names.len() > shown.len() {
            shown.push("...");
        }
        if shown.is_empty() { "nothing".into() } else { shown.join(", ") }
    }

    /// The values of a float32 tensor, row-major, their checksum verified.
    ///
    /// # Errors
    /// There is no such float32 tensor, or its bytes cannot be read or are damaged.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.get(name).filter(|entry| entry.dtype == DataType::Float);
        let entry = entry.ok_or_else(|| CheckpointError::Unfit {
            path: self.prefix.clone(),
            reason: format!("holds no float32 tensor {name:?}"),
        })?;
        let bytes = self.read_bytes(name, entry)?;
        Ok(bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect())
    }

    /// Reads every tensor and compares its checksum; of string tensors, only that they are whole.
    ///
    /// # Errors
    /// The first file that cannot be read or tensor that is damaged.
    pub fn verify(&self) -> Result<()> {
        self.entries.iter().try_for_each(|(name, entry)| self.read_bytes(name, entry).map(drop))
    }

    fn read_bytes(&self, name: &str, entry: &TensorEntry) -> Result<Vec<u8>> {
        let file = self.shard_file(entry.shard);
        let damaged = |reason: &str| CheckpointError::Damaged {
            file: file.clone(),
            reason: format!("tensor {name:?} {reason}"),
        };
        let mut bytes = Vec::new();
        let read = regular_file::open(&file).and_then(|mut data| {
            data.seek(SeekFrom::Start(entry.offset))?;
            data.take(entry.bytes).read_to_end(&mut bytes)
        });
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(&self.prefix, &file)),
            Err(source) => Err(CheckpointError::Io { file, cause: source }),
            Ok(count) if (count as u64) < entry.bytes => Err(damaged("is cut short")),
            Ok(_)
                if entry.dtype != DataType::String && table::mask(crc32c::crc32c(&bytes)) != entry.crc32c =>
            {
                Err(damaged("has a wrong checksum"))
            }
            Ok(_) => Ok(bytes),
        }
    }

    fn shard_file(&self, shard: u32) -> PathBuf {
        with_suffix(&self.prefix, &format!(".data-{shard:05}-of-{:05}", self.shards))
    }
}

fn tensor_entry(entry: BundleEntryProto) -> std::result::Result<TensorEntry, String> {
    let dims = entry.shape.unwrap_or_default().dim.into_iter().map(u64::try_from);
    let tensor = TensorEntry {
        dtype: data_type(entry.dtype).ok_or_else(|| format!("unknown dtype {}", entry.dtype))?,
        shape: dims.collect::<std::result::Result<_, _>>().map_err(|_| "negative dimension")?,
        shard: entry.shard_id,
        offset: entry.offset,
        bytes: entry.size,
        crc32c: entry.crc32c,
    };
    let values = tensor.shape.iter().try_fold(4u64, |product, &dim| product.checked_mul(dim));
    if tensor.dtype == DataType::Float && values != Some(tensor.bytes) {
        return Err(format!("{} bytes for shape {:?}", tensor.bytes, tensor.shape));
    }
    Ok(tensor)
}

fn missing(prefix: &Path, file: &Path) -> CheckpointError {
    let text = prefix.to_string_lossy();
    let hint = if prefix.is_dir() {
        format!("; {text} is a folder: name a checkpoint in it, such as {text}/model.ckpt-5499")
    } else if let Some((stem, "index" | "data")) = prefix_of_file(prefix) {
        format!("; a checkpoint goes by its prefix: {}", stem.display())
    } else if let Some(error) =
        foreign_format::foreign(prefix).or_else(|| foreign_format::foreign_shard(prefix))
    {
        return error;
    } else if prefix.is_file() {
        format!("; {text} itself is no file of a model that is known here")
    } else {
        String::new()
    };
    CheckpointError::Missing { prefix: prefix.to_path_buf(), file: file.to_path_buf(), hint }
}

#[cfg(test)]
#[test]
fn reads_what_python_wrote_and_notices_every_flipped_bit() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python.ckpt");
    let checkpoint = Checkpoint::open(&python).unwrap();
    assert_eq!(checkpoint.tensors().count(), 3);
    assert_eq!(checkpoint.get("dense/kernel").unwrap().shape, [2, 3]);
    assert_eq!(checkpoint.read_f32("dense/kernel").unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);

    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("a.ckpt");
    let files = [".index", ".data-00000-of-00001"]
        .map(|suffix| (suffix, std::fs::read(with_suffix(&python, suffix)).unwrap()));
    let write = |suffix, bytes: &[u8]| std::fs::write(with_suffix(&prefix, suffix), bytes).unwrap();
    files.iter().for_each(|(suffix, whole)| write(suffix, whole));
    for (suffix, whole) in &files {
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            write(suffix, &bytes);
            let result = Checkpoint::open(&prefix).and_then(|checkpoint| checkpoint.verify());
            // The padding of the index's footer holds nothing.
            let padding = *suffix == ".index" && (whole.len() - 48..whole.len() - 8).contains(&at);
            assert!(padding || result.is_err(), "bit flip at {at} of {suffix}");
        }
        write(suffix, whole);
    }
}
