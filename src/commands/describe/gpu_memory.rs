//! What the widest layer takes on a GPU, and why a whole data set is more than one holds.

use super::TEST_ROWS;
use super::number::bytes;
use std::fmt::{self, Write};
use tf_mnist::model::summary::{LayerSummary, Memory, PaddedCopy, Summary};

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
    let copy = layer.gpu_padded_copy.as_ref().map(|_| format!("{:>14}", "padded copy"));
    let copy = copy.unwrap_or_default();
    writeln!(f, "\n{:>9}{:>12}{copy}{:>12}{:>12}", "n", "input", "output", "in all")?;
    for (rows, what) in [
        (summary.batch_rows, "a training step"),
        (summary.chunk_rows, "a chunk of an evaluation"),
        (TEST_ROWS, "the whole test set"),
    ] {
        row(f, layer, rows, what)?;
    }
    match &layer.gpu_padded_copy {
            Some(copy) if copy.shape.with_rows(TEST_ROWS) == PUBLISHED => published_error(f, copy),
            _ => f.write_str(
                "\n  What else it computes comes on top. So evaluation goes chunk by chunk and counts the right rows.\n",
            ),
        }
}

fn row(f: &mut impl Write, layer: &LayerSummary, rows: u64, what: &str) -> fmt::Result {
    let input = Memory::of(&layer.input_shape, rows).batch;
    let copy = layer.gpu_padded_copy.as_ref();
    let copy = copy.map(|copy| format!("{:>14}", bytes(copy.bytes.at(rows))));
    writeln!(
        f,
        "{rows:>9}{:>12}{}{:>12}{:>12}   {what}",
        bytes(input),
        copy.unwrap_or_default(),
        bytes(layer.output_bytes.at(rows)),
        bytes(layer.bytes_at_once(rows))
    )
}

fn published_error(f: &mut impl Write, copy: &PaddedCopy) -> fmt::Result {
    let product: String = copy.shape.dims().iter().map(|dim| format!(" * {dim}")).collect();
    writeln!(
        f,
        "\n  The published program evaluated the whole test set at once, and a 2 GB GPU, of which CUDA itself,\n  \
         cuDNN's workspace and the desktop take their share, said\n    \
         OOM when allocating tensor with shape{}\n  \
         That is the padded copy: {TEST_ROWS}{product} values of 4 bytes = {}. Evaluation here goes\n  \
         chunk by chunk and counts the right rows: a tenth of the memory, the same accuracy.",
        copy.shape.with_rows(TEST_ROWS),
        bytes(copy.bytes.at(TEST_ROWS))
    )
}
