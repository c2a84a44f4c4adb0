//! What a network is fed: images and labels.

use crate::dataset::Split;
use crate::model::Network;
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
    /// All rows of `split` in feeds of at most `chunk`.
    pub fn chunks(split: &Split, chunk: usize) -> Vec<Self> {
        let feed = |rows| {
            let mut feed = Self::default();
            feed.set_range(split, rows);
            feed
        };
        split.chunks(chunk).map(feed).collect()
    }

    pub fn set(&mut self, split: &Split, rows: &[usize]) {
        self.resize(rows.len(), split);
        split.gather(rows, &mut self.images, &mut self.labels);
    }

    pub fn set_range(&mut self, split: &Split, rows: Range<usize>) {
        self.resize(rows.len(), split);
        split.gather_range(rows, &mut self.images, &mut self.labels);
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

    pub fn feed<'a>(&'a self, network: &Network, args: &mut SessionRunArgs<'a>) {
        args.add_feed(&network.inputs.x.operation, 0, &self.images);
        args.add_feed(&network.inputs.labels.operation, 0, &self.labels);
    }
}
