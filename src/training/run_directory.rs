//! The folder of a run: `config.json`, `metrics.jsonl`, `checkpoint` and `model.ckpt-*`.

use super::error::{Result, TrainingError};
use super::metrics::MetricsFile;
use super::run_config::RunConfig;
use crate::atomic_file;
use crate::graph::CheckpointManager;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
const STATE: &str = "checkpoint";
const CHECKPOINT_PREFIX: &str = "model.ckpt-";

/// A folder that this run alone writes to.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes the first free folder `parent/MODEL-N`, N from 1; safe for several runs at once.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn create_next(parent: &Path, model: &str) -> Result<Self> {
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
        for number in 1u64.. {
            let path = parent.join(format!("{model}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create", &path)(error)),
            }
        }
        Err(failed("create", parent)(io::Error::other("no number is free")))
    }

    /// Takes the folder `path`, made if need be. A run that it holds is deleted if `overwrite`, file by file; what does
    /// not belong to a run stays.
    ///
    /// # Errors
    /// The folder holds a run and `overwrite` is not set, or it cannot be made or cleared.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self> {
        if Self::refuses(path, overwrite) {
            return Err(TrainingError::HoldsRun {
                path: path.to_path_buf(),
            });
        }
        fs::create_dir_all(path).map_err(failed("create", path))?;
        for file in files_of_a_run(path).map_err(failed("read", path))? {
            fs::remove_file(&file).map_err(failed("delete", &file))?;
        }
        Ok(Self {
            path: path.to_path_buf(),
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
        let mut text =
            serde_json::to_vec_pretty(config).map_err(|error| failed("write", &path)(error.into()))?;
        text.push(b'\n');
        atomic_file::write(&path, &text).map_err(failed("write", &path))
    }

    /// Starts `metrics.jsonl`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create_metrics(&self) -> Result<MetricsFile> {
        MetricsFile::create(&self.path.join(METRICS))
    }

    /// The checkpoints of the run.
    ///
    /// # Errors
    /// The state file is there but cannot be read.
    pub fn checkpoints(&self, max_to_keep: usize) -> Result<CheckpointManager> {
        Ok(CheckpointManager::open(&self.path, max_to_keep)?)
    }
}

/// The files in `folder` that a run wrote; none if there is no such folder.
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
        let ours = [CONFIG, METRICS, STATE].contains(&&*name) || name.starts_with(CHECKPOINT_PREFIX);
        if ours && !entry.file_type()?.is_dir() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> TrainingError {
    let path = path.to_path_buf();
    move |source| TrainingError::File {
        action,
        path: path.clone(),
        source,
    }
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
        for name in ["config.json", "model.ckpt-9.index", "notes.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert!(matches!(
            RunDirectory::create(folder.path(), false),
            Err(TrainingError::HoldsRun { .. })
        ));
        assert!(folder.path().join("config.json").exists());
        RunDirectory::create(folder.path(), true).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["notes.txt"]);
        RunDirectory::create(folder.path(), false).unwrap();
    }
}
