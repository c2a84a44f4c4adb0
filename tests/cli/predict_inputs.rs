//! What may stand for a picture on `predict`'s command line: files of all kinds, whole or not, pipes, folders, addresses, and
//! names that are not UTF-8.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Cursor, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use support::hundred_digits;
use support::hundred_digits::{fixture, golden};

fn predict() -> Command {
    let mut command = support::tf_mnist();
    command.arg("predict").arg(golden("optimized_nodrop/final.ckpt"));
    command
}

fn class(mut command: Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let predictions: Value = serde_json::from_slice(&output.stdout).unwrap();
    predictions[0]["class"].clone()
}

fn of_file(path: &Path) -> Value {
    let mut command = predict();
    command.arg(path);
    class(command)
}

/// The digit 5 as a sequential JPEG file.
fn sequential() -> Vec<u8> {
    let mut jpeg = Cursor::new(Vec::new());
    let picture = image::open(fixture("digits/5.png")).unwrap().to_rgb8();
    picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    jpeg.into_inner()
}

#[test]
fn a_picture_that_breaks_off_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let progressive = fs::read(fixture("pictures/progressive.jpg")).unwrap();
    let png = fs::read(fixture("digits/5.png")).unwrap();
    for (suffix, whole) in [("jpg", sequential()), ("jpg", progressive), ("png", png)] {
        let path = folder.path().join(format!("picture.{suffix}"));
        fs::write(&path, &whole).unwrap();
        assert_eq!(of_file(&path), 5);
        for end in [whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10, whole.len() - 30] {
            fs::write(&path, &whole[..end]).unwrap();
            predict()
                .arg(&path)
                .assert()
                .code(1)
                .stdout("")
                .stderr(contains("it ends before its picture does").and(contains(path.to_str().unwrap())));
        }
    }
}

#[test]
fn kinds_that_are_not_read_are_named_with_what_converts_them() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start, kind, advice) in [
        ("a.gif", &b"GIF89a\x28\0\x1e\0"[..], "a GIF picture", "magick"),
        ("a.webp", b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP picture", "dwebp"),
        ("a.bmp", b"BM\x36\x04\0\0", "a BMP picture", "magick"),
        ("a.tif", b"II*\0\x08\0\0\0", "a TIFF picture", "magick"),
        ("a.tiff", b"MM\0*\0\0\0\x08", "a TIFF picture", "magick"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture", "heif-convert"),
        ("a.avif", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF picture", "avifdec"),
        ("a.jxl", b"\xff\x0a\xfa\x1f", "a JPEG XL picture", "djxl"),
        ("a.svg", b"<?xml version=\"1.0\"?>\n<svg xmlns=\"", "an SVG drawing", "rsvg-convert"),
        ("a.pdf", b"%PDF-1.7\n", "a PDF document", "pdftoppm"),
        ("a.pgm", b"P5\n2 2\n255\n\0\0\0\0", "a picture in a Netpbm format", "pnmtopng"),
        ("a.png", b"<!DOCTYPE html>\n<html>", "a web page", "download the picture"),
        ("a.jpg", b"{\"error\": 404}", "JSON", "download the picture"),
        ("a.zip", b"PK\x03\x04\x14\0", "a ZIP archive", "unzip"),
        ("a.npy", b"\x93NUMPY\x01\0", "a NumPy array", "numpy.load"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, start).unwrap();
        let said = format!("{} is {kind}", path.display());
        predict().arg(&path).assert().code(1).stdout("").stderr(contains(said).and(contains(advice)));
    }
}

#[test]
fn a_photograph_of_108_megapixels_is_read() {
    assert_eq!(of_file(&fixture("pictures/108_megapixels.png")), 3);
}

#[test]
fn standard_input_and_pipes_are_read() {
    let picture = fixture("digits/5.png");
    let mut command = predict();
    command.arg("-").write_stdin(fs::read(&picture).unwrap());
    assert_eq!(class(command), 5);

    let mut command = predict();
    command.arg("/dev/stdin#7").write_stdin(fs::read(hundred_digits::images()).unwrap());
    assert_eq!(class(command), 9);

    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let writer = thread::spawn({
        let (pipe, picture) = (pipe.clone(), picture.clone());
        move || {
            // Later than its reader, and slowly.
            thread::sleep(Duration::from_millis(1500));
            let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
            for piece in fs::read(picture).unwrap().chunks(700) {
                pipe.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
    assert_eq!(of_file(&pipe), 5);
    writer.join().unwrap();

    let line = format!(
        "'{}' predict '{}' <(sleep 1; cat '{}') --json",
        env!("CARGO_BIN_EXE_tf-mnist"),
        golden("optimized_nodrop/final.ckpt").display(),
        picture.display()
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &line]).timeout(support::DEADLINE);
    let output = bash.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let predictions: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(predictions[0]["class"], 5);

    predict()
        .arg("-")
        .write_stdin("")
        .assert()
        .code(1)
        .stderr(contains("- is neither a PNG").and(contains("it is empty")));
}

#[test]
fn folders_and_addresses_get_advice() {
    let folder = tempfile::tempdir().unwrap();
    predict()
        .arg(folder.path())
        .assert()
        .code(1)
        .stderr(contains("it is a folder; name the pictures in it, such as").and(contains("*.png")));
    fs::copy(fixture("digits/5.png"), folder.path().join("five.PNG")).unwrap();
    predict().arg(folder.path()).assert().code(1).stderr(contains("such as").and(contains("five.PNG")));
    for address in ["https://example.org/5.png", "file:///tmp/5.png", "s3://bucket/5.png#2"] {
        predict().arg(address).assert().code(2).stderr(
            contains(format!("'{address}' for '<IMAGE>...': it is an address")).and(contains("download it")),
        );
    }
}

#[test]
fn names_that_are_not_utf_8_work() {
    let folder = tempfile::tempdir().unwrap();
    let name = |start: &[u8], end: &[u8]| -> PathBuf {
        let name = OsString::from_vec([start, b"\xff\xe9", end].concat());
        folder.path().join(name)
    };
    let (picture, images) = (name(b"f", b".png"), name(b"images", b""));
    fs::copy(fixture("digits/5.png"), &picture).unwrap();
    fs::copy(hundred_digits::images(), &images).unwrap();
    let mut seventh = images.into_os_string();
    seventh.push("#7");
    let output =
        predict().arg(&picture).arg(&seventh).arg(name(b"missing", b"")).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let predictions: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&predictions[0]["class"], &predictions[1]["class"]), (&5.into(), &9.into()));
    let named = predictions[0]["image"].as_str().unwrap();
    assert!(named.ends_with("f\u{fffd}\u{fffd}.png"), "{named}");
    assert!(predictions[2]["error"].as_str().unwrap().contains("missing"));
    predict().arg(&picture).assert().success().stdout(contains("  5  "));
}
