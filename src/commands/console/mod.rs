//! What the user sees: the published lines, progress, the log, errors with what helps; and the signals that they send.

mod advice;
pub mod download_bar;
pub mod failure;
pub mod log;
pub mod output;
pub mod published_lines;
pub mod quiet;
pub mod signals;
pub mod terminal;
