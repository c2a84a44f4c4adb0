//! From a picture of any size and colours to an image as MNIST has them.

use crate::drawings::doubts;
use crate::gray::{Gray, median, quantile};
use crate::spots::spots;
use crate::stroke::{breadth, grow};
use crate::surroundings::{sheet, without_frame, without_strips};

/// The side of an image as MNIST has them.
const SIDE: usize = 28;
/// The longest side that is looked at closely; larger pictures are made smaller first.
const WORKING_SIDE: usize = 1024;
/// The side of the square that a digit is fitted into.
const FITTED_SIDE: usize = 20;
/// Strokes are measured and changed at so many times the final size.
const FINE: usize = 4;
/// How many borders or frames there may be within each other.
const SURROUNDINGS: usize = 3;
/// Levels that a drawing must stand out by from its background.
const FAINTEST: f32 = 0.08;
/// Levels below this share of the strongest are the paper's grain or the picture's compression.
const GRAIN: f32 = 0.1;
/// A spot with less than this share of the ink is no part of the digit.
const SPOT: f32 = 0.02;
/// How broad strokes are in MNIST, in pixels of the fitted square, all but the extreme ones.
const BREADTHS: std::ops::RangeInclusive<f32> = 1.7..=3.6;

/// A digit as a network is fed it, and why it may not be what is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// [height * width], row by row, each 0..=1 with background 0.
    pub image: Vec<f32>,
    /// Why this may not be what is drawn, each a sentence about the picture; empty for one digit, plainly drawn.
    pub doubts: Vec<String>,
}

/// What a network is fed for a digit drawn anywhere on a picture, in any colours, with any pen; `None` if nothing is
/// drawn. In this order:
///
/// 1. what lies around the drawing is left out: a scan's border, all that is beside a sheet of paper, a frame;
/// 2. the paper's level is the median of the picture's border, and ink is what differs from it, dark or light,
///    whichever there is more of: dark on light is inverted;
/// 3. specks and grain are taken away, and the picture is cropped to the ink;
/// 4. the ink is fitted into 20 x 20 pixels, its aspect ratio kept;
/// 5. strokes thinner or thicker than any in MNIST are made as thick or as thin as those;
/// 6. the result is put into 28 x 28 pixels with its centre of mass in the middle.
pub fn prepare(picture: &Gray) -> Option<Prepared> {
    let mut picture = match picture.width().max(picture.height()) {
        ..=WORKING_SIDE => picture.clone(),
        _ => picture.scaled_to(WORKING_SIDE),
    };
    for _ in 0..SURROUNDINGS {
        match sheet(&picture).or_else(|| without_strips(&picture)) {
            // A border around nothing is all there is to see.
            Some(within) if ink(&within).is_some() => picture = within,
            _ => break,
        }
    }
    let mut clean = without_specks(ink(&picture)?);
    for _ in 0..SURROUNDINGS {
        let Some(within) = without_frame(&picture, &clean.0) else {
            break;
        };
        let Some(ink) = ink(&within) else { break };
        (picture, clean) = (within, without_specks(ink));
    }
    let (ink, kept) = clean;
    let ink = ink.within(ink.bounds_above(0.0)?);
    Some(Prepared { image: centred(&fitted(&ink)), doubts: doubts(&picture, &ink, kept) })
}

/// What a network of other images is fed: the whole picture, scaled until it fits into `[height, width]`, its aspect ratio
/// kept, on a dark ground; a picture with a light border is inverted.
pub(crate) fn fit(picture: &Gray, [height, width]: [usize; 2]) -> Prepared {
    let is_light = median(picture.border()) > 0.5;
    let scale = f64::min(height as f64 / picture.height() as f64, width as f64 / picture.width() as f64);
    let scaled = picture.scaled(scale).map(|level| if is_light { 1.0 - level } else { level });
    let (left, top) = ((width - scaled.width()) / 2, (height - scaled.height()) / 2);
    Prepared { image: placed(&scaled, left, top, [height, width]), doubts: Vec::new() }
}

/// `part` on a dark ground.
fn placed(part: &Gray, left: usize, top: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    let mut image = vec![0.0; height * width];
    for (y, row) in part.values().chunks_exact(part.width()).enumerate() {
        image[(top + y) * width + left..][..row.len()].copy_from_slice(row);
    }
    image
}

/// How strongly each pixel is inked, 0..=1, whatever the colours of ink and paper.
fn ink(picture: &Gray) -> Option<Gray> {
    let paper = median(picture.border());
    let (mut darker, mut lighter) = (0.0, 0.0);
    for level in picture.values() {
        let difference = f64::from(level - paper);
        *(if difference < 0.0 { &mut darker } else { &mut lighter }) += difference * difference;
    }
    let sign = if darker > lighter { -1.0 } else { 1.0 };
    let ink = picture.clone().map(|level| (sign * (level - paper)).max(0.0));
    let strongest = ink.extremes().1;
    if strongest < FAINTEST {
        return None;
    }
    // Uneven light shows at the border too. A digit that touches the border must not pass for that.
    let unevenness = quantile(picture.border().map(|level| sign * (level - paper)).collect(), 0.75);
    let grain = (1.5 * unevenness).clamp(GRAIN * strongest, 0.5 * strongest);
    Some(ink.map(|level| if level < grain { 0.0 } else { level / strongest }))
}

/// Takes away the connected spots that are too small to belong to the digit, and tells the share of the ink that is left.
fn without_specks(ink: Gray) -> (Gray, f32) {
    let total: f32 = ink.values().iter().sum();
    let mut kept = total;
    let mut specks = Vec::new();
    for speck in spots(&ink).into_iter().filter(|spot| spot.ink < SPOT * total) {
        specks.extend(speck.places);
        kept -= speck.ink;
    }
    (ink.painted(0.0, specks), kept / total.max(f32::MIN_POSITIVE))
}

/// The digit within 20 x 20, its strokes neither thinner nor thicker than MNIST's.
fn fitted(ink: &Gray) -> Gray {
    let full = |ink: Gray| {
        let strongest = ink.extremes().1;
        if strongest > 0.0 { ink.map(|level| level / strongest) } else { ink }
    };
    let fine = FITTED_SIDE * FINE;
    let measured = breadth(&full(ink.scaled_to(fine)));
    let allowed = (BREADTHS.start() * FINE as f32, BREADTHS.end() * FINE as f32);
    let change = (measured.clamp(allowed.0, allowed.1) - measured) / 2.0;
    // A stroke may lose half of its breadth, lest it break.
    let change = change.max(-measured / 4.0).round() as isize;
    if change == 0 {
        return full(ink.scaled_to(FITTED_SIDE));
    }
    let side = (fine as isize - 2 * change).max(1) as usize;
    let grown = grow(&full(ink.scaled_to(side)), change);
    full(grown.scaled_to(FITTED_SIDE))
}

/// The digit in 28 x 28 pixels, moved by whole pixels so that its centre of mass is as near (14, 14) as can be, the
/// first pixel's middle being (0, 0): there it is in MNIST.
fn centred(digit: &Gray) -> Vec<f32> {
    let (mut mass, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    for (index, &level) in digit.values().iter().enumerate() {
        mass += level;
        x_sum += level * (index % digit.width()) as f32;
        y_sum += level * (index / digit.width()) as f32;
    }
    let offset = |sum: f32, size: usize| {
        let wanted = (SIDE as f32 / 2.0 - sum / mass.max(f32::MIN_POSITIVE)).round();
        (wanted.max(0.0) as usize).min(SIDE.saturating_sub(size))
    };
    let (left, top) = (offset(x_sum, digit.width()), offset(y_sum, digit.height()));
    placed(digit, left, top, [SIDE, SIDE])
}

#[cfg(test)]
mod tests;
