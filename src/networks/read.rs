//! From a file to a table that holds: read piece by piece, so that every message names the row and the layer.

use super::{Layer, Row, Table, Training};
use crate::staging::regular_file;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why there is no network of a name; it names the file, and the row and layer that are wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TableError(String);

impl TableError {
    pub(super) fn unsound(path: &Path, reason: impl Display) -> Self {
        Self(format!("the network {} is not sound: {reason}", path.display()))
    }

    fn unread(path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        Self(match error.kind() {
            io::ErrorKind::NotFound => {
                let names = super::BUILT_IN.map(|(name, _)| name).join(", ");
                format!("there is no network {shown}: neither a built-in one ({names}) nor a file")
            }
            io::ErrorKind::IsADirectory => {
                format!(
                    "the folder {shown} tells no network: there is no config.json of a run in it that does"
                )
            }
            _ => format!("cannot read the network {shown}: {error}"),
        })
    }
}

/// More bytes than any table has.
const MOST_BYTES: u64 = 1 << 20;

pub(super) fn text(path: &Path) -> Result<String, TableError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    match read.map_err(|error| TableError::unread(path, &error))? as u64 > MOST_BYTES {
        true => Err(TableError::unsound(path, "it is larger than 1 MiB, which no table is")),
        false => Ok(text),
    }
}

/// The table that `within` finds in a file of JSON, if it is in there.
pub(super) fn json(
    file: &Path,
    within: fn(&mut Value) -> Option<&mut Value>,
) -> Result<Option<Table>, TableError> {
    let bytes = regular_file::read_first_mib(file).map_err(|error| TableError::unread(file, &error))?;
    let value = serde_json::from_slice(&bytes).map_err(|error| error.to_string());
    let read = |mut value| within(&mut value).map(|table| Table::try_from(table.take())).transpose();
    value.and_then(read).map_err(|reason| TableError::unsound(file, reason))
}

impl TryFrom<Value> for Table {
    type Error = String;

    /// Reads a table from JSON's or TOML's values, and checks it.
    fn try_from(mut value: Value) -> Result<Self, String> {
        match value.get("version").and_then(Value::as_u64) {
            Some(0) => return Err(format!("version is 0; there is none before {}", Self::VERSION)),
            Some(version) if version > u64::from(Self::VERSION) => {
                return Err(format!(
                    "it is of version {version}, written for a newer tf-mnist; this one reads version {}",
                    Self::VERSION
                ));
            }
            _ => {}
        }
        // The parts first, for what is wrong with one: of the whole it is not said where it is.
        if let Some(training) = value.get("training") {
            read::<Training>(training).map_err(|error| format!("training: {error}"))?;
        }
        let rows = value.get_mut("rows").and_then(Value::as_array_mut);
        for (row, number) in rows.into_iter().flatten().zip(1..) {
            read_row(row, number)?;
        }
        let table: Self = read(&value)?;
        table.check()?;
        Ok(table)
    }
}

/// For serde's `deserialize_with`: a table that is checked.
pub(crate) fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Table, D::Error> {
    Table::try_from(Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn read_row(row: &mut Value, number: usize) -> Result<(), String> {
    let place = match row.get("name").and_then(Value::as_str).unwrap_or_default() {
        "" => format!("row {number}"),
        name => format!("row {number} ({name})"),
    };
    let layers = row.get_mut("layers").and_then(Value::as_array_mut);
    for (layer, number) in layers.into_iter().flatten().zip(1..) {
        read_layer(layer).map_err(|(kind, error)| format!("{place}, layer {number}{kind}: {error}"))?;
    }
    read::<Row>(row).map_err(|error| format!("{place}: {error}")).map(drop)
}

/// `"flatten"` is short for `{ flatten = {} }`, which it becomes. An error comes with the layer's kind in brackets.
fn read_layer(layer: &mut Value) -> Result<(), (String, String)> {
    if let Value::String(kind) = layer {
        *layer = json!({ kind.as_str(): {} });
    }
    let kind = match layer.as_object().map(|kinds| kinds.keys().collect::<Vec<_>>()).as_deref() {
        Some([kind]) => format!(" ({kind})"),
        _ => {
            let wanted = "a layer is one kind with its arguments, such as { dense = { units = 10 } }";
            return Err((String::new(), wanted.into()));
        }
    };
    read::<Layer>(layer).map_err(|error| (kind, error)).map(drop)
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
