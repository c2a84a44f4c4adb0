//! Sums over the rows of a batch.

use rayon::prelude::*;

/// Rows that are summed up by one thread at a time. Fixed, so that sums do not depend on the number of threads.
const AT_A_TIME: usize = 10;

/// What `add_row` adds to `zero` of all rows; `add` puts the sums of several threads together, in their order.
pub(super) fn sum_of_rows<T: Send>(
    rows: usize,
    zero: impl Fn() -> T + Sync,
    add_row: impl Fn(usize, &mut T) + Sync,
    add: impl Fn(&mut T, &T),
) -> T {
    let partial: Vec<T> = (0..rows.div_ceil(AT_A_TIME))
        .into_par_iter()
        .map(|chunk| {
            let mut total = zero();
            for row in chunk * AT_A_TIME..rows.min((chunk + 1) * AT_A_TIME) {
                add_row(row, &mut total);
            }
            total
        })
        .collect();
    let mut total = zero();
    partial.iter().for_each(|partial| add(&mut total, partial));
    total
}
