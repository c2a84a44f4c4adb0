//! How much there is to compute.

use super::number::giga;
use super::{TEST_ROWS, VALIDATION_ROWS};
use std::fmt::{self, Write};
use tf_mnist::model::summary::Summary;

/// The section on work.
pub fn write(f: &mut impl Write, summary: &Summary) -> fmt::Result {
    f.write_str(
            "Work: billions of floating point operations (GFLOP), two a multiply-add\n  \
             Convolutions and matrix products count; biases, batch norm, activations and pools add little.\n  \
             The way back counts as twice the way forward: a gradient for the weights, one for the input.\n\n",
        )?;
    writeln!(f, "{:>9}{:>12}", "n", "GFLOP")?;
    for (what, rows, flop) in [
        ("a training step, forward and back", summary.batch_rows, summary.training_flop(summary.batch_rows)),
        ("the validation set, forward", VALIDATION_ROWS, summary.forward_flop(VALIDATION_ROWS)),
        ("the test set, forward", TEST_ROWS, summary.forward_flop(TEST_ROWS)),
    ] {
        writeln!(f, "{rows:>9}{:>12}   {what}", giga(flop))?;
    }
    Ok(())
}
