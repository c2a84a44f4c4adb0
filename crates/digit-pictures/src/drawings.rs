//! Whether what stands out on a picture is one drawn digit.

use crate::bounds::Bounds;
use crate::crossings::{are_crowded, is_joined};
use crate::gray::Gray;
use crate::spots::{Spot, spots};

/// The side of the picture in which distances are measured.
const SIDE: usize = 160;
/// Ink weaker than this does not join.
const JOINS: f32 = 0.2;
/// A smaller share of the ink is no drawing.
const SPECK: f32 = 0.03;
/// Strokes of one digit are no farther from each other than this share of its size.
const GAP: f32 = 0.15;
/// The short ones among them, such as the bar of a 5, may be.
const SHORT_GAP: f32 = 0.25;
/// Such a share of the largest is short.
const SHORT: f32 = 0.6;
/// Two that are so high, of what is drawn in all, are two digits however near they stand, if they stand side by side in
/// something this wide for its height.
const TALL: f32 = 0.65;
const WIDE_FOR_TWO: f32 = 1.0;
/// Of MNIST's digits one in two hundred is wider for its height.
const WIDE: f32 = 1.5;
/// Where levels change at most by this on the way across the drawing are no outlines; MNIST's, the softest, have 8.
const SOFT: f32 = 5.0;
/// A line beneath a digit is so many times as wide as high, and as wide as so much of the digit.
const FLAT: f32 = 4.0;
const BENEATH: f32 = 0.8;
/// No digit fills so much of its box, unless it is a bar.
const FILLED: f32 = 0.85;
const BAR: f32 = 0.45;
/// What is not in specks must be this share of the ink.
const SCATTERED: f32 = 0.5;

/// What tells that `ink`, cropped from `picture` to what was taken for a digit, is none, or not one; `kept` is its share of
/// all ink.
pub(crate) fn doubts(picture: &Gray, ink: &Gray, kept: f32) -> Vec<String> {
    let scattered = "most of what stands out is scattered specks, not the strokes of a digit";
    let scattered = (kept < SCATTERED).then(|| scattered.to_owned());
    scattered.into_iter().chain(doubt(picture, ink)).collect()
}

fn doubt(picture: &Gray, ink: &Gray) -> Option<String> {
    let (width, height) = (ink.width() as f32, ink.height() as f32);
    let scale = (SIDE as f32 / width.max(height)).min(1.0);
    let reduced = |picture: &Gray| if scale < 1.0 { picture.scaled(scale.into()) } else { picture.clone() };
    if is_soft(&reduced(picture), width.max(height) * scale) {
        return Some("what stands out is a shade without outlines, not the strokes of a digit".into());
    }
    let small = reduced(ink).map(|level| if level < JOINS { 0.0 } else { level });
    let inked = small.places_above(0.0).count();
    let is_bar = width.min(height) < BAR * width.max(height);
    if inked as f32 > FILLED * small.values().len() as f32 && !is_bar {
        return Some("what stands out is a filled patch, not the strokes of a digit".into());
    }
    let mut strokes = spots(&small);
    let total: f32 = strokes.iter().map(|stroke| stroke.ink).sum();
    strokes.retain(|stroke| stroke.ink >= SPECK * total);
    let maxima = maxima(ink, small.width(), small.height());
    let [columns_are_crowded, rows_are_crowded] = are_crowded(&small, &maxima);
    Some(match drawings(&strokes, small.width(), width / height) {
        _ if lies_within(&strokes) => "one drawing lies within another, and both together were read as one digit; leave out \
                                       what is around the digit"
            .into(),
        // Lines of the paper lie below each other, digits side by side.
        count if columns_are_crowded || rows_are_crowded && count <= 1 => {
            "it has more strokes side by side than any digit; lines of the paper, several digits that touch, or grain were \
             read as ink"
                .into()
        }
        _ if is_underlined(&strokes) => {
            "a line lies beneath the digit and was read as a part of it; leave it out".into()
        }
        count @ 2.. => format!(
            "{count} separate drawings are on it, and all of them together were read as one digit; give each a picture of \
             its own"
        ),
        _ if width > WIDE * height => format!(
            "what is drawn is {:.1} times as wide as high, which hardly any digit is; if it is several that touch, give \
             each a picture of its own, and if it lies on its side, turn it",
            width / height
        ),
        _ if is_joined(&small) => {
            "it looks like two digits that touch, and both were read as one; give each a picture of its own".into()
        }
        _ => return None,
    })
}

/// `ink` made as small as `width` x `height`, each pixel the strongest of those it is made of: so the thinnest line stays.
fn maxima(ink: &Gray, width: usize, height: usize) -> Gray {
    let mut values = vec![0.0_f32; width * height];
    for (place, &level) in ink.values().iter().enumerate() {
        let (x, y) = (place % ink.width(), place / ink.width());
        let strongest = &mut values[y * height / ink.height() * width + x * width / ink.width()];
        *strongest = strongest.max(level);
    }
    Gray::new(width, values)
}

/// Whether levels change nowhere as fast as at the outline of a drawing whose longer side is `side`.
fn is_soft(picture: &Gray, side: f32) -> bool {
    let (width, values) = (picture.width(), picture.values());
    let step = |from: usize, to: usize| (values[to] - values[from]).abs();
    let across = (0..values.len()).filter(|at| (at + 1) % width > 0).map(|at| step(at, at + 1));
    let down = (0..values.len() - width).map(|at| step(at, at + width));
    let steepest = across.chain(down).fold(0.0, f32::max);
    let (least, most) = picture.extremes();
    steepest * side < SOFT * (most - least)
}

/// Whether the lowest stroke is a flat line wholly beneath all others, about as wide as they are.
fn is_underlined(strokes: &[Spot]) -> bool {
    let Some(line) = strokes.iter().max_by_key(|stroke| stroke.bounds.bottom) else {
        return false;
    };
    let others = strokes.iter().filter(|stroke| !std::ptr::eq(*stroke, line));
    let Some(above) = others.map(|stroke| stroke.bounds).reduce(Bounds::joined) else {
        return false;
    };
    let (width, height) = (line.bounds.width() as f32, line.bounds.height() as f32);
    line.bounds.top > above.bottom && width >= FLAT * height && width >= BENEATH * above.width() as f32
}

/// How many drawings the strokes make in a picture of `width`: those near each other are one.
fn drawings(strokes: &[Spot], width: usize, width_over_height: f32) -> usize {
    let largest = strokes.iter().map(|stroke| stroke.bounds.side()).max().unwrap_or(0) as f32;
    let mut group: Vec<_> = (0..strokes.len()).collect();
    for a in 0..strokes.len() {
        for b in a + 1..strokes.len() {
            let shorter = strokes[a].bounds.side().min(strokes[b].bounds.side()) as f32;
            let gap = if shorter < SHORT * largest { SHORT_GAP } else { GAP };
            let apart = width_over_height > WIDE_FOR_TWO && are_two(strokes, a, b);
            if !apart && distance(&strokes[a], &strokes[b], width) <= 1.0 + gap * largest {
                let (from, to) = (group[b], group[a]);
                group.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
            }
        }
    }
    group.sort_unstable();
    group.dedup();
    group.len()
}

/// Whether the two stand side by side, each as high as what is drawn in all.
fn are_two(strokes: &[Spot], a: usize, b: usize) -> bool {
    let top = strokes.iter().map(|stroke| stroke.bounds.top).min().unwrap_or(0);
    let bottom = strokes.iter().map(|stroke| stroke.bounds.bottom).max().unwrap_or(0);
    let high = TALL * (bottom + 1 - top) as f32;
    let (a, b) = (strokes[a].bounds, strokes[b].bounds);
    let are_apart = a.right < b.left || b.right < a.left;
    are_apart && a.height() as f32 >= high && b.height() as f32 >= high
}

/// The distance of the two nearest pixels in a picture of `width`.
fn distance(a: &Spot, b: &Spot, width: usize) -> f32 {
    let points = |spot: &Spot| -> Vec<_> {
        spot.places.iter().map(|place| ((place % width) as f32, (place / width) as f32)).collect()
    };
    let b = points(b);
    let squared = |(x, y): (f32, f32)| {
        b.iter()
            .map(|(other_x, other_y)| (other_x - x).powi(2) + (other_y - y).powi(2))
            .fold(f32::MAX, f32::min)
    };
    points(a).into_iter().map(squared).fold(f32::MAX, f32::min).sqrt()
}

/// Whether one of two is well within the other, and large enough to be a digit.
fn lies_within(strokes: &[Spot]) -> bool {
    let [a, b] = strokes else { return false };
    let within = |inner: Bounds, outer: Bounds| {
        inner.left > outer.left
            && inner.right < outer.right
            && inner.top > outer.top
            && inner.bottom < outer.bottom
            && inner.height() as f32 > 0.25 * outer.height() as f32
    };
    within(a.bounds, b.bounds) || within(b.bounds, a.bounds)
}
