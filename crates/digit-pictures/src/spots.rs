//! The connected spots of a picture.

use crate::gray::Gray;

/// Pixels that hang together, by a side or a corner.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Their places, row by row from 0.
    pub(crate) places: Vec<usize>,
    /// The sum of their levels.
    pub(crate) ink: f32,
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
