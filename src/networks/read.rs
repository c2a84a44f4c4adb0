//! From a file to a table that holds: read piece by piece, so that every message names the row and the layer.

use super::{Layer, Pictures, Row, Table};
use crate::staging::regular_file;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why there is no network of a name.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No built-in name and no file.
    #[error(
        "there is no network {}: neither a built-in one ({}) nor a file",
        path.display(),
        super::BUILT_IN.map(|(name, _)| name).join(", ")
    )]
    Unknown {
        /// What was asked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the network {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds no sound network.
    #[error("the network {} is not sound: {reason}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its row and layer.
        reason: String,
    },
}

/// More bytes than any table has.
const MOST_BYTES: u64 = 1 << 20;

pub(super) fn text(path: &Path) -> Result<String, TableError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => TableError::Unknown { path: path.to_path_buf() },
        _ => TableError::Io { path: path.to_path_buf(), source },
    };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let mut file = file.take(MOST_BYTES + 1);
    match file.read_to_string(&mut text).map_err(failed)? as u64 > MOST_BYTES {
        true => Err(TableError::Unsound {
            path: path.to_path_buf(),
            reason: "it is larger than 1 MiB, which no table is".into(),
        }),
        false => Ok(text),
    }
}

/// The table that `within` finds in a file of JSON, if there is one.
pub(super) fn json(file: &Path, within: fn(&mut Value) -> Option<&mut Value>) -> Option<Table> {
    let mut value: Value = serde_json::from_slice(&regular_file::read_first_mib(file).ok()?).ok()?;
    Table::try_from(within(&mut value)?.take()).ok()
}

/// The top of a table as it is typed.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a network: a table with name, input_shape, classes, rows and training"
)]
struct Typed {
    #[serde(rename = "version")]
    _version: u32,
    name: String,
    input_shape: [u64; 3],
    classes: u64,
    #[serde(default)]
    first_label: u8,
    #[serde(default)]
    pictures: Pictures,
    rows: Vec<Value>,
}

/// A row as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a row: a table with name, scope and layers")]
struct TypedRow {
    name: String,
    #[serde(default)]
    scope: String,
    layers: Vec<Value>,
}

impl TryFrom<Value> for Table {
    type Error = String;

    /// Reads a table from JSON's or TOML's values, and checks it.
    fn try_from(mut value: Value) -> Result<Self, String> {
        let version = value.get("version").and_then(Value::as_u64);
        if version.is_some_and(|version| version > u64::from(Self::VERSION)) {
            return Err(format!(
                "it is of version {}, written for a newer tf-mnist; this one reads version {}",
                version.unwrap_or_default(),
                Self::VERSION
            ));
        }
        if version == Some(0) {
            return Err(format!("version is 0; there is none before {}", Self::VERSION));
        }
        // Apart from the rest, so that a message about it says where it is.
        let training = value.as_object_mut().and_then(|table| table.remove("training"));
        let training = match training {
            Some(training) => read(training).map_err(|error| format!("training: {error}"))?,
            None => return Err("missing field `training`".into()),
        };
        let typed: Typed = read(value)?;
        let rows = typed.rows.into_iter().zip(1usize..);
        let table = Self {
            version: Self::VERSION,
            name: typed.name,
            input_shape: typed.input_shape,
            classes: typed.classes,
            first_label: typed.first_label,
            pictures: typed.pictures,
            rows: rows.map(|(value, number)| row(value, number)).collect::<Result<_, _>>()?,
            training,
        };
        table.check()?;
        Ok(table)
    }
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn row(value: Value, number: usize) -> Result<Row, String> {
    let named = value.get("name").and_then(Value::as_str).unwrap_or_default();
    let place = match named {
        "" => format!("row {number}"),
        name => format!("row {number} ({name})"),
    };
    let row: TypedRow = read(value).map_err(|error| format!("{place}: {error}"))?;
    let layers = row.layers.into_iter().zip(1usize..);
    let layers = layers.map(|(value, number)| {
        layer(value).map_err(|(kind, error)| format!("{place}, layer {number}{kind}: {error}"))
    });
    Ok(Row { layers: layers.collect::<Result<_, _>>()?, name: row.name, scope: row.scope })
}

/// A layer; `"flatten"` is short for `{ flatten = {} }`. An error comes with the layer's kind in brackets.
fn layer(value: Value) -> Result<Layer, (String, String)> {
    let value = match value {
        Value::String(kind) => Value::Object(Map::from_iter([(kind, Value::Object(Map::new()))])),
        value => value,
    };
    let kind = match value.as_object().map(|kinds| kinds.keys().collect::<Vec<_>>()).as_deref() {
        Some([kind]) => format!(" ({kind})"),
        _ => {
            let wanted = "a layer is one kind with its arguments, such as { dense = { units = 10 } }";
            return Err((String::new(), wanted.into()));
        }
    };
    read(value).map_err(|error| (kind, error))
}

/// A number in `value` that is infinite or none, with its place, of which `place` is the beginning.
fn not_finite(place: &str, value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Float(number) if !number.is_finite() => {
            Some(format!("{place} is {number}; wanted is a number"))
        }
        toml::Value::Array(values) => values.iter().zip(1..).find_map(|(value, number)| {
            let name = value.get("name").and_then(toml::Value::as_str);
            let place = match (place, name) {
                ("rows", Some(name)) => format!("row {number} ({name})"),
                ("rows", None) => format!("row {number}"),
                _ => format!("{} {number}", place.strip_suffix('s').unwrap_or(place)),
            };
            not_finite(&place, value)
        }),
        toml::Value::Table(table) => {
            table.iter().find_map(|(key, value)| not_finite(&format!("{place}, {key}"), value))
        }
        _ => None,
    }
}

impl Table {
    /// Reads a table from TOML, and checks it.
    ///
    /// # Errors
    /// What is wrong, with its line, or its row and layer.
    pub fn parse(text: &str) -> Result<Self, String> {
        let in_words = |error: toml::de::Error| error.to_string().trim_end().to_owned();
        let typed: toml::Table = toml::from_str(text).map_err(in_words)?;
        // JSON has no word for them, and null would pass for what was left out.
        if let Some(place) = typed.iter().find_map(|(key, value)| not_finite(key, value)) {
            return Err(place);
        }
        Self::try_from(serde_json::to_value(typed).map_err(|error| error.to_string())?)
    }
}
