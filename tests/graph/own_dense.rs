//! The op of our own for dropout and the first dense layer: its masks, and what it computes with them.
//!
//! Statistical bounds are four standard deviations, as in `dropout.rs`, and 4.5 where there are hundreds of draws.

use crate::dropout::sigmas;
use support::graph_session::{GraphSession, graph, tensor};
use support::values::Values;
use tensorflow::{DataType, Output};

/// The layer and its gradients.
struct Dense {
    session: GraphSession,
    /// float32, but for the key: int64.
    inputs: [Output; 5],
    /// Sums, gradient in the features, gradient in the kernel.
    outputs: [Output; 3],
}

impl Dense {
    /// None where this machine cannot have it.
    fn new() -> Option<Self> {
        support::load_kernels().then(|| {
            let scope = graph(None);
            let placeholder =
                |name: &str, of| scope.op("Placeholder", name).data_type("dtype", of).output().unwrap();
            let float = |name| placeholder(name, DataType::Float);
            let [gradient, features, kernel, rate] = ["gradient", "features", "kernel", "rate"].map(float);
            let key = placeholder("key", DataType::Int64);
            let bits =
                scope.op("Bitcast", "bits").input(&key).data_type("type", DataType::Float).output().unwrap();
            let node = |op: &str, name: &str, first: &[&Output]| {
                let inputs = first.iter().copied().chain([&features, &kernel, &rate, &bits]);
                inputs.fold(scope.op(op, name), |node, input| node.input(input)).build().unwrap()
            };
            let forward = node("TfMnistDense", "forward", &[]);
            let back = node("TfMnistDenseGrad", "back", &[&gradient]);
            let session = GraphSession::open(&scope);
            let inputs = [gradient, features, kernel, rate, key];
            Self { session, inputs, outputs: [forward.output(0), back.output(0), back.output(1)] }
        })
    }

    fn run(&self, [gradient, features, kernel]: [&[f32]; 3], rate: f32, key: [i64; 2]) -> [Vec<f32>; 3] {
        let rows = (gradient.len() / 32) as u64;
        let floats = [
            tensor(&[rows, 32], gradient),
            tensor(&[rows, 14, 14, 32], features),
            tensor(&[WIDTH as u64, 32], kernel),
            tensor(&[], &[rate]),
        ];
        let key = tensor(&[2], &key);
        let mut step = self.session.step().feed(&self.inputs[4], &key);
        for (input, value) in self.inputs.iter().zip(&floats) {
            step = step.feed(input, value);
        }
        let step = self.outputs.iter().fold(step, |step, output| step.fetch(output));
        step.run().unwrap().try_into().unwrap()
    }

    /// What each unit is multiplied by, of `rows` rows.
    fn mask(&self, rows: usize, rate: f32, key: [i64; 2]) -> Vec<f32> {
        let (gradient, kernel) = (vec![1.0; rows * 32], vec![1.0 / 32.0; WIDTH * 32]);
        let features = vec![0.0; rows * WIDTH];
        let [_, spread, _] = self.run([&gradient, &features, &kernel], rate, key);
        spread
    }

    fn kept(&self, rows: usize, rate: f32, key: [i64; 2]) -> Vec<bool> {
        self.mask(rows, rate, key).into_iter().map(|factor| factor != 0.0).collect()
    }
}

const ROWS: usize = 100;
const WIDTH: usize = 14 * 14 * 32;

/// How far a sum of the squares of `n` numbers is from that of standard normal ones, in standard deviations.
fn chi_square_sigmas(deviations: impl Iterator<Item = f64>, n: usize) -> f64 {
    let sum: f64 = deviations.map(|deviation| deviation * deviation).sum();
    (sum - n as f64) / (2.0 * n as f64).sqrt()
}

#[test]
fn units_are_kept_as_often_as_the_rate_says_and_scaled() {
    let Some(dense) = Dense::new() else { return };
    for rate in [0.1f32, 0.25, 0.5, 0.9] {
        let mask = dense.mask(ROWS, rate, [3, 5]);
        let scale = 1.0 / (1.0 - rate);
        for &factor in &mask {
            // A rate is taken to the nearest 2^-16.
            assert!(factor == 0.0 || (factor - scale).abs() <= scale * scale / 65536.0, "{rate}: {factor}");
        }
        if (rate * 256.0).fract() == 0.0 {
            assert!(mask.contains(&0.0) && mask.contains(&scale));
        }
        // All in all, of each unit over the rows, and of each row.
        let keep = 1.0 - f64::from(rate);
        let off = |kept: usize, of: usize| {
            (kept as f64 - of as f64 * keep) / (of as f64 * keep * (1.0 - keep)).sqrt()
        };
        let count =
            |places: &mut dyn Iterator<Item = usize>| places.filter(|&place| mask[place] != 0.0).count();
        let all = off(count(&mut (0..mask.len())), mask.len());
        let units = (0..WIDTH).map(|unit| off(count(&mut (unit..mask.len()).step_by(WIDTH)), ROWS));
        let rows = (0..ROWS).map(|row| off(count(&mut (row * WIDTH..(row + 1) * WIDTH)), WIDTH));
        let (units, rows) = (chi_square_sigmas(units, WIDTH), chi_square_sigmas(rows, ROWS));
        assert!([all, units, rows].iter().all(|off| off.abs() < 4.0), "{rate}: {all}, {units}, {rows}");
    }
    assert!(dense.mask(2, 0.0, [3, 5]).iter().all(|&factor| factor == 1.0));
}

#[test]
fn masks_of_other_seeds_steps_replicas_layers_and_rows_are_independent() {
    let Some(dense) = Dense::new() else { return };
    // As the graph makes positions: the replica from bit 32 on, the layer from bit 40.
    let positions = [0, 1, 2, 3, 54_999, 1 << 32, (1 << 32) + 1, 2 << 32, 1 << 40, (1 << 40) + 1];
    let seeds = [0, 1, 1 << 32, -1];
    let mut drawn = Vec::new();
    for seed in seeds {
        drawn.extend(positions.map(|position| (seed, position, dense.kept(20, 0.5, [seed, position]))));
    }
    let (mut pairs, mut beyond_two) = (0.0, 0.0);
    for (at, (seed, position, a)) in drawn.iter().enumerate() {
        // A mask is not another one shifted, by what is drawn at once or by a row, either.
        for shift in [1, 2, 8, 16, 32, 64, 128, WIDTH, 2 * WIDTH] {
            let off = sigmas(&a[shift..], &a[..a.len() - shift]);
            assert!(off.abs() < 4.5, "{seed}, {position} shifted by {shift}: {off:.1} sigma");
        }
        for (other_seed, other, b) in &drawn[at + 1..] {
            let off = sigmas(a, b).abs();
            assert!(off < 4.5, "{seed}, {position} and {other_seed}, {other}: {off:.1} sigma");
            pairs += 1.0;
            beyond_two += f64::from(u8::from(off > 2.0));
        }
    }
    // All in all they spread as independent ones do: 4.55 % beyond two sigma.
    let off = (beyond_two - 0.0455 * pairs) / (pairs * 0.0455 * (1.0 - 0.0455)).sqrt();
    assert!(off.abs() < 4.0, "{beyond_two} of {pairs} pairs beyond two sigma");
}

#[test]
fn a_row_s_mask_does_not_depend_on_the_other_rows_and_comes_again() {
    let Some(dense) = Dense::new() else { return };
    let all = dense.kept(ROWS, 0.25, [7, 9]);
    assert!(all == dense.kept(ROWS, 0.25, [7, 9]));
    assert!(all[..30 * WIDTH] == dense.kept(30, 0.25, [7, 9]));
}

/// A sum of n products of float32 numbers, added up in chunks of 128, is off by less than this share of the sum of their sizes.
const ROUNDING: f64 = 1e-6;

#[test]
fn sums_and_gradients_are_those_of_float64_with_one_mask() {
    let Some(dense) = Dense::new() else { return };
    // Whole groups of rows and a part of one; a rate that is taken to the nearest 2^-16.
    for (rows, rate) in [(29, 0.25), (3, 0.0), (50, 0.3), (24, 0.5)] {
        let mut random = Values::new(5);
        let [gradient, features, kernel] =
            [rows * 32, rows * WIDTH, WIDTH * 32].map(|len| random.vector(len, -1.0, 1.0));
        let [sums, spread, outer] = dense.run([&gradient, &features, &kernel], rate, [-3, 1 << 40]);
        let mask = dense.mask(rows, rate, [-3, 1 << 40]);
        let x: Vec<_> = features.iter().zip(&mask).map(|(&x, &m)| f64::from(x) * f64::from(m)).collect();
        let check = |what: &str, found: &[f32], place: usize, products: &mut dyn Iterator<Item = f64>| {
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
            let error = (f64::from(found[place]) - sum).abs();
            assert!(error <= ROUNDING * size, "{what} {place}: {} instead of {sum}", found[place]);
        };
        let (g, k) = (|place: usize| f64::from(gradient[place]), |place: usize| f64::from(kernel[place]));
        for (row, unit) in (0..rows).flat_map(|row| (0..32).map(move |unit| (row, unit))) {
            let products = &mut (0..WIDTH).map(|input| x[row * WIDTH + input] * k(input * 32 + unit));
            check("sum", &sums, row * 32 + unit, products);
        }
        for (input, unit) in (0..WIDTH).flat_map(|input| (0..32).map(move |unit| (input, unit))) {
            let products = &mut (0..rows).map(|row| x[row * WIDTH + input] * g(row * 32 + unit));
            check("kernel", &outer, input * 32 + unit, products);
        }
        for (row, input) in (0..rows).flat_map(|row| (0..WIDTH).map(move |input| (row, input))) {
            let factor = f64::from(mask[row * WIDTH + input]);
            let products = &mut (0..32).map(|unit| factor * g(row * 32 + unit) * k(input * 32 + unit));
            check("features", &spread, row * WIDTH + input, products);
        }
    }
}

/// Philox4x32-7 (Salmon et al., 2011).
fn philox(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    for _ in 0..7 {
        let [a, b] = [(0, 0xd251_1f53_u64), (2, 0xcd9e_8d57)].map(|(at, by)| u64::from(counter[at]) * by);
        let (left, right) = ((b >> 32) as u32 ^ counter[1] ^ key[0], (a >> 32) as u32 ^ counter[3] ^ key[1]);
        counter = [left, b as u32, right, a as u32];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}

#[test]
fn masks_are_drawn_by_philox() {
    // The known answers of the generator's authors (Random123, `kat_vectors`).
    assert_eq!(philox([0; 2], [0; 4]), [0x5f6f_b709, 0x0d89_3f64, 0x4f12_1f81, 0x4f73_0a48]);
    assert_eq!(philox([!0; 2], [!0; 4]), [0x5207_ddc2, 0x4516_5e59, 0x4d8e_e751, 0x8c52_f662]);
    let Some(dense) = Dense::new() else { return };
    let (seed, position) = (0x0123_4567_89ab_cdef, 0x0f1e_2d3c_4b5a_6978);
    let words = |number: i64| [number as u32, (number >> 32) as u32];
    let kept = dense.kept(3, 0.3, [seed, position]);
    let threshold = (0.3 * 65536.0_f32).round() as u32;
    for (place, &kept) in kept.iter().enumerate() {
        // 64 units a draw of eight counters; a word of a counter is two units'.
        let (row, unit) = (place / WIDTH, place % WIDTH);
        let (draw, word, lane) = (unit / 64, unit % 64 / 16, unit % 16 / 2);
        let [low, high] = words(position);
        let drawn = philox(words(seed), [(8 * draw + lane) as u32, row as u32, low, high])[word];
        assert_eq!(kept, (drawn >> (16 * (unit % 2)) & 0xffff) >= threshold, "row {row}, unit {unit}");
    }
}
