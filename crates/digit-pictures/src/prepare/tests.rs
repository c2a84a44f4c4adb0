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

/// A ring with a bar down its left, as in a p. (A ring alone has its centre half-way between two pixels.)
fn letter_p(center: (f32, f32), radius: f32, pen: f32) -> impl Fn(f32, f32) -> bool {
    let ring = ring(center, radius, pen);
    move |x, y| {
        let (right, down) = (x - center.0 + radius, y - center.1);
        ring(x, y) || (right.abs() <= pen / 2.0 && (0.0..=2.2 * radius).contains(&down))
    }
}

/// The longer side of the part that holds ink.
fn longer_side(image: &[f32]) -> usize {
    let inked = cropped(&Gray::new(SIDE, image.to_vec())).unwrap();
    inked.width().max(inked.height())
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
fn place_size_and_colours_of_a_drawing_do_not_matter() {
    let expected = prepare(&picture(100, 100, 0.0, 1.0, letter_p((50.0, 40.0), 30.0, 8.0))).unwrap().image;
    for (side, paper, ink, center, radius) in [
        (300, 1.0, 0.0, (70.0, 120.0), 60.0),
        (150, 0.2, 0.8, (100.0, 45.0), 40.0),
        (1200, 0.9, 0.6, (600.0, 400.0), 300.0),
    ] {
        let pen = radius * 8.0 / 30.0;
        let image = prepare(&picture(side, side, paper, ink, letter_p(center, radius, pen))).unwrap().image;
        let (x, y) = centre(&image);
        assert!((x - 14.0).abs() < 0.5 && (y - 14.0).abs() < 0.5, "{side}: {x} {y}");
        assert_eq!(longer_side(&image), FITTED_SIDE);
        let [ink, expected] = [&image, &expected].map(|image| image.iter().sum::<f32>());
        assert!((ink / expected - 1.0).abs() < 0.15, "{side}: {ink} {expected}");
    }
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

#[test]
fn blank_pictures_are_told() {
    for paper in [0.0, 0.5, 1.0] {
        assert_eq!(prepare(&picture(30, 20, paper, 0.0, |_, _| false)), None);
    }
    assert_eq!(prepare(&picture(30, 20, 0.5, 0.53, |x, _| x == 7.0)), None);
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
