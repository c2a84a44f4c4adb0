//! The variables, as a checkpoint names them.

use super::number::{bytes, grouped};
use std::fmt::{self, Write};
use tf_mnist::model::summary::Summary;

/// The section on variables.
pub fn write(f: &mut impl Write, summary: &Summary) -> fmt::Result {
    let totals = &summary.totals;
    f.write_str("Variables: their names are the keys of a checkpoint, scope/name\n")?;
    let mut last_scope = None;
    for variable in summary.layers.iter().flat_map(|layer| &layer.variables) {
        let (scope, name) = variable.name.rsplit_once('/').unwrap_or(("", &variable.name));
        if last_scope == Some(scope) {
            f.write_str(", ")?;
        } else {
            let end_of_line = if last_scope.is_some() { "\n" } else { "" };
            write!(f, "{end_of_line}  {scope:21}  ")?;
        }
        write!(f, "{name} {}", shape(&variable.shape))?;
        last_scope = Some(scope);
    }
    let values = totals.trainable_parameters + totals.moving_averages + totals.optimizer_values;
    writeln!(
        f,
        "\n\n  Adam keeps two averages of each trainable value, NAME/Adam and NAME/Adam_1, and two powers:\n  \
             {} values more. A checkpoint of a training holds {} float32 values, {}.",
        grouped(totals.optimizer_values),
        grouped(values),
        bytes(4 * values)
    )
}

fn shape(dims: &[u64]) -> String {
    let dims: Vec<_> = dims.iter().map(u64::to_string).collect();
    format!("[{}]", dims.join(","))
}
