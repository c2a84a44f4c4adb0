//! The connected spots of a picture.

use crate::bounds::Bounds;
use crate::gray::Gray;

/// Pixels that hang together, by a side or a corner.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Their places, row by row from 0.
    pub(crate) places: Vec<usize>,
    /// The sum of their levels.
    pub(crate) ink: f32,
    pub(crate) bounds: Bounds,
}

/// The spots of the pixels above 0.
pub(crate) fn spots(ink: &Gray) -> Vec<Spot> {
    let (width, height, values) = (ink.width(), ink.height(), ink.values());
    let mut seen = vec![false; values.len()];
    let mut spots = Vec::new();
    for start in 0..values.len() {
        if seen[start] || values[start] <= 0.0 {
            continue;
        }
        seen[start] = true;
        let mut places = vec![start];
        let mut bounds = Bounds::at(start, width);
        let mut next = 0;
        while let Some(&at) = places.get(next) {
            next += 1;
            let pixel = Bounds::at(at, width);
            bounds = bounds.joined(pixel);
            for y in pixel.top.saturating_sub(1)..(pixel.top + 2).min(height) {
                for x in pixel.left.saturating_sub(1)..(pixel.left + 2).min(width) {
                    let neighbour = y * width + x;
                    if !seen[neighbour] && values[neighbour] > 0.0 {
                        seen[neighbour] = true;
                        places.push(neighbour);
                    }
                }
            }
        }
        let ink = places.iter().map(|&at| values[at]).sum();
        spots.push(Spot { places, ink, bounds });
    }
    spots
}
