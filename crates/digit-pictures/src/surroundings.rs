//! What lies around a drawing and is none of it: the border of a scan, the table under a sheet, a printed frame.
//!
//! All of them have straight sides, and a drawing within. Each function here looks inwards from the four sides, line by
//! line, at how far it is to the first ink and how much of it follows: from the left, and again after each quarter turn
//! clockwise. So sides are in the order of left, bottom, right, top.

use crate::bounds::Bounds;
use crate::gray::{Gray, median};
use crate::spots::spots;

/// Lines from a side that must agree.
const STRAIGHT: f32 = 0.85;
/// Lines from a side that must meet a strip or a wall: a printed frame may have gaps, a scan's border a torn corner.
const COVERED: f32 = 0.8;
/// How far lines that agree may differ, as a share of the side's length: a sheet that lies askew by five degrees.
const ASKEW: f32 = 0.05;
/// A smaller share of what is seen within surroundings is dirt.
const DIRT: f32 = 0.05;

/// What a line from the left side meets.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Pixels before the first ink.
    before: usize,
    /// Pixels of ink from there.
    length: usize,
}

/// The first ink on each line from the left side of `mask`.
fn runs(mask: &Gray) -> Vec<Option<Run>> {
    let run = |line: &[f32]| {
        let before = line.iter().position(|&level| level > 0.0)?;
        let length = line[before..].iter().take_while(|&&level| level > 0.0).count();
        Some(Run { before, length })
    };
    mask.values().chunks_exact(mask.width()).map(run).collect()
}

/// The ink along the left side: its outermost runs.
struct Strip {
    /// One a line, where the line meets the strip.
    runs: Vec<Option<Run>>,
    /// The share of lines that meet it.
    covered: f32,
    /// Of the run in the middle by length.
    breadth: usize,
}

impl Strip {
    /// What begins no more than `before` pixels from the side.
    fn of(mask: &Gray, before: usize) -> Self {
        let runs: Vec<_> = runs(mask).into_iter().map(|run| run.filter(|run| run.before <= before)).collect();
        let covered = runs.iter().flatten().count() as f32 / runs.len() as f32;
        let breadth = middle(runs.iter().flatten().map(|run| run.length));
        Self { runs, covered, breadth }
    }

    /// Its places in a mask of `width`, and those of `blur` pixels more on every line; what is far broader than the strip is
    /// none of it.
    fn places(&self, width: usize, blur: usize) -> impl Iterator<Item = usize> {
        self.runs.iter().enumerate().flat_map(move |(line, run)| {
            let (before, length) = run.map_or((0, 0), |run| (run.before, run.length));
            let end = before + length.min(self.breadth * 8 / 5 + blur.min(2)) + blur;
            (0..end.min(width)).map(move |depth| line * width + depth)
        })
    }
}

/// Where there is ink: 1, and 0 elsewhere.
fn mask_of(picture: &Gray, is_ink: impl Fn(f32) -> bool) -> Gray {
    picture.clone().map(|level| f32::from(is_ink(level)))
}

/// The bounds of the ink, but for dirt.
fn ink_bounds(mask: &Gray) -> Option<Bounds> {
    let spots = spots(mask);
    let largest = spots.iter().map(|spot| spot.ink).fold(0.0, f32::max);
    let kept = spots.iter().filter(|spot| spot.ink >= DIRT * largest);
    kept.map(|spot| spot.bounds).reduce(Bounds::joined)
}

fn middle(values: impl Iterator<Item = usize>) -> usize {
    median(values.map(|value| value as f32)) as usize
}

/// The level of the picture's edge, and how much the strongest ink differs from it.
fn edge(picture: &Gray) -> (f32, f32) {
    let level = median(picture.border());
    let differences = picture.values().iter().map(|value| (value - level).abs());
    (level, differences.fold(0.0, f32::max))
}

/// The sheet within a border on all sides, or on most: the light page of a scan with dark edges, or a box of another
/// colour than what is around it. None, if the picture is no such one, or nothing is drawn on the sheet.
pub(crate) fn sheet(picture: &Gray) -> Option<Gray> {
    let (level, strongest) = edge(picture);
    let mut mask = mask_of(picture, |value| (value - level).abs() > 0.5 * strongest);
    let sides = [(); 4].map(|()| {
        let runs = runs(&mask);
        mask = mask.turned();
        runs
    });
    let (width, height) = (mask.width(), mask.height());
    let sheet = |[left, bottom, right, top]: [usize; 4]| {
        (left + right + 8 <= width && top + bottom + 8 <= height).then(|| Bounds {
            left,
            right: width - 1 - right,
            top,
            bottom: height - 1 - bottom,
        })
    };
    let rough = sides.each_ref().map(|runs| middle(runs.iter().flatten().map(|run| run.before)));
    sheet(rough)?;
    let mut inset = rough;
    for (side, runs) in sides.iter().enumerate() {
        // From the left, the side before it is above, the next one below.
        let lines = &runs[rough[(side + 3) % 4]..runs.len() - rough[(side + 1) % 4]];
        let askew = (ASKEW * lines.len() as f32).max(2.0) as usize;
        let befores = lines.iter().flatten().map(|run| run.before);
        let straight: Vec<_> = befores.filter(|before| before.abs_diff(rough[side]) <= askew).collect();
        if (straight.len() as f32) < STRAIGHT * lines.len() as f32 {
            return None;
        }
        let border = straight.into_iter().max().unwrap_or_default();
        // Scanners and cameras blur the edge.
        inset[side] = if border == 0 { 0 } else { border + 2 + lines.len() / 100 };
    }
    let sheet = sheet(inset)?;
    if sheet.area() * 50 < width * height {
        return None;
    }
    let drawn = picture.within(sheet);
    let holes = mask_of(&drawn, |value| (value - level).abs() <= 0.5 * strongest);
    let share = holes.values().iter().sum::<f32>() / sheet.area() as f32;
    let bounds = ink_bounds(&holes)?;
    let fills = share * sheet.area() as f32 / bounds.area() as f32;
    let is_wide = |part: usize, whole: usize| part as f32 > 0.4 * whole as f32;
    // An angular 0 or 8, as on a pocket calculator, has holes that are boxes as wide as itself.
    let is_digit =
        fills > 0.75 && is_wide(bounds.width(), sheet.width()) && is_wide(bounds.height(), sheet.height());
    ((0.002..0.45).contains(&share) && !is_digit).then_some(drawn)
}

/// The picture without the strips of ink along whole sides, where a drawing is left that keeps off the other sides.
pub(crate) fn without_strips(picture: &Gray) -> Option<Gray> {
    let (level, strongest) = edge(picture);
    let mut mask = mask_of(picture, |value| (value - level).abs() > 0.3 * strongest);
    let mut erased = mask_of(picture, |_| false);
    let free = [(); 4].map(|()| {
        let (lines, depth) = (mask.height(), mask.width());
        let strip = Strip::of(&mask, 1 + depth / 100);
        let askew = (ASKEW * lines as f32).max(2.0) as usize;
        let agree = strip.runs.iter().flatten().filter(|run| run.length.abs_diff(strip.breadth) <= askew);
        let straight = agree.count() as f32 / lines as f32;
        let is_free = strip.covered < COVERED || straight < 0.65 || strip.breadth as f32 > 0.3 * depth as f32;
        if !is_free {
            erased.paint(1.0, strip.places(depth, 2 + depth / 100));
        }
        (mask, erased) = (mask.turned(), erased.turned());
        is_free
    });
    let (width, height) = (mask.width(), mask.height());
    let erased: Vec<_> = erased.places_above(0.0).collect();
    let left = ink_bounds(&mask.painted(0.0, erased.iter().copied()))?;
    let margins = [
        (left.left, width),
        (height - 1 - left.bottom, height),
        (width - 1 - left.right, width),
        (left.top, height),
    ];
    let keeps_off =
        free.into_iter().zip(margins).all(|(is_free, (margin, depth))| !is_free || margin > depth / 100);
    let is_drawing = 20 * left.side() >= width.max(height);
    (!erased.is_empty() && keeps_off && is_drawing).then(|| picture.clone().painted(level, erased))
}

/// The picture without the frame that all ink lies in, where a drawing is left within it. The drawing may touch it.
pub(crate) fn without_frame(picture: &Gray, ink: &Gray) -> Option<Gray> {
    let bounds = ink.bounds_above(0.0)?;
    let (width, height) = (bounds.width(), bounds.height());
    if width.min(height) < 12 {
        return None;
    }
    let mut mask = mask_of(&ink.within(bounds), |level| level > 0.0);
    let mut erased = mask_of(&mask, |_| false);
    let mut walls = [0; 4];
    for wall in &mut walls {
        let depth = mask.width();
        let strip = Strip::of(&mask, (0.12 * depth as f32) as usize);
        if strip.covered < COVERED || strip.breadth as f32 > 0.15 * depth as f32 {
            return None;
        }
        *wall = middle(strip.runs.iter().flatten().map(|run| run.before)) + strip.breadth;
        erased.paint(1.0, strip.places(depth, 1));
        (mask, erased) = (mask.turned(), erased.turned());
    }
    let left = ink_bounds(&mask.painted(0.0, erased.places_above(0.0)))?;
    let [near, bottom, far, top] = walls;
    let room =
        (width.saturating_sub(near + far).max(1) as f32, height.saturating_sub(top + bottom).max(1) as f32);
    let (across, down) = (left.width() as f32 / room.0, left.height() as f32 / room.1);
    let place = |place: usize| (bounds.top + place / width) * ink.width() + bounds.left + place % width;
    let erased: Vec<_> = erased.places_above(0.0).map(place).collect();
    let within = picture.clone().painted(edge(picture).0, erased.iter().copied());
    if across > 0.9 && down > 0.9 {
        // A second frame within the first; or the stroke through an angular 0, which reaches from corner to corner.
        return without_frame(&within, &ink.clone().painted(0.0, erased));
    }
    // The bar of an angular 8 reaches from wall to wall.
    let is_bar = across > 0.9 && down < 0.3;
    (down >= 0.2 && !is_bar).then_some(within)
}
