//! What a network is fed: images and labels.

use crate::dataset::{RandomTranslation, Split};
use crate::model::Inputs;
use tensorflow::{SessionRunArgs, Tensor};

/// The tensors of one feed, used again as long as the number of rows stays.
pub(super) struct Feed {
    images: Images,
    pub labels: Tensor<i32>,
}

/// As the graph takes them.
enum Images {
    Floats(Tensor<f32>),
    Bytes(Tensor<u8>),
}

/// What `$do` makes of `$tensor`, whatever is in it.
macro_rules! of_images {
    ($images:expr, $tensor:ident => $do:expr) => {
        match $images {
            Images::Floats($tensor) => $do,
            Images::Bytes($tensor) => $do,
        }
    };
}

impl Feed {
    /// Of no rows yet.
    pub fn new(inputs: &Inputs) -> Self {
        let images = match inputs.takes_bytes() {
            true => Images::Bytes(Tensor::new(&[0, 0])),
            false => Images::Floats(Tensor::new(&[0, 0])),
        };
        Self { images, labels: Tensor::new(&[0]) }
    }

    pub fn set(&mut self, split: &Split, rows: &[usize]) {
        self.resize(rows.len(), split);
        of_images!(&mut self.images, images => split.gather(rows, images, &mut self.labels));
    }

    /// Moves the images of `rows`, which it was set to.
    pub fn translate(&mut self, translation: &RandomTranslation, step: u64, split: &Split, rows: &[usize]) {
        let [pixels, width] = [split.image_pixels(), split.image_size()[1]];
        of_images!(&mut self.images, images => {
            for (&row, image) in rows.iter().zip(images.chunks_exact_mut(pixels)) {
                translation.apply(step, row, image, width);
            }
        });
    }

    fn resize(&mut self, rows: usize, split: &Split) {
        if self.labels.len() != rows {
            let shape = [rows as u64, split.image_pixels() as u64];
            of_images!(&mut self.images, images => *images = Tensor::new(&shape));
            self.labels = Tensor::new(&shape[..1]);
        }
    }

    pub fn feed<'a>(&'a self, inputs: &Inputs, args: &mut SessionRunArgs<'a>) {
        of_images!(&self.images, images => args.add_feed(&inputs.x.operation, 0, images));
        args.add_feed(&inputs.labels.operation, 0, &self.labels);
    }
}
