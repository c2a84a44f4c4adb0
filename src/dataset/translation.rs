//! Images moved by whole pixels, anew in every step, so that a network learns shapes and not places.
//!
//! Where an image goes is a function of seed, step and row alone, so that a run can be taken up at any step: ChaCha with 8
//! rounds, whose key is the seed (8 bytes, little-endian), then the bytes `translation` and zeros, and whose stream is the
//! step; the row's own block of 16 words (from word 16 · row on) gives two 64-bit words, the way down and the way across,
//! each drawn from -most..=most as shuffles draw (`batches`).

use super::batches::{below, random};
use super::split::Pixel;

/// Moves of up to so many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomTranslation {
    seed: u64,
    down: u64,
    across: u64,
}

impl RandomTranslation {
    /// Moves of up to `down` pixels up or down and `across` to the left or right; `None` if that is none at all.
    pub fn new(seed: u64, down: u64, across: u64) -> Option<Self> {
        (down + across > 0).then_some(Self { seed, down, across })
    }

    /// How far the image of training row `row` goes down and to the right in step `step`, in pixels.
    pub fn offset(&self, step: u64, row: usize) -> [isize; 2] {
        let mut random = random(self.seed, b"translation", step);
        random.set_word_pos(16 * row as u128);
        [self.down, self.across].map(|most| below(2 * most + 1, &mut random) as isize - most as isize)
    }

    /// Moves `image`, `[height, width]` row-major of `width` pixels a row; what comes in from outside is background.
    pub fn apply<P: Pixel>(&self, step: u64, row: usize, image: &mut [P], width: usize) {
        let [down, across] = self.offset(step, row);
        let height = (image.len() / width.max(1)) as isize;
        let mut moved = vec![P::default(); image.len()];
        let (left, right) = (across.max(0) as usize, (-across).max(0) as usize);
        for y in (0..height).filter(|y| (0..height).contains(&(y - down))) {
            let to = &mut moved[y as usize * width..][..width];
            let from = &image[(y - down) as usize * width..][..width];
            to[left..width - right].copy_from_slice(&from[right..width - left]);
        }
        image.copy_from_slice(&moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_a_function_of_seed_step_and_row_and_all_come_about() {
        let moves = RandomTranslation::new(3, 2, 1).unwrap();
        assert_eq!(moves.offset(7, 41), moves.offset(7, 41));
        let mut counts = std::collections::BTreeMap::new();
        for row in 0..15_000 {
            *counts.entry(moves.offset(7, row)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 15);
        // 1000 each, but for chance: the standard deviation is 31.
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
        let differing = (0..1000).filter(|&row| moves.offset(7, row) != moves.offset(8, row)).count();
        assert!(differing > 850, "{differing} of 1000");
        assert_eq!(RandomTranslation::new(3, 0, 0), None);
    }

    #[test]
    fn an_image_goes_where_its_offset_says() {
        let moves = RandomTranslation::new(1, 2, 2).unwrap();
        for row in 0..100 {
            let mut image = vec![0.0; 7 * 5];
            image[3 * 5 + 2] = 1.0;
            moves.apply(0, row, &mut image, 5);
            let [down, across] = moves.offset(0, row);
            let at = (3 + down) * 5 + 2 + across;
            let expected: Vec<f32> = (0..35).map(|place| f32::from(u8::from(place == at))).collect();
            assert_eq!(image, expected);
        }
    }
}
