//! One run of the graph that evaluates rows, and what is counted.

use super::error::{Result, failed_on};
use super::feed::Feed;
use crate::dataset::Split;
use crate::graph::GraphSession;
use crate::model::Inputs;
use tensorflow::{FetchToken, Output, SessionRunArgs};

/// A session on a graph that evaluates, and where it is fed.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub session: &'a GraphSession,
    pub inputs: &'a Inputs,
}

impl Evaluator<'_> {
    /// These rows, as they are fed.
    pub fn feed(self, split: &Split, rows: impl IntoIterator<Item = usize>) -> Feed {
        let mut feed = Feed::new(self.inputs);
        feed.set(split, &rows.into_iter().collect::<Vec<_>>());
        feed
    }

    /// Runs the graph on the rows for `outputs`, which `fetch` takes.
    pub fn run<T, const N: usize>(
        self,
        feed: &Feed,
        outputs: [&Output; N],
        fetch: impl FnOnce(&mut SessionRunArgs, [FetchToken; N]) -> tensorflow::Result<T>,
    ) -> Result<T> {
        let mut args = SessionRunArgs::new();
        let tokens = outputs.map(|output| args.request_fetch(&output.operation, output.index));
        feed.feed(self.inputs, &mut args);
        let rows = feed.labels.len();
        let ran = self.session.run(&mut args).and_then(|()| fetch(&mut args, tokens));
        ran.map_err(|status| failed_on(format!("evaluate {rows} rows at once"), rows, true, status))
    }
}

/// How many rows of how many were classified right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correct {
    /// Rows classified right.
    pub correct: u64,
    /// Rows evaluated.
    pub rows: u64,
}

impl Correct {
    /// How many of these are true.
    pub(super) fn of(correct: &[bool]) -> Self {
        let right = correct.iter().filter(|&&correct| correct).count();
        Self { correct: right as u64, rows: correct.len() as u64 }
    }

    /// The share of rows classified right, 0 for no rows.
    pub fn accuracy(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.correct as f64 / self.rows as f64 }
    }
}
