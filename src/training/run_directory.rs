//! The folder of a run: `config.json`, `metrics.jsonl`, `checkpoint`, `model.ckpt-*`, `resume/` and `.lock`.

use super::backup::BackupAndRestore;
use super::error::{Result, TrainingError};
use super::metrics::{MetricsFile, Told, told_by};
use super::rewind;
use super::run_config::RunConfig;
use super::run_lock::RunLock;
use super::saved_states::{self, RESUME, SavedState};
use crate::atomic_file;
use crate::graph::CheckpointManager;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
pub(super) const METRICS: &str = "metrics.jsonl";
const STATE: &str = "checkpoint";
pub(super) const CHECKPOINT_PREFIX: &str = "model.ckpt-";

/// More bytes than any config has.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A folder that this run alone writes to, by a lock that is held until this is dropped or the process dies.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    _lock: RunLock,
}

impl RunDirectory {
    /// Makes the first free folder `parent/MODEL-N`, N from 1; safe for several runs at once.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn create_next(parent: &Path, model: &str) -> Result<Self> {
        fs::create_dir_all(parent).map_err(TrainingError::file("create", parent))?;
        for number in 1u64.. {
            let path = parent.join(format!("{model}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self::lock(&path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrainingError::file("create", &path)(error)),
            }
        }
        Err(TrainingError::file("create", parent)(io::Error::other(
            "no number is free",
        )))
    }

    /// Takes the folder `path`, made if need be. A run that it holds is deleted if `overwrite`, file by file; what does
    /// not belong to a run stays.
    ///
    /// # Errors
    /// The folder holds a run and `overwrite` is not set, another process uses it, or it cannot be made or cleared.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self> {
        fs::create_dir_all(path).map_err(TrainingError::file("create", path))?;
        let directory = Self::lock(path)?;
        if Self::refuses(path, overwrite) {
            return Err(TrainingError::HoldsRun {
                path: path.to_path_buf(),
            });
        }
        rewind::remove_leftovers(path)?;
        for file in files_of_a_run(path).map_err(TrainingError::file("read", path))? {
            let removed = if file.is_dir() {
                fs::remove_dir_all(&file)
            } else {
                fs::remove_file(&file)
            };
            removed.map_err(TrainingError::file("delete", &file))?;
        }
        Ok(directory)
    }

    /// Takes the folder `path`, which holds a run, to go on with it.
    ///
    /// # Errors
    /// The folder holds no run, or another process uses it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(CONFIG).is_file() {
            return Err(TrainingError::HoldsNoRun {
                path: path.to_path_buf(),
            });
        }
        Self::lock(path)
    }

    fn lock(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            _lock: RunLock::acquire(path)?,
        })
    }

    /// Whether [`create`](Self::create) would refuse `path` because of the run in it; to say so before long work.
    pub fn refuses(path: &Path, overwrite: bool) -> bool {
        !overwrite && files_of_a_run(path).is_ok_and(|files| !files.is_empty())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_config(&self, config: &RunConfig) -> Result<()> {
        let path = self.path.join(CONFIG);
        let failed = TrainingError::file("write", &path);
        let mut text = serde_json::to_vec_pretty(config).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        atomic_file::write(&path, &text).map_err(failed)
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// The file cannot be read, is of a newer version, or holds no sound options.
    pub fn read_config(&self) -> Result<RunConfig> {
        let path = self.path.join(CONFIG);
        let mut text = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_CONFIG_BYTES).read_to_end(&mut text))
            .map_err(TrainingError::file("read", &path))?;
        RunConfig::parse(&text).map_err(|reason| TrainingError::Config { path, reason })
    }

    /// The newest sound state that was saved; `None` if none was saved yet. Damaged ones are warned of.
    ///
    /// # Errors
    /// States were saved, and all are damaged or gone. To begin again would delete what there is of the run.
    pub fn saved_state(&self, config: &RunConfig) -> Result<Option<SavedState>> {
        let saved = saved_states::newest(&self.path)?;
        if saved.is_none() {
            let metrics = self.path.join(METRICS);
            let Told { steps, finished } =
                told_by(&metrics).map_err(TrainingError::file("read", &metrics))?;
            if finished || config.save_every > 0 && steps > config.save_every {
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
    /// that time are there again, and the returned `metrics.jsonl` goes on where it was.
    ///
    /// # Errors
    /// A file cannot be written or deleted. The state stays, to be tried again.
    pub fn rewind(&self, saved: Option<&SavedState>) -> Result<MetricsFile> {
        rewind::rewind(&self.path, saved)?;
        let bytes = saved.map_or(0, |saved| saved.state.metrics_bytes);
        MetricsFile::resume(&self.path.join(METRICS), bytes)
    }

    /// The checkpoints of the run.
    ///
    /// # Errors
    /// The state file is there but cannot be read.
    pub fn checkpoints(&self, max_to_keep: usize) -> Result<CheckpointManager> {
        Ok(CheckpointManager::open(&self.path, max_to_keep)?)
    }

    /// What saves the run's state after every `every` steps, in a run that goes on from `restored`.
    pub fn backup(&self, every: u64, restored: Option<&SavedState>) -> BackupAndRestore {
        BackupAndRestore::new(&self.path, every, restored.map(|saved| saved.state.clone()))
    }
}

/// What a run wrote in `folder`, `config.json` first: without it, the rest cannot be resumed. Nothing if there is no
/// such folder. The lock does not count; it stays.
fn files_of_a_run(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let named = [CONFIG, METRICS, STATE].contains(&&*name) || name.starts_with(CHECKPOINT_PREFIX);
        let is_dir = entry.file_type()?.is_dir();
        if named && !is_dir || name == RESUME && is_dir {
            files.push(entry.path());
        }
    }
    files.sort_by_key(|path| !path.ends_with(CONFIG));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_number_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        fs::create_dir_all(runs.join("baseline-2")).unwrap();
        let next = || RunDirectory::create_next(&runs, "baseline").unwrap().path;
        assert_eq!(
            [next(), next()],
            [runs.join("baseline-1"), runs.join("baseline-3")]
        );
    }

    #[test]
    fn a_run_is_replaced_only_when_told_to_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("resume/step-00000009")).unwrap();
        for name in ["config.json", "model.ckpt-9.index", "notes.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert!(matches!(
            RunDirectory::create(folder.path(), false),
            Err(TrainingError::HoldsRun { .. })
        ));
        assert!(folder.path().join("config.json").exists());
        let replaced = RunDirectory::create(folder.path(), true).unwrap();
        assert!(matches!(
            RunDirectory::create(folder.path(), true),
            Err(TrainingError::InUse { .. })
        ));
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "{left:?}"); // and the lock
        assert!(left.contains(&"notes.txt".into()));
        drop(replaced);
        RunDirectory::create(folder.path(), false).unwrap();
    }
}
