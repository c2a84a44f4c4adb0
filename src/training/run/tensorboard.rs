//! What a run tells TensorBoard, in `events.out.tfevents.*` of its folder. Tags are Keras's where its callback has one.

use super::config::RunConfig;
use crate::graph::proto::MetaGraphDef;
use crate::model::summary::Summary as NetworkSummary;
use crate::networks::LearningRate;
use crate::tensorboard::{EventFile, Summary};
use crate::training::error::{Result, TrainingError};
use crate::training::observer::{Observer, StepReport, TrainingState, ValidationReport};
use crate::training::session::TrainingSession;
use prost::Message;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the speed is told.
const SPEED_EVERY: Duration = Duration::from_secs(1);

/// Tells TensorBoard of a run as it goes; an [`Observer`].
#[derive(Debug)]
pub struct TensorBoard {
    file: EventFile,
    learning_rate: LearningRate,
    best: f64,
    /// When the speed was last told, and how many steps were done.
    told: (Instant, u64),
    spent: Duration,
}

impl TensorBoard {
    /// Begins a file in the run folder `run`, in which TensorBoard forgets what others there say of steps that are done
    /// again from `start` on.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn new(
        run: &Path,
        config: &RunConfig,
        start: &TrainingState,
        session: &TrainingSession,
    ) -> Result<Self> {
        let begin = || -> io::Result<EventFile> {
            let mut file = EventFile::create(run, start.step)?;
            if let Some(meta_graph) = session.network.saver.meta_graph() {
                let graph = MetaGraphDef::decode(meta_graph).map_err(io::Error::other)?.graph_def;
                file.graph(graph.unwrap_or_default().encode_to_vec())?;
            }
            let texts = [
                ("network", NetworkSummary::of(&config.network).to_markdown()),
                ("options", format!("```json\n{}\n```", serde_json::to_string_pretty(config)?)),
            ];
            file.summaries(0, texts.map(|(tag, text)| Summary::text(tag, &text)).into())?;
            file.summaries(0, vec![Summary::session_start(config.options())])?;
            Ok(file)
        };
        let file = begin().map_err(TrainingError::file("write TensorBoard's file in", run))?;
        let best = start.best.map_or(0.0, |best| best.accuracy);
        let learning_rate = config.network.training.adam.learning_rate;
        Ok(Self { file, learning_rate, best, told: (Instant::now(), start.step), spent: Duration::ZERO })
    }

    /// Tells of the test after `steps` steps: `summaries` beside its `accuracy`.
    ///
    /// # Errors
    /// The file cannot be written, for example because the disk is full.
    pub fn test(&mut self, steps: u64, accuracy: f64, mut summaries: Vec<Summary>) -> Result<()> {
        summaries.push(Summary::scalar("test_accuracy", accuracy));
        // One by one: each record is in memory whole. At a step that a run that goes on does again, and tests anew.
        for summary in summaries {
            self.write(steps, vec![summary])?;
        }
        self.ended(true)
    }

    /// Tells that the run ended for a fault of its own.
    ///
    /// # Errors
    /// As [`test`](Self::test).
    pub fn failed_to_train(&mut self) -> Result<()> {
        self.ended(false)
    }

    fn ended(&mut self, success: bool) -> Result<()> {
        self.file.summaries(0, vec![Summary::session_end(success)]).map_err(self.failed())
    }

    /// The time that telling of steps and validations took.
    pub fn cost(&self) -> Duration {
        self.spent
    }

    fn write(&mut self, step: u64, summaries: Vec<Summary>) -> Result<()> {
        let started = Instant::now();
        let written = self.file.summaries(step, summaries).map_err(self.failed());
        self.spent += started.elapsed();
        written
    }

    fn failed(&self) -> impl Fn(io::Error) -> TrainingError + use<> {
        TrainingError::file("write", self.file.path())
    }
}

impl Observer for TensorBoard {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        let StepReport { step, loss, .. } = *report;
        let rate = f64::from(self.learning_rate.at(step));
        let mut summaries =
            vec![Summary::scalar("batch_loss", loss), Summary::scalar("batch_learning_rate", rate)];
        let (when, since) = self.told;
        let (passed, done) = (when.elapsed(), step + 1);
        if passed >= SPEED_EVERY {
            let speed = done.saturating_sub(since) as f64 / passed.as_secs_f64();
            summaries.push(Summary::scalar("batch_steps_per_second", speed));
            self.told = (Instant::now(), done);
        }
        self.write(step, summaries)
    }

    fn validation(&mut self, report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        // Where only so much was validated as tells that it is no better, the accuracy is known to be less than this.
        let tag = match report.bound {
            true => "evaluation_accuracy_bound",
            false => "evaluation_accuracy_vs_iterations",
        };
        if report.improved {
            self.best = report.accuracy;
        }
        let summaries =
            [("batch_accuracy", report.train_accuracy), (tag, report.accuracy), ("best_accuracy", self.best)];
        self.write(report.step, summaries.map(|(tag, value)| Summary::scalar(tag, value)).into())
    }
}
