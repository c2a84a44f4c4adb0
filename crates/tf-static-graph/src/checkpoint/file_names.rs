//! The files of a checkpoint `PREFIX`.

use std::path::{Path, PathBuf};

/// The table of tensors.
pub(crate) const INDEX: &str = ".index";
/// The MetaGraphDef, for `import_meta_graph`.
pub(crate) const META: &str = ".meta";
/// The values, in one shard.
pub(crate) const DATA: &str = ".data-00000-of-00001";

/// `prefix` with more behind its last name.
pub(crate) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
