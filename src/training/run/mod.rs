//! The folder of a run: what is in it, how it is written, and how it is taken back to a saved state.

mod backup;
mod config;
mod contents;
mod directory;
mod layout;
mod metrics;
mod model_checkpoint;
mod rewind;
mod saved_states;
mod state;
mod tensorboard;

pub use backup::BackupAndRestore;
pub use config::{RunConfig, Versions};
pub use directory::RunDirectory;
pub use metrics::{Event, MetricsFile};
pub use model_checkpoint::ModelCheckpoint;
pub use saved_states::SavedState;
pub use state::RunState;
pub use tensorboard::TensorBoard;
