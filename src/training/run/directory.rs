//! The folder of a run: `config.json`, `metrics.jsonl`, `checkpoint`, `model.ckpt-*`, `resume/` and `.lock`.

use super::backup;
use super::config::RunConfig;
use super::contents::{self, Contents};
use super::metrics::{Event, MetricsFile};
use super::states::{self, KEPT, RunState, SavedState, State};
use super::{CONFIG, LOCK, METRICS, RESUME, checkpoint_of_file};
use crate::graph::CheckpointManager;
use crate::staging::{self, Lock};
use crate::training::error::{Result, TrainingError};
use std::fs;
use std::io::{self, ErrorKind};
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder that this run alone writes to, by a lock that is held until this is dropped or the process dies.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// The folders that were made for it, the lowest first.
    made: Vec<PathBuf>,
    _lock: Lock,
}

impl RunDirectory {
    /// Makes the first free folder `parent/MODEL-N`, N from 1; safe for several runs at once.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn create_next(parent: &Path, model: &str) -> Result<Self> {
        let above = staging::create_folders(parent).map_err(TrainingError::file("create", parent))?;
        for number in 1u64.. {
            let path = parent.join(format!("{model}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let made = iter::once(path.clone()).chain(above).collect();
                    return Self::lock(&path, made);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrainingError::file("create", &path)(error)),
            }
        }
        Err(TrainingError::file("create", parent)(io::Error::other("no number is free")))
    }

    /// Takes the folder `path`, made if need be. If `overwrite`, the files that a run wrote in it are deleted; whatever
    /// else lies there, or below, stays.
    ///
    /// # Errors
    /// As [`check`](Self::check); or another process uses the folder, or it cannot be made or cleared.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self> {
        Self::check(path, overwrite)?;
        let made = staging::create_folders(path).map_err(TrainingError::file("create", path))?;
        let directory = Self::lock(path, made)?;
        Self::check(path, overwrite)?; // another process may have begun a run meanwhile
        contents::sweep(path)?;
        Contents::of(path)?.delete(path)?;
        Ok(directory)
    }

    /// Whether [`create`](Self::create) would take `path`, by what is in it; to say so before long work.
    ///
    /// # Errors
    /// The folder holds a run and `overwrite` is not set, or holds what no run wrote where a run would write.
    pub fn check(path: &Path, overwrite: bool) -> Result<()> {
        let contents = Contents::of(path)?;
        let path = path.to_path_buf();
        if contents.is_run() && !overwrite {
            return Err(TrainingError::HoldsRun { path });
        }
        match contents.foreign {
            files if files.is_empty() => Ok(()),
            files => Err(TrainingError::HoldsOthers { path, files }),
        }
    }

    /// The run that keeps its saved states in `folder`, or in one above it.
    pub fn that_owns(folder: &Path) -> Option<&Path> {
        let mut states = folder.ancestors().filter(|above| above.file_name() == Some(RESUME.as_ref()));
        states.find_map(|states| states.parent().filter(|run| RunConfig::read(run).is_ok()))
    }

    /// Takes the folder `path`, which holds a run, to go on with it.
    ///
    /// # Errors
    /// The folder holds no run, its options cannot be read, or another process uses it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(CONFIG).is_file() {
            let why = format!("{} holds no run: there is no {CONFIG} in it", path.display());
            return Err(TrainingError::Unusable(why));
        }
        RunConfig::read(path)?; // before a lock is left in a folder that is no run
        Self::lock(path, Vec::new())
    }

    fn lock(path: &Path, made: Vec<PathBuf>) -> Result<Self> {
        let file = path.join(LOCK);
        match Lock::try_file(&file) {
            Ok(lock) => Ok(Self { path: path.to_path_buf(), made, _lock: lock }),
            Err(by) if by.kind() == ErrorKind::WouldBlock => Err(TrainingError::Unusable(format!(
                "{} is in use by {by}; wait for it or stop it, or choose another folder",
                path.display()
            ))),
            Err(error) => {
                unmake(path, &made);
                Err(TrainingError::file("lock", &file)(error))
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// The file cannot be written; the folders that were made for the run are gone, as far as nothing else is in them.
    pub fn write_config(&self, config: &RunConfig) -> Result<()> {
        let path = self.path.join(CONFIG);
        let written = serde_json::to_vec_pretty(config).map_err(Into::into).and_then(|mut text| {
            text.push(b'\n');
            staging::write(&path, &text)
        });
        written.map_err(|error| {
            unmake(&self.path, &self.made);
            TrainingError::file("write", &path)(error)
        })
    }

    /// The newest sound state that was saved; `None` if none was saved yet. Damaged ones are warned of.
    ///
    /// # Errors
    /// States were saved, and all are damaged or gone. To begin again would delete what there is of the run.
    pub fn saved_state(&self, config: &RunConfig) -> Result<Option<SavedState>> {
        let saved = states::newest(&self.path)?;
        if saved.is_none() {
            let (events, _) = Event::read_all(&self.path)?;
            let steps = events.iter().filter(|event| matches!(event, Event::Step(_))).count() as u64;
            let is_finished = events.iter().any(|event| matches!(event, Event::Test { .. }));
            if is_finished || config.save_every > 0 && steps > config.save_every {
                return Err(TrainingError::NoSoundState {
                    path: self.path.clone(),
                    reasons: vec![format!(
                        "there is none in {}, though metrics.jsonl tells of {steps} steps",
                        self.path.join(RESUME).display()
                    )],
                });
            }
        }
        Ok(saved)
    }

    /// Takes the folder back to `saved`, or to where no step was done: later states and checkpoints vanish, those of
    /// that time are there again, and the returned `metrics.jsonl` goes on where it was. A crash on the way does no harm.
    ///
    /// # Errors
    /// A file cannot be written or deleted. The state stays, to be tried again.
    pub fn rewind(&self, saved: Option<&SavedState>) -> Result<MetricsFile> {
        let run = &self.path;
        let RunState { step, metrics_bytes, checkpoints: kept, .. } =
            saved.map_or_else(RunState::default, |saved| saved.state.clone());
        contents::sweep(run)?;
        // Before the list of checkpoints is written anew.
        let Contents { checkpoints, states, .. } = Contents::of(run)?;
        for State { step: later, folder, .. } in states {
            if saved.is_none_or(|saved| later > step && folder != saved.folder) {
                states::delete(&folder).map_err(TrainingError::file("delete", &folder))?;
            }
        }
        if let Some(saved) = saved {
            let from = saved.folder.join(KEPT);
            for name in &kept {
                let put = backup::put(name, &from, run);
                put.map_err(|(file, error)| TrainingError::file("restore", &file)(error))?;
            }
            staging::sync_folder(run).map_err(TrainingError::file("sync", run))?;
        }
        // Named only now that they are there, and the others deleted only when no longer named.
        CheckpointManager::write_names(run, &kept)?;
        for path in checkpoints {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let checkpoint = checkpoint_of_file(&file);
            if !kept.iter().any(|kept| checkpoint == Some(kept.as_str())) {
                staging::remove_file(&path).map_err(TrainingError::file("delete", &path))?;
            }
        }
        MetricsFile::resume(&run.join(METRICS), metrics_bytes, step)
    }

    /// Whether a process is at work in the folder `run`.
    pub fn is_in_use(run: &Path) -> bool {
        Lock::is_busy(&run.join(LOCK))
    }

    /// The time that the run in the folder `run` was trained for, up to its last saved state.
    pub fn elapsed(run: &Path) -> Option<Duration> {
        let saved = states::newest(run).ok()??;
        Some(saved.state.training_state().elapsed)
    }
}

/// Deletes the folders that were `made` for the run in `path`, as far as they hold nothing but its lock.
fn unmake(path: &Path, made: &[PathBuf]) {
    if !made.is_empty() {
        let _ = fs::remove_file(path.join(LOCK)); // where it stays, so does the folder
        let _ = made.iter().try_for_each(fs::remove_dir);
    }
}
