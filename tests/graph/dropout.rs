//! Dropout's masks: the same when they should be, independent when they should be, and of the right density.
//!
//! The statistical bounds are four standard deviations, which a right generator misses once in 16 000 draws; seeds are
//! fixed, so a test that passes once always does.

use std::collections::BTreeMap;
use support::graph_session::{GraphSession, graph, tensor};
use support::values::Values;
use tensorflow::{DataType, Output};
use tf_mnist::graph::{Dropout, Randomness, Scope};

const ROWS: u64 = 100;
const UNITS: u64 = 1000;
const COUNT: usize = (ROWS * UNITS) as usize;

/// Runs each of these with both kinds of randomness.
macro_rules! with_both_kinds {
    ($($name:ident),* $(,)?) => {
        mod float { $(#[test] fn $name() { super::$name(super::Randomness::Float) })* }
        mod byte { $(#[test] fn $name() { super::$name(super::Randomness::Byte) })* }
    };
}

with_both_kinds!(
    the_same_seed_step_and_layer_give_the_same_mask_in_every_session,
    units_are_kept_as_often_as_the_rate_says,
    masks_of_other_steps_layers_and_seeds_are_independent,
    kept_units_are_scaled_exactly_and_dropped_ones_are_zero,
    the_number_of_rows_may_be_open,
);

fn step_placeholder(scope: &Scope) -> Output {
    let step = scope.op("Placeholder", "step").data_type("dtype", DataType::Int64);
    step.shape("shape", &[]).output().unwrap()
}

/// Dropouts of ones in one graph, one for each (rate, seed, layer).
struct Masks {
    session: GraphSession,
    step: Output,
    dropped: Vec<Output>,
}

impl Masks {
    fn new(randomness: Randomness, dropouts: &[(f32, u64, u32)]) -> Self {
        let scope = graph(None);
        let step = step_placeholder(&scope);
        let ones = scope.constant("ones", &[ROWS, UNITS], &vec![1.0f32; COUNT]).unwrap();
        let dropped = dropouts
            .iter()
            .map(|&(rate, seed, layer)| {
                Dropout { rate, seed, layer, randomness }.apply(&scope, &ones, &step).unwrap()
            })
            .collect();
        Self { session: GraphSession::open(&scope), step, dropped }
    }

    /// Which units dropout number `index` keeps at `step`.
    fn kept(&self, index: usize, step: i64) -> Vec<bool> {
        let step = tensor(&[], &[step]);
        let run = self.session.step().feed(&self.step, &step).fetch(&self.dropped[index]);
        run.run().unwrap().remove(0).iter().map(|&y| y != 0.0).collect()
    }
}

fn the_same_seed_step_and_layer_give_the_same_mask_in_every_session(randomness: Randomness) {
    let first = Masks::new(randomness, &[(0.5, 7, 1)]);
    // Another graph, where the layer is not the first and the nodes are named otherwise.
    let second = Masks::new(randomness, &[(0.5, 8, 0), (0.5, 7, 1)]);
    for step in [0, 1, 54_999] {
        assert_eq!(first.kept(0, step), first.kept(0, step));
        assert!(first.kept(0, step) == second.kept(1, step), "step {step}");
    }
}

fn units_are_kept_as_often_as_the_rate_says(randomness: Randomness) {
    for rate in [0.1f32, 0.25, 0.5, 0.9] {
        let masks = Masks::new(randomness, &[(rate, 3, 0)]);
        let keep = 1.0 - f64::from(rate);
        let sigma = (keep * (1.0 - keep) / COUNT as f64).sqrt();
        for step in 0..5 {
            let kept = masks.kept(0, step);
            let frequency = kept.iter().filter(|&&kept| kept).count() as f64 / COUNT as f64;
            let off = (frequency - keep).abs() / sigma;
            assert!(off < 4.0, "rate {rate}, step {step}: {frequency} kept, {off:.1} sigma off");
        }
    }
}

/// Pearson's correlation of two masks of density 1/2, in units of its standard deviation 1/sqrt(n).
pub fn sigmas(a: &[bool], b: &[bool]) -> f64 {
    let n = a.len() as f64;
    let agree = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
    (2.0 * agree / n - 1.0) * n.sqrt()
}

fn masks_of_other_steps_layers_and_seeds_are_independent(randomness: Randomness) {
    let seeds = [0, 1, 2, u64::MAX];
    let layers = [0, 1, 2];
    let mut numbered = Vec::new();
    for seed in seeds {
        numbered.extend(layers.map(|layer| (0.5, seed, layer)));
    }
    let masks = Masks::new(randomness, &numbered);
    let mut drawn = BTreeMap::new();
    for (index, &(_, seed, layer)) in numbered.iter().enumerate() {
        for step in [0, 1, 2] {
            drawn.insert((seed, layer, step), masks.kept(index, step));
        }
    }

    let drawn: Vec<_> = drawn.into_iter().collect();
    let (mut pairs, mut beyond_two, mut greatest) = (0, 0, 0f64);
    for (i, (this, a)) in drawn.iter().enumerate() {
        // A mask is not another one shifted by a unit or a row, either.
        for shift in [1, UNITS as usize] {
            assert!(sigmas(&a[shift..], &a[..COUNT - shift]).abs() < 4.5, "{this:?} shifted by {shift}");
        }
        for (other, b) in &drawn[i + 1..] {
            let off = sigmas(a, b).abs();
            let differ = usize::from(this.0 != other.0)
                + usize::from(this.1 != other.1)
                + usize::from(this.2 != other.2);
            // Neighbours, which differ in one number, are what a run meets. Of the other 500 pairs one may be beyond 4.
            let bound = if differ == 1 { 4.0 } else { 4.5 };
            assert!(off < bound, "{this:?} and {other:?} (seed, layer, step): {off:.1} sigma");
            pairs += 1;
            beyond_two += usize::from(off > 2.0);
            greatest = greatest.max(off);
        }
    }
    // All in all they spread as independent ones do: 4.6 % beyond two sigma.
    let expected = 0.0455 * f64::from(pairs as u32);
    let sigma = (expected * (1.0 - 0.0455)).sqrt();
    let off = (beyond_two as f64 - expected).abs() / sigma;
    assert!(off < 4.0, "{beyond_two} of {pairs} pairs beyond two sigma, at most {greatest:.1}");
}

fn dropout(rate: f32, randomness: Randomness) -> Dropout {
    Dropout { rate, seed: 1, layer: 0, randomness }
}

fn kept_units_are_scaled_exactly_and_dropped_ones_are_zero(randomness: Randomness) {
    for rate in [0.25f32, 0.5, 0.1] {
        let scope = graph(None);
        let step = step_placeholder(&scope);
        let values = Values::new(31).away_from_zero(COUNT, 0.01, 2.0);
        let x = scope.constant("x", &[ROWS, UNITS], &values).unwrap();
        let y = dropout(rate, randomness).apply(&scope, &x, &step).unwrap();
        let session = GraphSession::open(&scope);
        let step_value = tensor(&[], &[5i64]);
        let y = session.step().feed(&step, &step_value).fetch(&y).run().unwrap().remove(0);
        let scale = 1.0 / (1.0 - rate);
        for (x, y) in values.iter().zip(&y) {
            assert!(y.to_bits() == 0 || *y == x * scale, "{x} became {y}");
        }
        assert!(y.contains(&0.0) && y.iter().any(|&y| y != 0.0));
    }
}

#[test]
fn rate_zero_is_the_input_itself() {
    let scope = graph(None);
    let step = step_placeholder(&scope);
    let values = [1.0f32, -0.5, f32::MIN_POSITIVE];
    let x = scope.constant("x", &[3], &values).unwrap();
    let y = dropout(0.0, Randomness::Float).apply(&scope, &x, &step).unwrap();
    // Without a node of its own: nothing is drawn, and no step need be fed.
    assert_eq!(y.operation.name().unwrap(), "x");
    assert_eq!(GraphSession::open(&scope).value(&y), values);
}

/// The number of rows is not known while the graph is built; masks of any number of rows must work.
fn the_number_of_rows_may_be_open(randomness: Randomness) {
    let scope = graph(None);
    let step = step_placeholder(&scope);
    let x = scope.op("Placeholder", "x").data_type("dtype", DataType::Float);
    let x = x.shape("shape", &[None, Some(16)]).output().unwrap();
    let y = dropout(0.5, randomness).apply(&scope, &x, &step).unwrap();
    let session = GraphSession::open(&scope);
    let step_value = tensor(&[], &[5i64]);
    for rows in [1, 7] {
        let values = tensor(&[rows, 16], &vec![1.0f32; rows as usize * 16]);
        let run = session.step().feed(&step, &step_value).feed(&x, &values).fetch(&y);
        assert_eq!(run.run().unwrap()[0].len(), rows as usize * 16);
    }
}
