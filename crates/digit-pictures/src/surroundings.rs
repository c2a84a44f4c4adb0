//! What lies around a drawing and is none of it: the border of a scan, the table under a sheet, a printed frame.
//!
//! All of them have straight sides, and a drawing within. Each function here looks inwards from the four sides, line by
//! line, at how far it is to the first ink and how much of it follows.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

const SIDES: [Side; 4] = [Side::Top, Side::Bottom, Side::Left, Side::Right];

/// What a line from a side meets.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Pixels before the first ink.
    before: usize,
    /// Pixels of ink from there.
    length: usize,
}

/// The ink along a side: its outermost runs.
struct Strip {
    side: Side,
    /// One a line, where the line meets the strip.
    runs: Vec<Option<Run>>,
    /// The share of lines that meet it.
    covered: f32,
    /// Of the run in the middle by length.
    breadth: usize,
}

/// Where there is ink: 1, and 0 elsewhere.
fn mask_of(picture: &Gray, is_ink: impl Fn(f32) -> bool) -> Gray {
    picture.clone().map(|level| f32::from(is_ink(level)))
}

impl Side {
    /// How many lines start at this side, and how many pixels each of them has.
    fn size(self, mask: &Gray) -> (usize, usize) {
        match self {
            Self::Top | Self::Bottom => (mask.width(), mask.height()),
            Self::Left | Self::Right => (mask.height(), mask.width()),
        }
    }

    fn place(self, mask: &Gray, line: usize, depth: usize) -> usize {
        let (x, y) = match self {
            Self::Top => (line, depth),
            Self::Bottom => (line, mask.height() - 1 - depth),
            Self::Left => (depth, line),
            Self::Right => (mask.width() - 1 - depth, line),
        };
        y * mask.width() + x
    }

    fn runs(self, mask: &Gray) -> Vec<Option<Run>> {
        let (lines, depth) = self.size(mask);
        let run = |line: usize| {
            let ink = |&depth: &usize| mask.values()[self.place(mask, line, depth)] > 0.0;
            let before = (0..depth).find(ink)?;
            let length = (before..depth).take_while(ink).count();
            Some(Run { before, length })
        };
        (0..lines).map(run).collect()
    }

    /// The ink along this side that begins no more than `before` pixels from it.
    fn strip(self, mask: &Gray, before: usize) -> Strip {
        let runs: Vec<_> =
            self.runs(mask).into_iter().map(|run| run.filter(|run| run.before <= before)).collect();
        let covered = runs.iter().flatten().count() as f32 / runs.len() as f32;
        let breadth = middle(runs.iter().flatten().map(|run| run.length));
        Strip { side: self, runs, covered, breadth }
    }
}

impl Strip {
    /// Its places, and those of `blur` pixels more on every line; what is far broader than the strip is none of it.
    fn places(&self, mask: &Gray, blur: usize) -> Vec<usize> {
        let (_, depth) = self.side.size(mask);
        let places = self.runs.iter().enumerate().flat_map(|(line, run)| {
            let (before, length) = run.map_or((0, 0), |run| (run.before, run.length));
            let end = before + length.min(self.breadth * 8 / 5 + blur.min(2)) + blur;
            (0..end.min(depth)).map(move |depth| self.side.place(mask, line, depth))
        });
        places.collect()
    }
}

/// The bounds of the ink, but for dirt.
fn ink_bounds(mask: &Gray) -> Option<Bounds> {
    let spots = spots(mask);
    let largest = spots.iter().map(|spot| spot.ink).fold(0.0, f32::max);
    let kept = spots.iter().filter(|spot| spot.ink >= DIRT * largest);
    Bounds::of(kept.flat_map(|spot| spot.places.iter().copied()), mask.width())
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
    let mask = mask_of(picture, |value| (value - level).abs() > 0.5 * strongest);
    let runs = SIDES.map(|side| side.runs(&mask));
    let mut inset = runs.each_ref().map(|runs| middle(runs.iter().flatten().map(|run| run.before)));
    let (width, height) = (mask.width(), mask.height());
    let sheet = |[top, bottom, left, right]: [usize; 4]| {
        (left + right + 8 <= width && top + bottom + 8 <= height).then(|| Bounds {
            left,
            right: width - 1 - right,
            top,
            bottom: height - 1 - bottom,
        })
    };
    let rough = sheet(inset)?;
    for (index, side) in SIDES.into_iter().enumerate() {
        let (lines, length) = match side {
            Side::Top | Side::Bottom => (rough.left..=rough.right, rough.width()),
            Side::Left | Side::Right => (rough.top..=rough.bottom, rough.height()),
        };
        let askew = (ASKEW * length as f32).max(2.0) as usize;
        let straight: Vec<_> = runs[index][lines]
            .iter()
            .flatten()
            .map(|run| run.before)
            .filter(|before| before.abs_diff(inset[index]) <= askew)
            .collect();
        if (straight.len() as f32) < STRAIGHT * length as f32 {
            return None;
        }
        let border = straight.into_iter().max().unwrap_or_default();
        // Scanners and cameras blur the edge.
        inset[index] = if border == 0 { 0 } else { border + 2 + length / 100 };
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
    let mut erased = Vec::new();
    let mut free = Vec::new();
    for side in SIDES {
        let (lines, depth) = side.size(&mask);
        let strip = side.strip(&mask, 1 + depth / 100);
        let askew = (ASKEW * lines as f32).max(2.0) as usize;
        let agree = strip.runs.iter().flatten().filter(|run| run.length.abs_diff(strip.breadth) <= askew);
        let straight = agree.count() as f32 / lines as f32;
        if strip.covered < COVERED || straight < 0.65 || strip.breadth as f32 > 0.3 * depth as f32 {
            free.push(side);
            continue;
        }
        erased.extend(strip.places(&mask, 2 + depth / 100));
    }
    mask = mask.painted(0.0, &erased);
    let left = ink_bounds(&mask)?;
    let margins = [left.top, mask.height() - 1 - left.bottom, left.left, mask.width() - 1 - left.right];
    let keeps_off = SIDES
        .into_iter()
        .zip(margins)
        .all(|(side, margin)| !free.contains(&side) || margin > side.size(&mask).1 / 100);
    let is_drawing = 20 * left.side() >= mask.width().max(mask.height());
    (!erased.is_empty() && keeps_off && is_drawing).then(|| picture.painted(level, &erased))
}

/// The picture without the frame that all ink lies in, where a drawing is left within it. The drawing may touch it.
pub(crate) fn without_frame(picture: &Gray, ink: &Gray) -> Option<Gray> {
    let bounds = ink.bounds_above(0.0)?;
    let (width, height) = (bounds.width(), bounds.height());
    if width.min(height) < 12 {
        return None;
    }
    let mut mask = mask_of(&ink.within(bounds), |level| level > 0.0);
    let mut erased = Vec::new();
    let mut walls = [0; 4];
    for (index, side) in SIDES.into_iter().enumerate() {
        let (_, depth) = side.size(&mask);
        let strip = side.strip(&mask, (0.12 * depth as f32) as usize);
        if strip.covered < COVERED || strip.breadth as f32 > 0.15 * depth as f32 {
            return None;
        }
        walls[index] = middle(strip.runs.iter().flatten().map(|run| run.before)) + strip.breadth;
        erased.extend(strip.places(&mask, 1));
    }
    mask = mask.painted(0.0, &erased);
    let left = ink_bounds(&mask)?;
    let [top, bottom, near, far] = walls;
    let room =
        (width.saturating_sub(near + far).max(1) as f32, height.saturating_sub(top + bottom).max(1) as f32);
    let (across, down) = (left.width() as f32 / room.0, left.height() as f32 / room.1);
    let place = |place: &usize| (bounds.top + place / width) * ink.width() + bounds.left + place % width;
    let erased: Vec<_> = erased.iter().map(place).collect();
    let within = picture.painted(edge(picture).0, &erased);
    if across > 0.9 && down > 0.9 {
        // A second frame within the first; or the stroke through an angular 0, which reaches from corner to corner.
        return without_frame(&within, &ink.painted(0.0, &erased));
    }
    // The bar of an angular 8 reaches from wall to wall.
    let is_bar = across > 0.9 && down < 0.3;
    (down >= 0.2 && !is_bar).then_some(within)
}
