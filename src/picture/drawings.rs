//! Whether what stands out on a picture is one drawn digit.

use super::gray::Gray;
use super::spots::{Bounds, Spot, spots};
use std::fmt;

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
/// No digit is so wide for its height.
const WIDE: f32 = 1.7;
/// No digit fills so much of its box, unless it is a bar.
const FILLED: f32 = 0.85;
const BAR: f32 = 0.45;
/// What is not in specks must be this share of the ink.
const SCATTERED: f32 = 0.5;

/// Why the digit that is read from a picture may not be what is drawn on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// So many drawings stand apart.
    Several(usize),
    /// A drawing lies within another.
    Enclosed,
    /// It is wider than any digit: so many times as wide as high.
    Wide(f32),
    /// It is a patch, not strokes.
    Filled,
    /// Most of what stands out is specks.
    Scattered,
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Several(count) => write!(
                formatter,
                "{count} separate drawings are on it, and all of them together were read as one digit; give each a picture of \
                 its own"
            ),
            Self::Enclosed => formatter.write_str(
                "one drawing lies within another, and both together were read as one digit; leave out what is around the digit",
            ),
            Self::Wide(ratio) => write!(
                formatter,
                "what is drawn is {ratio:.1} times as wide as high, which no digit is; if it is several that touch, give each \
                 a picture of its own, and if it lies on its side, turn it"
            ),
            Self::Filled => formatter.write_str("what stands out is a filled patch, not the strokes of a digit"),
            Self::Scattered => {
                formatter.write_str("most of what stands out is scattered specks, not the strokes of a digit")
            }
        }
    }
}

/// What tells that `ink`, cropped to what was taken for a digit, is none, or not one; `kept` is its share of all ink.
pub(super) fn doubts(ink: &Gray, kept: f32) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if kept < SCATTERED {
        doubts.push(Doubt::Scattered);
    }
    let (width, height) = (ink.width() as f32, ink.height() as f32);
    let small = if width.max(height) > SIDE as f32 {
        let scale = SIDE as f32 / width.max(height);
        let scaled = |size: f32| ((size * scale).round() as usize).max(1);
        ink.resize(scaled(width), scaled(height))
    } else {
        ink.clone()
    };
    let small = small.map(|level| if level < JOINS { 0.0 } else { level });
    let inked = small.values().iter().filter(|&&level| level > 0.0).count();
    let is_bar = width.min(height) < BAR * width.max(height);
    if inked as f32 > FILLED * small.values().len() as f32 && !is_bar {
        doubts.push(Doubt::Filled);
        return doubts;
    }
    let strokes = strokes(&small);
    match drawings(&strokes, width / height) {
        0 | 1 if width > WIDE * height => doubts.push(Doubt::Wide(width / height)),
        0 | 1 => {}
        _ if strokes.len() == 2 && lies_within(&strokes) => doubts.push(Doubt::Enclosed),
        count => doubts.push(Doubt::Several(count)),
    }
    if doubts.is_empty() && strokes.len() == 2 && lies_within(&strokes) {
        doubts.push(Doubt::Enclosed);
    }
    doubts
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
    let stroke = |spot: &Spot| {
        let place = |place: &usize| ((place % ink.width()) as f32, (place / ink.width()) as f32);
        Some(Stroke {
            places: spot.places.iter().map(place).collect(),
            bounds: Bounds::of(spot.places.iter().copied(), ink.width())?,
        })
    };
    let large = spots.iter().filter(|spot| spot.ink >= SPECK * total);
    large.filter_map(stroke).collect()
}

/// How many drawings the strokes make: those near each other are one.
fn drawings(strokes: &[Stroke], width_over_height: f32) -> usize {
    let largest = strokes
        .iter()
        .map(|stroke| stroke.bounds.side())
        .max()
        .unwrap_or(0) as f32;
    let mut group: Vec<_> = (0..strokes.len()).collect();
    for a in 0..strokes.len() {
        for b in a + 1..strokes.len() {
            let shorter = strokes[a].bounds.side().min(strokes[b].bounds.side()) as f32;
            let gap = if shorter < SHORT * largest { SHORT_GAP } else { GAP };
            let apart = width_over_height > WIDE_FOR_TWO && are_two(strokes, a, b);
            if !apart && distance(&strokes[a], &strokes[b]) <= 1.0 + gap * largest {
                let (from, to) = (group[b], group[a]);
                group
                    .iter_mut()
                    .filter(|group| **group == from)
                    .for_each(|group| *group = to);
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
    let bottom = strokes
        .iter()
        .map(|stroke| stroke.bounds.bottom)
        .max()
        .unwrap_or(0);
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
