//! A run of rows, and how they become what the network is fed.

use super::idx::Contents;
use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What a pixel is given as; background is the default.
pub trait Pixel: Copy + Default {
    /// Of a byte as stored.
    fn of(byte: u8) -> Self;
}

/// As stored.
impl Pixel for u8 {
    fn of(byte: u8) -> Self {
        byte
    }
}

/// In 0..=1: `byte / 255` in f32, the bits of numpy's `x.astype(np.float32) / 255.0`.
impl Pixel for f32 {
    fn of(byte: u8) -> Self {
        // A true division, not a product with 1 / 255, which differs in the last bit.
        Self::from(byte) / 255.0
    }
}

/// Images with their labels: a run of rows of a pair of files. Clones share the bytes.
#[derive(Clone)]
pub struct Split {
    images: Arc<Contents>,
    labels: Arc<Contents>,
    image_size: [usize; 2],
    rows: Range<usize>,
}

impl Split {
    /// All rows of two files, which have as many.
    pub(super) fn new(images: Contents, labels: Contents, image_size: [usize; 2]) -> Self {
        let rows = 0..images.count;
        Self { images: Arc::new(images), labels: Arc::new(labels), image_size, rows }
    }

    /// The rows of a split of all rows.
    pub(super) fn part(&self, rows: Range<usize>) -> Self {
        Self { rows, ..self.clone() }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows in runs of at most `most`.
    pub(crate) fn chunks(&self, most: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, most) = (self.len(), most.max(1));
        (0..rows).step_by(most).map(move |start| start..rows.min(start + most))
    }

    /// As [`chunks`](Self::chunks), as many and as long ones for each of `sharers` that take them at once, so that none waits
    /// for another.
    pub(crate) fn even_chunks(&self, most: usize, sharers: usize) -> Vec<Range<usize>> {
        shared_out(self.len(), most, sharers)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Height and width of an image, in pixels.
    pub fn image_size(&self) -> [usize; 2] {
        self.image_size
    }

    /// Pixels of an image.
    pub fn image_pixels(&self) -> usize {
        self.image_size().into_iter().product()
    }

    /// Pixels as stored, `[len, pixels]` row-major: 0 is background, 255 full ink.
    pub fn pixels(&self) -> &[u8] {
        let pixels = self.image_pixels();
        &self.images.values()[self.rows.start * pixels..self.rows.end * pixels]
    }

    /// The pixels of one image, `[height, width]` row-major.
    ///
    /// # Panics
    /// The row is not in this split.
    pub fn image(&self, row: usize) -> &[u8] {
        let pixels = self.image_pixels();
        &self.pixels()[row * pixels..][..pixels]
    }

    /// Labels, `[len]`, each the number of a class, counted from 0.
    pub fn labels(&self) -> &[u8] {
        &self.labels.values()[self.rows.clone()]
    }

    /// Writes the images of `rows` (counted within this split; a slice or a range) to `images`, `[rows, pixels]`, and
    /// their labels to `labels`, `[rows]`.
    ///
    /// # Panics
    /// A row is not in this split, or an output does not have the size said.
    pub fn gather<P: Pixel>(
        &self,
        rows: impl IntoIterator<Item: Borrow<usize>, IntoIter: ExactSizeIterator>,
        images: &mut [P],
        labels: &mut [i32],
    ) {
        let (rows, pixels) = (rows.into_iter(), self.image_pixels());
        assert_eq!(images.len(), rows.len() * pixels, "images must be [rows, pixels]");
        assert_eq!(labels.len(), rows.len(), "labels must be [rows]");
        for (row, (image, label)) in rows.zip(images.chunks_exact_mut(pixels).zip(labels)) {
            let row = *row.borrow();
            // The compiler makes it SIMD.
            for (pixel, &byte) in image.iter_mut().zip(self.image(row)) {
                *pixel = P::of(byte);
            }
            *label = i32::from(self.labels()[row]);
        }
    }
}

impl fmt::Debug for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Split").field("rows", &self.rows).finish_non_exhaustive()
    }
}

fn shared_out(rows: usize, most: usize, sharers: usize) -> Vec<Range<usize>> {
    let count = rows.div_ceil(most.max(1)).next_multiple_of(sharers.max(1)).min(rows);
    (0..count).map(|chunk| chunk * rows / count..(chunk + 1) * rows / count).collect()
}

#[cfg(test)]
#[test]
fn sharers_have_as_much_to_do() {
    for rows in 0..60 {
        for (most, sharers) in [(1, 1), (7, 1), (7, 2), (7, 3), (10, 4), (100, 3), (0, 0)] {
            let chunks = shared_out(rows, most, sharers);
            let all: Vec<_> = chunks.iter().cloned().flatten().collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
            let lengths = || chunks.iter().map(ExactSizeIterator::len);
            let (least, greatest) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
            assert!(greatest <= most.max(1) && greatest - least < 2 && (least > 0) == (rows > 0));
            assert!(rows < sharers || chunks.len().is_multiple_of(sharers.max(1)));
        }
    }
}
