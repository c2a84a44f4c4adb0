//! A digit to warm a model up with, and to show a request with.

/// The strokes of a seven on MNIST's 28 x 28 pixels, from point to point: x and y.
const STROKES: [[[f32; 2]; 2]; 2] = [[[6.5, 8.5], [20.5, 9.5]], [[20.5, 9.5], [13.0, 25.0]]];

/// A seven of `[height, width]` pixels, 0 for background to 255 for full ink, row by row.
pub(super) fn seven([height, width]: [usize; 2]) -> Vec<u8> {
    let scaled = |pixel: usize, size: usize| (pixel as f32 + 0.5) * 28.0 / size as f32;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| [scaled(x, width), scaled(y, height)]));
    let ink = |place| STROKES.map(|stroke| 2.0 - distance(place, stroke)).into_iter().fold(0.0, f32::max);
    places.map(|place| (ink(place).min(1.0) * 255.0) as u8).collect()
}

/// How far a point is from a stroke.
fn distance([x, y]: [f32; 2], [[x0, y0], [x1, y1]]: [[f32; 2]; 2]) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy);
    let along = along.clamp(0.0, 1.0);
    (x - x0 - along * dx).hypot(y - y0 - along * dy)
}

/// The same as the network is fed: floats in 0..=1.
pub(super) fn seven_as_floats(size: [usize; 2]) -> Vec<f32> {
    seven(size).into_iter().map(|byte| f32::from(byte) / 255.0).collect()
}
