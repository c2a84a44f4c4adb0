//! Replicas compute the same bits wherever they run: all on one device, or each on one of its own.

use support::networks::{optimized_dropping, table};
use support::replicas::{Place, Replicated};
use support::{Feeds, load_kernels};
use tf_mnist::graph::Precision;
use tf_mnist::model::{Convolutions, Towers};
use tf_mnist::networks::Table;

/// A number of rows that neither 2 nor 3 nor 4 divides.
const ROWS: usize = 11;
/// The second begins with what the first left of Adam and of moving averages.
const STEPS: i64 = 2;

/// Losses and last values on one device and on several, which must be the same bits, and not those of another number of
/// replicas.
fn assert_the_same_bits(table: &Table, towers: Towers) {
    let build = |replicas, place| Replicated::new(table, replicas, place, towers);
    assert_the_same_bits_of(table, &[2, 3, 4], build);
}

fn assert_the_same_bits_of(table: &Table, several: &[u16], build: impl Fn(u16, Place) -> Replicated) {
    let dataset = support::mnist();
    let mut feeds = Feeds::new(ROWS);
    let mut run = |replicas, place| {
        let trained = build(replicas, place);
        let losses: Vec<_> = (0..STEPS)
            .map(|step| {
                let rows: Vec<_> = (0..ROWS).map(|row| step as usize * ROWS + row).collect();
                feeds.gather(&dataset.train, &rows);
                trained.train(&feeds.images, &feeds.labels, step).to_bits()
            })
            .collect();
        (losses, trained.value_bits())
    };
    let mut before = run(1, Place::OneDevice);
    for &replicas in several {
        let (losses, values) = run(replicas, Place::OneDevice);
        let (others, other_values) = run(replicas, Place::Devices);
        assert_eq!(losses, others, "{} replicas of {}", replicas, table.name);
        for (name, bits) in &values {
            assert!(bits == &other_values[name], "{name} of {replicas} replicas of {}", table.name);
        }
        assert!(values != before.1, "{replicas} replicas are as if there were fewer");
        before = (losses, values);
    }
}

const FAST: Towers = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::TensorFlow };
const OWN: Towers = Towers::Fast { precision: Precision::F32, convolutions: Convolutions::Own };

#[test]
fn baseline() {
    assert_the_same_bits(&table("baseline"), Towers::AsPublished);
}

#[test]
fn optimized_with_its_dropout() {
    assert_the_same_bits(&table("optimized"), Towers::AsPublished);
}

#[test]
fn a_table_of_a_user_s_own() {
    let mut table = table("tests/fixtures/networks/normed.toml");
    table.classes = 47;
    assert_the_same_bits(&table, Towers::AsPublished);
}

#[test]
fn the_accurate_network_s_fast_towers() {
    assert_the_same_bits(&table("accurate"), FAST);
}

#[test]
fn batch_norms_of_all_replicas_rows() {
    let mut normed = table("tests/fixtures/networks/normed.toml");
    normed.classes = 47;
    let own = load_kernels().then_some((table("optimized"), OWN));
    let networks =
        [(table("optimized"), Towers::AsPublished), (normed, Towers::AsPublished), (table("accurate"), FAST)];
    for (table, towers) in networks.into_iter().chain(own) {
        let build = |replicas, place| Replicated::synchronized(&table, replicas, place, towers);
        assert_the_same_bits_of(&table, &[2, 3], build);
    }
}

#[test]
fn own_kernels() {
    if load_kernels() {
        assert_the_same_bits(&table("baseline"), OWN);
        assert_the_same_bits(&optimized_dropping(0.25, 0.5), OWN);
    }
}
