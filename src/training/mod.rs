//! Training a network: the loop, evaluation in chunks, and what is kept of a run.
//!
//! The loop ([`fit`]) knows nothing of terminals or files: what happens is told to [`Observer`]s.

mod early_stopping;
mod error;
mod evaluator;
mod feed;
mod fit;
mod observer;
mod run;
mod session;
mod validation;

pub use early_stopping::{Best, EarlyStopping};
pub use error::{Result, TrainingError};
pub use evaluator::Correct;
pub use fit::{Ending, Outcome, Schedule, fit};
pub use observer::{Observer, StepReport, TrainingState, ValidationReport};
pub use run::*;
pub use session::TrainingSession;
pub use validation::ValidationMode;
