//! Products of matrices, summed up in registers. How many sums there are at a time is a matter of the instruction set.

use super::layout::{Block, Line};
use super::simd::Register;

/// Of each row, the sum over runs of terms of a value times the term's factors, which are `BLOCKS` of channels.
pub(super) struct Product<'a, Runs, const BLOCKS: usize> {
    pub values: &'a [f32],
    /// How many numbers lie from a row's value to that of the next row, and from that of a term to that of the next.
    pub row: usize,
    pub term: usize,
    pub factors: &'a [Block],
    /// The number of `values` and the term of `factors` from which each run goes on.
    pub runs: Runs,
    /// Terms of a run.
    pub terms: usize,
    /// Whether the sums are added to those that there are, or replace them.
    pub added: bool,
}

impl<Runs: IntoIterator<Item = (usize, usize)> + Clone, const BLOCKS: usize> Product<'_, Runs, BLOCKS> {
    /// The sums of `ROWS` rows.
    #[inline(always)]
    pub fn sum<V: Register, const ROWS: usize>(&self, sums: &mut [Line]) {
        // Two registers of factors share a value at least, but where there is one only.
        if V::PARTS * BLOCKS == 1 {
            self.all_rows::<V, ROWS, 1>(0, sums);
        } else {
            for register in (0..V::PARTS * BLOCKS).step_by(2) {
                self.all_rows::<V, ROWS, 2>(register, sums);
            }
        }
    }

    /// With AVX-512 up to 16 of its 32 registers are sums, with AVX2 8 or 12 of 16; fewer than 8 wait for each other.
    #[inline(always)]
    fn all_rows<V: Register, const ROWS: usize, const WIDTH: usize>(
        &self,
        register: usize,
        sums: &mut [Line],
    ) {
        match (V::PARTS, ROWS) {
            (1, 7) => self.rows::<V, 7, WIDTH>(0, register, sums),
            (1, _) => {
                for row in (0..ROWS).step_by(8) {
                    self.rows::<V, 8, WIDTH>(row, register, sums);
                }
            }
            (_, 7) => {
                self.rows::<V, 4, WIDTH>(0, register, sums);
                // Three rows of two registers would be too few.
                match (V::PARTS * BLOCKS, register) {
                    (4, 0) => self.rows::<V, 3, 4>(4, 0, sums),
                    (4, _) => {}
                    _ => self.rows::<V, 3, WIDTH>(4, register, sums),
                }
            }
            (_, _) => {
                for row in (0..ROWS).step_by(4) {
                    self.rows::<V, 4, WIDTH>(row, register, sums);
                }
            }
        }
    }

    /// `HEIGHT` rows from `row` on, in `WIDTH` registers of channels from `register` on.
    #[inline(always)]
    fn rows<V: Register, const HEIGHT: usize, const WIDTH: usize>(
        &self,
        row: usize,
        register: usize,
        totals: &mut [Line],
    ) {
        let &Self { values, row: to_row, term: to_term, factors, terms, .. } = self;
        let place = |k: usize| ((register + k) / V::PARTS, (register + k) % V::PARTS);
        let mut sums = [[V::splat(0.0); WIDTH]; HEIGHT];
        if self.added {
            for i in 0..HEIGHT {
                for k in 0..WIDTH {
                    sums[i][k] = V::load(&totals[(row + i) * BLOCKS + place(k).0], place(k).1);
                }
            }
        }
        for (value, term) in self.runs.clone() {
            let values = &values[value + row * to_row..][..(HEIGHT - 1) * to_row + (terms - 1) * to_term + 1];
            let factors = &factors[term * BLOCKS..][..terms * BLOCKS];
            for term in 0..terms {
                let value = |i: usize| V::splat(values[i * to_row + term * to_term]);
                let factor = |k: usize| V::load(&factors[term * BLOCKS + place(k).0], place(k).1);
                // The fewer of both stay in registers.
                if WIDTH <= HEIGHT {
                    let mut registers = [V::splat(0.0); WIDTH];
                    for k in 0..WIDTH {
                        registers[k] = factor(k);
                    }
                    for i in 0..HEIGHT {
                        let value = value(i);
                        for k in 0..WIDTH {
                            sums[i][k] = value.mul_add(registers[k], sums[i][k]);
                        }
                    }
                } else {
                    let mut registers = [V::splat(0.0); HEIGHT];
                    for i in 0..HEIGHT {
                        registers[i] = value(i);
                    }
                    for k in 0..WIDTH {
                        let factor = factor(k);
                        for i in 0..HEIGHT {
                            sums[i][k] = registers[i].mul_add(factor, sums[i][k]);
                        }
                    }
                }
            }
        }
        for i in 0..HEIGHT {
            for k in 0..WIDTH {
                sums[i][k].store(&mut totals[(row + i) * BLOCKS + place(k).0], place(k).1);
            }
        }
    }
}
