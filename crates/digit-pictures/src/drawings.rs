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

/// Why the digit that is read from a picture may not be what is drawn on it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Doubt {
    /// So many drawings stand apart.
    #[error(
        "{0} separate drawings are on it, and all of them together were read as one digit; give each a picture of its own"
    )]
    Several(usize),
    /// A drawing lies within another.
    #[error(
        "one drawing lies within another, and both together were read as one digit; leave out what is around the digit"
    )]
    Enclosed,
    /// It is wider than any digit: so many times as wide as high.
    #[error(
        "what is drawn is {0:.1} times as wide as high, which hardly any digit is; if it is several that touch, give each \
         a picture of its own, and if it lies on its side, turn it"
    )]
    Wide(f32),
    /// Lines across it meet more strokes than across any digit.
    #[error(
        "it has more strokes side by side than any digit; lines of the paper, several digits that touch, or grain were \
         read as ink"
    )]
    Crowded,
    /// It looks like two digits side by side that touch.
    #[error("it looks like two digits that touch, and both were read as one; give each a picture of its own")]
    Joined,
    /// A line lies beneath it.
    #[error("a line lies beneath the digit and was read as a part of it; leave it out")]
    Underlined,
    /// It is a patch, not strokes.
    #[error("what stands out is a filled patch, not the strokes of a digit")]
    Filled,
    /// It has no outlines.
    #[error("what stands out is a shade without outlines, not the strokes of a digit")]
    Soft,
    /// Most of what stands out is specks.
    #[error("most of what stands out is scattered specks, not the strokes of a digit")]
    Scattered,
}

/// What tells that `ink`, cropped from `picture` to what was taken for a digit, is none, or not one; `kept` is its share of
/// all ink.
pub(crate) fn doubts(picture: &Gray, ink: &Gray, kept: f32) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if kept < SCATTERED {
        doubts.push(Doubt::Scattered);
    }
    let (width, height) = (ink.width() as f32, ink.height() as f32);
    let scale = (SIDE as f32 / width.max(height)).min(1.0);
    if is_soft(&scaled(picture, scale), width.max(height) * scale) {
        doubts.push(Doubt::Soft);
        return doubts;
    }
    let small = scaled(ink, scale).map(|level| if level < JOINS { 0.0 } else { level });
    let inked = small.values().iter().filter(|&&level| level > 0.0).count();
    let is_bar = width.min(height) < BAR * width.max(height);
    if inked as f32 > FILLED * small.values().len() as f32 && !is_bar {
        doubts.push(Doubt::Filled);
        return doubts;
    }
    let strokes = strokes(&small);
    let [columns_are_crowded, rows_are_crowded] = are_crowded(&small, &maxima(ink, scale));
    let count = drawings(&strokes, width / height);
    doubts.extend(match count {
        _ if lies_within(&strokes) => Some(Doubt::Enclosed),
        // Lines of the paper lie below each other, digits side by side.
        _ if columns_are_crowded || rows_are_crowded && count <= 1 => Some(Doubt::Crowded),
        _ if is_underlined(&strokes) => Some(Doubt::Underlined),
        2.. => Some(Doubt::Several(count)),
        _ if width > WIDE * height => Some(Doubt::Wide(width / height)),
        _ => is_joined(&small).then_some(Doubt::Joined),
    });
    doubts
}

fn scaled(picture: &Gray, scale: f32) -> Gray {
    if scale >= 1.0 {
        return picture.clone();
    }
    let scaled = |size: usize| ((size as f32 * scale).round() as usize).max(1);
    picture.resize(scaled(picture.width()), scaled(picture.height()))
}

/// `ink` made smaller, each pixel the strongest of those it is made of: so the thinnest line stays.
fn maxima(ink: &Gray, scale: f32) -> Gray {
    let reduced = |size: usize| ((size as f32 * scale).round() as usize).clamp(1, size);
    let (width, height) = (reduced(ink.width()), reduced(ink.height()));
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
fn is_underlined(strokes: &[Stroke]) -> bool {
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

/// A connected piece of a drawing.
struct Stroke {
    /// Columns and rows.
    places: Vec<(f32, f32)>,
    bounds: Bounds,
}

fn strokes(ink: &Gray) -> Vec<Stroke> {
    let spots = spots(ink);
    let total: f32 = spots.iter().map(|spot| spot.ink).sum();
    let stroke = |spot: Spot| {
        let place = |place: &usize| ((place % ink.width()) as f32, (place / ink.width()) as f32);
        let places = spot.places.iter().map(place).collect();
        Some(Stroke { places, bounds: Bounds::of(spot.places, ink.width())? })
    };
    spots.into_iter().filter(|spot| spot.ink >= SPECK * total).filter_map(stroke).collect()
}

/// How many drawings the strokes make: those near each other are one.
fn drawings(strokes: &[Stroke], width_over_height: f32) -> usize {
    let largest = strokes.iter().map(|stroke| stroke.bounds.side()).max().unwrap_or(0) as f32;
    let mut group: Vec<_> = (0..strokes.len()).collect();
    for a in 0..strokes.len() {
        for b in a + 1..strokes.len() {
            let shorter = strokes[a].bounds.side().min(strokes[b].bounds.side()) as f32;
            let gap = if shorter < SHORT * largest { SHORT_GAP } else { GAP };
            let apart = width_over_height > WIDE_FOR_TWO && are_two(strokes, a, b);
            if !apart && distance(&strokes[a], &strokes[b]) <= 1.0 + gap * largest {
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
fn are_two(strokes: &[Stroke], a: usize, b: usize) -> bool {
    let top = strokes.iter().map(|stroke| stroke.bounds.top).min().unwrap_or(0);
    let bottom = strokes.iter().map(|stroke| stroke.bounds.bottom).max().unwrap_or(0);
    let high = TALL * (bottom + 1 - top) as f32;
    let (a, b) = (strokes[a].bounds, strokes[b].bounds);
    let are_apart = a.right < b.left || b.right < a.left;
    are_apart && a.height() as f32 >= high && b.height() as f32 >= high
}

/// The distance of the two nearest pixels.
fn distance(a: &Stroke, b: &Stroke) -> f32 {
    let squared = |&(x, y): &(f32, f32)| {
        let to = |&(other_x, other_y): &(f32, f32)| (other_x - x).powi(2) + (other_y - y).powi(2);
        b.places.iter().map(to).fold(f32::MAX, f32::min)
    };
    a.places.iter().map(squared).fold(f32::MAX, f32::min).sqrt()
}

/// Whether one of two is well within the other, and large enough to be a digit.
fn lies_within(strokes: &[Stroke]) -> bool {
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
