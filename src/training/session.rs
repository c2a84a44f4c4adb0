//! A network in a session: the four things that are ever run (train, evaluate, save, restore) and their feeds.

use super::error::{Result, TrainingError};
use super::evaluation::Correct;
use super::feed::Feed;
use crate::dataset::{RandomTranslation, Split};
use crate::graph::{AdamOptimizer, Checkpoint, CheckpointManager, GraphError, is_out_of_memory};
use crate::model::Network;
use std::path::{Path, PathBuf};
use tensorflow::{FetchToken, Output, Session, SessionOptions, SessionRunArgs, Status, Tensor};

/// A network with values: its graph, a TensorFlow session, and the tensors it is fed through.
pub struct TrainingSession {
    network: Network,
    session: Session,
    batch: Feed,
    chunk: Feed,
    training: Tensor<bool>,
    step: Tensor<i64>,
    learning_rate: Tensor<f32>,
}

impl TrainingSession {
    /// Opens a session on the network. Its variables have no values before [`initialize`](Self::initialize) or
    /// [`restore`](Self::restore).
    ///
    /// # Errors
    /// TensorFlow cannot open a session, for example on a device that is not there.
    pub fn new(network: Network, options: &SessionOptions) -> Result<Self> {
        let session = Session::new(options, &network.graph.graph())
            .map_err(|status| failed("open a session".into(), status))?;
        Ok(Self {
            network,
            session,
            batch: Feed::default(),
            chunk: Feed::default(),
            training: Tensor::from(true),
            step: Tensor::from(0),
            learning_rate: Tensor::from(0.0),
        })
    }

    /// The same graph in a new session, whose variables have no values yet.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn reopen(self, options: &SessionOptions) -> Result<Self> {
        let Self { network, session, .. } = self;
        drop(session); // its memory first
        Self::new(network, options)
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

    /// Saves every variable as it is after `step`, and returns the checkpoint's prefix.
    ///
    /// # Errors
    /// A file cannot be written; earlier checkpoints are still in force.
    pub fn save(&self, manager: &mut CheckpointManager, step: u64) -> Result<PathBuf> {
        Ok(manager.save(&self.network.saver, &self.session, step)?)
    }

    /// Saves every variable as the checkpoint `prefix`.
    ///
    /// # Errors
    /// A file cannot be written; there is no new checkpoint then.
    pub fn save_to(&self, prefix: &Path) -> Result<()> {
        Ok(self.network.saver.save(&self.session, prefix)?)
    }

    /// Trains on the given rows at `learning_rate`, their images moved by `translation`, and returns their mean loss before
    /// the update. The rate is the graph's own where that is the same in every step.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn train(
        &mut self,
        split: &Split,
        rows: &[usize],
        step: u64,
        learning_rate: f32,
        translation: Option<&RandomTranslation>,
    ) -> Result<f32> {
        self.batch.set(split, rows);
        if let Some(translation) = translation {
            let images = self.batch.images.chunks_exact_mut(split.image_pixels());
            for (&row, image) in rows.iter().zip(images) {
                translation.apply(step, row, image, split.image_size()[1]);
            }
        }
        let mut args = SessionRunArgs::new();
        self.batch.feed(&self.network, &mut args);
        if let Some(inputs) = &self.network.inputs.training {
            self.step[0] = step as i64;
            args.add_feed(&inputs.flag.operation, 0, &self.training);
            args.add_feed(&inputs.step.operation, 0, &self.step);
        }
        if let Some(rate) = &self.network.inputs.learning_rate {
            self.learning_rate[0] = learning_rate;
            args.add_feed(&rate.operation, 0, &self.learning_rate);
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

    /// Evaluates the given rows at once.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn evaluate_rows(&mut self, split: &Split, rows: &[usize]) -> Result<Correct> {
        self.batch.set(split, rows);
        self.count(&self.batch)
    }

    /// As [`evaluate`](Self::evaluate), and shows `seen` the labels and the probabilities, float32 `[rows, classes]`, of each
    /// chunk.
    ///
    /// # Errors
    /// As there.
    pub fn test(
        &mut self,
        split: &Split,
        chunk: usize,
        mut seen: impl FnMut(&[i32], &[f32]),
    ) -> Result<Correct> {
        let mut total = Correct::default();
        for rows in split.chunks(chunk) {
            self.chunk.set_range(split, rows);
            let (correct, probabilities) = self.correct_and_probabilities(&self.chunk)?;
            seen(&self.chunk.labels, &probabilities);
            total += Correct::of(&correct);
        }
        Ok(total)
    }

    /// Evaluates every row of `split`, at most `chunk` at a time, since a whole test set may not fit into the memory of a
    /// small GPU; a last, smaller chunk counts by its rows.
    ///
    /// # Errors
    /// TensorFlow fails, for example because a chunk does not fit into memory.
    pub fn evaluate(&mut self, split: &Split, chunk: usize) -> Result<Correct> {
        let mut total = Correct::default();
        for rows in split.chunks(chunk) {
            self.chunk.set_range(split, rows);
            total += self.count(&self.chunk)?;
        }
        Ok(total)
    }

    /// As [`evaluate`](Self::evaluate), of chunks that are kept as they are fed.
    pub(super) fn evaluate_chunks(&self, chunks: &[Feed]) -> Result<Correct> {
        let mut total = Correct::default();
        for chunk in chunks {
            total += self.count(chunk)?;
        }
        Ok(total)
    }

    /// Which of the given rows are classified right.
    pub(super) fn correct_rows(&mut self, split: &Split, rows: &[usize]) -> Result<Vec<bool>> {
        self.chunk.set(split, rows);
        Ok(self.correct(&self.chunk)?.to_vec())
    }

    fn count(&self, feed: &Feed) -> Result<Correct> {
        Ok(Correct::of(&self.correct(feed)?))
    }

    fn correct(&self, feed: &Feed) -> Result<Tensor<bool>> {
        let mut args = SessionRunArgs::new();
        let correct = request(&mut args, &self.network.accuracy.correct);
        self.run_on(feed, &mut args)?;
        args.fetch(correct).map_err(|status| failed("evaluate".into(), status))
    }

    fn correct_and_probabilities(&self, feed: &Feed) -> Result<(Tensor<bool>, Tensor<f32>)> {
        let mut args = SessionRunArgs::new();
        let correct = request(&mut args, &self.network.accuracy.correct);
        let probabilities = request(&mut args, &self.network.probabilities);
        self.run_on(feed, &mut args)?;
        let fetched = args.fetch(correct).and_then(|correct| Ok((correct, args.fetch(probabilities)?)));
        fetched.map_err(|status| failed("evaluate".into(), status))
    }

    fn run_on<'a>(&self, feed: &'a Feed, args: &mut SessionRunArgs<'a>) -> Result<()> {
        feed.feed(&self.network, args);
        let rows = feed.labels.len();
        let ran = self.session.run(args);
        ran.map_err(|status| failed_on(format!("evaluate {rows} rows at once"), rows, true, status))
    }

    /// The graph.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

fn request(args: &mut SessionRunArgs, output: &Output) -> FetchToken {
    args.request_fetch(&output.operation, output.index)
}

fn failed(action: String, status: Status) -> TrainingError {
    TrainingError::Run { action, status }
}

/// A failed run on so many rows.
fn failed_on(action: String, rows: usize, evaluated: bool, status: Status) -> TrainingError {
    match is_out_of_memory(&status) {
        true => TrainingError::OutOfMemory { action, rows, evaluated, status },
        false => failed(action, status),
    }
}
