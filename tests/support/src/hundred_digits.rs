//! The first hundred test images of MNIST, and what Python's finished networks make of them.

pub use crate::load_as_the_program_does as load;
pub use crate::{fixture, golden};
use std::fs;
use std::path::PathBuf;

/// The first hundred test images.
pub struct HundredDigits {
    /// [100, 784].
    pub bytes: Vec<u8>,
    /// The same in 0..=1.
    pub floats: Vec<f32>,
    pub labels: Vec<u8>,
}

impl HundredDigits {
    pub fn read() -> Self {
        let bytes = fs::read(images()).unwrap()[16..].to_vec();
        Self {
            floats: bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect(),
            labels: fs::read(fixture("mnist100/t10k-labels-idx1-ubyte")).unwrap()[8..].to_vec(),
            bytes,
        }
    }
}

/// The IDX file of the images.
pub fn images() -> PathBuf {
    fixture("mnist100/t10k-images-idx3-ubyte")
}

/// `Y_proba` of Python's network after 200 steps, [100, 10].
pub fn python_s_probabilities(network: &str) -> Vec<f32> {
    let bytes = fs::read(golden(&format!("{network}/final_test100.Y_proba.f32"))).unwrap();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

/// The likeliest class of every row of ten.
pub fn likeliest(probabilities: &[f32]) -> Vec<i64> {
    let best = |row: &[f32]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as i64;
    probabilities.chunks_exact(10).map(best).collect()
}
