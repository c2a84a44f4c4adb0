//! What the widest layer takes on a GPU, and why a whole data set is more than one holds.

use super::{TEST_ROWS, bytes};
use tf_mnist::model::summary::{Memory, Summary};

/// The tensor that the published program had no memory for.
const PUBLISHED: &str = "[10000,16,29,29]";

/// The section on memory.
pub fn section(summary: &Summary) -> String {
    let Some(layer) = summary.widest_layer() else {
        return String::new();
    };
    let copy = layer.gpu_padded_copy.as_ref();
    let padding = match copy {
        Some(copy) => format!(
            "  cuDNN can only pad opposite sides alike. Where they differ, TensorFlow first copies the input into\n  \
             a larger tensor, {} (NCHW: channels first), and holds both. A CPU needs no copy.\n",
            copy.shape
        ),
        None => "  Its padding is alike on opposite sides, so cuDNN takes the input as it is. (Where it is lopsided,\n  \
                 as in baseline's conv2, TensorFlow first makes a padded copy of the input.)\n"
            .to_owned(),
    };
    let heading = copy.map_or_else(String::new, |_| format!("{:>14}", "padded copy"));
    let rows = [
        (summary.batch_rows, "a training step"),
        (summary.chunk_rows, "a chunk of an evaluation"),
        (TEST_ROWS, "the whole test set"),
    ];
    let rows = rows.map(|(rows, what)| {
        let input = bytes(Memory::of(&layer.input_shape, rows).batch);
        let copy = copy.map_or_else(String::new, |copy| format!("{:>14}", bytes(copy.bytes.at(rows))));
        let output = bytes(layer.output_bytes.at(rows));
        let all = bytes(layer.bytes_at_once(rows));
        format!("{rows:>9}{input:>12}{copy}{output:>12}{all:>12}   {what}\n")
    });
    let why = match copy.filter(|copy| copy.shape.with_rows(TEST_ROWS) == PUBLISHED) {
        None => "  What else it computes comes on top. So evaluation goes chunk by chunk and counts the right rows.\n"
            .to_owned(),
        Some(copy) => format!(
            "  The published program evaluated the whole test set at once, and a 2 GB GPU, of which CUDA itself,\n  \
             cuDNN's workspace and the desktop take their share, said\n    \
             OOM when allocating tensor with shape{PUBLISHED}\n  \
             That is the padded copy: {TEST_ROWS}{} values of 4 bytes = {}. Evaluation here goes\n  \
             chunk by chunk and counts the right rows: a tenth of the memory, the same accuracy.\n",
            copy.shape.dims().iter().map(|dim| format!(" * {dim}")).collect::<String>(),
            bytes(copy.bytes.at(TEST_ROWS))
        ),
    };
    format!(
        "Memory on a GPU, at the least, while {} runs, the layer that needs most\n{padding}\n\
         {:>9}{:>12}{heading}{:>12}{:>12}\n{}\n{why}",
        layer.name,
        "n",
        "input",
        "output",
        "in all",
        rows.concat()
    )
}
