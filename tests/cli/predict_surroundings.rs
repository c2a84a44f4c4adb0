//! `tf-mnist predict` on digits with something around them, in colours and levels that hardly show, and on what is not one
//! digit: the answer is the digit, or there is a warning.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::Value;
use std::path::PathBuf;
use support::hundred_digits;
use support::hundred_digits::{HundredDigits, golden};
use tempfile::TempDir;

/// So many of the hundred digits are drawn in each way.
const DIGITS: usize = 20;
const SIDE: u32 = 84;

fn predictions(names: &[PathBuf]) -> Vec<Value> {
    let output = support::tf_mnist()
        .arg("predict")
        .arg(golden("optimized_nodrop/final.ckpt"))
        .args(names)
        .args(["--json", "-q"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A digit of MNIST enlarged: how much ink each pixel has.
fn ink(number: usize) -> GrayImage {
    let pixels = HundredDigits::read().bytes[784 * number..][..784].to_vec();
    let digit = GrayImage::from_raw(28, 28, pixels).unwrap();
    imageops::resize(&digit, SIDE, SIDE, FilterType::CatmullRom)
}

/// The digit somewhere on paper, `width` x `height`; the picture says how much ink each pixel has.
fn on_paper(number: usize, width: u32, height: u32) -> GrayImage {
    let mut picture = GrayImage::new(width, height);
    let shift = number as u32 % 7;
    let (left, top) = ((width - SIDE) / 2 + shift, (height - SIDE) / 2 - shift);
    imageops::replace(&mut picture, &ink(number), left.into(), top.into());
    picture
}

fn inverted(mut picture: GrayImage) -> GrayImage {
    imageops::invert(&mut picture);
    picture
}

/// Pictures that are read in one go: most of what a process takes is to open TensorFlow.
struct Drawn {
    folder: TempDir,
    what: Vec<String>,
}

impl Drawn {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), what: Vec::new() }
    }

    fn name(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("{number}.png"))
    }

    fn add(&mut self, what: &str, picture: impl Into<DynamicImage>) {
        picture.into().save(self.name(self.what.len())).unwrap();
        self.what.push(what.to_owned());
    }

    /// [`DIGITS`] pictures of one kind.
    fn digits(&mut self, what: &str, draw: impl Fn(usize) -> DynamicImage) {
        (0..DIGITS).for_each(|number| self.add(what, draw(number)));
    }

    fn predictions(&self) -> Vec<Value> {
        let names: Vec<_> = (0..self.what.len()).map(|number| self.name(number)).collect();
        let predictions = predictions(&names);
        assert_eq!(predictions.len(), names.len());
        predictions
    }

    /// What is warned of in each.
    fn warnings(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        let warnings = self.predictions().into_iter().map(|prediction| {
            let warnings = prediction["warnings"].as_array().cloned().unwrap_or_default();
            warnings.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
        });
        self.what.iter().map(String::as_str).zip(warnings.collect::<Vec<_>>())
    }

    /// Of the digits of each kind all but at most one are read, and nothing is warned of.
    fn are_read(&self) {
        let expected = hundred_digits::likeliest(&hundred_digits::python_s_probabilities("optimized_nodrop"));
        let predictions = self.predictions();
        for (predictions, what) in predictions.chunks(DIGITS).zip(self.what.iter().step_by(DIGITS)) {
            let same = predictions
                .iter()
                .zip(&expected)
                .filter(|(prediction, expected)| prediction["class"].as_i64() == Some(**expected))
                .count();
            assert!(same + 1 >= DIGITS, "{what}: {same} of {DIGITS}");
            let warned = predictions.iter().find(|prediction| prediction.get("warnings").is_some());
            assert_eq!(warned, None, "{what}");
        }
    }
}

fn fill(picture: &mut GrayImage, left: u32, top: u32, width: u32, height: u32, level: u8) {
    for (x, y) in (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y))) {
        picture.put_pixel(x, y, Luma([level]));
    }
}

#[test]
fn the_border_of_a_scan_is_no_ink() {
    let mut drawn = Drawn::new();
    for sides in ["t", "b", "l", "r", "tl", "lr", "tblr"] {
        drawn.digits(&format!("border {sides}"), |number| {
            let mut picture = inverted(on_paper(number, 200, 240));
            for side in sides.chars() {
                let breadth = 5 + number as u32;
                match side {
                    't' => fill(&mut picture, 0, 0, 200, breadth, 8),
                    'b' => fill(&mut picture, 0, 240 - breadth, 200, breadth, 8),
                    'l' => fill(&mut picture, 0, 0, breadth, 240, 8),
                    _ => fill(&mut picture, 200 - breadth, 0, breadth, 240, 8),
                }
            }
            picture.into()
        });
    }
    drawn.are_read();
}

#[test]
fn a_sheet_that_lies_on_a_dark_table_is_found() {
    let mut drawn = Drawn::new();
    drawn.digits("sheet", |number| {
        let sheet = inverted(on_paper(number, 160, 170));
        let mut table = GrayImage::from_pixel(320, 300, Luma([20]));
        // A little askew: every row is moved by a thirtieth of its number.
        for (x, y, level) in sheet.enumerate_pixels() {
            table.put_pixel(60 + x + y / 30, 40 + y, *level);
        }
        table.into()
    });
    drawn.are_read();
}

#[test]
fn a_printed_frame_is_no_ink() {
    let mut drawn = Drawn::new();
    for (what, breadth, level, gap) in [
        ("frame", 3, 0, false),
        ("hairline", 1, 60, false),
        ("thick frame", 9, 0, false),
        ("grey frame", 3, 150, false),
        ("frame with a gap", 3, 0, true),
    ] {
        drawn.digits(what, |number| {
            let mut picture = inverted(on_paper(number, 220, 220));
            let (near, side) = (36, 148);
            for (left, top, width, height) in [
                (near, near, side, breadth),
                (near, near + side - breadth, side, breadth),
                (near, near, breadth, side),
                (near + side - breadth, near, breadth, side),
            ] {
                fill(&mut picture, left, top, width, height, level);
            }
            if gap {
                fill(&mut picture, near + 60, near, 15, breadth, 255);
            }
            picture.into()
        });
    }
    drawn.digits("two frames", |number| {
        let mut picture = inverted(on_paper(number, 220, 220));
        for near in [20, 30] {
            let side = 220 - 2 * near;
            for (left, top, width, height) in [
                (near, near, side, 3),
                (near, near + side - 3, side, 3),
                (near, near, 3, side),
                (near + side - 3, near, 3, side),
            ] {
                fill(&mut picture, left, top, width, height, 0);
            }
        }
        picture.into()
    });
    drawn.digits("white in a black box", |number| {
        let mut picture = GrayImage::from_pixel(260, 260, Luma([255]));
        imageops::replace(&mut picture, &on_paper(number, 120, 120), 70, 60);
        picture.into()
    });
    drawn.are_read();
}

/// An angular 0 is a frame, but not around anything; with its bar it is an 8.
#[test]
fn angular_digits_are_no_frames() {
    let mut drawn = Drawn::new();
    for bar in [false, true] {
        let mut picture = GrayImage::from_pixel(200, 240, Luma([255]));
        for (left, top, width, height) in
            [(60, 40, 80, 16), (60, 184, 80, 16), (60, 40, 16, 160), (124, 40, 16, 160)]
        {
            fill(&mut picture, left, top, width, height, 0);
        }
        if bar {
            fill(&mut picture, 60, 112, 80, 16, 0);
        }
        drawn.add("angular", picture);
    }
    let classes: Vec<_> = drawn.predictions().iter().map(|prediction| prediction["class"].clone()).collect();
    assert_eq!(classes, [0, 8]);
}

#[test]
fn a_transparent_margin_is_as_the_paper() {
    let mut drawn = Drawn::new();
    for (what, paper, ink) in [("white sheet", 255, 0), ("dark sheet", 20, 240)] {
        drawn.digits(what, |number| {
            let sheet = on_paper(number, 150, 160);
            let mut picture = RgbaImage::new(230, 230);
            for (x, y, amount) in sheet.enumerate_pixels() {
                let amount = f32::from(amount[0]) / 255.0;
                let level = (ink as f32 * amount + paper as f32 * (1.0 - amount)) as u8;
                picture.put_pixel(x + 40, y + 30, Rgba([level, level, level, 255]));
            }
            picture.into()
        });
    }
    for [red, green, blue] in [[10, 20, 90], [250, 240, 200]] {
        drawn.digits("ink alone", |number| {
            let drawing = on_paper(number, 150, 160);
            let pixel = |x, y| Rgba([red, green, blue, drawing.get_pixel(x, y)[0]]);
            RgbaImage::from_fn(150, 160, pixel).into()
        });
    }
    drawn.are_read();
}

#[test]
fn ink_as_bright_as_its_paper_is_read_by_its_colour() {
    let mut drawn = Drawn::new();
    for (what, paper, ink) in [
        ("yellow on white", [255, 255, 255], [255, 255, 0]),
        ("red on green", [0, 76, 0], [255, 0, 0]),
        ("pink on green", [140, 160, 140], [230, 130, 200]),
        ("blue on black", [0, 0, 0], [0, 0, 180]),
    ] {
        drawn.digits(what, |number| {
            let drawing = on_paper(number, 150, 160);
            let pixel = |x, y| {
                let amount = f32::from(drawing.get_pixel(x, y)[0]) / 255.0;
                let mix = |channel: usize| {
                    (ink[channel] as f32 * amount + paper[channel] as f32 * (1.0 - amount)) as u8
                };
                Rgb([mix(0), mix(1), mix(2)])
            };
            RgbImage::from_fn(150, 160, pixel).into()
        });
    }
    drawn.are_read();
}

/// A black frame, or strip, around ink that brightness does not show.
#[test]
fn what_is_around_coloured_ink_does_not_hide_it() {
    let mut drawn = Drawn::new();
    for strip in [false, true] {
        drawn.digits("yellow in black", |number| {
            let drawing = on_paper(number, 170, 170);
            let pixel = |x: u32, y: u32| {
                let edge = x.min(y).min(169 - x).min(169 - y);
                let black = if strip { y < 9 } else { (10..13).contains(&edge) };
                let amount = 255 - drawing.get_pixel(x, y)[0];
                if black { Rgb([0; 3]) } else { Rgb([255, 255, amount]) }
            };
            RgbImage::from_fn(170, 170, pixel).into()
        });
    }
    drawn.are_read();
}

#[test]
fn sixteen_bits_that_use_low_levels_are_read() {
    let mut drawn = Drawn::new();
    for (paper, ink) in [(0, 1000), (4095, 100), (20_000, 21_000), (300, 60), (65_535, 0)] {
        drawn.digits(&format!("{ink} on {paper}"), |number| {
            let drawing = on_paper(number, 150, 160);
            let pixel = |x, y| {
                let amount = f32::from(drawing.get_pixel(x, y)[0]) / 255.0;
                Luma([(ink as f32 * amount + paper as f32 * (1.0 - amount)) as u16])
            };
            DynamicImage::ImageLuma16(ImageBuffer::from_fn(150, 160, pixel))
        });
    }
    drawn.are_read();
}

/// Bars, each as left, top, width and height, black on white.
fn bars(bars: &[[u32; 4]]) -> GrayImage {
    let mut picture = GrayImage::from_pixel(400, 200, Luma([255]));
    for &[left, top, width, height] in bars {
        fill(&mut picture, left, top, width, height, 0);
    }
    picture
}

#[test]
fn separate_digits_are_counted() {
    let mut drawn = Drawn::new();
    for count in [2, 3, 4] {
        for gap in [8, 25, 60] {
            let mut picture = GrayImage::from_pixel(600, 150, Luma([255]));
            let mut left = 20;
            // 0, 1, 4 and 9.
            for number in [3, 2, 4, 7].into_iter().take(count) {
                let digit = ink(number);
                let inked = digit.enumerate_pixels().filter(|(_, _, level)| level[0] > 60).map(|(x, _, _)| x);
                let (first, last) = (inked.clone().min().unwrap(), inked.max().unwrap());
                let digit = imageops::crop_imm(&digit, first, 0, last + 1 - first, SIDE).to_image();
                imageops::replace(&mut picture, &inverted(digit), left, 30);
                left += i64::from(last + 1 - first + gap);
            }
            drawn.add(&format!("{count} separate drawings"), picture);
        }
    }
    for (what, warnings) in drawn.warnings() {
        assert!(warnings.len() == 1 && warnings[0].contains(what), "{what}: {warnings:?}");
    }
    // One below the other; and the log says it too.
    let mut drawn = Drawn::new();
    drawn.add("one below the other", bars(&[[100, 10, 12, 80], [100, 110, 12, 80]]));
    support::tf_mnist()
        .arg("predict")
        .arg(golden("optimized_nodrop/final.ckpt"))
        .arg(drawn.name(0))
        .assert()
        .success()
        .stderr(predicates::str::contains("0.png: 2 separate drawings"));
}

#[test]
fn strokes_of_one_digit_are_not_counted() {
    let mut drawn = Drawn::new();
    for (what, strokes) in [
        ("1 that breaks off", &[[100, 20, 10, 60], [100, 90, 10, 80]][..]),
        (
            "5 with its bar apart",
            &[[112, 20, 60, 9], [90, 30, 9, 60], [90, 85, 70, 9], [155, 90, 9, 70], [90, 160, 70, 9]],
        ),
        ("4 whose bar breaks off", &[[80, 20, 9, 80], [80, 95, 50, 9], [145, 20, 9, 150]]),
        (
            "7 with its cross bar apart",
            &[[80, 20, 80, 9], [150, 20, 9, 60], [150, 90, 9, 80], [130, 82, 12, 6]],
        ),
    ] {
        drawn.add(what, bars(strokes));
    }
    drawn.add("5", image::open(hundred_digits::fixture("digits/5.png")).unwrap());
    for (what, warnings) in drawn.warnings() {
        assert_eq!(warnings, [""; 0], "{what}");
    }
}

#[test]
fn what_is_no_digit_is_doubted() {
    let mut drawn = Drawn::new();
    drawn.add("filled patch", bars(&[[100, 40, 120, 110]]));
    drawn.add("times as wide as high", bars(&[[40, 90, 300, 12]]));
    // A digit in a round ring.
    let digit = inverted(on_paper(3, 200, 200));
    let ringed = GrayImage::from_fn(200, 200, |x, y| {
        let radius = (f64::from(x) - 100.0).hypot(f64::from(y) - 100.0);
        if (88.0..92.0).contains(&radius) { Luma([0]) } else { *digit.get_pixel(x, y) }
    });
    drawn.add("within another", ringed);
    for (what, warnings) in drawn.warnings() {
        assert!(warnings[0].contains(what), "{what}: {warnings:?}");
    }
}

#[test]
fn lines_of_the_paper_grain_and_shades_are_doubted() {
    let (mut drawn, mut doubts) = (Drawn::new(), Vec::new());
    let mut doubted = |picture: GrayImage, what: &str, doubt: &'static str| {
        drawn.add(what, picture);
        doubts.push(doubt);
    };
    let crowded = "more strokes side by side than any digit";
    for (step, thickness, level) in [(24, 1, 190), (30, 1, 128), (40, 2, 25)] {
        for (what, across) in [("ruled", false), ("squared", true)] {
            let mut paper = inverted(on_paper(step as usize % 20, 240, 240));
            for at in (step / 2..240).step_by(step as usize) {
                for along in 0..240 {
                    for thick in 0..thickness {
                        let mut darken = |x, y| {
                            let darker = paper.get_pixel(x, y)[0].min(level);
                            paper.put_pixel(x, y, Luma([darker]));
                        };
                        darken(along, at + thick);
                        if across {
                            darken(at + thick, along);
                        }
                    }
                }
            }
            doubted(paper, &format!("{what}, {step}, {thickness}, {level}"), crowded);
        }
    }
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noise = GrayImage::from_fn(240, 240, |_, _| Luma([random()]));
    doubted(noise, "noise", crowded);
    let soft = "a shade without outlines";
    doubted(GrayImage::from_fn(240, 240, |x, _| Luma([x as u8])), "gradient", soft);
    let radial = GrayImage::from_fn(240, 200, |x, y| {
        Luma([((f64::from(x) - 110.0).hypot(f64::from(y) - 90.0) * 1.4) as u8])
    });
    doubted(radial, "radial gradient", soft);
    for gap in [4, 12, 30] {
        let mut underlined = inverted(on_paper(3, 240, 240));
        let lowest = underlined
            .enumerate_pixels()
            .filter(|(_, _, level)| level[0] < 200)
            .map(|(_, y, _)| y)
            .max()
            .unwrap();
        fill(&mut underlined, 80, lowest + gap, 84, 5, 0);
        doubted(underlined, &format!("underlined, {gap}"), "a line lies beneath");
    }
    for ((what, warnings), doubt) in drawn.warnings().zip(doubts) {
        assert!(warnings.iter().any(|warning| warning.contains(doubt)), "{what}: {warnings:?}");
    }
}

#[test]
fn digits_that_touch_are_doubted() {
    let mut drawn = Drawn::new();
    // Two 4 by their bars, two 1 by their feet.
    for (what, strokes) in [
        (
            "44",
            &[[80, 20, 9, 60], [80, 75, 140, 9], [120, 20, 9, 120], [170, 20, 9, 60], [210, 20, 9, 120]][..],
        ),
        ("11", &[[100, 20, 10, 120], [190, 20, 10, 120], [80, 132, 140, 9]]),
    ] {
        drawn.add(what, bars(strokes));
    }
    for (what, warnings) in drawn.warnings() {
        assert!(warnings.iter().any(|warning| warning.contains("touch")), "{what}: {warnings:?}");
    }
}
