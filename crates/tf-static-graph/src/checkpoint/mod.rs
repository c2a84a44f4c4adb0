//! Checkpoints as TF1's Saver writes them: read, written, kept and listed.

mod error;
mod file_names;
mod foreign_format;
mod manager;
pub mod meta_graph;
mod meta_graph_file;
mod object_graph;
mod reader;
mod saver;
mod state;
mod table;
mod text_format;

pub use error::CheckpointError;
pub use foreign_format::{foreign_file, foreign_shard};
pub use manager::CheckpointManager;
pub use meta_graph::export_meta_graph;
pub use reader::{Checkpoint, TensorEntry};
pub use saver::Saver;
pub use state::{STATE_FILE, checkpoints_in, existing_prefix, latest_checkpoint};
