//! Networks as files: what is read and what is refused, and what users do with them, through the binary.

use predicates::prelude::*;
use predicates::str::contains;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use support::networks::table;
use support::tf_mnist;
use tempfile::TempDir;
use tf_mnist::networks::{BUILT_IN, LearningRate, LearningRateSchedule, Table};

/// A small network on 8 x 8 pixels, of other layers than the built-in ones have.
const SMALL: &str = r#"
version = 1
name = "small"
input_shape = [8, 8, 1]
classes = 5
first_label = 1

[[rows]]
name = "conv1"
layers = [
  { conv2d = { filters = 4, kernel_size = [3, 5], strides = [1, 2], padding = "same", use_bias = false } },
  "batch_normalization",
  { activation = "tanh" },
  { average_pooling2d = { pool_size = 2 } },
  "flatten",
]

[[rows]]
name = "output"
layers = [{ dense = { units = 5 } }]

[training]
epochs = 3
batch_size = 10
validate = "every_epoch"
random_translation = 1
adam = { learning_rate = { cosine_decay = { initial_learning_rate = 0.02 } }, beta_1 = 0.8 }
"#;

#[test]
fn every_built_in_network_reads_back_from_what_config_json_holds() {
    for (name, text) in BUILT_IN {
        let read = Table::parse(text).unwrap();
        assert_eq!(read.name, name);
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Table>(&written).unwrap(), read);
    }
    let small = Table::parse(SMALL).unwrap();
    let written = serde_json::to_string(&small).unwrap();
    assert_eq!(serde_json::from_str::<Table>(&written).unwrap(), small);
}

#[test]
fn classes_beyond_all_numbers_are_refused() {
    let mut value = serde_json::to_value(table("baseline")).unwrap();
    (value["classes"], value["first_label"]) = (u64::MAX.into(), 1.into());
    let error = Table::try_from(value).unwrap_err();
    assert!(error.contains("classes is 18446744073709551615 from the label 1 on"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_row_and_layer() {
    let baseline = BUILT_IN[0].1;
    let optimized = BUILT_IN[1].1;
    for (text, from, to, said) in [
        (baseline, "version = 1", "version = 2", "version 2, written for a newer tf-mnist"),
        (
            baseline,
            r#""valid" } }, "flatten"]"#,
            r#""valid" } }]"#,
            "row 4 (fc1), layer 1 (dense): it takes rows of values",
        ),
        (baseline, "units = 10", "units = 11", "row 5 (output): the last row gives 11 values for 10 classes"),
        (
            baseline,
            r#"name = "conv2""#,
            r#"name = "Conv1""#,
            "row 2 (Conv1): a row of that name stands above",
        ),
        (
            baseline,
            "pool_size = 2",
            "pool_size = 20",
            "row 3 (pool3), layer 1 (max_pooling2d): its window of 20x20 is larger than the 14x14",
        ),
        (baseline, "filters = 16", "filters = -1", "row 1 (conv1), layer 1 (conv2d): invalid value"),
        (baseline, "filters = 16", "filter = 16", "row 1 (conv1), layer 1 (conv2d): unknown field `filter`"),
        (
            baseline,
            r#"activation = "relu""#,
            r#"activation = "gelu""#,
            "row 1 (conv1), layer 2 (activation): unknown variant `gelu`",
        ),
        (
            baseline,
            "{ dense = { units = 32 } }",
            "{ dense = { units = 32 }, flatten = {} }",
            "row 4 (fc1), layer 1: a layer is one kind",
        ),
        (baseline, r#"name = "conv1""#, r#"name = "conv/1""#, "row 1: name is \"conv/1\""),
        (baseline, r#"name = "conv1""#, r#"name = "inputs""#, "row 1 (inputs): the graph itself"),
        (baseline, "centred_by_mass", "as_they_are", "unknown variant `as_they_are`"),
        (baseline, "[28, 28, 1]", "[32, 32, 1]", "centred_by_mass"),
        (baseline, "[28, 28, 1]", "[28, 28, 3]", "input_shape is 28x28x3"),
        (baseline, "learning_rate = 0.001", "learning_rate = 0", "training: learning_rate is out of range"),
        (baseline, "learning_rate = 0.001", r#"learning_rate = "fast""#, "training: "),
        (baseline, "epochs = 10", "epochs = 0", "training: epochs is out of range"),
        (
            optimized,
            "rate = 0.25",
            "rate = 1",
            "row 3 (pool3), layer 3 (dropout): rate is 1; it is at least 0 and below 1",
        ),
        (
            optimized,
            "momentum = 0.9",
            "momentum = 1.5",
            "row 1 (conv1), layer 2 (batch_normalization): momentum is 1.5",
        ),
        (optimized, "every_steps = 10", "every_steps = 0", "training: validate is out of range"),
        (optimized, "[training]", "[trainings]", "unknown field `trainings`, expected one of"),
        (baseline, "version = 1", "version = 0", "version is 0"),
        (optimized, "rate = 0.25", "rate = nan", "row 3 (pool3), layer 3, dropout, rate is NaN"),
        (optimized, "patience = 2000", "patience = inf", "training, patience is inf"),
        (
            baseline,
            "learning_rate = 0.001",
            "learning_rate = 1e39",
            "training: learning_rate is out of range",
        ),
        (optimized, "= [28", "= 28", "line "),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Table::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(said), "{to}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A file that was damaged is refused or still a table that holds: nothing panics, and what holds can be described.
    #[test]
    fn damaged_files_are_refused_or_sound(
        which in 0usize..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,3}", 0usize..6), 1..4),
    ) {
        let mut text = BUILT_IN[which].1.to_owned();
        for (place, insert, cut) in damage {
            let at = place.index(text.len());
            text.replace_range(at..text.len().min(at + cut), &insert);
        }
        if let Ok(table) = Table::parse(&text) {
            prop_assert!(table.check().is_ok());
            let shapes: Vec<_> = table.variables().iter().map(|variable| variable.shape.len()).collect();
            prop_assert!(!shapes.is_empty());
            let _ = tf_mnist::model::summary::Summary::of(&table);
        }
    }

    /// Any numbers in any layers, in any order: a table that holds has shapes all the way.
    #[test]
    fn random_tables_are_refused_or_sound(
        side in 1u64..40,
        layers in prop::collection::vec((0usize..8, 0u64..9, 0u64..4, any::<bool>()), 0..8),
    ) {
        let mut rows = String::new();
        for (number, (kind, size, step, same)) in layers.iter().enumerate() {
            let padding = if *same { "same" } else { "valid" };
            let layer = match kind {
                0 => format!("{{ conv2d = {{ filters = {size}, kernel_size = {size}, strides = {step}, padding = \"{padding}\" }} }}"),
                1 => format!("{{ dense = {{ units = {size} }} }}"),
                2 => "\"batch_normalization\"".into(),
                3 => "{ activation = \"elu\" }".into(),
                4 => format!("{{ max_pooling2d = {{ pool_size = {size}, strides = {step} }} }}"),
                5 => format!("{{ average_pooling2d = {{ pool_size = {size}, padding = \"{padding}\" }} }}"),
                6 => "\"flatten\"".into(),
                _ => format!("{{ dropout = {{ rate = 0.{size} }} }}"),
            };
            rows.push_str(&format!("[[rows]]\nname = \"row{number}\"\nlayers = [{layer}]\n"));
        }
        let text = format!(
            "version = 1\nname = \"random\"\ninput_shape = [{side}, {side}, 1]\nclasses = 3\n{rows}\
             [[rows]]\nname = \"out\"\nlayers = [{{ dense = {{ units = 3 }} }}]\n\
             [training]\nepochs = 1\nbatch_size = 1\nvalidate = \"every_epoch\"\nadam = {{ learning_rate = 0.1 }}\n"
        );
        match Table::parse(&text) {
            Ok(table) => prop_assert!(table.layers().iter().all(|placed| placed.layer.output(&placed.input).is_ok())),
            Err(error) => prop_assert!(error.contains("row ") && error.contains("layer "), "{error}\n{text}"),
        }
    }
}

#[test]
fn learning_rates_fall_as_keras_says() {
    // tf.keras.optimizers.schedules of Keras 3, in float64.
    let cosine = LearningRate::Schedule(LearningRateSchedule::CosineDecay {
        initial_learning_rate: 0.004,
        decay_steps: Some(1000),
        alpha: 0.1,
    });
    let near =
        |rate: f32, expected: f64| assert!((f64::from(rate) - expected).abs() < 1e-9, "{rate} {expected}");
    near(cosine.at(0), 0.004);
    near(cosine.at(250), 0.004 * (0.9 * 0.5 * (1.0 + std::f64::consts::FRAC_1_SQRT_2) + 0.1));
    near(cosine.at(1000), 0.0004);
    near(cosine.at(5000), 0.0004);
    let falling = |staircase| {
        LearningRate::Schedule(LearningRateSchedule::ExponentialDecay {
            initial_learning_rate: 0.1,
            decay_steps: 100,
            decay_rate: 0.25,
            staircase,
        })
    };
    near(falling(false).at(50), 0.05);
    near(falling(true).at(199), 0.025);
}

/// An IDX file of `rows` images of 8 x 8 pixels, or of their labels 1 to 5: each class has a bright row of its own.
fn write_small_data(folder: &Path) {
    for (name, rows) in [("train", 260u32), ("t10k", 40)] {
        let (mut images, mut labels) = (vec![0, 0, 8, 3], vec![0, 0, 8, 1]);
        for header in [rows, 8, 8] {
            images.extend(header.to_be_bytes());
        }
        labels.extend(rows.to_be_bytes());
        for row in 0..rows {
            let class = (row * 7 % 5) as u8;
            labels.push(class + 1);
            images.extend((0..64u32).map(|pixel| match pixel / 8 == u32::from(class) + 1 {
                true => 255,
                false => (pixel * (row + 3) % 40) as u8,
            }));
        }
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn a_network_of_one_s_own_trains_resumes_and_is_used_without_being_named_again() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("data")).unwrap();
    write_small_data(&at("data"));
    fs::write(at("small.toml"), SMALL).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = tf_mnist();
        command.current_dir(folder.path()).args(arguments);
        command.assert()
    };
    run(&[
        "train",
        "small.toml",
        "--data-dir",
        "data",
        "--validation-rows",
        "60",
        "--seed",
        "1",
        "--max-steps",
        "1000",
        "--out-dir",
        "run",
    ])
    .success()
    .stdout(contains("Epoch:   2").and(contains("Test_accuracy: ")));
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(at("run/config.json")).unwrap()).unwrap();
    assert_eq!(config["version"], 2);
    assert_eq!(config["network"]["name"], "small");
    assert_eq!(config["network"]["training"]["adam"]["learning_rate"]["cosine_decay"]["decay_steps"], 60);
    let metrics = fs::read_to_string(at("run/metrics.jsonl")).unwrap();
    let validations = metrics.lines().filter(|line| line.contains("\"validation\""));
    let steps = validations.map(|line| line.split(&[':', ','][..]).nth(3).unwrap());
    assert_eq!(steps.collect::<Vec<_>>(), ["19", "39", "59"]);
    // The file is not needed any more.
    fs::remove_file(at("small.toml")).unwrap();
    run(&["evaluate", "run", "--data-dir", "data"])
        .success()
        .stdout(contains("small, ").and(contains("40 test images")));
    run(&["export", "run", "models"]).success();
    run(&["evaluate", "models", "--data-dir", "data"]).success();
    run(&["predict", "run", "data/t10k-images-idx3-ubyte#0"]).success().stdout(contains("idx3-ubyte#0  1  "));
    run(&["train", "--resume", "run", "--epochs", "4"]).success();
    run(&["baseline", "--resume", "run"])
        .code(2)
        .stderr(contains("holds a run of small").and(contains("tf-mnist train --resume run")));
    run(&["train", "--resume", "run", "--batch-size", "11"])
        .code(2)
        .stderr(contains("--batch-size disagrees with the run in run: it has 10"));
}

#[test]
fn data_of_another_form_is_refused_with_both_named() {
    let folder = TempDir::new().unwrap();
    write_small_data(folder.path());
    tf_mnist()
        .args(["baseline", "--max-steps", "1", "--out-dir"])
        .arg(folder.path().join("run"))
        .arg("--data-dir")
        .arg(folder.path())
        .assert()
        .failure()
        .stderr(
            contains("holds images of 8 x 8 pixels, not 28 x 28").and(contains("train-images-idx3-ubyte")),
        );
    assert!(!folder.path().join("run").exists());
    let small = folder.path().join("small.toml");
    fs::write(&small, SMALL).unwrap();
    tf_mnist()
        .arg("train")
        .arg(&small)
        .assert()
        .failure()
        .stderr(contains("MNIST has 28 x 28 pixels").and(contains("8 x 8").and(contains("--data-dir"))));
}

#[test]
fn a_table_is_described_and_printed_to_start_from() {
    let printed = tf_mnist().args(["describe", "optimized", "--toml"]).output().unwrap().stdout;
    assert_eq!(Table::parse(std::str::from_utf8(&printed).unwrap()).unwrap(), table("optimized"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, SMALL).unwrap();
    tf_mnist()
        .arg("describe")
        .arg(&file)
        .assert()
        .success()
        .stdout(contains("small: images [n,8,8,1]").and(contains("3x5").and(contains("average pool"))));
    for misspelt in [&["train", "optimised"][..], &["data", "--network", "optimised"]] {
        tf_mnist()
            .args(misspelt)
            .assert()
            .code(2)
            .stderr(contains("there is no network optimised").and(contains("baseline, optimized, accurate")));
    }
    tf_mnist().arg("train").assert().code(2);
    tf_mnist()
        .args(["baseline", "--pool-dropout", "0.1"])
        .assert()
        .code(2)
        .stderr(contains("--pool-dropout: baseline has no dropout in a row pool3"));
}

#[test]
fn options_take_the_place_of_the_table_s_numbers() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write_small_data(&folder.path().join("data"));
    fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    tf_mnist()
        .current_dir(folder.path())
        .args(["train", "small.toml", "--data-dir", "data", "--validation-rows", "60", "--out-dir", "run"])
        .args([
            "--epochs",
            "1",
            "--batch-size",
            "20",
            "--learning-rate",
            "0.5",
            "--validate-every",
            "5",
            "--patience",
            "3",
        ])
        .assert()
        .success()
        .stdout(contains("Iter:"));
    let config = fs::read_to_string(folder.path().join("run/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let training = &config["network"]["training"];
    assert_eq!(training["epochs"], 1);
    assert_eq!(training["batch_size"], 20);
    assert_eq!(training["adam"]["learning_rate"], 0.5);
    assert_eq!(training["validate"]["every_steps"], 5);
    assert_eq!(training["patience"], 3);
}

/// [`SMALL`] in a folder beside its data, and what trains it for a few epochs.
fn small(folder: &Path, change: impl Fn(&str) -> String) -> impl Fn(&[&str]) -> assert_cmd::assert::Assert {
    fs::create_dir(folder.join("data")).unwrap();
    write_small_data(&folder.join("data"));
    fs::write(folder.join("small.toml"), change(SMALL)).unwrap();
    let folder = folder.to_path_buf();
    move |arguments: &[&str]| tf_mnist().current_dir(&folder).args(arguments).assert()
}

const TRAIN_SMALL: [&str; 9] = [
    "train",
    "small.toml",
    "--data-dir",
    "data",
    "--validation-rows",
    "60",
    "--reproducible",
    "--out-dir",
    "run",
];

#[test]
fn a_schedule_works_under_whatever_name_the_training_has() {
    let losses = |scope: &str| {
        let folder = TempDir::new().unwrap();
        let named = format!("[training]\nscope = \"{scope}\"");
        let run = small(folder.path(), |table| table.replace("[training]", &named));
        run(&[&TRAIN_SMALL[..], &["--max-steps", "8"]].concat()).success();
        let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
        let lines = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["loss"].to_string()).collect::<Vec<_>>()
    };
    // The names of the first two are taken by the graph itself.
    let expected = losses("train");
    assert_eq!(losses("inputs"), expected);
    assert_eq!(losses("eval"), expected);
}

#[test]
fn images_that_are_not_square_are_exported_and_classes_have_their_labels() {
    let folder = TempDir::new().unwrap();
    let run = small(folder.path(), |table| table.replace("[8, 8, 1]", "[4, 16, 1]"));
    for name in ["train", "t10k"] {
        let path = folder.path().join(format!("data/{name}-images-idx3-ubyte"));
        let mut bytes = fs::read(&path).unwrap();
        (bytes[11], bytes[15]) = (4, 16);
        fs::write(path, bytes).unwrap();
    }
    run(&[&TRAIN_SMALL[..], &["--max-steps", "40"]].concat()).success();
    run(&["export", "run", "models"]).success();
    for model in ["run", "models"] {
        let output = run(&["evaluate", model, "--data-dir", "data", "--json"]).success();
        let report: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        let labels: Vec<_> =
            report["digits"].as_array().unwrap().iter().map(|digit| digit["digit"].as_u64()).collect();
        assert_eq!(labels, [1, 2, 3, 4, 5].map(Some), "{model}");
    }
    run(&["data", "--data-dir", "data", "--network", "small.toml", "--validation-rows", "60"])
        .success()
        .stdout(contains("260"));
    run(&["describe", "run"]).success().stdout(contains("small: images [n,4,16,1]"));
    let printed = run(&["describe", "run", "--toml"]).success().get_output().stdout.clone();
    let config = fs::read(folder.path().join("run/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.starts_with("# decay_steps is this run's length"), "{printed}");
    assert!(
        printed.contains("\n  { average_pooling2d = { pool_size = 2"),
        "a line for each layer: {printed}"
    );
    let printed = Table::parse(&printed).unwrap();
    assert_eq!(printed, Table::try_from(config["network"].clone()).unwrap());
}

#[test]
fn a_run_keeps_its_network_whatever_file_is_named() {
    let folder = TempDir::new().unwrap();
    let run = small(folder.path(), str::to_owned);
    run(&[&TRAIN_SMALL[..], &["--max-steps", "4"]].concat()).success();
    let other = SMALL.replace("tanh", "relu");
    fs::write(folder.path().join("other.toml"), &other).unwrap();
    run(&["train", "other.toml", "--resume", "run", "--max-steps", "6"])
        .code(2)
        .stderr(contains("of other layers or sizes"));
    run(&["evaluate", "run", "--data-dir", "data", "--network", "other.toml"])
        .success()
        .stderr(contains("is of another network than small"));
    fs::write(folder.path().join("other.toml"), SMALL.replace("batch_size = 10", "batch_size = 5")).unwrap();
    run(&["train", "other.toml", "--resume", "run", "--max-steps", "6"])
        .success()
        .stderr(contains("keeps its own numbers of training").and(contains("fell to zero by step 4")));
    // Nothing else tells what network it is.
    fs::write(folder.path().join("run/config.json"), "{").unwrap();
    run(&["evaluate", "run", "--data-dir", "data"])
        .code(1)
        .stderr(contains("does not tell: the network run/config.json is not sound: EOF"));
    run(&["describe", "data"]).code(2).stderr(contains("data tells no network"));
    // A file that is too large is not read in part.
    fs::write(folder.path().join("large.toml"), format!("{SMALL}{}", "#\n".repeat(1 << 19))).unwrap();
    run(&["describe", "large.toml"]).code(2).stderr(contains("larger than 1 MiB"));
}
