//! From colours to the levels of grey in which a drawing stands out.

use crate::bounds::Bounds;
use crate::gray::{Gray, border, median};
use crate::raster::Raster;

/// The shares of the primaries in a colour's brightness (ITU-R BT.709).
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];
/// What differs so little from its paper in brightness, and so much in one of its primaries, is seen by its colour alone:
/// yellow on white, or red on a green as bright.
const FAINT: f32 = 0.1;
const COLOURED: f32 = 0.3;
/// Samples of 16 bits that use less of their range than this are stretched to all of it: cameras of 10 or 12 bits.
const LITTLE_RANGE: f32 = 0.25;
/// A range below this many of 65535 is noise.
const NOISE: f32 = 64.0 / 65535.0;
/// What is opaque fills so much of its box where it is paper; strokes fill less.
const PAPER_FILLS: f32 = 0.6;
/// So much of a sheet differs from it where something is drawn.
const DRAWN: f32 = 0.004;
/// Colours differ if one of their samples does by so much.
const DIFFERENT: f32 = 0.2;

/// The levels of grey, 0..=1, of a picture in colour.
///
/// What is transparent shows the paper: that of the opaque part, where that is a sheet which something is drawn on; else
/// white behind dark ink, black behind light ink. Grey is brightness, or, where something stands out by its colour alone,
/// the distance from the paper's colour.
pub(crate) fn gray(raster: Raster) -> Gray {
    let fine = raster.fine;
    let raster = opaque(raster);
    let levels = by_colour(&raster).unwrap_or_else(|| raster.pixels.iter().map(luma).collect());
    let gray = Gray::new(raster.width, levels);
    if fine { stretched(gray) } else { gray }
}

/// The median of each primary.
fn median_colour(pixels: &[[f32; 4]]) -> [f32; 3] {
    [0, 1, 2].map(|channel| median(pixels.iter().map(|pixel| pixel[channel])))
}

fn luma(pixel: &[f32; 4]) -> f32 {
    (0..3).map(|channel| LUMA[channel] * pixel[channel]).sum()
}

/// The picture upon its paper.
fn opaque(mut raster: Raster) -> Raster {
    if raster.pixels.iter().all(|pixel| pixel[3] >= 0.999) {
        return raster;
    }
    let sheet = sheet(&raster);
    let (mut ink, mut covered) = (0.0, 0.0);
    for pixel in &raster.pixels {
        ink += f64::from(luma(pixel) * pixel[3]);
        covered += f64::from(pixel[3]);
    }
    let contrary = if ink > 0.5 * covered { 0.0 } else { 1.0 };
    let paper = sheet.unwrap_or([contrary; 3]);
    for pixel in &mut raster.pixels {
        let [red, green, blue, opacity] = *pixel;
        // Beside a sheet, what is half transparent is its shadow.
        let opacity = if sheet.is_some() && opacity <= 0.5 { 0.0 } else { opacity };
        let upon = |level: f32, channel: usize| opacity * level + (1.0 - opacity) * paper[channel];
        *pixel = [upon(red, 0), upon(green, 1), upon(blue, 2), 1.0];
    }
    raster
}

/// The colour of the sheet of paper that is the opaque part, if it is one.
fn sheet(raster: &Raster) -> Option<[f32; 3]> {
    let (width, height, pixels) = (raster.width, raster.height(), &raster.pixels);
    let is_opaque = |place: usize| pixels[place][3] > 0.5;
    let is_rim = |&place: &usize| {
        let (x, y) = (place % width, place / width);
        let beside = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        beside.into_iter().any(|(x, y)| x < width && y < height && !is_opaque(y * width + x))
    };
    let inside: Vec<_> = (0..pixels.len()).filter(|&place| is_opaque(place)).collect();
    let rim: Vec<_> = inside.iter().copied().filter(is_rim).map(|place| pixels[place]).collect();
    if rim.is_empty() {
        return None;
    }
    let paper = median_colour(&rim);
    let differs =
        |&&place: &&usize| (0..3).any(|channel| (pixels[place][channel] - paper[channel]).abs() > DIFFERENT);
    let drawn = inside.iter().filter(differs).count() as f32 / inside.len() as f32;
    let fills = inside.len() as f32 / Bounds::of(inside, width)?.area() as f32;
    (fills > PAPER_FILLS && drawn > DRAWN).then_some(paper)
}

/// Distances from the paper's colour, if there is something that hardly differs in brightness, and clearly in colour.
fn by_colour(raster: &Raster) -> Option<Vec<f32>> {
    let edge: Vec<_> = border(raster.width, raster.height()).map(|place| raster.pixels[place]).collect();
    let paper = median_colour(&edge);
    let difference = |pixel: &[f32; 4]| [0, 1, 2].map(|channel| pixel[channel] - paper[channel]);
    let range = |pixel: &[f32; 4]| difference(pixel).map(f32::abs).into_iter().fold(0.0, f32::max);
    let brightness = |pixel: &[f32; 4]| (0..3).map(|at| LUMA[at] * difference(pixel)[at]).sum::<f32>().abs();
    let hides = |pixel: &&[f32; 4]| brightness(pixel) < FAINT && range(pixel) > COLOURED;
    let hidden = raster.pixels.iter().filter(hides).count();
    if (hidden as f32) < DRAWN * raster.pixels.len() as f32 {
        return None;
    }
    let distance = |pixel| difference(pixel).into_iter().map(|level| level * level).sum::<f32>().sqrt();
    // Black and white are the farthest from each other.
    let level = |pixel| distance(pixel) / 3.0f32.sqrt();
    Some(raster.pixels.iter().map(level).collect())
}

/// Levels that use little of their range made to use it all, if they are more than noise.
fn stretched(gray: Gray) -> Gray {
    let (least, greatest) = gray.extremes();
    let range = greatest - least;
    if (NOISE..LITTLE_RANGE).contains(&range) {
        gray.map(|level| ((level - least) / range).clamp(0.0, 1.0))
    } else {
        gray
    }
}
