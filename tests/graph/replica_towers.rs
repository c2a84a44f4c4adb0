//! What several replicas compute is what one computes, but for the order of sums, and but for batch norm and dropout, which
//! each does by itself unless batch norms are synchronized.

use std::collections::BTreeMap;
use support::Feeds;
use support::canonical::{Names, text};
use support::networks::{optimized_dropping, table};
use support::replicas::{Place, Replicated, build, build_synchronized};
use support::values::Values;
use tensorflow::{SessionRunArgs, Tensor};
use tf_mnist::graph::Precision;
use tf_mnist::model::{Convolutions, Towers};
use tf_mnist::networks::{Layer, Table};

/// Sums of up to 6272 float32 products in another order: sqrt(6272) · 2^-24 = 5e-6 of the size of what is summed.
const ROUNDING: f32 = 1e-5;

fn batch(rows: std::ops::Range<usize>) -> (Vec<f32>, Vec<i32>) {
    let rows: Vec<_> = rows.collect();
    let mut feeds = Feeds::new(rows.len());
    feeds.gather(&support::mnist().train, &rows);
    (feeds.images.to_vec(), feeds.labels.to_vec())
}

fn replicated(table: &Table, replicas: u16) -> Replicated {
    Replicated::new(table, replicas, Place::Devices, Towers::AsPublished)
}

/// Loss and values after a step from the start.
fn after_a_step(
    table: &Table,
    replicas: u16,
    (images, labels): &(Vec<f32>, Vec<i32>),
) -> (f32, BTreeMap<String, Vec<f32>>) {
    let trained = replicated(table, replicas);
    let loss = trained.train(images, labels, 0);
    (loss, trained.values())
}

/// Two batches one after the other.
fn joined(a: &(Vec<f32>, Vec<i32>), b: &(Vec<f32>, Vec<i32>)) -> (Vec<f32>, Vec<i32>) {
    ([&a.0[..], &b.0].concat(), [&a.1[..], &b.1].concat())
}

/// Whether the gradients, tenths of which are Adam's first averages, are the same up to rounding.
fn assert_the_same_gradients(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) {
    let mut compared = 0;
    for (name, a) in a.iter().filter(|(name, _)| name.ends_with("/Adam")) {
        let apart = apart(a, &b[name]);
        assert!(apart <= ROUNDING, "{name}: {apart}");
        compared += 1;
    }
    assert!(compared >= 8);
}

#[test]
fn without_batch_norm_loss_and_gradients_are_those_of_one() {
    let rows = batch(0..11);
    let table = table("baseline");
    let (loss, values) = after_a_step(&table, 1, &rows);
    for replicas in [2, 3, 4] {
        let (of_replicas, values_of_replicas) = after_a_step(&table, replicas, &rows);
        assert!((loss - of_replicas).abs() <= ROUNDING * loss, "{loss} and {of_replicas}");
        assert_the_same_gradients(&values, &values_of_replicas);
    }
}

/// `optimized` without dropout and without the biases that its batch norms take out again, whose gradient is rounding alone.
fn normed() -> Table {
    let mut table = optimized_dropping(0.0, 0.0);
    without_dropout_and_biases(&mut table);
    table
}

fn without_dropout_and_biases(table: &mut Table) {
    for layer in table.rows.iter_mut().flat_map(|row| &mut row.layers) {
        match layer {
            Layer::Conv2d(conv) => conv.use_bias = false,
            Layer::Dense(dense) => dense.use_bias = false,
            Layer::Dropout { rate } => *rate = 0.0,
            _ => {}
        }
    }
}

#[test]
fn with_batch_norm_replicas_of_the_same_rows_are_as_one_of_them() {
    let rows = batch(0..20);
    let table = normed();
    let (loss, values) = after_a_step(&table, 1, &rows);
    let (of_two, values_of_two) = after_a_step(&table, 2, &joined(&rows, &rows));
    assert!((loss - of_two).abs() <= ROUNDING * loss, "{loss} and {of_two}");
    assert_the_same_gradients(&values, &values_of_two);
}

/// How far two values of a variable are apart, as a share of the greatest of the first.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    let size = a.iter().map(|x| x.abs()).fold(0.0, f32::max);
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / size
}

#[test]
fn batch_norms_of_all_rows_are_those_of_one() {
    let rows = batch(0..11);
    let mut small = table("tests/fixtures/networks/normed.toml");
    small.classes = 47;
    let tables = [table("optimized"), table("accurate"), small].map(|mut table| {
        without_dropout_and_biases(&mut table);
        table
    });
    for table in tables {
        let (loss, values) = after_a_step(&table, 1, &rows);
        let (_, each_by_itself) = after_a_step(&table, 2, &rows);
        for replicas in [2, 3] {
            let trained = Replicated::synchronized(&table, replicas, Place::Devices, Towers::AsPublished);
            let of_replicas = trained.train(&rows.0, &rows.1, 0);
            assert!((loss - of_replicas).abs() <= ROUNDING * loss, "{loss} and {of_replicas}");
            let values_of_replicas = trained.values();
            let mut compared = 0;
            for (name, a) in &values {
                // Each norm on the way divides what was rounded by a standard deviation; 2e-5 was the most seen, and of variances
                // 1.4e-6. Without a word between the replicas gradients are off by 0.03 and more, moving averages by 1e-3, and
                // variances, which begin at 1 and move by a tenth of what is small in the first layer, by 1.7e-5.
                let tolerance = match name.rsplit('/').next() {
                    Some("Adam" | "moving_mean") => 1e-4,
                    Some("moving_variance") => ROUNDING,
                    _ => continue,
                };
                let (off, by_itself) = (apart(a, &values_of_replicas[name]), apart(a, &each_by_itself[name]));
                assert!(off <= tolerance, "{name} of {}, {replicas} replicas: {off}", table.name);
                assert!(by_itself > tolerance, "{name} of {}: nothing is told apart", table.name);
                compared += 1;
            }
            assert!(compared > 15, "{compared}");
        }
    }
}

#[test]
fn without_batch_norm_there_is_nothing_to_synchronize() {
    let own = support::load_kernels().then_some(Convolutions::Own);
    for convolutions in [Convolutions::TensorFlow].into_iter().chain(own) {
        let towers = Towers::Fast { precision: Precision::F32, convolutions };
        let [apart, together] = [build, build_synchronized].map(|build| {
            let network = build(&table("baseline"), 2, Place::Devices, towers);
            text(&network.graph.graph_def().unwrap(), Names::Kept)
        });
        assert!(apart == together, "{towers:?}");
    }
}

/// Of a norm right behind the images no gradient is asked that would go through it.
#[test]
fn a_network_may_begin_with_a_batch_norm_of_all_rows() {
    let mut table = table("optimized");
    without_dropout_and_biases(&mut table);
    let mut first = table.rows[0].clone();
    first.name = "norm".to_owned();
    first.layers.retain(|layer| matches!(layer, Layer::BatchNormalization(_)));
    table.rows.insert(0, first);
    // No digits, whose ground is the same everywhere: behind the norm rounding decides which pixel of it is a window's greatest.
    let (_, labels) = batch(0..11);
    let rows = (Values::new(1).vector(11 * 784, 0.0, 1.0), labels);
    let (_, values) = after_a_step(&table, 1, &rows);
    let trained = Replicated::synchronized(&table, 2, Place::Devices, Towers::AsPublished);
    trained.train(&rows.0, &rows.1, 0);
    let of_replicas = trained.values();
    // Not its gamma and beta, most of which the norm behind takes out again: rounding is left of their gradients.
    for name in
        ["batch_normalization/moving_mean", "batch_normalization/moving_variance", "conv1/kernel/Adam"]
    {
        let apart = apart(&values[name], &of_replicas[name]);
        assert!(apart <= 1e-4, "{name}: {apart}");
    }
}

#[test]
fn moving_averages_move_once_towards_the_mean_over_the_replicas() {
    // Of 41 rows the first replica has 21.
    let (first, second) = (batch(0..21), batch(21..41));
    let table = normed();
    let (_, first_alone) = after_a_step(&table, 1, &first);
    let (_, second_alone) = after_a_step(&table, 1, &second);
    let (_, together) = after_a_step(&table, 2, &joined(&first, &second));
    let mut compared = 0;
    for (name, together) in together.iter().filter(|(name, _)| name.contains("/moving_")) {
        let (a, b) = (&first_alone[name], &second_alone[name]);
        assert!(a != b, "{name}: nothing is told apart");
        for ((a, b), together) in a.iter().zip(b).zip(together) {
            // Adding three numbers of about the same size rounds twice; an average starts at 0 or 1 and is far from neither.
            let tolerance = 4.0 * f32::EPSILON * a.abs().max(b.abs()).max(0.1);
            assert!((f32::midpoint(*a, *b) - together).abs() <= tolerance, "{name}: {a}, {b}, {together}");
        }
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn dropout_differs_between_replicas_and_the_first_draws_the_masks_of_one() {
    let rows = batch(0..5);
    let table = optimized_dropping(0.25, 0.5);
    let mask = |trained: &Replicated, tower: &str, rows: &(Vec<f32>, Vec<i32>), step: i64| -> Vec<bool> {
        let name = format!("{tower}/pool3/dropout/GreaterEqual");
        let operation = trained.network.graph.graph().operation_by_name_required(&name).unwrap();
        let images = Tensor::new(&[rows.1.len() as u64, 784]).with_values(&rows.0).unwrap();
        let labels = Tensor::new(&[rows.1.len() as u64]).with_values(&rows.1).unwrap();
        let training = trained.network.inputs.training.as_ref().unwrap();
        let (on, step) = (Tensor::<bool>::from(true), Tensor::<i64>::from(step));
        let mut args = SessionRunArgs::new();
        args.add_feed(&trained.network.inputs.x.operation, 0, &images);
        args.add_feed(&trained.network.inputs.labels.operation, 0, &labels);
        args.add_feed(&training.flag.operation, 0, &on);
        args.add_feed(&training.step.operation, 0, &step);
        let token = args.request_fetch(&operation, 0);
        trained.session.run(&mut args).unwrap();
        args.fetch::<bool>(token).unwrap().to_vec()
    };
    let one = replicated(&table, 1);
    let alone = mask(&one, "training", &rows, 3);
    let thrice = joined(&joined(&rows, &rows), &rows);
    let trained = replicated(&table, 3);
    let of = |replica| mask(&trained, &format!("replica_{replica}/training"), &thrice, 3);
    let masks = [0, 1, 2].map(of);
    for step in 4..7 {
        let later = mask(&one, "training", &rows, step);
        assert!(!masks.contains(&later), "a replica has a mask of step {step} ahead of its time");
    }
    assert_eq!(masks[0], alone);
    assert_eq!(alone.len(), 5 * 14 * 14 * 32);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let differ = masks[a].iter().zip(&masks[b]).filter(|(a, b)| a != b).count() as f64;
        // Of two independent masks 2 · 0.25 · 0.75 of the units differ; four standard deviations, as in `dropout.rs`.
        let (units, share) = (alone.len() as f64, 0.375);
        let deviation = (units * share * (1.0 - share)).sqrt();
        assert!((differ - units * share).abs() < 4.0 * deviation, "{differ} of {units}");
    }
}

#[test]
fn rows_are_cut_as_numpy_s_array_split_cuts_them() {
    let rows = batch(0..11);
    let trained = replicated(&table("baseline"), 4);
    let operation = trained.network.graph.graph().operation_by_name_required("shards/images").unwrap();
    let images = Tensor::new(&[11, 784]).with_values(&rows.0).unwrap();
    let labels = Tensor::new(&[11]).with_values(&rows.1).unwrap();
    let mut args = SessionRunArgs::new();
    args.add_feed(&trained.network.inputs.x.operation, 0, &images);
    args.add_feed(&trained.network.inputs.labels.operation, 0, &labels);
    let tokens = [0, 1, 2, 3].map(|port| args.request_fetch(&operation, port));
    trained.session.run(&mut args).unwrap();
    let parts = tokens.map(|token| args.fetch::<f32>(token).unwrap());
    assert_eq!(parts.each_ref().map(|part| part.dims()[0]), [3, 3, 3, 2]);
    assert_eq!(parts.each_ref().map(|part| part.to_vec()).concat(), rows.0);
}
