//! A digit to warm a model up with, and to show a request with.

/// Height and width of the drawing.
const SIDE: usize = 28;

/// A seven as MNIST has them, 28 x 28; each character is a brightness of [`LEVELS`].
const SEVEN: [&str; SIDE] = [
    "                            ",
    "                            ",
    "                            ",
    "                            ",
    "                            ",
    "                            ",
    "                            ",
    "      -+**++=-..            ",
    "      #@@@@@@@@#***###+     ",
    "      =++++*##@@@@@@@@@.    ",
    "              ....:=@@@     ",
    "                   #@@-     ",
    "                  =@@#      ",
    "                 .@@@.      ",
    "                 #@@=       ",
    "                =@@#        ",
    "               .@@@.        ",
    "               *@@-         ",
    "              -@@#          ",
    "             .#@@.          ",
    "             *@@+           ",
    "            .@@@.           ",
    "            *@@+            ",
    "           .@@@-            ",
    "           *@@@-            ",
    "           *@@-             ",
    "                            ",
    "                            ",
];

const LEVELS: &str = " .:-=+*#@";

/// A seven of `[height, width]` pixels, 0 for background to 255 for full ink, row by row.
pub(super) fn seven([height, width]: [usize; 2]) -> Vec<u8> {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y * SIDE / height, x * SIDE / width)));
    let brightness = |(y, x): (usize, usize)| {
        let level = SEVEN[y].as_bytes()[x];
        LEVELS.bytes().position(|candidate| candidate == level).unwrap_or_default()
    };
    places.map(|place| (brightness(place) * 255 / (LEVELS.len() - 1)) as u8).collect()
}

/// The same as the network is fed: floats in 0..=1.
pub(super) fn seven_as_floats(size: [usize; 2]) -> Vec<f32> {
    seven(size).into_iter().map(|byte| f32::from(byte) / 255.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_28_levels_wide() {
        for row in SEVEN {
            assert_eq!(row.len(), SIDE);
            assert!(row.chars().all(|level| LEVELS.contains(level)), "{row}");
        }
        assert_eq!((seven([28, 28])[0], seven([28, 28])[8 * 28 + 7]), (0, 255));
        assert_eq!(seven([8, 8])[2 * 8 + 2], seven([28, 28])[7 * 28 + 7]);
    }
}
