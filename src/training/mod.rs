//! Training a network: the loop, evaluation in chunks, and what is kept of a run.
//!
//! The loop ([`fit`]) knows nothing of terminals or files: what happens is told to [`Observer`]s.

mod backup;
mod contents;
mod early_stopping;
mod error;
mod evaluation;
mod fit;
mod interrupt;
mod layout;
mod metrics;
mod model_checkpoint;
mod observer;
mod rewind;
mod run_config;
mod run_directory;
mod run_state;
mod saved_states;
mod session;
mod training_state;
mod validation;

pub use backup::BackupAndRestore;
pub use early_stopping::{Best, EarlyStopping};
pub use error::{Result, TrainingError};
pub use evaluation::Correct;
pub use fit::{Ending, Outcome, Schedule, fit};
pub use interrupt::Interrupt;
pub use metrics::{Event, MetricsFile};
pub use model_checkpoint::ModelCheckpoint;
pub use observer::{Observer, StepReport, ValidationReport};
pub use run_config::{RunConfig, Versions};
pub use run_directory::RunDirectory;
pub use run_state::RunState;
pub use saved_states::SavedState;
pub use session::TrainingSession;
pub use training_state::TrainingState;
pub use validation::{Accuracy, ValidationMode};
