//! How images and channels lie in memory.

/// Height and width of an image.
pub(super) const SIDE: usize = 28;
/// Pixels of an image.
pub(super) const PIXELS: usize = SIDE * SIDE;

/// Sixteen channels.
pub(super) type Block = [f32; 16];

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
