//! How many strokes the rows and columns of a drawing meet, which tells one digit from two and from lines of the paper.

use crate::gray::Gray;

/// Ink stronger than this is a stroke that a line meets.
const MEETS: f32 = 0.35;
/// So is fainter ink, where it is looked for: the lines of the paper are thin and faint.
const MEETS_FAINTLY: f32 = 0.15;
/// The most strokes that a row or column of a digit meets, and the share of rows or columns that may meet more: of 3000
/// of MNIST's digits none has so many in a twentieth.
const MET_IN_A_ROW: usize = 3;
const MET_IN_A_COLUMN: usize = 4;
const MEET_MORE: f32 = 0.05;
/// Two digits that touch hang together by so little of their height, each about as high as both; MNIST's digits of this
/// width do so once in three hundred.
const JOINT: f32 = 0.2;
const JOINED_HEIGHT: f32 = 0.75;
const WIDE_FOR_JOINED: f32 = 1.0;

/// How many strokes each column meets, and how much ink it has.
fn met_by_columns(ink: &Gray, least: f32) -> Vec<(usize, usize)> {
    let column = |x: usize| {
        let is_ink = |y: usize| ink.values()[y * ink.width() + x] > least;
        let starts = |&y: &usize| is_ink(y) && (y == 0 || !is_ink(y - 1));
        let rows = 0..ink.height();
        (rows.clone().filter(starts).count(), rows.filter(|&y| is_ink(y)).count())
    };
    (0..ink.width()).map(column).collect()
}

/// Whether columns, and whether rows meet more strokes than those of any digit, in ink made smaller by means or by maxima.
pub(crate) fn are_crowded(means: &Gray, maxima: &Gray) -> [bool; 2] {
    let meet_more = |means: &Gray, maxima: &Gray, most: usize| {
        [(means, MEETS), (maxima, MEETS_FAINTLY)].into_iter().any(|(ink, least)| {
            let met = met_by_columns(ink, least);
            let more = met.iter().filter(|&&(strokes, _)| strokes > most).count();
            more as f32 > MEET_MORE * met.len() as f32
        })
    };
    [
        meet_more(means, maxima, MET_IN_A_COLUMN),
        meet_more(&means.transposed(), &maxima.transposed(), MET_IN_A_ROW),
    ]
}

/// Whether `ink` is wide and a column about its middle holds two parts together by one short piece of ink, each nearly as high as both.
pub(crate) fn is_joined(ink: &Gray) -> bool {
    let (width, height) = (ink.width(), ink.height());
    let met = met_by_columns(ink, MEETS);
    let high_enough = |left: usize, width: usize| {
        let bounds = ink.crop(left, 0, width, height).bounds_above(MEETS);
        bounds.is_some_and(|bounds| bounds.height() as f32 >= JOINED_HEIGHT * height as f32)
    };
    let is_wide = width as f32 > WIDE_FOR_JOINED * height as f32;
    let joint = |x: usize| {
        let (strokes, inked) = met[x];
        x > 0
            && x + 1 < width
            && strokes <= 1
            && inked as f32 <= JOINT * height as f32
            && high_enough(0, x)
            && high_enough(x + 1, width - x - 1)
    };
    is_wide && (width / 4..=width * 3 / 4).any(joint)
}
