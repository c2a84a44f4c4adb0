//! Training a network: the loop, evaluation in chunks, and what is kept of a run.
//!
//! The loop ([`fit`]) knows nothing of terminals or files: what happens is told to [`Observer`]s.

mod early_stopping;
mod error;
mod evaluation;
mod evaluator;
mod feed;
mod fit;
mod interrupt;
mod observer;
mod run;
mod session;
mod training_state;
mod validation;

pub use early_stopping::{Best, EarlyStopping};
pub use error::{Result, TrainingError};
pub use evaluation::Correct;
pub use fit::{Ending, Outcome, Schedule, fit};
pub use interrupt::Interrupt;
pub use observer::{Observer, StepReport, ValidationReport};
pub use run::{
    BackupAndRestore, Event, MetricsFile, ModelCheckpoint, RunConfig, RunDirectory, RunState, SavedState,
    TensorBoard, Versions,
};
pub use session::TrainingSession;
pub use training_state::TrainingState;
pub use validation::{Accuracy, ValidationMode};
