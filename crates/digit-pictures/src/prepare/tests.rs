//! Drawings of all kinds come out as MNIST's images are.

use super::*;
use proptest::prelude::*;

/// A picture of `width` x `height` where `draw` says how much ink a place has.
fn picture(width: usize, height: usize, paper: f32, ink: f32, draw: impl Fn(f32, f32) -> bool) -> Gray {
    let level = |x: usize, y: usize| if draw(x as f32, y as f32) { ink } else { paper };
    let values = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Gray::new(width, values.map(|(x, y)| level(x, y)).collect())
}

fn ring(center: (f32, f32), radius: f32, pen: f32) -> impl Fn(f32, f32) -> bool {
    move |x, y| ((x - center.0).hypot(y - center.1) - radius).abs() <= pen / 2.0
}

/// The centre of mass as x and y, the first pixel's middle being (0, 0).
fn centre(image: &[f32]) -> (f32, f32) {
    let mass: f32 = image.iter().sum();
    let along = |place: &dyn Fn(usize) -> usize| {
        let moments = image.iter().enumerate().map(|(index, level)| level * place(index) as f32);
        moments.sum::<f32>() / mass
    };
    (along(&|index| index % SIDE), along(&|index| index / SIDE))
}

#[test]
fn pens_thinner_or_thicker_than_any_in_mnist_are_evened_out() {
    let ink = |pen: f32| -> f32 {
        let drawing = picture(400, 400, 1.0, 0.0, ring((200.0, 200.0), 150.0, pen));
        prepare(&drawing).unwrap().image.iter().sum()
    };
    let (thin, usual, thick) = (ink(2.0), ink(40.0), ink(100.0));
    assert!(thin > 0.5 * usual && thick < 2.0 * usual, "{thin} {usual} {thick}");
}

#[test]
fn specks_do_not_count() {
    let drawing = ring((50.0, 50.0), 30.0, 8.0);
    let clean = prepare(&picture(200, 100, 1.0, 0.0, &drawing)).unwrap();
    let speck = |x: f32, y: f32| drawing(x, y) || (x > 180.0 && x < 184.0 && y > 90.0 && y < 93.0);
    assert_eq!(prepare(&picture(200, 100, 1.0, 0.0, speck)).unwrap(), clean);
}

proptest! {
    #[test]
    fn any_picture_is_blank_or_becomes_an_image_about_its_centre(
        width in 1usize..60,
        levels in prop::collection::vec(0.0f32..=1.0, 1..2000),
    ) {
        let width = width.min(levels.len());
        let height = levels.len() / width;
        let gray = Gray::new(width, levels[..width * height].to_vec());
        if let Some(Prepared { image, .. }) = prepare(&gray) {
            prop_assert_eq!(image.len(), SIDE * SIDE);
            prop_assert!(image.iter().all(|level| (0.0..=1.0).contains(level)));
            if image.iter().any(|&level| level > 0.0) {
                let (x, y) = centre(&image);
                // Half a pixel, or as far as the fitted square can be moved.
                prop_assert!((x - 14.0).abs() <= 6.0 && (y - 14.0).abs() <= 6.0, "{} {}", x, y);
            }
        }
    }
}
