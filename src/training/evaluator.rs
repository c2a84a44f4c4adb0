//! One run of the graph that evaluates rows.

use super::error::{Result, failed, failed_on};
use super::evaluation::Correct;
use super::feed::Feed;
use crate::dataset::Split;
use crate::graph::GraphSession;
use crate::model::{Evaluation, Inputs};
use std::ops::Range;
use tensorflow::{FetchToken, Output, SessionRunArgs, Tensor, TensorType};

/// A session on a graph that evaluates, and where it is fed.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub session: &'a GraphSession,
    pub inputs: &'a Inputs,
}

impl Evaluator<'_> {
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
        let (mut ran, [correct]) = self.run(feed, [&replica.accuracy.correct])?;
        fetch(&mut ran, correct)
    }

    /// As [`correct`](Self::correct), and the probabilities, float32 `[rows, classes]`.
    pub fn correct_and_probabilities(
        self,
        replica: &Evaluation,
        feed: &Feed,
    ) -> Result<(Tensor<bool>, Tensor<f32>)> {
        let outputs = [&replica.accuracy.correct, &replica.probabilities];
        let (mut ran, [correct, probabilities]) = self.run(feed, outputs)?;
        Ok((fetch(&mut ran, correct)?, fetch(&mut ran, probabilities)?))
    }

    /// The logits, float32 `[rows, classes]`.
    pub fn logits(self, replica: &Evaluation, feed: &Feed) -> Result<Tensor<f32>> {
        let (mut ran, [logits]) = self.run(feed, [&replica.logits])?;
        fetch(&mut ran, logits)
    }

    /// Runs the graph on the rows for `outputs`, which are then to be fetched.
    fn run<'a, const N: usize>(
        self,
        feed: &'a Feed,
        outputs: [&Output; N],
    ) -> Result<(SessionRunArgs<'a>, [FetchToken; N])> {
        let mut args = SessionRunArgs::new();
        let tokens = outputs.map(|output| args.request_fetch(&output.operation, output.index));
        feed.feed(self.inputs, &mut args);
        let rows = feed.labels.len();
        let ran = self.session.run(&mut args);
        ran.map_err(|status| failed_on(format!("evaluate {rows} rows at once"), rows, true, status))?;
        Ok((args, tokens))
    }
}

fn fetch<T: TensorType>(ran: &mut SessionRunArgs, token: FetchToken) -> Result<Tensor<T>> {
    ran.fetch(token).map_err(|status| failed("evaluate".into(), status))
}
