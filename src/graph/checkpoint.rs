//! Reading a V2 checkpoint without TensorFlow: which tensors it holds, whether its bytes are whole, their values.
//!
//! A checkpoint `PREFIX` is `PREFIX.index`, a sorted table (the LevelDB format, see [`table`](super::table)) from tensor
//! name to `BundleEntryProto`, and `PREFIX.data-NNNNN-of-MMMMM`, the values one after another
//! (TensorFlow's `core/util/tensor_bundle`).

use super::table;
use prost::Message;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tensorflow::DataType;

/// A checkpoint that cannot be read, or does not fit a graph.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is no checkpoint of that prefix.
    #[error("there is no checkpoint {prefix}: {file} does not exist{hint}")]
    Missing {
        /// The prefix asked for.
        prefix: PathBuf,
        /// The file looked for.
        file: PathBuf,
        /// What was probably meant.
        hint: String,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file's contents are damaged.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// The state file of a folder of checkpoints does not lead to any.
    #[error("{file} is damaged: {reason}; {}", way_round(newest.as_deref()))]
    State {
        /// The state file, `checkpoint`.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The prefix of the newest checkpoint beside it.
        newest: Option<PathBuf>,
    },
    /// The checkpoint is of another network.
    #[error("checkpoint {prefix} does not fit this network: {}", problems.join("; "))]
    Mismatch {
        /// The prefix.
        prefix: PathBuf,
        /// Each variable that is missing or wrong, and how.
        problems: Vec<String>,
    },
    /// A tensor that the checkpoint does not hold, or not as asked for.
    #[error("checkpoint {prefix} holds no float32 tensor {name:?}")]
    NoTensor {
        /// The prefix.
        prefix: PathBuf,
        /// The tensor's name.
        name: String,
    },
}

fn way_round(newest: Option<&Path>) -> String {
    match newest {
        Some(prefix) => format!("name a checkpoint itself, such as {}", prefix.display()),
        None => "there is no whole checkpoint beside it".to_owned(),
    }
}

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
}

/// `BundleHeaderProto` of TensorFlow's `core/protobuf/tensor_bundle.proto`.
#[derive(Clone, PartialEq, Message)]
struct BundleHeader {
    #[prost(int32, tag = "1")]
    num_shards: i32,
    #[prost(int32, tag = "2")]
    endianness: i32,
}

/// `BundleEntryProto` of the same file.
#[derive(Clone, PartialEq, Message)]
struct BundleEntry {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShape>,
    #[prost(int32, tag = "3")]
    shard_id: i32,
    #[prost(int64, tag = "4")]
    offset: i64,
    #[prost(int64, tag = "5")]
    size: i64,
    #[prost(fixed32, tag = "6")]
    crc32c: u32,
    #[prost(message, repeated, tag = "7")]
    slices: Vec<TensorSlice>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

/// `TensorShapeProto.Dim`.
#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

/// `TensorSliceProto`, of which only the presence counts here.
#[derive(Clone, PartialEq, Message)]
struct TensorSlice {}

impl Checkpoint {
    /// Reads the table of contents of the checkpoint `prefix`, such as `runs/baseline-1/model.ckpt-5499`.
    ///
    /// # Errors
    /// There is no such checkpoint, or its index is damaged.
    pub fn open(prefix: &Path) -> Result<Self> {
        let file = with_suffix(prefix, ".index");
        let bytes = std::fs::read(&file).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => missing(prefix, &file),
            _ => CheckpointError::Io {
                file: file.clone(),
                source,
            },
        })?;
        let damaged = |reason: String| CheckpointError::Damaged {
            file: file.clone(),
            reason,
        };

        let mut shards = None;
        let mut entries = BTreeMap::new();
        for (key, value) in table::read(&bytes).map_err(|reason| damaged(reason.into()))? {
            if key.is_empty() {
                let header = BundleHeader::decode(&value[..]).map_err(|error| damaged(error.to_string()))?;
                if header.endianness != 0 {
                    return Err(damaged(
                        "its values are big-endian, which is not supported".into(),
                    ));
                }
                shards = u32::try_from(header.num_shards).ok();
                continue;
            }
            let name = String::from_utf8(key).map_err(|_| damaged("a tensor name is no UTF-8".into()))?;
            let entry = BundleEntry::decode(&value[..])
                .map_err(|error| error.to_string())
                .and_then(TensorEntry::try_from)
                .map_err(|reason| damaged(format!("entry {name:?}: {reason}")))?;
            entries.insert(name, entry);
        }
        let shards = shards.ok_or_else(|| damaged("it has no header".into()))?;
        Ok(Self {
            prefix: prefix.to_path_buf(),
            shards,
            entries,
        })
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
        self.entries.get(name)
    }

    /// The files of the checkpoint: the index, then every shard.
    pub fn files(&self) -> Vec<PathBuf> {
        let shards = (0..self.shards).map(|shard| self.shard_file(shard));
        std::iter::once(with_suffix(&self.prefix, ".index"))
            .chain(shards)
            .collect()
    }

    /// The values of a float32 tensor, row-major, their checksum verified.
    ///
    /// # Errors
    /// There is no such float32 tensor, or its bytes cannot be read or are damaged.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.get(name).filter(|entry| entry.dtype == DataType::Float);
        let entry = entry.ok_or_else(|| CheckpointError::NoTensor {
            prefix: self.prefix.clone(),
            name: name.to_owned(),
        })?;
        let bytes = self.read_bytes(name, entry)?;
        Ok(bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    }

    /// Reads every tensor and compares its checksum.
    ///
    /// # Errors
    /// The first file that cannot be read or tensor that is damaged.
    pub fn verify(&self) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|(name, entry)| self.read_bytes(name, entry).map(drop))
    }

    fn read_bytes(&self, name: &str, entry: &TensorEntry) -> Result<Vec<u8>> {
        let file = self.shard_file(entry.shard);
        let damaged = |reason: &str| CheckpointError::Damaged {
            file: file.clone(),
            reason: format!("tensor {name:?} {reason}"),
        };
        let mut bytes = Vec::new();
        let read = File::open(&file).and_then(|mut data| {
            data.seek(SeekFrom::Start(entry.offset))?;
            data.take(entry.bytes).read_to_end(&mut bytes)
        });
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(&self.prefix, &file)),
            Err(source) => Err(CheckpointError::Io { file, source }),
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

impl TryFrom<BundleEntry> for TensorEntry {
    type Error = String;

    fn try_from(entry: BundleEntry) -> std::result::Result<Self, String> {
        let unsigned = |what: &str, value: i64| u64::try_from(value).map_err(|_| format!("negative {what}"));
        if !entry.slices.is_empty() {
            return Err("it is saved in slices, as partitioned variables are, which is not supported".into());
        }
        let dims = entry.shape.unwrap_or_default().dim;
        let shape = dims
            .iter()
            .map(|dim| unsigned("dimension", dim.size))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let tensor = Self {
            dtype: data_type(entry.dtype).ok_or_else(|| format!("unknown dtype {}", entry.dtype))?,
            shape,
            shard: u32::try_from(entry.shard_id).map_err(|_| "negative shard")?,
            offset: unsigned("offset", entry.offset)?,
            bytes: unsigned("size", entry.size)?,
            crc32c: entry.crc32c,
        };
        let values = tensor
            .shape
            .iter()
            .try_fold(4u64, |product, &dim| product.checked_mul(dim));
        if tensor.dtype == DataType::Float && values != Some(tensor.bytes) {
            return Err(format!("{} bytes for shape {:?}", tensor.bytes, tensor.shape));
        }
        Ok(tensor)
    }
}

/// The dtypes that a checkpoint of these networks, or of their kin, can hold (`types.proto`).
fn data_type(number: i32) -> Option<DataType> {
    Some(match number {
        1 => DataType::Float,
        2 => DataType::Double,
        3 => DataType::Int32,
        4 => DataType::UInt8,
        5 => DataType::Int16,
        6 => DataType::Int8,
        7 => DataType::String,
        9 => DataType::Int64,
        10 => DataType::Bool,
        14 => DataType::BFloat16,
        19 => DataType::Half,
        _ => return None,
    })
}

fn missing(prefix: &Path, file: &Path) -> CheckpointError {
    let text = prefix.to_string_lossy();
    let hint = if prefix.is_dir() {
        format!("; {text} is a folder: name a checkpoint in it, such as {text}/model.ckpt-5499")
    } else if let Some(stem) = text
        .strip_suffix(".index")
        .or_else(|| text.split_once(".data-").map(|(stem, _)| stem))
    {
        format!("; a checkpoint goes by its prefix: {stem}")
    } else {
        String::new()
    };
    CheckpointError::Missing {
        prefix: prefix.to_path_buf(),
        file: file.to_path_buf(),
        hint,
    }
}

/// `prefix` with more behind its last name.
pub(crate) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline/init.ckpt")
    }

    fn copy_to(folder: &Path) -> PathBuf {
        let prefix = folder.join("a.ckpt");
        for suffix in [".index", ".data-00000-of-00001"] {
            std::fs::copy(with_suffix(&golden(), suffix), with_suffix(&prefix, suffix)).unwrap();
        }
        prefix
    }

    #[test]
    fn reads_what_python_wrote() {
        let checkpoint = Checkpoint::open(&golden()).unwrap();
        assert_eq!(checkpoint.tensors().count(), 26);
        let kernel = checkpoint.get("conv2/kernel").unwrap();
        assert_eq!(
            (kernel.dtype, &kernel.shape[..]),
            (DataType::Float, &[3, 3, 16, 32][..])
        );
        assert_eq!(checkpoint.read_f32("train/beta1_power").unwrap(), [0.9]);
        checkpoint.verify().unwrap();
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = copy_to(folder.path());
        for (suffix, step) in [(".index", 1), (".data-00000-of-00001", 9973)] {
            let file = with_suffix(&prefix, suffix);
            let whole = std::fs::read(&file).unwrap();
            for at in (0..whole.len()).step_by(step) {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(&file, &bytes).unwrap();
                let result = Checkpoint::open(&prefix).and_then(|checkpoint| checkpoint.verify());
                // The padding of the index's footer holds nothing.
                let padding = suffix == ".index" && (whole.len() - 48..whole.len() - 8).contains(&at);
                assert!(padding || result.is_err(), "bit flip at {at} of {suffix}");
            }
            std::fs::write(&file, &whole).unwrap();
        }
    }

    #[test]
    fn a_cut_or_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = copy_to(folder.path());
        let data = with_suffix(&prefix, ".data-00000-of-00001");
        let checkpoint = Checkpoint::open(&prefix).unwrap();
        File::options()
            .write(true)
            .open(&data)
            .unwrap()
            .set_len(1000)
            .unwrap();
        assert!(checkpoint.verify().unwrap_err().to_string().contains("cut short"));
        std::fs::remove_file(&data).unwrap();
        assert!(
            checkpoint
                .verify()
                .unwrap_err()
                .to_string()
                .contains("data-00000-of-00001 does not exist")
        );
        let error = Checkpoint::open(&with_suffix(&prefix, ".index"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("goes by its prefix"), "{error}");
    }
}
