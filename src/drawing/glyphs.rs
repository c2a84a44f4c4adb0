//! Digits of three by five dots, to number rows and columns with.

use super::picture::Picture;

/// Rows from the top, three bits each, the leftmost the highest.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];

/// Writes `number` with its middle at `middle`, each dot `dot` pixels wide and high.
pub(super) fn number(
    picture: &mut Picture,
    number: u64,
    [middle, centre]: [usize; 2],
    dot: usize,
    colour: [u8; 3],
) {
    let text = number.to_string();
    let left = middle.saturating_sub((text.len() * 4 - 1) * dot / 2);
    let top = centre.saturating_sub(5 * dot / 2);
    for (place, digit) in text.bytes().enumerate() {
        for (y, row) in DIGITS[usize::from(digit - b'0')].iter().enumerate() {
            for x in (0..3).filter(|x| row >> (2 - x) & 1 == 1) {
                picture.fill([left + (place * 4 + x) * dot, top + y * dot], [dot, dot], colour);
            }
        }
    }
}
