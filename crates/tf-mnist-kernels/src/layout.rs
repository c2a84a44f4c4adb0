//! How images and channels lie in memory.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::{ptr, slice};

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

/// What a block can be written to.
pub(super) trait Place {
    /// Only numbers may be written there.
    fn room(&mut self) -> &mut Room;
}

impl Place for Room {
    #[inline(always)]
    fn room(&mut self) -> &mut Room {
        self
    }
}

impl Place for Block {
    #[inline(always)]
    fn room(&mut self) -> &mut Room {
        // SAFETY: as large, and whatever is written is a number.
        unsafe { &mut *ptr::from_mut(self).cast() }
    }
}

impl Place for Line {
    #[inline(always)]
    fn room(&mut self) -> &mut Room {
        self.0.room()
    }
}

/// The numbers of `lines`.
pub(super) fn floats(lines: &[Line]) -> &[f32] {
    // SAFETY: a line is sixteen numbers, and as large.
    unsafe { slice::from_raw_parts(lines.as_ptr().cast(), 16 * lines.len()) }
}

/// The blocks of `lines`.
pub(super) fn blocks_mut(lines: &mut [Line]) -> &mut [Block] {
    // SAFETY: a line is its block, and as large.
    unsafe { slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len()) }
}

/// `blocks` as channels; both are the same memory.
pub(super) fn as_blocks(values: &[f32]) -> &[Block] {
    let (blocks, rest) = values.as_chunks();
    debug_assert!(rest.is_empty());
    blocks
}

/// As [`as_blocks`], to write.
pub(super) fn as_blocks_mut(values: &mut [f32]) -> &mut [Block] {
    let (blocks, rest) = values.as_chunks_mut();
    debug_assert!(rest.is_empty());
    blocks
}

/// An array of `N` times `value` on the heap; `Box::new` would build it on the stack first.
pub(super) fn boxed<T: Clone, const N: usize>(value: T) -> Box<[T; N]> {
    match vec![value; N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the slice was made with N entries"),
    }
}
