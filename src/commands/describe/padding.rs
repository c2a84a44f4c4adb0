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
        let down = Along::new(&window, 0);
        let across = Along::new(&window, 1);
        reach(f, name, &across)?;
        if down != across {
            reach(f, &format!("{name}, downwards,"), &down)?;
        }
        if across.before != across.after {
            lopsided = Some((name, across));
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

/// A window along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Along {
    kernel_size: u64,
    stride: u64,
    size: u64,
    before: u64,
    after: u64,
    padded_size: u64,
    windows: u64,
}

impl Along {
    fn new(window: &WindowSummary, axis: usize) -> Self {
        let of = |Pair(sizes): Pair| sizes[axis];
        Self {
            kernel_size: of(window.kernel_size),
            stride: of(window.strides),
            size: of(window.input_size),
            before: of(window.padding_before),
            after: of(window.padding_after),
            padded_size: of(window.padded_size),
            windows: of(window.windows),
        }
    }
}

/// The sum that gives the padding.
fn reach(f: &mut impl Write, name: &str, along: &Along) -> fmt::Result {
    let Along { kernel_size, stride, size, before, after, padded_size, windows } = along;
    writeln!(
        f,
        "  {name}  stride {stride}: {windows} windows reach over {} * {stride} + {kernel_size} = {padded_size} pixels, \
         {} more than {size}: {before} before, {after} after",
        windows.saturating_sub(1),
        before + after
    )
}

/// The first two windows and the last two, under the pixels that they see: ■ a pixel, 0 a zero of the padding.
fn picture(f: &mut impl Write, window: &Along) -> fmt::Result {
    let start = |number: u64| number * window.stride;
    let last = window.windows.saturating_sub(1);
    let left = 0..start(1) + window.kernel_size;
    let right = start(last.saturating_sub(1))..window.padded_size;
    let line = |name: &str, gap: &str, cell: &dyn Fn(u64) -> String| {
        let cells = |columns: std::ops::Range<u64>| {
            let cells = columns.map(|column| format!("{:>4}", cell(column)));
            cells.collect::<String>()
        };
        let line = format!("    {name:9}{}{gap:^7}{}", cells(left.clone()), cells(right.clone()));
        format!("{}\n", line.trim_end())
    };
    let is_pixel = |column| (window.before..window.before + window.size).contains(&column);

    let heading = line("column", "...", &|column| match is_pixel(column) {
        true => (column - window.before).to_string(),
        false => "pad".to_owned(),
    });
    f.write_str(&heading)?;
    for number in [0, 1, last.saturating_sub(1), last] {
        let seen = start(number)..start(number) + window.kernel_size;
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
