//! `tf-mnist predict` through the binary: digits drawn in ten ways, MNIST's own drawn upon, and what is no digit at all.

use assert_cmd::Command;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, RgbImage};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::hundred_digits;
use support::hundred_digits::{HundredDigits, fixture, golden};

fn predict(images: &[PathBuf]) -> Command {
    let mut command = support::tf_mnist();
    command.arg("predict").arg(golden("optimized_nodrop/final.ckpt")).args(images);
    command
}

/// What `--json` says, whatever the exit code.
fn json(images: &[PathBuf]) -> Vec<Value> {
    let output = predict(images).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn classes(images: &[PathBuf]) -> Vec<u64> {
    let class = |prediction: &Value| prediction["class"].as_u64().unwrap();
    json(images).iter().map(class).collect()
}

fn drawn() -> Vec<PathBuf> {
    (0..10).map(|digit| fixture(&format!("digits/{digit}.png"))).collect()
}

#[test]
fn digits_drawn_in_ten_ways_are_read() {
    let classes = classes(&drawn());
    let right = classes.iter().zip(0..).filter(|&(&class, digit)| class == digit).count();
    assert!(right >= 9, "{classes:?}");
}

#[test]
fn a_line_for_each_picture_has_the_three_likeliest() {
    let output = predict(&drawn()[3..5]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 2);
    for (line, digit) in lines.iter().zip(["3", "4"]) {
        assert!(line[0].ends_with(&format!("digits/{digit}.png")));
        assert_eq!((line.len(), line[1], line[2]), (8, digit, digit));
        assert!(line[3].ends_with('%') && line[7].ends_with('%'));
    }
}

#[test]
fn an_image_of_an_idx_file_is_taken_as_it_is() {
    let file = hundred_digits::images();
    let name = |index: usize| PathBuf::from(format!("{}#{index}", file.display()));
    let predictions = json(&[name(0), name(7), name(99)]);
    let python = hundred_digits::python_s_probabilities("optimized_nodrop");
    for (prediction, row) in predictions.iter().zip([0, 7, 99]) {
        let probabilities = prediction["probabilities"].as_array().unwrap();
        assert_eq!(probabilities.len(), 10);
        for (probability, python) in probabilities.iter().zip(&python[10 * row..]) {
            assert!((probability.as_f64().unwrap() - f64::from(*python)).abs() < 1e-5);
        }
        let likeliest = prediction["likeliest"].as_array().unwrap();
        assert_eq!((likeliest.len(), &likeliest[0]["class"]), (3, &prediction["class"]));
    }
}

/// How many of so many of MNIST's images, as pictures of another kind, are read as MNIST's images are.
fn same_digits_as(count: usize, draw: impl Fn(GrayImage) -> GrayImage, suffix: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let digits = HundredDigits::read();
    let mut names = Vec::new();
    for (number, pixels) in digits.bytes.chunks_exact(784).take(count).enumerate() {
        let picture = draw(GrayImage::from_raw(28, 28, pixels.to_vec()).unwrap());
        let name = folder.path().join(format!("{number}.{suffix}"));
        picture.save(&name).unwrap();
        names.push(name);
    }
    let expected = hundred_digits::likeliest(&hundred_digits::python_s_probabilities("optimized_nodrop"));
    let same = classes(&names).into_iter().zip(expected);
    same.filter(|&(class, expected)| class as i64 == expected).count()
}

#[test]
fn mnist_s_own_images_come_through_unchanged() {
    assert!(same_digits_as(100, |picture| picture, "png") >= 99);
}

#[test]
fn mnist_s_own_images_enlarged_inverted_and_moved_are_still_read() {
    let draw = |mut picture: GrayImage| {
        imageops::invert(&mut picture);
        let large = imageops::resize(&picture, 140, 140, FilterType::CatmullRom);
        let mut paper = GrayImage::from_pixel(350, 250, Luma([255]));
        imageops::overlay(&mut paper, &large, 200, 12);
        paper
    };
    assert!(same_digits_as(100, draw, "png") >= 95);
    assert!(same_digits_as(20, draw, "jpg") >= 19);
}

#[test]
fn pictures_that_cannot_be_used_are_named_and_the_rest_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(fixture("digits/5.png")).unwrap();
    let large = folder.path().join("large.png");
    GrayImage::new(100_001, 2).save(&large).unwrap();
    let mut paper = RgbImage::from_pixel(60, 60, image::Rgb([250, 240, 230]));
    paper.put_pixel(30, 30, image::Rgb([245, 240, 230]));
    let blank = folder.path().join("blank.png");
    paper.save(&blank).unwrap();
    // Differences far below one of 255 levels, of which 16 bits have some: noise.
    let noise = folder.path().join("noise.png");
    let level = |x: u32, y: u32| Luma([1000_u16 - 10 * u16::from(x == y)]);
    DynamicImage::from(ImageBuffer::from_fn(60, 60, level)).save(&noise).unwrap();
    let idx = hundred_digits::images();
    let beyond = PathBuf::from(format!("{}#100", idx.display()));

    let bad = [
        (folder.path().join("missing.png"), "cannot read"),
        (folder.path().to_path_buf(), "cannot read"),
        (file("text.png", b"no picture at all"), "neither a PNG nor a JPEG"),
        (file("empty.png", b""), "too short"),
        (file("half.png", &whole[..whole.len() / 2]), "cannot decode"),
        (large, "100001 x 2 pixels: at most 540 million pixels are read, and sides of 100000"),
        (blank, "is blank"),
        (noise, "is blank"),
        (idx.clone(), "name one of its images by its number"),
        (beyond, "holds 100 images, numbered 0 to 99"),
        (folder.path().join("missing#3"), "missing"),
        (format!("{}#", idx.display()).into(), "behind # stands its number, counted from 0"),
        (format!("{}#x", idx.display()).into(), "behind # stands its number, counted from 0"),
    ];
    let mut images = vec![fixture("digits/3.png")];
    images.extend(bad.iter().map(|(path, _)| path.clone()));
    images.push(fixture("digits/4.png"));

    let mut run = predict(&images).assert().code(1);
    for (path, message) in &bad {
        let name = path.to_str().unwrap().split('#').next().unwrap().to_owned();
        run = run.stderr(contains(name).and(contains(*message)));
    }
    run = run.stderr(contains("large.png -resize 2000x2000 OUT.png"));
    run.stdout(contains("digits/3.png").and(contains("digits/4.png")).and(contains("blank").not()));

    let predictions = json(&images);
    assert_eq!(predictions.len(), images.len());
    assert_eq!((&predictions[0]["class"], &predictions[14]["class"]), (&3.into(), &4.into()));
    for (prediction, (_, message)) in predictions[1..14].iter().zip(&bad) {
        assert!(prediction["error"].as_str().unwrap().contains(message), "{prediction}");
        assert_eq!(prediction.get("class"), None);
    }
}

#[test]
fn devices_and_pipes_without_a_writer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let (zero, null) = (Path::new("/dev/zero"), Path::new("/dev/null"));
    let nobody = "it is a pipe that nobody writes to";
    let device = "it is a device, not a file";
    std::thread::scope(|scope| {
        for (path, said) in [(fifo.as_path(), nobody), (zero, device), (null, device)] {
            // As a picture, and as a file of images. Nobody ever writes to the pipe, which takes its time: all at once.
            for name in [path.to_path_buf(), format!("{}#0", path.display()).into()] {
                scope.spawn(move || {
                    predict(&[name])
                        .timeout(Duration::from_secs(20))
                        .assert()
                        .code(1)
                        .stderr(contains(path.to_str().unwrap()).and(contains(said)));
                });
            }
        }
    });
}

#[test]
fn a_name_with_a_number_sign_is_a_picture_if_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("digit#3");
    fs::copy(fixture("digits/3.png"), &name).unwrap();
    assert_eq!(classes(&[name]), [3]);
}

#[test]
fn without_a_usable_picture_no_model_is_opened_but_it_must_be_there() {
    predict(&[PathBuf::from("missing.png")]).assert().code(1).stdout("");
    let mut command = support::tf_mnist();
    command
        .args(["predict", "no-model"])
        .arg(Path::new("missing.png"))
        .assert()
        .code(1)
        .stderr(contains("there is no model no-model"));
    let mut command = support::tf_mnist();
    command.args(["predict", "model"]).assert().code(2);
}

#[test]
fn the_help_says_how_a_picture_is_read() {
    let mut command = support::tf_mnist();
    command
        .args(["predict", "--help"])
        .assert()
        .success()
        .stdout(contains("centre").and(contains("20 x 20")).and(contains("inverted")));
}
