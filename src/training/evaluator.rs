//! Rows that are evaluated chunk by chunk, as many chunks at once as the network has replicas.

use super::error::{Result, failed, failed_on};
use super::evaluation::Correct;
use super::feed::Feed;
use crate::at_once::at_once;
use crate::dataset::Split;
use crate::graph::GraphSession;
use crate::model::{Evaluation, Inputs};
use std::ops::Range;
use tensorflow::{FetchToken, Output, SessionRunArgs, Tensor};

/// A session, and where in its graph rows are evaluated.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub session: &'a GraphSession,
    pub inputs: &'a Inputs,
    /// One a replica.
    pub replicas: &'a [Evaluation],
}

impl Evaluator<'_> {
    /// What `evaluate` makes of each of `chunks`, in their order. A chunk is evaluated whole, by any of the replicas, so that
    /// its bits are those of one replica.
    pub fn each<C: Sync, T: Send>(
        self,
        chunks: &[C],
        evaluate: impl Fn(&Evaluation, &C) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        at_once(self.replicas, chunks, evaluate)
    }

    /// These rows, as they are fed.
    pub fn feed(self, split: &Split, rows: Range<usize>) -> Feed {
        let mut feed = Feed::new(self.inputs);
        feed.set_range(split, rows);
        feed
    }

    /// How many of the rows are classified right.
    pub fn count(self, replica: &Evaluation, feed: &Feed) -> Result<Correct> {
        Ok(Correct::of(&self.correct(replica, feed)?))
    }

    /// Which of the rows are classified right.
    pub fn correct(self, replica: &Evaluation, feed: &Feed) -> Result<Tensor<bool>> {
        let mut args = SessionRunArgs::new();
        let correct = request(&mut args, &replica.accuracy.correct);
        self.run_on(feed, &mut args)?;
        args.fetch(correct).map_err(|status| failed("evaluate".into(), status))
    }

    /// As [`correct`](Self::correct), and the probabilities, float32 `[rows, classes]`.
    pub fn correct_and_probabilities(
        self,
        replica: &Evaluation,
        feed: &Feed,
    ) -> Result<(Tensor<bool>, Tensor<f32>)> {
        let mut args = SessionRunArgs::new();
        let correct = request(&mut args, &replica.accuracy.correct);
        let probabilities = request(&mut args, &replica.probabilities);
        self.run_on(feed, &mut args)?;
        let fetched = args.fetch(correct).and_then(|correct| Ok((correct, args.fetch(probabilities)?)));
        fetched.map_err(|status| failed("evaluate".into(), status))
    }

    /// The logits, float32 `[rows, classes]`.
    pub fn logits(self, replica: &Evaluation, feed: &Feed) -> Result<Tensor<f32>> {
        let mut args = SessionRunArgs::new();
        let logits = request(&mut args, &replica.logits);
        self.run_on(feed, &mut args)?;
        args.fetch(logits).map_err(|status| failed("evaluate".into(), status))
    }

    fn run_on<'a>(self, feed: &'a Feed, args: &mut SessionRunArgs<'a>) -> Result<()> {
        feed.feed(self.inputs, args);
        let rows = feed.labels.len();
        let ran = self.session.run(args);
        ran.map_err(|status| failed_on(format!("evaluate {rows} rows at once"), rows, true, status))
    }
}

fn request(args: &mut SessionRunArgs, output: &Output) -> FetchToken {
    args.request_fetch(&output.operation, output.index)
}
