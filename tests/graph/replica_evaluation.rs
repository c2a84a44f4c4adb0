//! Rows that several replicas evaluate, a chunk each at once, are those of one, as published to the bit; and a step has rows
//! for each of them.

use support::networks::table;
use support::replicas::{self, Place};
use support::{bits, golden, runs};
use tf_mnist::dataset::{self, Form, Split};
use tf_mnist::graph::{GraphSession, Precision};
use tf_mnist::model::{Convolutions, Towers};
use tf_mnist::networks::Table;
use tf_mnist::training::{Correct, TrainingSession};

/// With the values of a checkpoint of Python's.
fn session(table: &Table, replicas: u16, towers: Towers, checkpoint: &str) -> TrainingSession {
    support::load_reproducible();
    let network = replicas::build(table, replicas, Place::Devices, towers);
    let session = GraphSession::new(&network.graph, &replicas::options(replicas, Place::Devices)).unwrap();
    let session = TrainingSession::on(session, network);
    session.restore(&golden(checkpoint)).unwrap();
    session
}

/// What is counted of `split` in chunks of 70 rows, and its probabilities, row by row.
fn tested(session: &TrainingSession, split: &Split) -> (Correct, Vec<f32>) {
    let (mut seen, mut labels) = (Vec::new(), Vec::new());
    let correct = session
        .test(split, 70, |of_rows, probabilities| {
            labels.extend_from_slice(of_rows);
            seen.extend_from_slice(probabilities);
        })
        .unwrap();
    assert!(labels.iter().zip(split.labels()).all(|(&label, &expected)| label == i32::from(expected)));
    (correct, seen)
}

#[test]
fn chunks_over_replicas_give_the_bits_and_counts_of_one() {
    let own = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::Own };
    let forms =
        if support::load_kernels() { vec![Towers::AsPublished, own] } else { vec![Towers::AsPublished] };
    // No multiple of the chunk, nor a number of chunks that 3 divides.
    let dataset = dataset::load_from(runs::small_mnist(), &Form::default()).unwrap();
    let split = &dataset.test;
    for towers in forms {
        for (name, checkpoint) in
            [("baseline", "baseline/final.ckpt"), ("optimized", "optimized_nodrop/final.ckpt")]
        {
            let alone = tested(&session(&table(name), 1, towers, checkpoint), split);
            assert_eq!((alone.0.rows, alone.1.len()), (split.len() as u64, split.len() * 10));
            assert!(alone.0.accuracy() > 0.8, "{alone:?}");
            for replicas in [2, 3] {
                let shared = tested(&session(&table(name), replicas, towers, checkpoint), split);
                if towers == Towers::AsPublished {
                    assert!(shared.0 == alone.0 && bits(&shared.1) == bits(&alone.1));
                    continue;
                }
                // Shared out evenly: where in a chunk a row is decides on its last bits, and on the class of near ties.
                assert_eq!((shared.0.rows, shared.1.len()), (alone.0.rows, alone.1.len()));
                let pairs = shared.1.iter().zip(&alone.1);
                assert!(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-5);
                let is_near = |row: &&[f32]| {
                    let mut row = row.to_vec();
                    row.sort_by(f32::total_cmp);
                    row[9] - row[8] < 2e-5
                };
                let near = alone.1.chunks_exact(10).filter(is_near).count() as u64;
                assert!(near < 5 && shared.0.correct.abs_diff(alone.0.correct) <= near);
            }
        }
    }
}

#[test]
fn fewer_rows_than_replicas_are_refused() {
    let mut session = session(&table("baseline"), 3, Towers::AsPublished, "baseline/final.ckpt");
    let train = &support::mnist().train;
    let error = session.train(train, &[0, 1], 0, 0.001, None).unwrap_err();
    assert!(error.to_string().contains("2 rows are too few for 3 replicas"), "{error}");
    session.train(train, &[0, 1, 2], 0, 0.001, None).unwrap();
}
