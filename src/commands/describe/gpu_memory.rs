//! What the widest layer takes on a GPU, and why a whole data set is more than one holds.

use super::{TEST_ROWS, bytes};
use std::fmt::{self, Write};
use tf_mnist::model::summary::{Memory, Summary};

/// The tensor that the published program had no memory for.
const PUBLISHED: &str = "[10000,16,29,29]";

/// The section on memory.
pub fn write(f: &mut impl Write, summary: &Summary) -> fmt::Result {
    let Some(layer) = summary.widest_layer() else {
        return Ok(());
    };
    writeln!(f, "Memory on a GPU, at the least, while {} runs, the layer that needs most", layer.name)?;
    match &layer.gpu_padded_copy {
            Some(copy) => writeln!(
                f,
                "  cuDNN can only pad opposite sides alike. Where they differ, TensorFlow first copies the input into\n  \
                 a larger tensor, {} (NCHW: channels first), and holds both. A CPU needs no copy.",
                copy.shape
            )?,
            None => f.write_str(
                "  Its padding is alike on opposite sides, so cuDNN takes the input as it is. (Where it is lopsided,\n  \
                 as in baseline's conv2, TensorFlow first makes a padded copy of the input.)\n",
            )?,
        }
    let copy = layer.gpu_padded_copy.as_ref();
    let heading = copy.map_or_else(String::new, |_| format!("{:>14}", "padded copy"));
    writeln!(f, "\n{:>9}{:>12}{heading}{:>12}{:>12}", "n", "input", "output", "in all")?;
    for (rows, what) in [
        (summary.batch_rows, "a training step"),
        (summary.chunk_rows, "a chunk of an evaluation"),
        (TEST_ROWS, "the whole test set"),
    ] {
        let input = bytes(Memory::of(&layer.input_shape, rows).batch);
        let copy = copy.map_or_else(String::new, |copy| format!("{:>14}", bytes(copy.bytes.at(rows))));
        let output = bytes(layer.output_bytes.at(rows));
        let all = bytes(layer.bytes_at_once(rows));
        writeln!(f, "{rows:>9}{input:>12}{copy}{output:>12}{all:>12}   {what}")?;
    }
    let Some(copy) = copy.filter(|copy| copy.shape.with_rows(TEST_ROWS) == PUBLISHED) else {
        return f.write_str(
            "\n  What else it computes comes on top. So evaluation goes chunk by chunk and counts the right rows.\n",
        );
    };
    let product: String = copy.shape.dims().iter().map(|dim| format!(" * {dim}")).collect();
    writeln!(
        f,
        "\n  The published program evaluated the whole test set at once, and a 2 GB GPU, of which CUDA itself,\n  \
         cuDNN's workspace and the desktop take their share, said\n    \
         OOM when allocating tensor with shape{PUBLISHED}\n  \
         That is the padded copy: {TEST_ROWS}{product} values of 4 bytes = {}. Evaluation here goes\n  \
         chunk by chunk and counts the right rows: a tenth of the memory, the same accuracy.",
        bytes(copy.bytes.at(TEST_ROWS))
    )
}
