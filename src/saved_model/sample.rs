//! A digit to warm a model up with, and to show a request with.

use crate::model::{PIXELS, SIDE};

/// A seven as MNIST has them, 28 x 28; each character is a brightness of [`LEVELS`].
const SEVEN: [&str; SIDE as usize] = [
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

/// The seven's pixels, 0 for background to 255 for full ink, row by row.
pub(super) fn seven() -> [u8; PIXELS as usize] {
    let mut pixels = [0; PIXELS as usize];
    for (pixel, level) in pixels.iter_mut().zip(SEVEN.iter().flat_map(|row| row.chars())) {
        let brightness = LEVELS.find(level).unwrap_or_default();
        *pixel = (brightness * 255 / (LEVELS.len() - 1)) as u8;
    }
    pixels
}

/// The same as the network is fed: 784 floats in 0..=1.
pub(super) fn seven_as_floats() -> [f32; PIXELS as usize] {
    seven().map(|byte| f32::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_28_levels_wide() {
        for row in SEVEN {
            assert_eq!(row.len(), SIDE as usize);
            assert!(row.chars().all(|level| LEVELS.contains(level)), "{row}");
        }
        assert_eq!((seven()[0], seven()[8 * 28 + 7]), (0, 255));
    }
}
