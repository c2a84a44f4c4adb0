//! `tf-mnist predict` on digits with something around them, in colours and levels that hardly show, and on what is not one
//! digit: the answer is the digit, or there is a warning.

use assert_cmd::Command;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::hundred_digits;
use support::hundred_digits::{HundredDigits, golden};

/// So many of the hundred digits are drawn in each way.
const DIGITS: usize = 20;
const SIDE: u32 = 84;

fn predictions(names: &[PathBuf]) -> Vec<Value> {
    let output = Command::cargo_bin("tf-mnist")
        .unwrap()
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

/// All but at most one of the digits drawn so are read, and nothing is warned of.
fn are_read(what: &str, draw: impl Fn(usize) -> DynamicImage) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..DIGITS)
        .map(|number| {
            let name = folder.path().join(format!("{number}.png"));
            draw(number).save(&name).unwrap();
            name
        })
        .collect();
    let expected = hundred_digits::likeliest(&hundred_digits::python_s_probabilities("optimized_nodrop"));
    let predictions = predictions(&names);
    let same = predictions
        .iter()
        .zip(&expected)
        .filter(|(prediction, expected)| prediction["class"].as_i64() == Some(**expected))
        .count();
    assert!(same + 1 >= DIGITS, "{what}: {same} of {DIGITS}");
    let warned = predictions.iter().find(|prediction| prediction.get("warnings").is_some());
    assert_eq!(warned, None, "{what}");
}

fn fill(picture: &mut GrayImage, left: u32, top: u32, width: u32, height: u32, level: u8) {
    for (x, y) in (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y))) {
        picture.put_pixel(x, y, Luma([level]));
    }
}

#[test]
fn the_border_of_a_scan_is_no_ink() {
    for sides in ["t", "b", "l", "r", "tl", "lr", "tb", "tlr", "tblr"] {
        are_read(&format!("border {sides}"), |number| {
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
}

#[test]
fn a_sheet_that_lies_on_a_dark_table_is_found() {
    are_read("sheet", |number| {
        let sheet = inverted(on_paper(number, 160, 170));
        let mut table = GrayImage::from_pixel(320, 300, Luma([20]));
        // A little askew: every row is moved by a thirtieth of its number.
        for (x, y, level) in sheet.enumerate_pixels() {
            table.put_pixel(60 + x + y / 30, 40 + y, *level);
        }
        table.into()
    });
}

#[test]
fn a_printed_frame_is_no_ink() {
    for (what, breadth, level, gap) in [
        ("frame", 3, 0, false),
        ("hairline", 1, 60, false),
        ("thick frame", 9, 0, false),
        ("grey frame", 3, 150, false),
        ("frame with a gap", 3, 0, true),
    ] {
        are_read(what, |number| {
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
    are_read("two frames", |number| {
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
    are_read("white in a black box", |number| {
        let mut picture = GrayImage::from_pixel(260, 260, Luma([255]));
        imageops::replace(&mut picture, &on_paper(number, 120, 120), 70, 60);
        picture.into()
    });
}

/// An angular 0 is a frame, but not around anything; with its bar it is an 8.
#[test]
fn angular_digits_are_no_frames() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("angular.png");
    for (digit, bar) in [(0, false), (8, true)] {
        let mut picture = GrayImage::from_pixel(200, 240, Luma([255]));
        for (left, top, width, height) in
            [(60, 40, 80, 16), (60, 184, 80, 16), (60, 40, 16, 160), (124, 40, 16, 160)]
        {
            fill(&mut picture, left, top, width, height, 0);
        }
        if bar {
            fill(&mut picture, 60, 112, 80, 16, 0);
        }
        picture.save(&name).unwrap();
        assert_eq!(predictions(std::slice::from_ref(&name))[0]["class"], digit);
    }
}

#[test]
fn a_transparent_margin_is_as_the_paper() {
    for (what, paper, ink) in [("white sheet", 255, 0), ("dark sheet", 20, 240)] {
        are_read(what, |number| {
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
    are_read("ink alone", |number| {
        let drawing = on_paper(number, 150, 160);
        let pixel = |x, y| Rgba([10, 20, 90, drawing.get_pixel(x, y)[0]]);
        RgbaImage::from_fn(150, 160, pixel).into()
    });
}

#[test]
fn ink_as_bright_as_its_paper_is_read_by_its_colour() {
    for (what, paper, ink) in [
        ("yellow on white", [255, 255, 255], [255, 255, 0]),
        ("red on green", [0, 76, 0], [255, 0, 0]),
        ("pink on green", [140, 160, 140], [230, 130, 200]),
        ("blue on black", [0, 0, 0], [0, 0, 180]),
    ] {
        are_read(what, |number| {
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
}

/// A black frame, or strip, around ink that brightness does not show.
#[test]
fn what_is_around_coloured_ink_does_not_hide_it() {
    for strip in [false, true] {
        are_read("yellow in black", |number| {
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
}

#[test]
fn sixteen_bits_that_use_low_levels_are_read() {
    for (paper, ink) in [(0, 1000), (4095, 100), (20_000, 21_000), (300, 60), (65_535, 0)] {
        are_read(&format!("{ink} on {paper}"), |number| {
            let drawing = on_paper(number, 150, 160);
            let pixel = |x, y| {
                let amount = f32::from(drawing.get_pixel(x, y)[0]) / 255.0;
                Luma([(ink as f32 * amount + paper as f32 * (1.0 - amount)) as u16])
            };
            DynamicImage::ImageLuma16(ImageBuffer::from_fn(150, 160, pixel))
        });
    }
}

/// Draws bars, each as left, top, width and height, black on white.
fn bars(name: &Path, bars: &[[u32; 4]]) {
    let mut picture = GrayImage::from_pixel(400, 200, Luma([255]));
    for &[left, top, width, height] in bars {
        fill(&mut picture, left, top, width, height, 0);
    }
    picture.save(name).unwrap();
}

fn warnings(name: &Path) -> Vec<String> {
    let predictions = predictions(&[name.to_path_buf()]);
    let warnings = predictions[0]["warnings"].as_array().cloned().unwrap_or_default();
    warnings.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

#[test]
fn separate_digits_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("digits.png");
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
            picture.save(&name).unwrap();
            let warnings = warnings(&name);
            let said = format!("{count} separate drawings");
            assert!(warnings.len() == 1 && warnings[0].contains(&said), "{count}, {gap}: {warnings:?}");
        }
    }
    // One below the other; and the log says it too.
    bars(&name, &[[100, 10, 12, 80], [100, 110, 12, 80]]);
    Command::cargo_bin("tf-mnist")
        .unwrap()
        .arg("predict")
        .arg(golden("optimized_nodrop/final.ckpt"))
        .arg(&name)
        .assert()
        .success()
        .stderr(predicates::str::contains("digits.png: 2 separate drawings"));
}

#[test]
fn strokes_of_one_digit_are_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("digit.png");
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
        bars(&name, strokes);
        assert_eq!(warnings(&name), [""; 0], "{what}");
    }
    let plain = warnings(&hundred_digits::fixture("digits/5.png"));
    assert_eq!(plain, [""; 0]);
}

#[test]
fn what_is_no_digit_is_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("drawing.png");
    bars(&name, &[[100, 40, 120, 110]]);
    assert!(warnings(&name)[0].contains("filled patch"));
    bars(&name, &[[40, 90, 300, 12]]);
    assert!(warnings(&name)[0].contains("times as wide as high"));
    // A digit in a round ring.
    let digit = inverted(on_paper(3, 200, 200));
    let ringed = GrayImage::from_fn(200, 200, |x, y| {
        let radius = (f64::from(x) - 100.0).hypot(f64::from(y) - 100.0);
        if (88.0..92.0).contains(&radius) { Luma([0]) } else { *digit.get_pixel(x, y) }
    });
    ringed.save(&name).unwrap();
    assert!(warnings(&name)[0].contains("within another"));
}

#[test]
fn lines_of_the_paper_grain_and_shades_are_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("picture.png");
    let doubted = |picture: GrayImage, what: &str, doubt: &str| {
        picture.save(&name).unwrap();
        let warnings = warnings(&name);
        assert!(warnings.iter().any(|warning| warning.contains(doubt)), "{what}: {warnings:?}");
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
    let mut drawn = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noise = GrayImage::from_fn(240, 240, |_, _| Luma([drawn()]));
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
}

#[test]
fn digits_that_touch_are_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("touching.png");
    // Two 4 by their bars, two 1 by their feet.
    for (what, strokes) in [
        (
            "44",
            &[[80, 20, 9, 60], [80, 75, 140, 9], [120, 20, 9, 120], [170, 20, 9, 60], [210, 20, 9, 120]][..],
        ),
        ("11", &[[100, 20, 10, 120], [190, 20, 10, 120], [80, 132, 140, 9]]),
    ] {
        bars(&name, strokes);
        let warnings = warnings(&name);
        assert!(warnings.iter().any(|warning| warning.contains("touch")), "{what}: {warnings:?}");
    }
}
