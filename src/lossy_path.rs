//! Paths in JSON, which is UTF-8: where a path is not, with the replacement character.

use serde::Serializer;
use std::path::PathBuf;

/// For `serialize_with`, of a path that is there or may be missing.
pub(crate) fn serialize<'a, S: Serializer>(
    path: impl Into<Option<&'a PathBuf>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path.into() {
        Some(path) => serializer.serialize_str(&path.to_string_lossy()),
        None => serializer.serialize_none(),
    }
}
