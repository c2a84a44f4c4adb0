//! Networks as tables: the one place where their sizes, rates and trainings stand. A file reads like the table of an
//! article, row by row; everything else, from graphs to checkpoints to pictures of it, interprets the table.

mod check;
mod find;
mod layer;
mod range;
mod read;
mod training;

pub use find::{EXPORTED, fault_around, find, is_built_in, of_checkpoint, of_export, of_run_around, text_of};
pub use layer::{Conv2d, Dense, Layer, Pooling2d, Window};
pub use range::Range;
pub use read::TableError;
pub(crate) use read::checked;
pub use training::{Adam, Keep, LearningRate, LearningRateSchedule, Training, Validate};

use crate::dataset::Form;
use crate::graph::Checkpoint;
use serde::{Deserialize, Serialize};

/// A network and the training that belongs to it. What is read by `try_from` or [`parse`](Self::parse) is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a network: a table with name, input_shape, classes, rows and training"
)]
pub struct Table {
    /// Version of the table's form.
    pub version: u32,
    /// What the network is called.
    pub name: String,
    /// Height, width and channels of an image.
    pub input_shape: [u64; 3],
    /// Classes that are told apart.
    pub classes: u64,
    /// The label that the first class has in the data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first_label: u8,
    /// How a picture is brought into the input's shape.
    #[serde(default)]
    pub pictures: Pictures,
    /// From the images to the logits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// How it is trained.
    pub training: Training,
}

/// One row: layers that go by one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a row: a table with name, scope and layers")]
pub struct Row {
    /// The name of its convolution's or dense layer's variables.
    pub name: String,
    /// The name scope that its ops stand in; none: that of the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// In the order in which they are applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// How a picture is brought into the input's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// Scaled until it fits.
    #[default]
    Fitted,
    /// As MNIST's digits were made: the ink in 20 x 20 pixels, its centre of mass in the middle of 28 x 28.
    CentredByMass,
}

/// A variable of a network, as it stands in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkVariable {
    /// Its name, which is its key in a checkpoint.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Whether the optimizer changes it; otherwise it is a moving average.
    pub trainable: bool,
}

/// A layer at its place.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// Its row.
    pub row: &'a Row,
    /// The layer.
    pub layer: Layer,
    /// The shape of a row of values in front of it.
    pub input: Vec<u64>,
    /// The name that its variables stand under: the row's, or, of a batch norm, one counted through the network.
    pub name: String,
}

impl Placed<'_> {
    /// The layer's variables.
    pub fn variables(&self) -> Vec<NetworkVariable> {
        self.layer.variables(&self.name, &self.input)
    }
}

/// The built-in networks: their names and files.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("baseline", include_str!("baseline.toml")),
    ("optimized", include_str!("optimized.toml")),
    ("accurate", include_str!("accurate.toml")),
];

impl Table {
    /// The form that is written, and the newest that is read.
    pub const VERSION: u32 = 1;

    /// Whether both are the same but for their training and the rates of dropout.
    pub fn is_same_graph(&self, other: &Self) -> bool {
        let plain = |table: &Self| {
            let mut table = table.clone();
            let layers = table.rows.iter_mut().flat_map(|row| &mut row.layers);
            for layer in layers {
                if let Layer::Dropout { rate } = layer {
                    *rate = 0.0;
                }
            }
            (table.name, table.input_shape, table.classes, table.first_label, table.pictures, table.rows)
        };
        plain(self) == plain(other)
    }

    /// Every layer at its place, from the images on.
    pub fn layers(&self) -> Vec<Placed<'_>> {
        let mut shape = self.input_shape.to_vec();
        let mut norms = 0;
        let mut placed = Vec::new();
        for row in &self.rows {
            for &layer in &row.layers {
                let name = match layer {
                    Layer::BatchNormalization(_) => {
                        norms += 1;
                        numbered("batch_normalization", norms - 1)
                    }
                    _ => row.name.clone(),
                };
                // A table is checked when it is read: every layer takes what it is handed.
                let output = layer.output(&shape).unwrap_or_default();
                let input = std::mem::replace(&mut shape, output);
                placed.push(Placed { row, layer, input, name });
            }
        }
        placed
    }

    /// The variables of all layers, in the order in which a graph makes them.
    pub fn variables(&self) -> Vec<NetworkVariable> {
        let layers = self.layers();
        layers.iter().flat_map(Placed::variables).collect()
    }

    /// What a data set has to be like, of which `validation_rows` are kept back for validation.
    pub fn data_form(&self, validation_rows: usize) -> Form {
        Form {
            image_size: self.image_size(),
            classes: self.classes as usize,
            first_label: self.first_label,
            validation_rows,
        }
    }

    /// Height and width of an image, in pixels.
    pub fn image_size(&self) -> [usize; 2] {
        let [height, width, _] = self.input_shape;
        [height as usize, width as usize]
    }

    /// Values of an image.
    pub fn pixels(&self) -> u64 {
        self.input_shape.iter().product()
    }

    /// Whether training computes something else than use does.
    pub fn differs_in_training(&self) -> bool {
        let differs = |layer: &Layer| matches!(layer, Layer::BatchNormalization(_) | Layer::Dropout { .. });
        self.rows.iter().flat_map(|row| &row.layers).any(differs)
    }

    /// Whether one of its layers is a batch norm.
    pub fn has_batch_norm(&self) -> bool {
        let mut layers = self.rows.iter().flat_map(|row| &row.layers);
        layers.any(|layer| matches!(layer, Layer::BatchNormalization(_)))
    }

    /// Whether the logits come from a batch norm, in front of which accuracy may be measured too.
    pub fn ends_in_batch_norm(&self) -> bool {
        let last = self.rows.last().and_then(|row| row.layers.last());
        matches!(last, Some(Layer::BatchNormalization(_)))
    }

    /// The first variable that `checkpoint` lacks or has in another shape, in words; none if the network is its.
    pub fn misfit(&self, checkpoint: &Checkpoint) -> Option<String> {
        self.variables().into_iter().find_map(|variable| {
            let NetworkVariable { name, shape, .. } = variable;
            match checkpoint.get(&name) {
                None => Some(format!("it has no {name}")),
                Some(entry) if entry.shape != shape => {
                    let found = shown(&entry.shape);
                    Some(format!("its {name} is {found}, not {}", shown(&shape)))
                }
                Some(_) => None,
            }
        })
    }

    /// The table as TOML, a line for each layer.
    ///
    /// # Errors
    /// A number in it is beyond what TOML can say.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let mut text = toml::to_string(&Self { rows: Vec::new(), ..self.clone() })?;
        for row in &self.rows {
            text += "\n[[rows]]\n";
            text += &toml::to_string(&Row { layers: Vec::new(), ..row.clone() })?;
            text += "layers = [\n";
            for layer in &row.layers {
                text += "  ";
                layer.serialize(toml::ser::ValueSerializer::new(&mut text))?;
                text += ",\n";
            }
            text += "]\n";
        }
        Ok(text)
    }

    /// Sets the rate of the dropouts in the row `row`; `false` if it has none.
    pub fn set_dropout(&mut self, row: &str, rate: f32) -> bool {
        let rows = self.rows.iter_mut().filter(|candidate| candidate.name == row);
        let mut found = false;
        for layer in rows.flat_map(|row| &mut row.layers) {
            if let Layer::Dropout { rate: own } = layer {
                *own = rate;
                found = true;
            }
        }
        found
    }
}

/// A shape in words: `28x28x1`.
pub fn shown(shape: &[u64]) -> String {
    let sizes: Vec<_> = shape.iter().map(u64::to_string).collect();
    sizes.join("x")
}

/// `name`, `name_1`, `name_2`..., as TF1 numbers layers without a name of their own.
pub fn numbered(name: &str, number: usize) -> String {
    match number {
        0 => name.to_owned(),
        number => format!("{name}_{number}"),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_zero(label: &u8) -> bool {
    *label == 0
}
