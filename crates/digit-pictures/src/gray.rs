//! A picture as levels of grey.

use crate::bounds::Bounds;

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
        assert!(width > 0 && values.len().is_multiple_of(width), "values must be [height, width]");
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

    /// The least and the greatest level.
    pub(crate) fn extremes(&self) -> (f32, f32) {
        let fold = |start, choose: fn(f32, f32) -> f32| self.values.iter().copied().fold(start, choose);
        (fold(f32::MAX, f32::min), fold(f32::MIN, f32::max))
    }

    pub(crate) fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = change(*value));
        self
    }

    /// The level at a place; 0 outside.
    pub(crate) fn at(&self, x: isize, y: isize) -> f32 {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return 0.0;
        };
        if x < self.width { self.values.get(y * self.width + x).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// Gives some places a level.
    pub(crate) fn paint(&mut self, level: f32, places: impl IntoIterator<Item = usize>) {
        places.into_iter().for_each(|place| self.values[place] = level);
    }

    /// The same picture with `level` at some places.
    pub(crate) fn painted(mut self, level: f32, places: impl IntoIterator<Item = usize>) -> Self {
        self.paint(level, places);
        self
    }

    /// Where levels are above `least`.
    pub(crate) fn places_above(&self, least: f32) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(move |&place| self.values[place] > least)
    }

    /// The smallest part that holds all pixels above a level.
    pub(crate) fn bounds_above(&self, least: f32) -> Option<Bounds> {
        Bounds::of(self.places_above(least), self.width)
    }

    /// The part within `bounds`.
    pub(crate) fn within(&self, bounds: Bounds) -> Self {
        self.crop(bounds.left, bounds.top, bounds.width(), bounds.height())
    }

    /// The part from (`left`, `top`) on, `width` x `height`.
    pub(crate) fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let rows = self.values.chunks_exact(self.width).skip(top).take(height);
        Self { width, values: rows.flat_map(|row| &row[left..left + width]).copied().collect() }
    }

    /// The same picture `scale` times as wide and as high, to the nearest pixel.
    pub(crate) fn scaled(&self, scale: f64) -> Self {
        let scaled = |size: usize| ((size as f64 * scale).round() as usize).max(1);
        self.resize(scaled(self.width), scaled(self.height()))
    }

    /// In the size whose longer side is `side`.
    pub(crate) fn scaled_to(&self, side: usize) -> Self {
        self.scaled(side as f64 / self.width.max(self.height()) as f64)
    }

    /// The same picture in another size: each new pixel is a weighted mean of those it covers.
    pub(crate) fn resize(&self, width: usize, height: usize) -> Self {
        self.resize_rows(height).transposed().resize_rows(width).transposed()
    }

    /// With `height` rows: a triangle filter, as wide as two old rows, or two new ones where those are broader.
    fn resize_rows(&self, height: usize) -> Self {
        let ratio = self.height() as f32 / height as f32;
        let support = ratio.max(1.0);
        let mut values = Vec::with_capacity(self.width * height);
        for row in 0..height {
            let centre = (row as f32 + 0.5) * ratio;
            let first = (centre - support).floor().max(0.0) as usize;
            let last = ((centre + support).ceil() as usize).min(self.height());
            let weight = |old: usize| (1.0 - ((old as f32 + 0.5 - centre) / support).abs()).max(0.0);
            let total: f32 = (first..last).map(weight).sum();
            let mut sums = vec![0.0; self.width];
            for old in first..last {
                let weight = weight(old) / total;
                let row = &self.values[old * self.width..][..self.width];
                for (sum, level) in sums.iter_mut().zip(row) {
                    *sum += weight * level;
                }
            }
            values.extend(sums);
        }
        Self { width: self.width, values }
    }

    pub(crate) fn transposed(&self) -> Self {
        Self { width: self.height().max(1), values: transposed(self.width, &self.values) }
    }

    /// Turned clockwise by a right angle: what was below is at the left.
    pub(crate) fn turned(&self) -> Self {
        let mut turned = self.transposed();
        turned.values.chunks_exact_mut(turned.width).for_each(<[f32]>::reverse);
        turned
    }

    /// The levels of the outermost rows and columns.
    pub(crate) fn border(&self) -> impl Iterator<Item = f32> {
        border(self.width, self.height()).map(|place| self.values[place])
    }
}

/// The pixels of a picture of `width` column by column.
pub(crate) fn transposed<T: Copy>(width: usize, pixels: &[T]) -> Vec<T> {
    (0..width).flat_map(|x| pixels.iter().skip(x).step_by(width)).copied().collect()
}

/// The places of the outermost rows and columns of a picture, each once.
pub(crate) fn border(width: usize, height: usize) -> impl Iterator<Item = usize> {
    let is_edge = move |y: usize| y == 0 || y + 1 == height;
    (0..height).flat_map(move |y| {
        let step = if is_edge(y) { 1 } else { (width - 1).max(1) };
        (0..width).step_by(step).map(move |x| y * width + x)
    })
}

/// The value in the middle; 0 for none.
pub(crate) fn median(values: impl IntoIterator<Item = f32>) -> f32 {
    quantile(values.into_iter().collect(), 0.5)
}

/// The value below which `share` of `values` lie; 0 for none.
pub(crate) fn quantile(mut values: Vec<f32>, share: f64) -> f32 {
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

#[cfg(test)]
#[test]
fn the_same_size_changes_nothing() {
    let gray = Gray::new(3, vec![0.0, 0.5, 1.0, 0.25, 0.75, 0.125]);
    assert_eq!(gray.resize(3, 2), gray);
    assert_eq!(gray.crop(1, 0, 2, 1).values(), [0.5, 1.0]);
    let flat = Gray::new(5, vec![0.5; 35]);
    for (width, height) in [(1, 1), (3, 2), (11, 20)] {
        let resized = flat.resize(width, height);
        assert_eq!((resized.width(), resized.height()), (width, height));
        assert!(resized.values().iter().all(|level| (level - 0.5).abs() < 1e-6));
    }
    assert_eq!(gray.border().sum::<f32>(), gray.values().iter().sum::<f32>());
    assert_eq!((gray.at(2, 0), gray.at(3, 0), gray.at(0, 2), gray.at(-1, 0)), (1.0, 0.0, 0.0, 0.0));
}
