//! From a file to a table that holds: read piece by piece, so that every message names the row and the layer.

use super::layer::MOST_PIXELS;
use super::{Layer, Pictures, Row, Table, shown};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
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
/// The most values of a row of values between two layers, and of all parameters.
const MOST_VALUES: u64 = 1 << 28;

pub(super) fn text(path: &Path) -> Result<String, TableError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => TableError::Unknown {
            path: path.to_path_buf(),
        },
        _ => TableError::Io {
            path: path.to_path_buf(),
            source,
        },
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
    let mut text = Vec::new();
    File::open(file)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut text)
        .ok()?;
    let mut value: Value = serde_json::from_slice(&text).ok()?;
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
            rows: rows
                .map(|(value, number)| row(value, number))
                .collect::<Result<_, _>>()?,
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
    Ok(Row {
        layers: layers.collect::<Result<_, _>>()?,
        name: row.name,
        scope: row.scope,
    })
}

/// A layer; `"flatten"` is short for `{ flatten = {} }`. An error comes with the layer's kind in brackets.
fn layer(value: Value) -> Result<Layer, (String, String)> {
    let value = match value {
        Value::String(kind) => Value::Object(Map::from_iter([(kind, Value::Object(Map::new()))])),
        value => value,
    };
    let kind = match value
        .as_object()
        .map(|kinds| kinds.keys().collect::<Vec<_>>())
        .as_deref()
    {
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
        toml::Value::Table(table) => table
            .iter()
            .find_map(|(key, value)| not_finite(&format!("{place}, {key}"), value)),
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

    /// What no table may hold. A table that was changed by hand is checked by it again.
    ///
    /// # Errors
    /// What is wrong, with its row and layer.
    pub fn check(&self) -> Result<(), String> {
        let [height, width, channels] = self.input_shape;
        check_name("name", &self.name)?;
        if channels != 1 || height.min(width) == 0 || height.max(width) > MOST_PIXELS {
            return Err(format!(
                "input_shape is {}; it is height, width and 1, grey pictures of up to {MOST_PIXELS} pixels a side",
                shown(&self.input_shape)
            ));
        }
        let labels = u64::from(self.first_label) + self.classes;
        if self.classes < 2 || labels > 256 {
            return Err(format!(
                "classes is {} from the label {} on; a network tells 2 to 256 classes apart, whose labels are bytes",
                self.classes, self.first_label
            ));
        }
        if self.pictures == Pictures::CentredByMass && [height, width] != [28, 28] {
            return Err(format!(
                "pictures is \"centred_by_mass\", which makes 28x28 pixels, but input_shape is {height}x{width}; \
                 say pictures = \"fitted\""
            ));
        }
        self.check_names()?;
        self.check_layers()?;
        self.training.check(self.input_shape)
    }

    fn check_names(&self) -> Result<(), String> {
        /// What the graph calls its own.
        const TAKEN: [&str; 9] = [
            "inputs",
            "training",
            "inference",
            "eval",
            "init_and_save",
            "cond",
            "beta1_power",
            "beta2_power",
            "resume",
        ];
        check_name("training: scope", &self.training.scope)?;
        let mut names = HashSet::new();
        for (row, number) in self.rows.iter().zip(1..) {
            let place = format!("row {number} ({})", row.name);
            check_name(&format!("row {number}: name"), &row.name)?;
            if !row.scope.is_empty() {
                check_name(&format!("{place}: scope"), &row.scope)?;
            }
            // TensorFlow's front end does not tell names apart by case.
            for name in [&row.name, &row.scope].map(|name| name.to_lowercase()) {
                let ours = TAKEN.contains(&&*name) || name.starts_with("batch_normalization");
                if ours || name == self.training.scope.to_lowercase() {
                    return Err(format!(
                        "{place}: the graph itself has something called {name}; choose another name"
                    ));
                }
            }
            if !names.insert(row.name.to_lowercase()) {
                return Err(format!(
                    "{place}: a row of that name stands above; each has a name of its own"
                ));
            }
        }
        Ok(())
    }

    fn check_layers(&self) -> Result<(), String> {
        let mut shape = self.input_shape.to_vec();
        let mut parameters = 0u64;
        let mut place = "rows".to_owned();
        for (row, number) in self.rows.iter().zip(1..) {
            place = format!("row {number} ({})", row.name);
            if row.layers.is_empty() {
                return Err(format!("{place}: it has no layers; leave it out"));
            }
            let with_kernel = row
                .layers
                .iter()
                .filter(|layer| matches!(layer, Layer::Conv2d(_) | Layer::Dense(_)));
            if with_kernel.count() > 1 {
                return Err(format!(
                    "{place}: its name can only be that of one convolution or dense layer; give the other a row of its own"
                ));
            }
            for (layer, number) in row.layers.iter().zip(1..) {
                let at = |reason| format!("{place}, layer {number} ({}): {reason}", layer.kind());
                layer.check().map_err(at)?;
                let output = layer.output(&shape).map_err(at)?;
                let made = layer
                    .variables(&shape)
                    .into_iter()
                    .map(|(_, shape, _)| product(&shape));
                parameters = made.fold(parameters, u64::saturating_add);
                if product(&output).max(parameters) > MOST_VALUES {
                    return Err(at(format!(
                        "there it has more than {MOST_VALUES} values a row or parameters in all; make it smaller"
                    )));
                }
                shape = output;
            }
        }
        if shape != [self.classes] {
            return Err(format!(
                "{place}: the last row gives {} values for {} classes; it ends in dense = {{ units = {} }}",
                shown(&shape),
                self.classes,
                self.classes
            ));
        }
        if parameters == 0 {
            return Err(format!(
                "{place}: there is nothing to train; a network has at least one dense layer"
            ));
        }
        Ok(())
    }
}

/// A size that may be beyond all bounds.
fn product(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |size, &dim| size.saturating_mul(dim))
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let sound = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    match begins && name.chars().all(sound) && name.len() <= 64 {
        true => Ok(()),
        false => Err(format!(
            "{what} is {name:?}; a name is up to 64 letters, digits, `_`, `.` and `-`, a letter or digit first"
        )),
    }
}
