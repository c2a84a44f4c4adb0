//! The table of a network as Markdown.

use super::Summary;
use std::fmt::Write;

impl Summary {
    /// A row for each layer: its name, what it computes, its output and its parameters.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**, from images {}\n\n", self.network, self.input_shape);
        text += "| layer | computes | output | trainable | moving averages |\n|---|---|---|--:|--:|\n";
        for layer in &self.layers {
            let (name, output) = (&layer.name, &layer.output_shape);
            let (trainable, moving) = (layer.trainable_parameters, layer.moving_averages);
            // Writing into a string cannot fail.
            let computes = layer.computes();
            let _ = writeln!(text, "| {name} | {computes} | {output} | {trainable} | {moving} |");
        }
        let (trainable, moving) = (self.totals.trainable_parameters, self.totals.moving_averages);
        let _ = writeln!(text, "| total | | | {trainable} | {moving} |");
        text
    }
}
