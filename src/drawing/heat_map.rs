//! A confusion matrix as a picture.

use super::picture::Picture;

/// Pixels of a cell's side, wide enough for four digits.
const CELL: usize = 40;
/// About as many pixels wide is the whole at most: cells of many classes are smaller, and have no numbers.
const SIDE: usize = 1920;
const DOT: usize = 2;
const WHITE: [u8; 3] = [255; 3];
const INK: [u8; 3] = [32, 33, 36];
/// What a row's whole share looks like: right in blue, wrong in red.
const RIGHT: [u8; 3] = [33, 102, 172];
const WRONG: [u8; 3] = [178, 24, 43];

/// The counts of `confusion`, row by row what an image is and column by column what it was taken for, the classes numbered
/// from `first_label`. A cell is the darker the larger its share of the row; by the root, so that rare errors show.
pub fn heat_map(confusion: &[Vec<u64>], first_label: u64) -> Picture {
    let cell = CELL.min(SIDE / (confusion.len() + 1)).max(4);
    let side = (confusion.len() + 1) * cell;
    let mut picture = Picture::filled(side, side, WHITE);
    let middle = |place: usize| place * cell + cell / 2;
    for (row, counts) in confusion.iter().enumerate() {
        let label = first_label + row as u64;
        if cell == CELL {
            number(&mut picture, label, [middle(0), middle(row + 1)], DOT, INK);
            number(&mut picture, label, [middle(row + 1), middle(0)], DOT, INK);
        }
        let all = counts.iter().sum::<u64>().max(1);
        for (column, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = (count as f64 / all as f64).sqrt();
            let full = if row == column { RIGHT } else { WRONG };
            let colour = std::array::from_fn(|part| {
                let (from, to) = (f64::from(WHITE[part]), f64::from(full[part]));
                (from + (to - from) * share).round() as u8
            });
            picture.fill([(column + 1) * cell, (row + 1) * cell], [cell - 1, cell - 1], colour);
            let ink = if share > 0.6 { WHITE } else { INK };
            if cell == CELL {
                number(&mut picture, count, [middle(column + 1), middle(row + 1)], DOT, ink);
            }
        }
    }
    picture
}

/// Digits of three by five dots, to number rows and columns with: rows from the top, three bits each, the leftmost the highest.
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
fn number(picture: &mut Picture, number: u64, [middle, centre]: [usize; 2], dot: usize, colour: [u8; 3]) {
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
