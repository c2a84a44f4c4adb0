//! How SAME padding comes about, and a picture of it where it is lopsided.

use std::fmt::{self, Write};
use tf_mnist::graph::{Padding, Pair};
use tf_mnist::model::summary::{Summary, WindowSummary};

/// The section on padding.
pub fn write(f: &mut impl Write, summary: &Summary) -> fmt::Result {
    f.write_str(
        "Padding: rows of zeros above + below the image, and as many columns left + right of it\n  \
             SAME wants ceil(size / stride) windows and adds the zeros that they reach over: half of them\n  \
             before the image, half behind it, an odd one behind. VALID adds none, and skips a rest.\n\n",
    )?;
    let layers = summary.layers.iter();
    let windows = layers.filter_map(|layer| Some((layer.name.as_str(), layer.window?)));
    let mut lopsided = None;
    for (name, window) in windows.filter(|(_, window)| window.padding == Padding::Same) {
        let [down, across] = [0, 1].map(|axis| reach(&window, axis));
        writeln!(f, "  {name}  {across}")?;
        if down != across {
            writeln!(f, "  {name}, downwards,  {down}")?;
        }
        if window.padding_before.0[1] != window.padding_after.0[1] {
            lopsided = Some((name, window));
        }
    }
    match lopsided {
        Some((name, window)) => {
            writeln!(f, "\n  Along a row of {name}'s input, ■ a pixel and 0 a zero that a window sees:\n")?;
            picture(f, &window)
        }
        None => Ok(()),
    }
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
fn picture(f: &mut impl Write, window: &WindowSummary) -> fmt::Result {
    let across = |Pair([_, across]): Pair| across;
    let (kernel_size, before) = (across(window.kernel_size), across(window.padding_before));
    let start = |number: u64| number * across(window.strides);
    let last = across(window.windows).saturating_sub(1);
    let left = 0..start(1) + kernel_size;
    let right = start(last.saturating_sub(1))..across(window.padded_size);
    let line = |name: &str, gap: &str, cell: &dyn Fn(u64) -> String| {
        let cells = |columns: std::ops::Range<u64>| {
            let cells = columns.map(|column| format!("{:>4}", cell(column)));
            cells.collect::<String>()
        };
        let line = format!("    {name:9}{}{gap:^7}{}", cells(left.clone()), cells(right.clone()));
        format!("{}\n", line.trim_end())
    };
    let is_pixel = |column| (before..before + across(window.input_size)).contains(&column);

    let heading = line("column", "...", &|column| match is_pixel(column) {
        true => (column - before).to_string(),
        false => "pad".to_owned(),
    });
    f.write_str(&heading)?;
    for number in [0, 1, last.saturating_sub(1), last] {
        let seen = start(number)..start(number) + kernel_size;
        let row = line(&format!("window {}", number + 1), "", &|column| {
            let mark = match (seen.contains(&column), is_pixel(column)) {
                (false, _) => "",
                (true, true) => "■",
                (true, false) => "0",
            };
            mark.to_owned()
        });
        f.write_str(&row)?;
    }
    Ok(())
}
