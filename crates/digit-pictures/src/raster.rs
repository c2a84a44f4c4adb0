//! A picture in colour, no larger than needs be.

use crate::gray::transposed;

/// Pictures are made smaller on the fly as long as their longer side keeps so many pixels.
const ENOUGH: usize = 1024;

/// Colours, row by row: red, green, blue and opacity, each 0..=1; what is transparent may have any colour.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) pixels: Vec<[f32; 4]>,
    /// Whether there were 16 bits a sample: differences far below one of 255 levels are real.
    pub(crate) fine: bool,
}

impl Raster {
    pub(crate) fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Upright, when it was stored as EXIF's `orientation` says (2.32, 4.6.4).
    pub(crate) fn upright(mut self, orientation: u16) -> Self {
        if orientation > 4 {
            (self.width, self.pixels) = (self.height(), transposed(self.width, &self.pixels));
        }
        if matches!(orientation, 3 | 4 | 7 | 8) {
            self.pixels.reverse();
        }
        if orientation.is_multiple_of(2) {
            self.pixels.chunks_exact_mut(self.width).for_each(<[_]>::reverse);
        }
        self
    }
}

/// Makes a raster of the rows of a picture as they are decoded: each of its pixels is the mean of `step` x `step`.
pub(crate) struct Reducer {
    step: usize,
    width: usize,
    fine: bool,
    /// Sums over the rows of one row to be: colours times opacity, opacity.
    sums: Vec<[f32; 4]>,
    rows_summed: usize,
    pixels: Vec<[f32; 4]>,
}

impl Reducer {
    /// For a picture of `width` x `height`, neither 0.
    pub(crate) fn new(width: usize, height: usize, fine: bool) -> Self {
        let step = (width.max(height) / ENOUGH).max(1);
        Self {
            step,
            width,
            fine,
            sums: vec![[0.0; 4]; width.div_ceil(step)],
            rows_summed: 0,
            pixels: Vec::with_capacity(width.div_ceil(step) * height.div_ceil(step)),
        }
    }

    /// The next row: `samples` are grey, grey and opacity, red, green and blue, or these and opacity, by `channels`.
    pub(crate) fn push(&mut self, channels: usize, samples: impl Iterator<Item = f32>) {
        let mut pixel = [0.0; 4];
        for (index, sample) in samples.take(channels * self.width).enumerate() {
            pixel[index % channels] = sample;
            if index % channels + 1 < channels {
                continue;
            }
            let [red, green, blue, opacity] = match channels {
                1 => [pixel[0], pixel[0], pixel[0], 1.0],
                2 => [pixel[0], pixel[0], pixel[0], pixel[1]],
                3 => [pixel[0], pixel[1], pixel[2], 1.0],
                _ => pixel,
            };
            let sum = &mut self.sums[index / channels / self.step];
            for (sum, value) in sum.iter_mut().zip([red * opacity, green * opacity, blue * opacity, opacity])
            {
                *sum += value;
            }
        }
        self.rows_summed += 1;
        if self.rows_summed == self.step {
            self.flush();
        }
    }

    fn flush(&mut self) {
        for (index, sum) in self.sums.iter_mut().enumerate() {
            let columns = self.step.min(self.width - index * self.step);
            let [red, green, blue, opacity] = *sum;
            let over = opacity.max(f32::MIN_POSITIVE);
            let summed = (columns * self.rows_summed) as f32;
            self.pixels.push([red / over, green / over, blue / over, opacity / summed]);
            *sum = [0.0; 4];
        }
        self.rows_summed = 0;
    }

    /// The raster; the last rows may have been fewer.
    pub(crate) fn finish(mut self) -> Raster {
        if self.rows_summed > 0 {
            self.flush();
        }
        Raster { width: self.sums.len(), pixels: self.pixels, fine: self.fine }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_becomes_means_of_its_pixels() {
        let mut reducer = Reducer::new(2 * ENOUGH + 1, 3, false);
        for row in 0..3 {
            reducer.push(1, (0..2 * ENOUGH + 1).map(|x| ((x + row) % 2) as f32));
        }
        let raster = reducer.finish();
        assert_eq!((raster.width, raster.height()), (ENOUGH + 1, 2));
        assert_eq!(raster.pixels[0], [0.5, 0.5, 0.5, 1.0]);
        assert_eq!(raster.pixels[ENOUGH], [0.5, 0.5, 0.5, 1.0]);
        assert_eq!(raster.pixels[ENOUGH + 1], [0.5, 0.5, 0.5, 1.0]);
    }

    #[test]
    fn what_is_transparent_lends_no_colour() {
        let mut reducer = Reducer::new(2 * ENOUGH, 1, false);
        let pixel = |x| if x % 2 == 0 { [1.0, 1.0] } else { [0.0, 0.0] };
        reducer.push(2, (0..2 * ENOUGH).flat_map(pixel));
        assert_eq!(reducer.finish().pixels[7], [1.0, 1.0, 1.0, 0.5]);
    }

    /// Of 3 x 2 pixels, the upper left one goes where EXIF says, and the one that was right of it is beside it.
    #[test]
    fn the_first_row_and_column_go_where_exif_says() {
        for (orientation, first, second) in [
            (1, (0, 0), (1, 0)),
            (2, (2, 0), (1, 0)),
            (3, (2, 1), (1, 1)),
            (4, (0, 1), (1, 1)),
            (5, (0, 0), (0, 1)),
            (6, (1, 0), (1, 1)),
            (7, (1, 2), (1, 1)),
            (8, (0, 2), (0, 1)),
        ] {
            let pixels = (0..6).map(|place| [place as f32; 4]).collect();
            let upright = Raster { width: 3, pixels, fine: false }.upright(orientation);
            for (stored, (x, y)) in [first, second].into_iter().enumerate() {
                assert_eq!(upright.pixels[y * upright.width + x], [stored as f32; 4], "{orientation}");
            }
        }
    }
}
