//! A picture as levels of grey.

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, Luma};

/// A picture of grey levels, 0 for black to 1 for white.
#[derive(Debug, Clone, PartialEq)]
pub struct Gray {
    width: usize,
    values: Vec<f32>,
}

impl Gray {
    /// A picture of `width` columns from its grey levels, row by row.
    ///
    /// # Panics
    /// The values are no whole number of rows.
    pub fn new(width: usize, values: Vec<f32>) -> Self {
        assert!(
            width > 0 && values.len().is_multiple_of(width),
            "values must be [height, width]"
        );
        Self { width, values }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.values.len() / self.width
    }

    /// The grey levels, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The greatest level, 0 for an empty picture.
    pub(super) fn max(&self) -> f32 {
        self.values.iter().copied().fold(0.0, f32::max)
    }

    pub(super) fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = change(*value));
        self
    }

    /// The level at a place; 0 outside.
    pub(super) fn at(&self, x: isize, y: isize) -> f32 {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return 0.0;
        };
        if x < self.width {
            self.values.get(y * self.width + x).copied().unwrap_or(0.0)
        } else {
            0.0
        }
    }

    /// The part from (`left`, `top`) on, `width` x `height`.
    pub(super) fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let rows = self.values.chunks_exact(self.width).skip(top).take(height);
        Self {
            width,
            values: rows.flat_map(|row| &row[left..left + width]).copied().collect(),
        }
    }

    /// The same picture in another size: each new pixel is a weighted mean of those it covers.
    pub(super) fn resize(&self, width: usize, height: usize) -> Self {
        let (old_width, old_height) = (self.width as u32, self.height() as u32);
        let Some(picture) =
            ImageBuffer::<Luma<f32>, _>::from_raw(old_width, old_height, self.values.as_slice())
        else {
            return self.clone();
        };
        let resized = imageops::resize(&picture, width as u32, height as u32, FilterType::Triangle);
        Self {
            width,
            values: resized.into_raw(),
        }
    }
}

impl From<DynamicImage> for Gray {
    /// What is transparent shows paper: white behind dark ink, black behind light ink.
    fn from(picture: DynamicImage) -> Self {
        let picture = picture.into_luma_alpha8();
        let (mut ink, mut opaque) = (0.0, 0.0);
        for pixel in picture.pixels() {
            let [level, alpha] = pixel.0.map(f64::from);
            ink += level * alpha;
            opaque += alpha;
        }
        let paper = if ink > 127.5 * opaque { 0.0 } else { 1.0 };
        let values = picture.pixels().map(|pixel| {
            let [level, alpha] = pixel.0.map(|byte| f32::from(byte) / 255.0);
            alpha * level + (1.0 - alpha) * paper
        });
        Self {
            width: picture.width().max(1) as usize,
            values: values.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{LumaA, RgbaImage};

    #[test]
    fn paper_behind_a_transparent_picture_contrasts_with_the_ink() {
        for (ink, paper) in [(0, 1.0), (255, 0.0)] {
            let picture = ImageBuffer::from_fn(3, 1, |x, _| LumaA([ink, if x == 1 { 255u8 } else { 0 }]));
            let gray = Gray::from(DynamicImage::ImageLumaA8(picture));
            assert_eq!(gray.values(), [paper, f32::from(ink) / 255.0, paper]);
        }
        let clear = Gray::from(DynamicImage::ImageRgba8(RgbaImage::new(2, 2)));
        assert_eq!(clear.values(), [1.0; 4]);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let gray = Gray::new(3, vec![0.0, 0.5, 1.0, 0.25, 0.75, 0.125]);
        assert_eq!(gray.resize(3, 2), gray);
        assert_eq!(gray.crop(1, 0, 2, 1).values(), [0.5, 1.0]);
        assert_eq!(
            (gray.at(2, 0), gray.at(3, 0), gray.at(0, 2), gray.at(-1, 0)),
            (1.0, 0.0, 0.0, 0.0)
        );
    }
}
