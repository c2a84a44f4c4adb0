//! `tf-mnist describe` through the binary, and what it says held against the graphs that TensorFlow is given.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};
use std::fs;
use support::networks::{build, table};
use tensorflow::{Graph, ImportGraphDefOptions, Session, SessionOptions, SessionRunArgs};
use tf_mnist::graph::Pair;
use tf_mnist::graph::{OpBuilder, Scope};
use tf_mnist::model::summary::{Summary, WindowSummary};
use tf_mnist::model::{Network, Towers};

const NETWORKS: [&str; 3] = ["baseline", "optimized", "accurate"];

fn describe() -> Command {
    let mut command = support::tf_mnist();
    command.arg("describe");
    command
}

fn stdout(model: &str) -> String {
    let output = describe().arg(model).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(model: &str) -> Value {
    let output = describe().args([model, "--json"]).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn network(name: &str) -> Network {
    support::load_as_the_program_does();
    build(&table(name), None, Towers::AsPublished)
}

fn summary(name: &str) -> Summary {
    Summary::of(&table(name))
}

#[test]
fn tensorflow_pads_each_side_as_the_summary_says() {
    support::load_as_the_program_does();
    for layer in NETWORKS.iter().flat_map(|name| summary(name).layers) {
        let Some(window) = layer.window else { continue };
        let by_name = convolved(window, |node| node.string("padding", window.padding.as_str()));
        let along = |Pair([size, _]): Pair| size as i64; // all of these are square
        let (before, after) = (along(window.padding_before), along(window.padding_after));
        let sides = [0, 0, before, after, before, after, 0, 0];
        let by_sides =
            convolved(window, |node| node.string("padding", "EXPLICIT").ints("explicit_paddings", &sides));
        assert_eq!(by_name, by_sides, "{}", layer.name);
    }
}

/// A convolution of an image and a kernel, each of values that differ, by a window with this padding.
fn convolved<'a>(window: WindowSummary, pad: impl Fn(OpBuilder<'a>) -> OpBuilder<'a>) -> Vec<f32> {
    let graph: &'a Scope = Box::leak(Box::new(Scope::new(None)));
    let square = |name, side: u64, dims: [u64; 4]| {
        let values: Vec<_> = (1..=side * side).map(|value| value as f32).collect();
        graph.constant(name, &dims, &values).unwrap()
    };
    let Pair([size, _]) = window.input_size;
    let Pair([kernel_size, _]) = window.kernel_size;
    let stride = window.strides.0[0] as i64;
    let image = square("image", size, [1, size, size, 1]);
    let kernel = square("kernel", kernel_size, [kernel_size, kernel_size, 1, 1]);
    let node =
        graph.op("Conv2D", "Conv2D").input(&image).input(&kernel).ints("strides", &[1, stride, stride, 1]);
    let sums = pad(node).build().unwrap();
    let session = Session::new(&SessionOptions::new(), &graph.graph()).unwrap();
    let mut run = SessionRunArgs::new();
    let fetch = run.request_fetch(&sums, 0);
    session.run(&mut run).unwrap();
    run.fetch::<f32>(fetch).unwrap().to_vec()
}

#[test]
fn variables_are_the_graphs() {
    for name in NETWORKS {
        let graph = network(name).graph;
        let summary = summary(name);
        let described: Vec<_> = summary
            .layers
            .iter()
            .flat_map(|layer| &layer.variables)
            .map(|variable| (variable.name.clone(), variable.shape.clone(), variable.trainable))
            .collect();
        let all = graph.variables();
        let (network, adams): (Vec<_>, Vec<_>) = all
            .iter()
            .partition(|variable| !variable.name().contains("/Adam") && !variable.name().contains("_power"));
        let built: Vec<_> = network
            .iter()
            .map(|variable| (variable.name().to_owned(), variable.shape().to_vec(), variable.trainable))
            .collect();
        assert_eq!(described, built);

        let count = |variables: &[&tf_mnist::graph::Variable]| variables.iter().map(|v| v.len()).sum::<u64>();
        let (trained, averages): (Vec<_>, Vec<_>) = network.iter().partition(|variable| variable.trainable);
        assert_eq!(summary.totals.trainable_parameters, count(&trained));
        assert_eq!(summary.totals.moving_averages, count(&averages));
        assert_eq!(summary.totals.optimizer_values, count(&adams));
    }
}

#[test]
fn the_table_of_baseline_shows_the_lopsided_padding() {
    let text = stdout("baseline");
    for line in [
        "layer   output        kernel  stride  padding  trainable  moving   adds a row   n = 100   n = 1000",
        "conv2   [n,14,14,32]  3x3          2  SAME 0+1     4,640       0      903,168    2.5 MB    25.1 MB",
        "pool3   [n,1568]      2x2          2  VALID 0+0        0       0            0  627.2 kB     6.3 MB",
        "        max pool to [n,7,7,32], flatten",
        "total                                             55,338       0    1,066,560    8.2 MB    81.7 MB",
        "  conv2  stride 2: 14 windows reach over 13 * 2 + 3 = 29 pixels, 1 more than 28: 0 before, 1 after",
        "    window 14                                      ■   ■   0",
        "    10000    501.8 MB      538.2 MB    250.9 MB   1290.9 MB   the whole test set",
        "    OOM when allocating tensor with shape[10000,16,29,29]",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }
}

#[test]
fn the_table_of_optimized_tells_moving_averages_and_dropout() {
    let text = stdout("optimized");
    for line in [
        "conv2   [n,28,28,32]  3x3          1  SAME 1+1     4,704      64    3,612,672   10.0 MB   100.4 MB",
        "        matrix product + bias, batch norm, SELU, dropout 0.5 (in training only)",
        "total                                            206,046     180    3,926,592   17.6 MB   175.8 MB",
        "Memory on a GPU, at the least, while conv2 runs, the layer that needs most",
        "      100        2.36   a training step, forward and back",
        "     5000       39.27   the validation set, forward",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
    }
    assert!(!text.contains("OOM"));
}

#[test]
fn json_has_the_numbers() {
    let summary = json_of("baseline");
    assert_eq!(summary["network"], "baseline");
    assert_eq!(summary["totals"]["trainable_parameters"], 55_338);
    let conv2 = &summary["layers"][1];
    assert_eq!(conv2["output_shape"], json!([null, 14, 14, 32]));
    assert_eq!(conv2["window"]["padding"], "SAME");
    assert_eq!(conv2["window"]["padding_before"], 0);
    assert_eq!(conv2["window"]["padding_after"], 1);
    assert_eq!(conv2["window"]["padded_size"], 29);
    assert_eq!(conv2["gpu_padded_copy"]["shape"], json!([null, 16, 29, 29]));
    assert_eq!(conv2["gpu_padded_copy"]["bytes"]["chunk"], 53_824_000);

    let summary = json_of("optimized");
    assert_eq!(summary["totals"]["moving_averages"], 180);
    assert_eq!(summary["totals"]["training_step_flop"], 2_355_955_200u64);
    assert_eq!(summary["totals"]["evaluation_chunk_flop"], 7_853_184_000u64);
    let layers = summary["layers"].as_array().unwrap();
    assert!(layers.iter().all(|layer| layer["gpu_padded_copy"].is_null()));
    let pool3 = &summary["layers"][2];
    assert_eq!(pool3["operations"][2], json!({"op": "dropout", "rate": 0.25, "output_shape": [null, 6272]}));
    assert_eq!(pool3["window"]["padding"], "VALID");
}

#[test]
fn nothing_of_tensorflow_is_needed_to_describe() {
    let nowhere = tempfile::tempdir().unwrap();
    describe()
        .arg("baseline")
        .env_clear()
        .env("TENSORFLOW_DIR", nowhere.path())
        .assert()
        .success()
        .stderr("");
}

#[test]
fn the_graph_is_written_and_can_be_imported() {
    support::load_as_the_program_does();
    let folder = tempfile::tempdir().unwrap();
    for (model, train) in [("baseline", "train/Adam"), ("optimized", "loss_and_train/Adam")] {
        let file = folder.path().join(model);
        describe()
            .args([model, "--graph-def"])
            .arg(&file)
            .assert()
            .success()
            .stdout(contains("conv2   [n,"))
            .stderr(contains("wrote").and(contains(file.to_str().unwrap())));
        let mut graph = Graph::new();
        graph.import_graph_def(&fs::read(&file).unwrap(), &ImportGraphDefOptions::new()).unwrap();
        graph.operation_by_name_required(train).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_graph_that_cannot_be_written_fails_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let too_long = folder.path().join("g".repeat(300)); // refused by the last rename, after everything else
    let no_folder = folder.path().join("none").join("graph.pb");
    for (file, reason) in [
        (too_long.as_path(), "cannot write the graph to"),
        (no_folder.as_path(), "make it first"),
        (folder.path(), "it is a folder"),
    ] {
        describe()
            .args(["baseline", "--graph-def"])
            .arg(file)
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains(file.to_str().unwrap()).and(contains(reason)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_network_there_is_none_of_is_a_usage_error() {
    describe().arg("resnet").assert().code(2).stderr(contains("baseline").and(contains("optimized")));
}

#[test]
fn a_run_s_folder_is_described_as_the_help_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    support::runs::succeed(support::runs::start(
        &run,
        &["optimized", "--batch-size", "20", "--max-steps", "1"],
    ));
    describe().arg(&run).assert().success().stdout(contains("optimized: images"));
    describe().arg("--help").assert().success().stdout(contains("a run's folder"));
}
