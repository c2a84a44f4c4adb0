//! How broad a pen's strokes are, and how to make them broader or narrower.

use crate::gray::Gray;

/// The mean breadth of the strokes in `ink`, 0..=1, in pixels: a line of length l and breadth b has the area lb and,
/// its ends aside, the outline 2l. The outline of a picture with soft edges is its total variation.
pub(crate) fn breadth(ink: &Gray) -> f32 {
    let (width, height) = (ink.width() as isize, ink.height() as isize);
    let mut outline = 0.0;
    for y in -1..height {
        for x in -1..width {
            let here = ink.at(x, y);
            outline += (ink.at(x + 1, y) - here).hypot(ink.at(x, y + 1) - here);
        }
    }
    let area: f32 = ink.values().iter().sum();
    if outline > 0.0 { 2.0 * area / outline } else { 0.0 }
}

/// `ink` with every outline moved outwards by `pixels`, inwards if negative, to the nearest whole number, in a picture
/// that has as many more columns and rows on every side (or fewer).
pub(crate) fn grow(ink: &Gray, pixels: isize) -> Gray {
    let radius = pixels.abs();
    let disc: Vec<_> = (-radius..=radius)
        .flat_map(|y| (-radius..=radius).map(move |x| (x, y)))
        .filter(|(x, y)| x * x + y * y <= radius * radius)
        .collect();
    let width = (ink.width() as isize + 2 * pixels).max(1);
    let height = (ink.height() as isize + 2 * pixels).max(1);
    let mut values = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let around = disc.iter().map(|(dx, dy)| ink.at(x - pixels + dx, y - pixels + dy));
            values.push(if pixels > 0 { around.fold(0.0, f32::max) } else { around.fold(1.0, f32::min) });
        }
    }
    Gray::new(width as usize, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(breadth: usize) -> Gray {
        let values = (0..100)
            .flat_map(|_| (0..breadth + 8).map(|x| f32::from(u8::from((4..breadth + 4).contains(&x)))));
        Gray::new(breadth + 8, values.collect())
    }

    #[test]
    fn the_breadth_of_a_bar_is_measured() {
        for expected in [2, 5, 9] {
            let measured = breadth(&bar(expected));
            assert!((measured - expected as f32).abs() < 0.1 * expected as f32, "{measured} of {expected}");
        }
        assert_eq!(breadth(&Gray::new(2, vec![0.0; 4])), 0.0);
    }

    #[test]
    fn growing_and_shrinking_move_the_outline() {
        for (pixels, expected) in [(2, 9), (0, 5), (-1, 3)] {
            let grown = grow(&bar(5), pixels);
            let middle = grown.crop(0, grown.height() / 2, grown.width(), 1);
            assert_eq!(middle.values().iter().sum::<f32>(), expected as f32, "{pixels}");
            assert_eq!(grown.width() as isize, 13 + 2 * pixels);
        }
    }
}
