//! What no table may hold, however it came to be: every message names the row and the layer.

use super::layer::MOST_PIXELS;
use super::{Layer, Pictures, Table, shown};
use std::collections::HashSet;

/// The most values of a row of values between two layers, and of all parameters.
const MOST_VALUES: u64 = 1 << 28;

impl Table {
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
        let labels = self.classes.saturating_add(self.first_label.into());
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
                return Err(format!("{place}: a row of that name stands above; each has a name of its own"));
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
            let with_kernel =
                row.layers.iter().filter(|layer| matches!(layer, Layer::Conv2d(_) | Layer::Dense(_)));
            if with_kernel.count() > 1 {
                return Err(format!(
                    "{place}: its name can only be that of one convolution or dense layer; give the other a row of its own"
                ));
            }
            for (layer, number) in row.layers.iter().zip(1..) {
                let at = |reason| format!("{place}, layer {number} ({}): {reason}", layer.kind());
                layer.check().map_err(at)?;
                let output = layer.output(&shape).map_err(at)?;
                let made = layer.variables("", &shape).into_iter().map(|made| product(&made.shape));
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
