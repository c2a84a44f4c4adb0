//! What a network is fed: images and labels.

use crate::dataset::Split;
use crate::model::Inputs;
use std::ops::Range;
use tensorflow::{SessionRunArgs, Tensor};

/// The tensors of one feed, used again as long as the number of rows stays.
pub(super) struct Feed {
    pub images: Tensor<f32>,
    pub labels: Tensor<i32>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { images: Tensor::new(&[0, 0]), labels: Tensor::new(&[0]) }
    }
}

impl Feed {
    pub fn of(split: &Split, rows: &[usize]) -> Self {
        let mut feed = Self::default();
        feed.set(split, rows);
        feed
    }

    pub fn of_range(split: &Split, rows: Range<usize>) -> Self {
        let mut feed = Self::default();
        feed.resize(rows.len(), split);
        split.gather_range(rows, &mut feed.images, &mut feed.labels);
        feed
    }

    pub fn set(&mut self, split: &Split, rows: &[usize]) {
        self.resize(rows.len(), split);
        split.gather(rows, &mut self.images, &mut self.labels);
    }

    fn resize(&mut self, rows: usize, split: &Split) {
        if self.labels.len() != rows {
            let rows = rows as u64;
            *self = Self {
                images: Tensor::new(&[rows, split.image_pixels() as u64]),
                labels: Tensor::new(&[rows]),
            };
        }
    }

    pub fn feed<'a>(&'a self, inputs: &Inputs, args: &mut SessionRunArgs<'a>) {
        args.add_feed(&inputs.x.operation, 0, &self.images);
        args.add_feed(&inputs.labels.operation, 0, &self.labels);
    }
}
