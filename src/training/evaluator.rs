//! Rows that are evaluated chunk by chunk, as many chunks at once as the network has replicas.

use super::error::{Result, TrainingError};
use super::evaluation::Correct;
use super::feed::Feed;
use crate::graph::is_out_of_memory;
use crate::model::{Evaluation, Inputs};
use std::panic::resume_unwind;
use std::thread;
use tensorflow::{FetchToken, Output, Session, SessionRunArgs, Status, Tensor};

/// A session, and where in its graph rows are evaluated.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub session: &'a Session,
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
        let at_once = self.replicas.len().min(chunks.len());
        if at_once < 2 {
            return chunks.iter().map(|chunk| evaluate(&self.replicas[0], chunk)).collect();
        }
        let evaluate = &evaluate;
        let of_replica = |place: usize| {
            let own = chunks.iter().skip(place).step_by(at_once);
            own.map(|chunk| evaluate(&self.replicas[place], chunk)).collect::<Result<Vec<T>>>()
        };
        let of_replica = &of_replica;
        let parts = thread::scope(|scope| {
            let threads: Vec<_> = (0..at_once).map(|place| scope.spawn(move || of_replica(place))).collect();
            let joined =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect::<Result<Vec<_>>>()
        })?;
        let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
        Ok((0..chunks.len()).filter_map(|chunk| parts[chunk % at_once].next()).collect())
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

pub(super) fn failed(action: String, status: Status) -> TrainingError {
    TrainingError::Run { action, status }
}

/// A failed run on so many rows.
pub(super) fn failed_on(action: String, rows: usize, evaluated: bool, status: Status) -> TrainingError {
    match is_out_of_memory(&status) {
        true => TrainingError::OutOfMemory { action, rows, evaluated, status },
        false => failed(action, status),
    }
}
