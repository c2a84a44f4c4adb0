//! How SAME padding comes about, and a picture of it where it is lopsided.

use std::ops::Range;
use tf_mnist::graph::{Padding, Pair};
use tf_mnist::model::summary::{Summary, WindowSummary};

/// The section on padding.
pub fn section(summary: &Summary) -> String {
    let mut text = String::from(
        "Padding: rows of zeros above + below the image, and as many columns left + right of it\n  \
         SAME wants ceil(size / stride) windows and adds the zeros that they reach over: half of them\n  \
         before the image, half behind it, an odd one behind. VALID adds none, and skips a rest.\n\n",
    );
    let mut last = String::new();
    for layer in &summary.layers {
        let Some(window) = layer.window.filter(|window| window.padding == Padding::Same) else { continue };
        let name = &layer.name;
        let [down, across] = [0, 1].map(|axis| reach(&window, axis));
        text += &format!("  {name}  {across}\n");
        if down != across {
            text += &format!("  {name}, downwards,  {down}\n");
        }
        if window.padding_before.0[1] != window.padding_after.0[1] {
            last = format!(
                "\n  Along a row of {name}'s input, ■ a pixel and 0 a zero that a window sees:\n\n{}",
                picture(&window)
            );
        }
    }
    text + &last
}

/// The sum that gives the padding, down or across.
fn reach(window: &WindowSummary, axis: usize) -> String {
    let of = |Pair(sizes): Pair| sizes[axis];
    let (stride, windows) = (of(window.strides), of(window.windows));
    let (before, after) = (of(window.padding_before), of(window.padding_after));
    format!(
        "stride {stride}: {windows} windows reach over {} * {stride} + {} = {} pixels, {} more than {}: {before} before, \
         {after} after",
        windows.saturating_sub(1),
        of(window.kernel_size),
        of(window.padded_size),
        before + after,
        of(window.input_size)
    )
}

/// The first two windows and the last two, under the pixels that they see: ■ a pixel, 0 a zero of the padding.
fn picture(window: &WindowSummary) -> String {
    let across = |Pair([_, across]): Pair| across;
    let (kernel_size, before) = (across(window.kernel_size), across(window.padding_before));
    let start = |number: u64| number * across(window.strides);
    let last = across(window.windows).saturating_sub(1);
    let left = 0..start(1) + kernel_size;
    let right = start(last.saturating_sub(1))..across(window.padded_size);
    let line = |name: &str, gap: &str, cell: &dyn Fn(u64) -> String| {
        let cells = |columns: &Range<u64>| -> String {
            columns.clone().map(|column| format!("{:>4}", cell(column))).collect()
        };
        let line = format!("    {name:9}{}{gap:^7}{}", cells(&left), cells(&right));
        format!("{}\n", line.trim_end())
    };
    let is_pixel = |column| (before..before + across(window.input_size)).contains(&column);
    let heading = line("column", "...", &|column| match is_pixel(column) {
        true => (column - before).to_string(),
        false => "pad".to_owned(),
    });
    let windows = [0, 1, last.saturating_sub(1), last].map(|number| {
        let seen = start(number)..start(number) + kernel_size;
        line(
            &format!("window {}", number + 1),
            "",
            &|column| match (seen.contains(&column), is_pixel(column)) {
                (false, _) => String::new(),
                (true, true) => "■".to_owned(),
                (true, false) => "0".to_owned(),
            },
        )
    });
    heading + &windows.concat()
}
