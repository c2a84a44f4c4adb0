//! How much there is to compute.

use super::number::giga;
use super::{TEST_ROWS, VALIDATION_ROWS};
use std::fmt;
use tf_mnist::model::summary::Summary;

/// The section on work.
pub struct Work<'a>(pub &'a Summary);

impl fmt::Display for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.0;
        f.write_str(
            "Work: billions of floating point operations (GFLOP), two a multiply-add\n  \
             Convolutions and matrix products count; biases, batch norm, activations and pools add little.\n  \
             The way back counts as twice the way forward: a gradient for the weights, one for the input.\n\n",
        )?;
        writeln!(f, "{:>9}{:>12}", "n", "GFLOP")?;
        for (what, rows, flop) in [
            (
                "a training step, forward and back",
                summary.batch_rows,
                summary.training_flop(summary.batch_rows),
            ),
            ("the validation set, forward", VALIDATION_ROWS, summary.forward_flop(VALIDATION_ROWS)),
            ("the test set, forward", TEST_ROWS, summary.forward_flop(TEST_ROWS)),
        ] {
            writeln!(f, "{rows:>9}{:>12}   {what}", giga(flop))?;
        }
        Ok(())
    }
}
