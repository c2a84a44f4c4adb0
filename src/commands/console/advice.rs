//! What the user can do about an error of the library, which knows no options: one table.

use crate::commands::output::shell_path;
use std::io::ErrorKind;
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
        let advice = cause.downcast_ref().and_then(for_training);
        let advice = advice.or_else(|| cause.downcast_ref().and_then(for_export));
        let advice = advice.or_else(|| cause.downcast_ref().and_then(for_model));
        let advice = advice.or_else(|| cause.downcast_ref().and_then(for_dataset));
        let advice = advice.or_else(|| cause.downcast_ref().and_then(for_session));
        advice.or_else(|| match (cause.downcast_ref(), cause.downcast_ref()) {
            // Which only a session with workers can be.
            (Some(GraphError::Run { status, .. }), _) if status.code() == Code::DeadlineExceeded => failure(
                "; all workers answer, and it took longer than --step-timeout: allow more time, or take fewer rows; or see \
                 whether they still reach this machine",
            ),
            (_, Some(RuntimeError::NotFound(report))) if report.gpu => failure("\n  --device cpu runs without"),
            _ => None,
        })
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

fn for_model(error: &ClassifierError) -> Option<Advice> {
    match error {
        ClassifierError::NotANumber { .. } => {
            failure(". Use an earlier checkpoint, or train again with a lower --learning-rate")
        }
        ClassifierError::OneDevice { .. } => failure(", or leave --replicas out"),
        ClassifierError::NoCheckpointYet { path } if RunDirectory::is_in_use(path) => {
            failure("; a process is at work on it: wait for its first")
        }
        ClassifierError::NoCheckpointYet { path } => {
            failure(format!("; it goes on by: tf-mnist train --resume {}", shell_path(path)))
        }
        _ => None,
    }
}

fn for_dataset(error: &DatasetError) -> Option<Advice> {
    match error {
        DatasetError::NotMnist(_) | DatasetError::Fetch(FetchError::EverySourceFailed { .. }) => {
            failure("\n  - name a folder with the four files: --data-dir FOLDER")
        }
        DatasetError::Fetch(
            FetchError::Write { cause, .. } | FetchError::Cache(CacheError::Io { cause, .. }),
        ) => failure(match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "; make room, or name another folder in TF_MNIST_CACHE"
            }
            ErrorKind::FileTooLarge => "; raise the limit on the size of files (ulimit -f)",
            _ => "; TF_MNIST_CACHE names another folder",
        }),
        _ => None,
    }
}

fn for_session(error: &SessionError) -> Option<Advice> {
    failure(match error {
        SessionError::NoReplicaLeft { .. } => {
            return usage(
                "; take fewer workers or, unless a run is resumed, which keeps its number, more --replicas",
            );
        }
        SessionError::NoGpu { is_gpu_build: true, .. } => {
            "\n  this build has GPU support: -v shows what keeps TensorFlow from the GPU (its driver? nvidia-smi tells); \
             --device cpu runs without"
        }
        SessionError::NoGpu { is_gpu_build: false, .. } => {
            "\n  no build with GPU support was found: python3 -m pip install 'tensorflow[and-cuda]' brings one; \
             --device cpu runs without"
        }
        SessionError::Lost(lost) => for_lost(lost),
        SessionError::Late { .. } => "; allow more time: --wait and, for an answer, --peer-timeout",
        SessionError::Disconnected { message } if message.starts_with("DeadlineExceeded") => {
            "; it took longer than --step-timeout: allow more time"
        }
        SessionError::NamedTwice { .. } => "; name each process once",
        SessionError::NoWayBack { .. } => {
            "; name an address that it does reach: --address, or the chief's in --cluster; is there a firewall? Or did another \
             run take the worker?"
        }
        SessionError::Server { .. } => {
            "; pip's tensorflow-cpu has servers, and tf-mnist installs it where TENSORFLOW_DIR names no other"
        }
        SessionError::MissingDevices { .. } => {
            "; take fewer --replicas, or --device cpu, where they share the processors"
        }
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    #[test]
    fn a_session_s_advice_is_found_also_behind_the_model_s_error() {
        let late = ClassifierError::from(SessionError::Late { waited: Duration::from_secs(5) });
        let message = "DeadlineExceeded: Operation timed out.".to_owned();
        for (error, expected) in [
            (late.into(), "allow more time: --wait"),
            (SessionError::Disconnected { message }.into(), "--step-timeout: allow more"),
        ] {
            assert!(of(&error).is_some_and(|advice| advice.text.contains(expected)), "{error}");
        }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn the_library_names_no_options() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The program's files, tests, and those with options of pip and npm.
        let others =
            ["commands", "cli", "cli.rs", "main.rs", "tests.rs", "tests", "pip.rs", "npm.rs", "python.rs"];
        let is_other = |path: &Path| path.iter().any(|part| others.iter().any(|other| part == *other));
        for path in [files(&root.join("src")), files(&root.join("crates"))].concat() {
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if !is_rust || is_other(path.strip_prefix(root).unwrap()) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let found = code.lines().find(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && (line.contains(" --") || line.contains("\"--"))
            });
            assert!(found.is_none(), "{}: {found:?}", path.display());
        }
    }
}
