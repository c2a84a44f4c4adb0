//! What the user can do about an error of the library, which knows no options: one table.

use crate::commands::output::shell_path;
use std::io::{self, ErrorKind};
use tensorflow::Code;
use tf_mnist::classifier::ClassifierError;
use tf_mnist::dataset::DatasetError;
use tf_mnist::fetch::{CacheError, FetchError};
use tf_mnist::graph::GraphError;
use tf_mnist::runtime::RuntimeError;
use tf_mnist::saved_model::SavedModelError;
use tf_mnist::session::SessionError;
use tf_mnist::session::cluster::{LostWorker, Silence};
use tf_mnist::training::{RunDirectory, TrainingError};

/// What is added to an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// Put right behind its text.
    pub text: String,
    /// Whether other options are needed, so that it is a usage error.
    pub is_usage: bool,
}

fn failure(text: impl Into<String>) -> Option<Advice> {
    Some(Advice { text: text.into(), is_usage: false })
}

fn usage(text: impl Into<String>) -> Option<Advice> {
    Some(Advice { text: text.into(), is_usage: true })
}

/// The advice for an error, by the first of its causes that has one.
pub fn of(error: &anyhow::Error) -> Option<Advice> {
    error.chain().find_map(|cause| {
        let in_training = cause.downcast_ref().and_then(for_training);
        let in_export = || cause.downcast_ref().and_then(for_export);
        let of_replicas = || match cause.downcast_ref()? {
            SessionError::NoReplicaLeft { .. } => usage(
                "; take fewer workers or, unless a run is resumed, which keeps its number, more --replicas",
            ),
            _ => None,
        };
        let of_run = || match cause.downcast_ref()? {
            ClassifierError::NoCheckpointYet { path } if RunDirectory::is_in_use(path) => {
                failure("; a process is at work on it: wait for its first")
            }
            ClassifierError::NoCheckpointYet { path } => {
                failure(format!("; it goes on by: tf-mnist train --resume {}", shell_path(path)))
            }
            _ => None,
        };
        in_training
            .or_else(in_export)
            .or_else(of_replicas)
            .or_else(of_run)
            .or_else(|| failure(for_use(cause)?))
    })
}

fn for_training(error: &TrainingError) -> Option<Advice> {
    match error {
        TrainingError::HoldsRun { path } => usage(format!(
            "; choose another --out-dir, go on with that run by --resume {}, or replace it with --overwrite",
            shell_path(path)
        )),
        TrainingError::HoldsOthers { .. } => usage("; choose another --out-dir, or move them elsewhere"),
        TrainingError::Diverged { .. } => {
            failure("; try a lower --learning-rate, and check that start values and data are finite")
        }
        TrainingError::NoSoundState { path, .. } => {
            failure(format!("\n--out-dir {} --overwrite starts it anew", shell_path(path)))
        }
        _ => None,
    }
}

fn for_export(error: &SavedModelError) -> Option<Advice> {
    match error {
        SavedModelError::VersionExists { .. } => usage("; leave --version out to take the next one"),
        SavedModelError::NoVersionLeft { .. } => failure("; name another with --version"),
        SavedModelError::IsSavedModel { versions, .. } => usage(format!("; name {}", versions.display())),
        SavedModelError::File { .. } => {
            failure("\nno version is there in part; once that is settled, run the same command again")
        }
        _ => None,
    }
}

fn for_use(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    match cause.downcast_ref() {
        Some(ClassifierError::NotANumber { .. }) => {
            return Some(". Use an earlier checkpoint, or train again with a lower --learning-rate");
        }
        Some(ClassifierError::OneDevice { .. }) => return Some(", or leave --replicas out"),
        _ => {}
    }
    // Which only a session with workers can be.
    if let Some(GraphError::Run { status, .. }) = cause.downcast_ref()
        && status.code() == Code::DeadlineExceeded
    {
        return Some(
            "; all workers answer, and it took longer than --step-timeout: allow more time, or take fewer rows; or see \
             whether they still reach this machine",
        );
    }
    if let Some(error) = cause.downcast_ref() {
        return match error {
            DatasetError::NotMnist(_) | DatasetError::Fetch(FetchError::EverySourceFailed { .. }) => {
                Some("\n  - name a folder with the four files: --data-dir FOLDER")
            }
            DatasetError::Fetch(
                FetchError::Write { cause, .. } | FetchError::Cache(CacheError::Io { cause, .. }),
            ) => Some(for_cache(cause)),
            _ => None,
        };
    }
    if let Some(RuntimeError::NotFound(report)) = cause.downcast_ref() {
        return report.gpu.then_some("\n  --device cpu runs without");
    }
    match cause.downcast_ref()? {
        SessionError::NoGpu { is_gpu_build: true, .. } => Some(
            "\n  this build has GPU support: -v shows what keeps TensorFlow from the GPU (its driver? nvidia-smi tells); \
             --device cpu runs without",
        ),
        SessionError::NoGpu { is_gpu_build: false, .. } => Some(
            "\n  no build with GPU support was found: python3 -m pip install 'tensorflow[and-cuda]' brings one; \
             --device cpu runs without",
        ),
        SessionError::Lost(lost) => Some(for_lost(lost)),
        SessionError::Late { .. } => Some("; allow more time: --wait and, for an answer, --peer-timeout"),
        SessionError::Disconnected { message } if message.starts_with("DeadlineExceeded") => {
            Some("; it took longer than --step-timeout: allow more time")
        }
        SessionError::NamedTwice { .. } => Some("; name each process once"),
        SessionError::NoWayBack { .. } => Some(
            "; name an address that it does reach: --address, or the chief's in --cluster; is there a firewall? Or did another \
             run take the worker?",
        ),
        SessionError::Server { .. } => Some(
            "; pip's tensorflow-cpu has servers, and tf-mnist installs it where TENSORFLOW_DIR names no other",
        ),
        SessionError::MissingDevices { .. } => {
            Some("; take fewer --replicas, or --device cpu, where they share the processors")
        }
        _ => None,
    }
}

fn for_lost(lost: &[LostWorker]) -> &'static str {
    let are_all = |is: fn(&Silence) -> bool| lost.iter().all(|worker| is(&worker.reason));
    if are_all(|reason| matches!(reason, Silence::Stranger)) {
        return "; is it the port of a tf-mnist worker?";
    }
    if are_all(|reason| matches!(reason, Silence::Unknown(_))) {
        return "; is that its name? --peer-timeout allows more time to look it up";
    }
    if are_all(|reason| matches!(reason, Silence::Silent)) {
        return "; does it hang, or is its machine off? Start it there with tf-mnist worker --port N, or allow more time: for an \
                answer --peer-timeout, for a worker that is yet to come --wait";
    }
    "; start it there with tf-mnist worker --port N, and --reproducible and the like as here, or wait longer for it: --wait"
}

fn for_cache(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; make room, or name another folder in TF_MNIST_CACHE"
        }
        ErrorKind::FileTooLarge => "; raise the limit on the size of files (ulimit -f)",
        _ => "; TF_MNIST_CACHE names another folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    #[test]
    fn a_session_s_advice_is_found_behind_the_model_s_error() {
        let late = SessionError::Late { waited: Duration::from_secs(5) };
        let advice = of(&ClassifierError::from(late).into()).unwrap();
        assert!(advice.text.contains("allow more time: --wait"), "{advice:?}");
    }

    #[test]
    fn a_session_that_is_not_open_within_the_time_of_a_step_names_that() {
        let message = "DeadlineExceeded: Operation timed out.".to_owned();
        let error = SessionError::Disconnected { message }.into();
        assert!(of(&error).is_some_and(|advice| advice.text.contains("--step-timeout: allow more")));
    }

    /// Rust files of the library; those of the program are `commands`, `cli`, `cli.rs` and `main.rs`.
    fn library(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let ours = entries.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            !["commands", "cli", "cli.rs", "main.rs", "tests.rs", "tests"].contains(&name)
        });
        let files = ours.flat_map(|path| match path.is_dir() {
            true => library(&path),
            false => vec![path],
        });
        files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
    }

    /// pip's and npm's options are no options of ours.
    #[test]
    fn the_library_names_no_options() {
        let [sources, crates] =
            ["src", "crates"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
        let others = ["pip.rs", "npm.rs", "python.rs"];
        for path in [library(&sources), library(&crates)].concat() {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let found = code.lines().find(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && (line.contains(" --") || line.contains("\"--"))
            });
            let is_others = others.iter().any(|name| path.ends_with(name));
            assert!(is_others || found.is_none(), "{}: {found:?}", path.display());
        }
    }
}
