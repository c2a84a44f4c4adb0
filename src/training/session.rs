//! A network in a session: the four things that are ever run (train, evaluate, save, restore) and their feeds.

use super::error::{Result, TrainingError, failed, failed_on};
use super::evaluator::{Correct, Evaluator};
use super::feed::Feed;
use crate::at_once::at_once;
use crate::dataset::{RandomTranslation, Split};
use crate::graph::{AdamOptimizer, Checkpoint, GraphError, GraphSession};
use crate::model::{Network, Towers};
use std::ops::Range;
use std::path::Path;
use tensorflow::{Graph, SessionRunArgs, Tensor};

/// A network with values: its graph, a TensorFlow session, and the tensors it is fed through.
pub struct TrainingSession {
    pub(super) network: Network,
    pub(super) session: GraphSession,
    batch: Feed,
}

impl TrainingSession {
    /// On a session that was opened on the network's graph. Its variables have no values before
    /// [`initialize`](Self::initialize) or [`restore`](Self::restore).
    pub fn on(session: GraphSession, network: Network) -> Self {
        Self { batch: Feed::new(&network.inputs), network, session }
    }

    /// The same graph in a session that `open` opens on it, whose variables have no values yet.
    ///
    /// # Errors
    /// That of `open`.
    pub fn reopen<E>(self, open: impl FnOnce(&Graph) -> Result<GraphSession, E>) -> Result<Self, E> {
        let Self { network, session, .. } = self;
        drop(session); // its memory first
        let session = open(&network.graph.graph())?;
        Ok(Self::on(session, network))
    }

    /// Gives every variable its start value.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn initialize(&self) -> Result<()> {
        let mut args = SessionRunArgs::new();
        args.add_target(&self.network.initialize);
        let ran = self.session.run(&mut args);
        ran.map_err(|status| failed("initialize the variables".into(), status))
    }

    /// Gives every variable its value in the checkpoint `prefix`.
    ///
    /// # Errors
    /// The checkpoint is missing or damaged or of another network; nothing is changed then.
    pub fn restore(&self, prefix: &Path) -> Result<()> {
        Ok(self.network.saver.restore(&self.session, prefix)?)
    }

    /// Starts from the values in the checkpoint `prefix`. Where it lacks any of the optimizer's, only the weights and moving
    /// averages are taken, and the optimizer begins afresh; returns whether it had them all.
    ///
    /// # Errors
    /// The checkpoint is missing or damaged, or its weights are of another network.
    pub fn warm_start(&self, prefix: &Path) -> Result<bool> {
        let checkpoint = Checkpoint::open(prefix).map_err(GraphError::from)?;
        let saver = &self.network.saver;
        let whole = saver.check(&checkpoint, |_| true).is_ok();
        if !whole {
            self.initialize()?;
        }
        saver.restore_from(&self.session, &checkpoint, |variable| {
            whole || !AdamOptimizer::keeps(variable.name())
        })?;
        Ok(whole)
    }

    /// Trains on the given rows at `learning_rate`, their images moved by `translation`, and returns their mean loss before
    /// the update. The rate is the graph's own where that is the same in every step.
    ///
    /// # Errors
    /// TensorFlow fails, or there are fewer rows than replicas.
    pub fn train(
        &mut self,
        split: &Split,
        rows: &[usize],
        step: u64,
        learning_rate: f32,
        translation: Option<&RandomTranslation>,
    ) -> Result<f32> {
        let replicas = self.replicas();
        if rows.len() < replicas {
            return Err(TrainingError::Unusable(format!(
                "{} rows are too few for {replicas} replicas, each of which needs one",
                rows.len()
            )));
        }
        self.batch.set(split, rows);
        if let Some(translation) = translation {
            self.batch.translate(translation, step, split, rows);
        }
        let (training, of_step) = (Tensor::from(true), Tensor::from(step as i64));
        let learning_rate = Tensor::from(learning_rate);
        let mut args = SessionRunArgs::new();
        self.batch.feed(&self.network.inputs, &mut args);
        if let Some(inputs) = &self.network.inputs.training {
            args.add_feed(&inputs.flag.operation, 0, &training);
            args.add_feed(&inputs.step.operation, 0, &of_step);
        }
        if let Some(rate) = &self.network.inputs.learning_rate {
            args.add_feed(&rate.operation, 0, &learning_rate);
        }
        args.add_target(&self.network.train);
        let loss = &self.network.loss;
        let loss = args.request_fetch(&loss.operation, loss.index);
        let action = || format!("run training step {step}");
        let ran = self.session.run(&mut args);
        ran.map_err(|status| failed_on(action(), rows.len(), false, status))?;
        let loss = args.fetch::<f32>(loss).map_err(|status| failed(action(), status))?;
        Ok(loss.first().copied().unwrap_or(f32::NAN))
    }

    /// The first replica that computes other logits than replica 0 from the first `rows` rows of `split`, if any does.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn odd_replica(&self, split: &Split, rows: usize) -> Result<Option<usize>> {
        if self.replicas() < 2 {
            return Ok(None);
        }
        let evaluator = self.evaluator();
        let feed = evaluator.feed(split, 0..rows.min(split.len()));
        let logits = at_once(&self.network.evaluations, &self.network.evaluations, |_, replica| {
            let logits = evaluator.run(&feed, [&replica.logits], |ran, [logits]| ran.fetch::<f32>(logits))?;
            Ok::<_, TrainingError>(logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>())
        })?;
        Ok(logits.iter().position(|own| *own != logits[0]))
    }

    /// Evaluates the rows of a step, on each replica as many of them as it trains on.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn evaluate_rows(&self, split: &Split, rows: &[usize]) -> Result<Correct> {
        let part = rows.len().div_ceil(self.replicas());
        Ok(Correct::of(&self.correct_rows(split, rows, part)?))
    }

    /// Evaluates every row of `split`, at most `chunk` at a time, since a whole test set may not fit into the memory of a
    /// small GPU; a last, smaller chunk counts by its rows. Replicas evaluate a chunk each at once. Shows `seen` the labels
    /// and the probabilities, float32 `[rows, classes]`, of each chunk.
    ///
    /// # Errors
    /// TensorFlow fails, for example because a chunk does not fit into memory.
    pub fn test(&self, split: &Split, chunk: usize, mut seen: impl FnMut(&[i32], &[f32])) -> Result<Correct> {
        let chunks = self.chunks(split, chunk);
        let evaluator = self.evaluator();
        let mut right = Vec::new();
        // The probabilities of a whole set may take a gigabyte.
        for chunks in chunks.chunks(self.replicas()) {
            let tested = at_once(&self.network.evaluations, chunks, |replica, rows| {
                let feed = evaluator.feed(split, rows.clone());
                let outputs = [&replica.accuracy.correct, &replica.probabilities];
                let (correct, probabilities) =
                    evaluator.run(&feed, outputs, |ran, [correct, probabilities]| {
                        Ok((ran.fetch::<bool>(correct)?, ran.fetch::<f32>(probabilities)?))
                    })?;
                Ok::<_, TrainingError>((correct, feed.labels, probabilities))
            })?;
            for (correct, labels, probabilities) in tested {
                seen(&labels, &probabilities);
                right.extend_from_slice(&correct);
            }
        }
        Ok(Correct::of(&right))
    }

    /// All rows of `split` as replicas evaluate them, at most `chunk` at a time. A chunk is evaluated whole, by any of
    /// them, so that its bits are those of one.
    fn chunks(&self, split: &Split, chunk: usize) -> Vec<Range<usize>> {
        match (self.network.towers, self.replicas()) {
            // The last bits of a row may depend on its place in a chunk: as one device has them.
            (Towers::AsPublished, _) | (_, 1) => split.chunks(chunk).collect(),
            (Towers::Fast { .. }, replicas) => split.even_chunks(chunk, replicas),
        }
    }

    /// All rows of `split`, as [`correct`](Self::correct) takes them.
    pub(super) fn feeds(&self, split: &Split, chunk: usize) -> Vec<Feed> {
        self.chunks(split, chunk).into_iter().map(|rows| self.evaluator().feed(split, rows)).collect()
    }

    /// Which of the given rows are classified right, evaluated at most `chunk` at a time.
    pub(super) fn correct_rows(&self, split: &Split, rows: &[usize], chunk: usize) -> Result<Vec<bool>> {
        let feed = |rows: &[usize]| self.evaluator().feed(split, rows.iter().copied());
        self.correct(&rows.chunks(chunk.max(1)).map(feed).collect::<Vec<_>>())
    }

    /// Which rows are classified right.
    pub(super) fn correct(&self, chunks: &[Feed]) -> Result<Vec<bool>> {
        let evaluator = self.evaluator();
        let correct = at_once(&self.network.evaluations, chunks, |replica, feed| {
            let correct = [&replica.accuracy.correct];
            let correct = evaluator.run(feed, correct, |ran, [correct]| ran.fetch::<bool>(correct))?;
            Ok::<_, TrainingError>(correct.to_vec())
        })?;
        Ok(correct.concat())
    }

    /// How many parts a step's rows are cut into, and how many chunks are evaluated at once.
    pub(super) fn replicas(&self) -> usize {
        self.network.evaluations.len()
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator { session: &self.session, inputs: &self.network.inputs }
    }
}
