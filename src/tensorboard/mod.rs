//! Files for TensorBoard: scalars, texts, images, the graph and hyperparameters, as `tf.summary` writes them.

mod event_file;
mod glyphs;
mod heat_map;
mod hparams;
mod picture;
mod proto;
mod summary;

pub use event_file::EventFile;
pub use heat_map::heat_map;
pub use hparams::Status;
pub use picture::Picture;
pub use summary::Summary;
