//! How images and channels lie in memory.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::slice;

/// Height and width of an image.
pub(super) const SIDE: usize = 28;
/// Pixels of an image.
pub(super) const PIXELS: usize = SIDE * SIDE;

/// Sixteen channels.
pub(super) type Block = [f32; 16];

/// Sixteen channels in one line of the cache, as is all that the kernels allocate: no register's width lies in two.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Line(pub Block);

impl Deref for Line {
    type Target = Block;

    fn deref(&self) -> &Block {
        &self.0
    }
}

impl DerefMut for Line {
    fn deref_mut(&mut self) -> &mut Block {
        &mut self.0
    }
}

/// Memory for a block, which holds no numbers yet.
pub(super) type Room = [MaybeUninit<f32>; 16];

/// What a number can be written to.
///
/// # Safety
/// It is as large as a float32, and any float32 is one of it.
pub(super) unsafe trait Place {}
// SAFETY: it is one.
unsafe impl Place for f32 {}
// SAFETY: as large by its documentation, and whatever is written is one.
unsafe impl Place for MaybeUninit<f32> {}

/// The numbers of `lines`.
pub(super) fn floats(lines: &[Line]) -> &[f32] {
    // SAFETY: a line is sixteen numbers, and as large.
    unsafe { slice::from_raw_parts(lines.as_ptr().cast(), 16 * lines.len()) }
}

/// The blocks of `lines`.
pub(super) fn blocks(lines: &[Line]) -> &[Block] {
    as_blocks(floats(lines))
}

/// The blocks of `lines`, to write.
pub(super) fn blocks_mut(lines: &mut [Line]) -> &mut [Block] {
    // SAFETY: a line is its block, and as large.
    unsafe { slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len()) }
}

/// `numbers` as such.
///
/// # Safety
/// All of them were written.
pub(super) unsafe fn written<P: Place>(numbers: &mut [P]) -> &mut [f32] {
    // SAFETY: as the caller's.
    unsafe { slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), numbers.len()) }
}

/// Adds to `totals`.
pub(super) fn add(totals: &mut [Line], others: &[Line]) {
    let totals = blocks_mut(totals).as_flattened_mut();
    totals.iter_mut().zip(floats(others)).for_each(|(total, other)| *total += other);
}

/// `blocks` as channels; both are the same memory.
pub(super) fn as_blocks(values: &[f32]) -> &[Block] {
    let (blocks, rest) = values.as_chunks();
    debug_assert!(rest.is_empty());
    blocks
}
