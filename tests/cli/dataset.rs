//! Folders of IDX files, sound and unsound.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use support::gzip;
use tempfile::TempDir;
use tf_mnist::dataset::{self, Dataset, DatasetError, Form};

const IMAGE_PIXELS: usize = 784;
const VALIDATION_ROWS: usize = Form::VALIDATION_ROWS;

const TRAIN_ROWS: usize = VALIDATION_ROWS + 7;
const TEST_ROWS: usize = 3;

fn images(rows: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for size in [rows as u32, 28, 28] {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend((0..rows * IMAGE_PIXELS).map(|i| (i % 251) as u8));
    bytes
}

fn labels(rows: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend((rows as u32).to_be_bytes());
    bytes.extend((0..rows).map(|row| (row % 10) as u8));
    bytes
}

static TRAIN_IMAGES: LazyLock<Vec<u8>> = LazyLock::new(|| images(TRAIN_ROWS));

fn sound() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("train-images-idx3-ubyte", &TRAIN_IMAGES);
    put("train-labels-idx1-ubyte", &labels(TRAIN_ROWS));
    put("t10k-images-idx3-ubyte", &images(TEST_ROWS));
    put("t10k-labels-idx1-ubyte", &labels(TEST_ROWS));
    folder
}

fn load(folder: &Path) -> Result<Dataset, DatasetError> {
    dataset::load_from(folder, &Form::default())
}

/// A sound folder but for one file.
fn with(name: &str, bytes: &[u8]) -> Result<Dataset, DatasetError> {
    let folder = sound();
    fs::write(folder.path().join(name), bytes).unwrap();
    load(folder.path())
}

/// The message about a folder in which one file is unsound; it must name that file.
fn complaint(name: &str, bytes: &[u8]) -> String {
    let text = with(name, bytes).unwrap_err().to_string();
    assert!(text.contains(name), "{text}");
    text
}

#[test]
fn splits_and_gathers() {
    let dataset = load(sound().path()).unwrap();
    assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (7, VALIDATION_ROWS, 3));
    // Row 5001 of the file is row 1 of the training split.
    assert_eq!(dataset.train.labels(), [0, 1, 2, 3, 4, 5, 6]);
    let at = (VALIDATION_ROWS + 1) * IMAGE_PIXELS;
    assert_eq!(dataset.train.pixels()[IMAGE_PIXELS], (at % 251) as u8);
    assert_eq!(dataset.validation.pixels().len(), VALIDATION_ROWS * IMAGE_PIXELS);

    let (mut pixels, mut labels) = (vec![0.0; 2 * IMAGE_PIXELS], vec![0; 2]);
    dataset.train.gather([6, 1], &mut pixels, &mut labels);
    assert_eq!(labels, [6, 1]);
    for (row, chunk) in [6, 1].into_iter().zip(pixels.chunks(IMAGE_PIXELS)) {
        let bytes = &dataset.train.pixels()[row * IMAGE_PIXELS..][..IMAGE_PIXELS];
        for (float, &byte) in chunk.iter().zip(bytes) {
            assert_eq!(float.to_bits(), (f32::from(byte) / 255.0).to_bits());
        }
    }
    let (mut again, mut labels_again) = (vec![0.0; 2 * IMAGE_PIXELS], vec![0; 2]);
    dataset.train.gather([5, 6], &mut pixels, &mut labels);
    dataset.train.gather(5..7, &mut again, &mut labels_again);
    assert_eq!((pixels, labels), (again, labels_again));
}

#[test]
fn takes_gzipped_files_and_the_other_spelling() {
    let raw = sound();
    let folder = tempfile::tempdir().unwrap();
    for (from, to, zipped) in [
        ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", true),
        ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte", false),
        ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte.gz", true),
        // Gzipped in spite of its name: the bytes decide.
        ("t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte", true),
    ] {
        let bytes = fs::read(raw.path().join(from)).unwrap();
        let bytes = if zipped { gzip(&bytes) } else { bytes };
        fs::write(folder.path().join(to), bytes).unwrap();
    }
    let (raw, zipped) = (load(raw.path()).unwrap(), load(folder.path()).unwrap());
    assert_eq!(raw.train.pixels(), zipped.train.pixels());
    assert_eq!(raw.test.labels(), zipped.test.labels());
    assert_eq!(raw.files.map(|file| file.sha256), zipped.files.map(|file| file.sha256));
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let mut other_shape = images(TEST_ROWS);
    other_shape[11] = 32;
    let mut bad_label = labels(TEST_ROWS);
    bad_label[10] = 10;
    let mut absurd = images(TEST_ROWS);
    absurd[4..8].fill(0xff);
    let mut trailing = labels(TEST_ROWS);
    trailing.push(0);
    let whole = images(TEST_ROWS);
    let mut corrupt = gzip(&whole);
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 0x55;
    let cut = gzip(&whole)[..middle].to_vec();
    let (i, l) = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    for (name, bytes, said) in [
        (i, &whole[..2000], "truncated: 2368 bytes announced, 2000 there"),
        (i, &whole[..7], "ends after 7 bytes, inside the header of 16"),
        (i, b"", "ends after 0 bytes"),
        (i, &labels(784), "magic number 0x00000801; IDX images have 0x00000803 (these are labels)"),
        (l, &whole, "(these are images)"),
        (l, b"PK\x03\x04 no IDX file at all", "magic number 0x504b0304"),
        (i, &other_shape, "images of 32 x 28 pixels, not 28 x 28"),
        (i, &absurd, "announces 4294967295 images"),
        (i, &images(0), "is empty"),
        (l, &labels(0), "is empty"),
        (l, &trailing, "trailing bytes after the 11"),
        (i, &gzip(&trailing_image()), "trailing bytes after the 2368"),
        (l, &bad_label, "label 10 in row 2"),
        (i, &corrupt, "gzip data are corrupt or end early"),
        (i, &cut, "gzip data are corrupt or end early"),
        (i, b"<!DOCTYPE html><html></html>", "HTML page"),
        (l, b"\xef\xbb\xbf \r\n<HTML lang=en>", "HTML page"),
        (l, &gzip(b"<html><body>Not found</body></html>"), "HTML page"),
    ] {
        let text = complaint(name, bytes);
        assert!(text.contains(said), "{said:?} is not in {text:?}");
    }
}

fn trailing_image() -> Vec<u8> {
    let mut bytes = images(TEST_ROWS);
    bytes.extend([1, 2, 3]);
    bytes
}

#[test]
fn says_what_does_not_fit_together() {
    let text = complaint("t10k-labels-idx1-ubyte", &labels(TEST_ROWS + 1));
    assert!(text.contains("3 images") && text.contains("4 labels"), "{text}");
    let folder = sound();
    fs::write(folder.path().join("train-images-idx3-ubyte"), images(VALIDATION_ROWS)).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte"), labels(VALIDATION_ROWS)).unwrap();
    let text = load(folder.path()).unwrap_err().to_string();
    assert!(text.contains("holds 5000 images; validation takes the first 5000"), "{text}");
}

#[test]
fn says_which_names_were_looked_for() {
    let folder = sound();
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let text = load(folder.path()).unwrap_err().to_string();
    for name in ["t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "t10k-labels-idx1-ubyte.gz"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("train-images"), "{text}");
    let missing = load(Path::new("/no/such/folder")).unwrap_err().to_string();
    assert!(missing.contains("/no/such/folder"), "{missing}");
}

fn data(folder: &Path) -> Command {
    let mut command = support::tf_mnist();
    command.args(["data", "--data-dir"]).arg(folder);
    command
}

#[test]
fn the_command_shows_files_and_splits() {
    let folder = sound();
    data(folder.path()).assert().success().stderr(is_empty()).stdout(
        contains("train-images-idx3-ubyte     5007  ").and(contains("5000 to 5006 of the training files")),
    );
    let output = data(folder.path()).arg("--json").output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["source"], "data-dir");
    assert_eq!(json["splits"], serde_json::json!({"train": 7, "validation": 5000, "test": 3}));
    assert_eq!(json["files"][3]["count"], 3);
    let digest = tf_mnist::fetch::Digest::of(&labels(TEST_ROWS)).to_string();
    assert_eq!(json["files"][3]["sha256"], digest);
    assert!(Path::new(json["files"][3]["path"].as_str().unwrap()).is_file());
}

#[test]
fn the_command_fails_with_one_clear_error() {
    data(Path::new("/no/such/folder"))
        .arg("-q")
        .assert()
        .code(1)
        .stdout(is_empty())
        .stderr(contains("error: cannot use --data-dir: /no/such/folder"));
    let folder = sound();
    fs::write(folder.path().join("t10k-labels-idx1-ubyte"), b"<html>").unwrap();
    data(folder.path()).assert().code(1).stderr(contains("t10k-labels-idx1-ubyte: is an HTML page"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever bytes a file holds: an error that names it, or the very file that was meant.
    #[test]
    fn never_panics_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..400), zipped: bool) {
        let bytes = if zipped { gzip(&bytes) } else { bytes };
        for name in ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
            complaint(name, &bytes);
        }
    }

    /// A header that says anything, with any rows behind it.
    #[test]
    fn never_panics_on_a_header_that_lies(rows: u32, height in 0..40u32, body in 0..5000usize) {
        let mut bytes = vec![0, 0, 8, 3];
        for size in [rows, height, 28] {
            bytes.extend(size.to_be_bytes());
        }
        bytes.resize(16 + body, 7);
        prop_assert!(with("t10k-images-idx3-ubyte", &bytes).is_err());
    }

    /// One bit of a gzipped file flipped: its checksum tells, unless the bit means nothing.
    #[test]
    fn sees_a_flipped_bit_in_a_gzip(at: prop::sample::Index, bit in 0..8u8) {
        let mut bytes = gzip(&images(TEST_ROWS));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(dataset) = with("t10k-images-idx3-ubyte", &bytes) {
            prop_assert_eq!(dataset.test.pixels(), &images(TEST_ROWS)[16..]);
        }
    }

    /// A file cut anywhere is refused.
    #[test]
    fn sees_a_cut(at: prop::sample::Index, zipped: bool) {
        let whole = images(TEST_ROWS);
        let whole = if zipped { gzip(&whole) } else { whole };
        complaint("t10k-images-idx3-ubyte", &whole[..at.index(whole.len())]);
    }
}
