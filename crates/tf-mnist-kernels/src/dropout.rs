//! Dropout (Srivastava et al., 2014) that draws its mask where it is used, and again for the gradient.

use super::layout::{Block, Line};
use super::simd::Register;

/// Units of a row that are dropped at once.
pub(super) const DRAWN: usize = 128;
pub(super) type Units = [Line; DRAWN / 16];

/// Which units are dropped, and what the others are multiplied by. A unit's sixteen random bits are a function of the seed,
/// the position (step, layer and replica), the row and the unit alone, by the generator Philox4x32-7 (Salmon et al., 2011).
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropout {
    seed: [u32; 2],
    position: [u32; 2],
    /// Out of 2^16: the least bits that keep a unit.
    threshold: u32,
    scale: f32,
}

impl Dropout {
    /// Drops with probability `rate`, to the nearest 2^-16. `key` is the bits of seed and position, lower halves first.
    pub fn new(rate: f32, key: &[f32]) -> Self {
        let [seed, position] = [0, 2].map(|place| [key[place].to_bits(), key[place + 1].to_bits()]);
        let threshold = (f64::from(rate) * 65536.0).round().clamp(0.0, 65535.0);
        let scale = (65536.0 / (65536.0 - threshold)) as f32;
        Self { seed, position, threshold: threshold as u32, scale }
    }

    /// Drops units of a row, those from `DRAWN * chunk` on, in `N` arrays alike.
    #[inline(always)]
    pub fn apply<V: Register, const N: usize>(&self, row: usize, chunk: usize, mut units: [&mut Units; N]) {
        // One, and above it a number of sixteen bits: sums of bits, compared as float32.
        const ONE: u32 = 0x3f80_0000;
        static COUNT: Block = numbers(0, 1, 0);
        static LOWER: Block = numbers(0xffff, 0, 0);
        static UPPER: Block = numbers(0, 0, 0xffff);
        if self.threshold == 0 {
            return;
        }
        let (one, threshold) = (bits::<V>(ONE), bits(ONE | self.threshold));
        let [row, low, high] = [row as u32, self.position[0], self.position[1]].map(bits);
        for half in 0..2 {
            for part in 0..V::PARTS {
                let first = bits::<V>((16 * chunk + 8 * half) as u32).xor(V::load(&COUNT, part));
                let words = philox(self.seed, [first, row, low, high]);
                for block in 0..4 {
                    // Of each word the lower half is for one unit, the upper for the next.
                    let lower = words[block].and(V::load(&LOWER, part));
                    let upper = words[block].lower_times(1 << 16).and(V::load(&UPPER, part));
                    let u = lower.xor(upper).xor(one);
                    for units in &mut units {
                        let unit = &mut units[4 * half + block];
                        let kept = V::load(unit, part).mul(V::splat(self.scale));
                        u.select_ge(threshold, kept, V::splat(0.0)).store(unit, part);
                    }
                }
            }
        }
    }
}

/// The bits of eight numbers of 64: the lower half of the first, from number to number more by `step`, and the upper half.
const fn numbers(lower: u32, step: u32, upper: u32) -> Block {
    let mut block = [f32::from_bits(upper); 16];
    let mut number = 0;
    while number < 8 {
        block[2 * number] = f32::from_bits(lower + step * number as u32);
        number += 1;
    }
    block
}

#[inline(always)]
fn bits<V: Register>(word: u32) -> V {
    V::splat(f32::from_bits(word))
}

/// Philox4x32-7 of several counters. Words are the lower halves of numbers of 64 bits; the upper may be anything.
#[inline(always)]
fn philox<V: Register>(mut key: [u32; 2], mut counter: [V; 4]) -> [V; 4] {
    for _ in 0..7 {
        let [a, b] = [counter[0].lower_times(0xd251_1f53), counter[2].lower_times(0xcd9e_8d57)];
        let left = b.upper().xor(counter[1]).xor(bits(key[0]));
        let right = a.upper().xor(counter[3]).xor(bits(key[1]));
        counter = [left, b, right, a];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}
