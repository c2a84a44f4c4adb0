//! Getting one artifact onto this machine: verified, from the first source that gives it, through a cache.

pub mod cache;
mod progress;

pub use progress::{Progress, Silent};
