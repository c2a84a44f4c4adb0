//! A run that is reported on: what its files say, and how its best weights do on the test set.

use super::test::Test;
use crate::cli::GlobalArgs;
use crate::commands::failure;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tf_mnist::training::{Event, RunConfig, RunDirectory, ValidationReport};

/// A run.
pub struct Subject {
    /// What it is called on the page.
    pub name: String,
    pub folder: PathBuf,
    pub config: RunConfig,
    /// The line of its metrics that could not be read, if there is one, in a sentence.
    pub damage: Option<String>,
    /// Losses by step.
    pub losses: Vec<(u64, f64)>,
    /// Accuracies on the validation set by step; where only a bound is known, there is none.
    pub validations: Vec<(u64, f64)>,
    /// Those on the batches just trained on.
    pub batches: Vec<(u64, f64)>,
    /// The step of the best validation, and its accuracy.
    pub best: Option<(u64, f64)>,
    pub state: State,
    /// The accuracy on the test set as the run measured it, and the checkpoint that it measured.
    pub measured: Option<(f64, String)>,
    /// The test done again, image by image; or why there is none.
    pub test: Result<Test, String>,
}

/// How far a run came.
pub enum State {
    /// It went to its end.
    Completed,
    /// Its accuracy improved no more, and it ended after so many steps.
    EarlyStopped(u64),
    /// A process is at work on it.
    UnderWay,
    /// Its loss was no longer finite.
    Diverged(u64),
    /// It was killed or interrupted.
    Broken,
}

impl Subject {
    /// Reads the runs and tests them.
    pub fn read_all(global: &GlobalArgs, runs: &[PathBuf], chunk: usize) -> Result<Vec<Self>> {
        let mut subjects = runs.iter().map(|run| Self::read(run)).collect::<Result<Vec<_>>>()?;
        // Folders of one name in different places are told apart by the places.
        let names: Vec<_> = subjects.iter().map(|subject| subject.name.clone()).collect();
        for (subject, run) in subjects.iter_mut().zip(runs) {
            if names.iter().filter(|name| **name == subject.name).count() > 1 {
                subject.name = run.display().to_string();
            }
            subject.test =
                Test::of(global, run, &subject.config, chunk).map_err(|error| failure::text(&error));
        }
        Ok(subjects)
    }

    fn read(run: &Path) -> Result<Self> {
        let config = RunConfig::read(run).with_context(|| format!("{} is no run folder", run.display()))?;
        // `.` has no name of its own.
        let whole = std::path::absolute(run).unwrap_or_else(|_| run.to_path_buf());
        let name = whole.components().next_back().map(|name| name.as_os_str().to_string_lossy().into_owned());
        let mut subject = Self {
            name: name.unwrap_or_default(),
            folder: run.to_path_buf(),
            config,
            damage: None,
            losses: Vec::new(),
            validations: Vec::new(),
            batches: Vec::new(),
            best: None,
            state: State::Broken,
            measured: None,
            test: Err(String::new()),
        };
        let (events, unread) = Event::read_all(run)?;
        events.into_iter().for_each(|event| subject.add(event));
        if let [first, others @ ..] = &unread[..] {
            let file = run.join("metrics.jsonl");
            let more = match others.len() {
                0 => String::new(),
                1 => ", nor is one more line".to_owned(),
                more => format!(", nor are {more} more lines"),
            };
            let damage = format!("{}: line {first} is no event that could be read{more}", file.display());
            log::warn!("{damage}");
            subject.damage = Some(damage);
        }
        if matches!(subject.state, State::Broken) && RunDirectory::is_in_use(run) {
            subject.state = State::UnderWay;
        }
        Ok(subject)
    }

    fn add(&mut self, event: Event) {
        match event {
            Event::Step(report) => {
                self.losses.push((report.step, report.loss));
                self.state = State::Broken; // until it is said how it ended
            }
            Event::Validation(report) => {
                let ValidationReport { step, train_accuracy, accuracy, bound, improved, .. } = report;
                self.batches.push((step, train_accuracy));
                if !bound {
                    self.validations.push((step, accuracy));
                }
                if improved {
                    self.best = Some((step, accuracy));
                }
            }
            Event::EarlyStop { step, .. } => self.state = State::EarlyStopped(step),
            Event::Diverged { step } => self.state = State::Diverged(step),
            Event::WorkerLost { .. } => {} // the run went on
            Event::Test { accuracy, checkpoint } => {
                if !matches!(self.state, State::EarlyStopped(_)) {
                    self.state = State::Completed;
                }
                self.measured = Some((accuracy, checkpoint));
            }
        }
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.losses.last().map_or(0, |(step, _)| step.saturating_add(1))
    }

    /// The greatest step that anything is told of.
    pub fn last_step(&self) -> u64 {
        let told = self.losses.iter().chain(&self.validations).chain(&self.batches).map(|(step, _)| *step);
        let best = self.best.map_or(0, |(step, _)| step);
        let stopped = if let State::EarlyStopped(steps) = self.state { steps } else { 0 };
        told.max().unwrap_or_default().max(best).max(stopped)
    }

    /// The accuracy on the test set that the run measured, in words.
    pub fn test_accuracy(&self) -> String {
        self.measured.as_ref().map_or_else(|| "not tested yet".to_owned(), |(accuracy, _)| percent(*accuracy))
    }

    /// How far it came, in words.
    pub fn state_in_words(&self) -> String {
        let steps = self.steps();
        match self.state {
            State::Completed => format!("completed after {steps} steps"),
            State::EarlyStopped(steps) => format!("stopped early after {steps} steps"),
            State::UnderWay => format!("under way, {steps} steps done when this page was made"),
            State::Diverged(step) => format!("ended at step {step}, where its loss was no longer finite"),
            State::Broken => {
                format!("broken off after {steps} steps: killed or interrupted, and not yet resumed")
            }
        }
    }
}

pub fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

/// An option as it is written on the command line.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
