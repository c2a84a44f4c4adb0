//! Folders of data as people have them: as Kaggle, torchvision, EMNIST and QMNIST lay them out, files in other forms, and
//! what is no IDX file. They are read where there is no doubt; else the message says what is there and what to do.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use support::gzip;
use tempfile::TempDir;

const ROWS: [u32; 4] = [5007, 5007, 30, 30];
const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn header(magic: [u8; 4], sizes: &[u32]) -> Vec<u8> {
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    magic.into_iter().chain(sizes).collect()
}

/// The four files, row after row of another class.
static FILES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    [0, 1, 2, 3].map(|file| {
        let rows = ROWS[file];
        if file % 2 == 0 {
            let pixels = (0..rows as usize * 784).map(|place| (place % 251) as u8);
            header([0, 0, 8, 3], &[rows, 28, 28]).into_iter().chain(pixels).collect()
        } else {
            let labels = (0..rows).map(|row| (row % 10) as u8);
            header([0, 0, 8, 1], &[rows]).into_iter().chain(labels).collect()
        }
    })
});

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A folder with the four files, each where `place` says.
fn laid_out(place: impl Fn(usize, &str) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in NAMES.iter().enumerate() {
        put(&folder.path().join(place(file, name)), &FILES[file]);
    }
    folder
}

fn plain() -> TempDir {
    laid_out(|_, name| name.to_owned())
}

fn data(folder: &Path) -> Command {
    let mut command = support::tf_mnist();
    command.args(["data", "--data-dir"]).arg(folder);
    command
}

/// What `--json` says of a folder that is read.
fn report(folder: &Path) -> Value {
    let output = data(folder).args(["--json", "-q"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn digests(folder: &Path) -> Vec<String> {
    let report = report(folder);
    let files = report["files"].as_array().unwrap();
    files.iter().map(|file| file["sha256"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn folders_of_other_publishers_are_read() {
    let expected = digests(plain().path());
    let dotted = |name: &str| name.replace("-idx", ".idx");
    for (what, folder) in [
        ("Kaggle's folders alone", laid_out(|_, name| format!("{name}/{}", dotted(name)))),
        ("torchvision's root", laid_out(|_, name| format!("MNIST/raw/{name}"))),
        ("EMNIST", laid_out(|_, name| format!("emnist-digits-{}", name.replace("t10k", "test")))),
        ("deep", laid_out(|_, name| format!("archive/data/mnist/{name}"))),
    ] {
        assert_eq!(digests(folder.path()), expected, "{what}");
    }
    // Kaggle's archive whole: a folder beside each file.
    let kaggle = laid_out(|_, name| dotted(name));
    for (file, name) in NAMES.iter().enumerate() {
        put(&kaggle.path().join(name).join(name), &FILES[file]);
    }
    assert_eq!(digests(kaggle.path()), expected);
    // Where the files are is said.
    let nested = laid_out(|_, name| format!("FashionMNIST/raw/{name}"));
    data(nested.path()).assert().success().stderr(contains("data files: ").and(contains("FashionMNIST/raw")));
}

#[test]
fn of_several_data_sets_each_can_be_named() {
    let torchvision = tempfile::tempdir().unwrap();
    let emnist = tempfile::tempdir().unwrap();
    for (file, name) in NAMES.iter().enumerate() {
        for set in ["MNIST", "FashionMNIST"] {
            put(&torchvision.path().join(set).join("raw").join(name), &FILES[file]);
        }
        for set in ["balanced", "digits"] {
            let name = name.replace("t10k", "test");
            put(&emnist.path().join(format!("emnist-{set}-{name}.gz")), &gzip(&FILES[file]));
        }
    }
    for (folder, places) in
        [(&torchvision, ["MNIST/raw", "FashionMNIST/raw"]), (&emnist, ["emnist-balanced", "emnist-digits"])]
    {
        let mut run = data(folder.path()).assert().code(1).stderr(contains("holds 2 data sets"));
        for place in places {
            let place = folder.path().join(place);
            run = run.stderr(contains(place.to_str().unwrap()));
            assert_eq!(digests(&place), digests(plain().path()));
        }
    }
    // Which way up its images are is said.
    data(&emnist.path().join("emnist-digits"))
        .assert()
        .success()
        .stderr(contains("rows and columns exchanged"));
}

/// The folder with one file in another form, which says the same.
#[test]
fn other_forms_of_the_same_numbers_are_read() {
    let expected = digests(plain().path());
    let (images, labels) = (&FILES[2], &FILES[3]);
    let sizes = [30, 28, 28];
    let little = |magic: [u8; 4], sizes: &[u32]| -> Vec<u8> {
        let sizes = sizes.iter().flat_map(|size| size.to_le_bytes());
        magic.into_iter().chain(sizes).collect()
    };
    let integers =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().flat_map(|&byte| u32::from(byte).to_be_bytes()).collect() };
    let rows_of_eight = labels[8..].iter().flat_map(|&label| {
        let row = [u32::from(label), 4, 77, 1000, 65, 3, 0, 0];
        row.map(u32::to_be_bytes).concat()
    });
    for (what, file, bytes) in [
        ("gzipped twice", 2, gzip(&gzip(images))),
        ("zeros behind the gzip", 2, [gzip(images), vec![0; 700]].concat()),
        ("two members of gzip", 2, [gzip(&images[..500]), gzip(&images[500..])].concat()),
        ("other byte order", 2, [little([3, 8, 0, 0], &sizes), images[16..].to_vec()].concat()),
        ("labels, other byte order", 3, [little([1, 8, 0, 0], &[30]), labels[8..].to_vec()].concat()),
        ("channels last", 2, [header([0, 0, 8, 4], &[30, 28, 28, 1]), images[16..].to_vec()].concat()),
        ("channels first", 2, [header([0, 0, 8, 4], &[30, 1, 28, 28]), images[16..].to_vec()].concat()),
        ("32-bit labels", 3, [header([0, 0, 12, 1], &[30]), integers(&labels[8..])].concat()),
        ("32-bit images", 2, [header([0, 0, 12, 3], &sizes), integers(&images[16..])].concat()),
        ("QMNIST's labels", 3, [header([0, 0, 12, 2], &[30, 8]), rows_of_eight.collect()].concat()),
    ] {
        let folder = plain();
        fs::write(folder.path().join(NAMES[file]), &bytes).unwrap();
        assert_eq!(digests(folder.path()), expected, "{what}");
    }
    let qmnist = laid_out(|_, name| {
        format!("qmnist-{}", name.replace("t10k", "test").replace("labels-idx1-ubyte", "labels-idx2-int"))
    });
    assert_eq!(digests(qmnist.path()), expected);
}

#[test]
fn a_file_that_is_something_else_is_described() {
    let csv = format!("5{}\n", ",0".repeat(784));
    let channels_last = [header([0, 0, 8, 4], &[30, 28, 28, 1]), FILES[2][16..].to_vec()].concat();
    let large = [header([0, 0, 12, 1], &[30]), [0, 0, 1, 4].repeat(30)].concat();
    for (file, bytes, said) in [
        (
            2,
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>".to_vec(),
            "it is an XML document",
        ),
        (2, b"{\"message\": \"rate limit exceeded\"}".to_vec(), "it is JSON"),
        (3, b"404: Not Found".to_vec(), "it is text"),
        (3, gzip(b"{\"message\": \"rate limit exceeded\"}"), "it is JSON"),
        (2, b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(), "git lfs pull"),
        (2, b"PK\x03\x04\x14\0\0\0\0\0".to_vec(), "it is an archive"),
        (2, b"PK\x03\x04\x14\0\0\0\0\0x_train.npy".to_vec(), "it is an archive of NumPy arrays (.npz)"),
        (2, b"\x93NUMPY\x01\0".to_vec(), "it is a NumPy array"),
        (2, csv.into_bytes(), "it is a table of text (CSV)"),
        (2, header([0, 0, 13, 3], &[30, 28, 28]), "holds 32-bit floats, not bytes"),
        (2, header([0, 0, 8, 4], &[30, 28, 28, 3]), "has 4 dimensions, of [30, 28, 28, 3]"),
        (3, header([0, 0, 8, 2], &[30, 10]), "has 2 dimensions, of [30, 10]; IDX labels have 1"),
        (2, vec![7; 200], "has the magic number 0x07070707; IDX images have 0x00000803"),
        (2, header([0, 0, 12, 3], &[30]), "ends after 8 bytes, inside the header of 16"),
        (3, large, "has the number 260 in place 0"),
        (3, [header([0, 0, 12, 1], &[30]), vec![0xff; 120]].concat(), "has the number -1 in place 0"),
        (2, channels_last[..23_440].to_vec(), "is truncated: 23540 bytes announced, 23440 there"),
        (2, [&channels_last[..], b"rest"].concat(), "has trailing bytes after the 23540"),
        (2, [gzip(&FILES[2]), b"rest".to_vec()].concat(), "neither zeros nor gzipped"),
    ] {
        let folder = plain();
        let path = folder.path().join(NAMES[file]);
        fs::write(&path, bytes).unwrap();
        data(folder.path()).assert().code(1).stderr(contains(path.to_str().unwrap()).and(contains(said)));
    }
}

#[test]
fn other_kinds_of_data_sets_are_named_with_a_program_that_converts_them() {
    for (name, kind, program) in [
        ("mnist.npz", "an archive of NumPy arrays", "d['x_train']"),
        ("mnist_train.csv", "a table of text (CSV)", "np.loadtxt"),
        ("mnist.pkl.gz", "a pickle of Python's", "pickle.load"),
        ("train-00000-of-00001.parquet", "a Parquet table", "read_parquet"),
        ("mnist.zip", "an archive", "unpack it"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, "of no account").unwrap();
        let said = || contains(format!("{} is {kind}", path.display())).and(contains(program));
        data(folder.path())
            .assert()
            .code(1)
            .stderr(said().and(contains("lacks data files")).and(contains(format!("holds {name}"))));
        data(&path).assert().code(1).stderr(said().and(contains("name the folder")));
    }
    let folder = plain();
    data(&folder.path().join(NAMES[0])).assert().code(1).stderr(contains("is a file; name the folder"));
}

/// What is missing is told, and where it is.
#[test]
fn a_folder_that_lacks_files_tells_what_it_holds() {
    let folder = laid_out(|file, name| if file < 2 { name.to_owned() } else { format!("test/{name}") });
    fs::write(folder.path().join("README.md"), "").unwrap();
    data(folder.path())
        .assert()
        .code(1)
        .stderr(contains("t10k-images-idx3-ubyte").and(contains("holds README.md, test/")));
    put(&folder.path().join("all").join(NAMES[0]), &FILES[0]);
    for (file, name) in NAMES.iter().enumerate() {
        put(&folder.path().join("all").join(name), &FILES[file]);
    }
    data(folder.path())
        .assert()
        .code(1)
        .stderr(contains(format!("all of them are in {}", folder.path().join("all").display())));
}

#[test]
fn a_split_needs_just_its_files() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline/final.ckpt");
    let folder = plain();
    for name in &NAMES[..2] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let evaluate = |split: &str| {
        let mut command = support::tf_mnist();
        command
            .arg("evaluate")
            .arg(&model)
            .args(["--json", "--split", split, "--data-dir"])
            .arg(folder.path());
        command
    };
    evaluate("test").assert().success().stdout(contains("\"images\": 30"));
    evaluate("validation").assert().code(1).stderr(contains("train-images-idx3-ubyte"));
    // Few training rows matter as little.
    put(&folder.path().join(NAMES[0]), &[header([0, 0, 8, 3], &[1, 28, 28]), vec![0; 784]].concat());
    put(&folder.path().join(NAMES[1]), &[header([0, 0, 8, 1], &[1]), vec![0; 1]].concat());
    evaluate("test").assert().success();
    for (name, bytes) in NAMES.iter().zip(FILES.iter()).take(2) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    for name in &NAMES[2..] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    evaluate("train").assert().success().stdout(contains("\"images\": 7"));
    evaluate("test").assert().code(1).stderr(contains("t10k-labels-idx1-ubyte"));
}

#[test]
fn classes_that_a_split_lacks_are_named_before_training() {
    let train = |label: fn(u32) -> u32| {
        let folder = plain();
        let labels = (0..ROWS[1]).map(|row| label(row) as u8);
        let file: Vec<_> = header([0, 0, 8, 1], &[ROWS[1]]).into_iter().chain(labels).collect();
        fs::write(folder.path().join(NAMES[1]), file).unwrap();
        let runs = tempfile::tempdir().unwrap();
        let mut command = support::tf_mnist();
        command
            .args(["baseline", "--reproducible", "--max-steps", "1", "--batch-size", "7", "--data-dir"])
            .arg(folder.path())
            .arg("--out-dir")
            .arg(runs.path().join("run"));
        command.assert().success()
    };
    train(|row| row * 10 / ROWS[1])
        .stderr(contains("the training rows lack classes 0 to 8").and(contains("sorted by class")));
    train(|row| if row < 5000 { row * 7 / 5000 } else { row % 10 })
        .stderr(contains("the validation rows lack classes 7 to 9").and(contains("sorted").not()));
    train(|row| row % 10).stderr(contains("the training rows lack classes 7 to 9"));
}

#[test]
fn a_folder_whose_name_is_not_utf_8_is_read() {
    let folder = plain();
    let parent = tempfile::tempdir().unwrap();
    let odd: PathBuf = parent.path().join(OsString::from_vec(b"d\xff\xe9".to_vec()));
    fs::rename(folder.path(), &odd).unwrap();
    let report = report(&odd);
    assert!(report["folder"].as_str().unwrap().ends_with("d\u{fffd}\u{fffd}"), "{report}");
    fs::create_dir(folder.path()).unwrap();
}
