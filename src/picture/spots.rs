//! The connected spots of a picture.

use super::gray::Gray;

/// Pixels that hang together, by a side or a corner.
#[derive(Debug)]
pub(super) struct Spot {
    /// Their places, row by row from 0.
    pub(super) places: Vec<usize>,
    /// The sum of their levels.
    pub(super) ink: f32,
}

/// The spots of the pixels above 0.
pub(super) fn spots(ink: &Gray) -> Vec<Spot> {
    let (width, height, values) = (ink.width(), ink.height(), ink.values());
    let mut seen = vec![false; values.len()];
    let mut spots = Vec::new();
    for start in 0..values.len() {
        if seen[start] || values[start] <= 0.0 {
            continue;
        }
        seen[start] = true;
        let mut places = vec![start];
        let mut next = 0;
        while let Some(&at) = places.get(next) {
            next += 1;
            let (x, y) = (at % width, at / width);
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    let neighbour = y * width + x;
                    if !seen[neighbour] && values[neighbour] > 0.0 {
                        seen[neighbour] = true;
                        places.push(neighbour);
                    }
                }
            }
        }
        let ink = places.iter().map(|&at| values[at]).sum();
        spots.push(Spot { places, ink });
    }
    spots
}

/// A part of a picture: columns `left` to `right` and rows `top` to `bottom`, the last ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Bounds {
    /// The smallest that hold all `places` of a picture of `width`; none for no place.
    pub(super) fn of(places: impl IntoIterator<Item = usize>, width: usize) -> Option<Self> {
        places
            .into_iter()
            .map(|place| {
                let (x, y) = (place % width, place / width);
                Self { left: x, right: x, top: y, bottom: y }
            })
            .reduce(Self::joined)
    }

    /// The smallest that hold all pixels of `ink` above a level.
    pub(super) fn of_ink(ink: &Gray, least: f32) -> Option<Self> {
        Self::of((0..ink.values().len()).filter(|&place| ink.values()[place] > least), ink.width())
    }

    /// The smallest that hold both.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(super) fn width(self) -> usize {
        self.right + 1 - self.left
    }

    pub(super) fn height(self) -> usize {
        self.bottom + 1 - self.top
    }

    pub(super) fn side(self) -> usize {
        self.width().max(self.height())
    }

    pub(super) fn area(self) -> usize {
        self.width() * self.height()
    }
}
