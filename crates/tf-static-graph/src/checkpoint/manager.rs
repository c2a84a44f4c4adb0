//! The checkpoints of one folder, and which of them are kept.

use crate::checkpoint::file_names::{DATA, INDEX, META, with_suffix};
use crate::checkpoint::meta_graph;
use crate::checkpoint::saver::Saver;
use crate::checkpoint::state::{self, STATE_FILE, State};
use crate::error::{GraphError, Result};
use std::path::{Path, PathBuf};
use tensorflow::Session;

/// Saves `FOLDER/model.ckpt-STEP`, names the newest in `FOLDER/checkpoint` as `tf.train.latest_checkpoint` reads it,
/// and deletes the oldest beyond a number.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tf_static_graph::libtensorflow;
/// # let cache = libtensorflow::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" };
/// # unsafe { libtensorflow::load_with_environment(&libtensorflow::Options { cache, ..Default::default() }, &libtensorflow::Silent)? };
/// use tf_static_graph::{
///     CheckpointManager, Dense, GraphSession, Saver, Scope, SessionConfig, latest_checkpoint,
/// };
///
/// let graph = Scope::new(Some(1));
/// let layer = Dense::new(&graph, "layer", 2, 3, None)?;
/// let saver = Saver::new(&graph, &graph.variables())?;
/// let session = graph.initialized_session()?;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let mut manager = CheckpointManager::open(folder, CheckpointManager::DEFAULT_MAX_TO_KEEP)?;
/// for step in [100, 200, 300] {
///     manager.save(&saver, &session, step)?;
/// }
/// let latest = latest_checkpoint(folder)?.ok_or("none")?;
/// assert_eq!(latest, folder.join("model.ckpt-300"));
///
/// // Another day, with the same graph; Python's `tf.compat.v1.train.Saver` writes and reads such files too.
/// let session = GraphSession::new(&graph, &SessionConfig::default().session_options()?)?;
/// saver.restore(&session, latest)?;
/// let kernel = &session.step().fetch(layer.kernel.read()).run()?[0]; // row by row
/// assert_eq!(kernel.len(), 2 * 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CheckpointManager {
    folder: PathBuf,
    max_to_keep: usize,
    kept: Vec<String>,
}

impl CheckpointManager {
    /// What the step follows in the name of a checkpoint.
    pub const PREFIX: &str = "model.ckpt-";
    /// As many checkpoints as `tf.train.Saver` keeps.
    pub const DEFAULT_MAX_TO_KEEP: usize = 5;
    /// What follows the prefix in the names of a checkpoint's files, in the order in which they are written.
    pub const SUFFIXES: [&str; 3] = [DATA, META, INDEX];
    /// Of these the one that a checkpoint may lack: the graph, which is for Python.
    pub const META: &str = META;

    /// Manages the checkpoints of `folder`, which exists; those in it that its state file names count among the kept
    /// ones. Names that lead out of the folder, as Python's absolute ones do in a copy of a folder, are left alone.
    ///
    /// # Errors
    /// There is a state file that cannot be read.
    pub fn open(folder: &Path, max_to_keep: usize) -> Result<Self> {
        Ok(Self {
            folder: folder.to_path_buf(),
            max_to_keep: max_to_keep.max(1),
            kept: Self::names_in(folder)?,
        })
    }

    /// The names of the checkpoints in `folder` that its state file lists, the newest last.
    ///
    /// # Errors
    /// There is a state file that cannot be read.
    pub fn names_in(folder: &Path) -> Result<Vec<String>> {
        Ok(State::parse(&state::read(folder)?.unwrap_or_default()).0.names_in(folder))
    }

    /// Writes the state file of `folder` anew, to list `names`, the newest last; with none, there is no file.
    ///
    /// # Errors
    /// The file cannot be written or deleted.
    pub fn write_names(folder: &Path, names: &[String]) -> Result<()> {
        let path = folder.join(STATE_FILE);
        let written = if names.is_empty() {
            whole_files::remove_file(&path)
        } else {
            whole_files::write(&path, State::write(names).as_bytes())
        };
        written.map_err(|cause| GraphError::Save { path, cause })
    }

    /// The names in the bytes of a state file, if they are as [`write_names`](Self::write_names) writes them.
    pub fn names_written(bytes: &[u8]) -> Option<Vec<String>> {
        let text = std::str::from_utf8(bytes).ok()?.replace("\r\n", "\n");
        let names = State::parse(&text).0.all;
        (!names.is_empty() && State::write(&names) == text).then_some(names)
    }

    /// Saves the variables as they are after training step `step`, counted from 0, and returns the new prefix.
    ///
    /// # Errors
    /// The checkpoint or the state file cannot be written; those before are still in force.
    pub fn save(&mut self, saver: &Saver, session: &Session, step: u64) -> Result<PathBuf> {
        let name = format!("{}{step}", Self::PREFIX);
        let prefix = self.folder.join(&name);
        saver.save(session, &prefix)?;

        let mut kept = self.kept.clone();
        kept.retain(|other| *other != name);
        kept.push(name);
        let dropped: Vec<_> = kept.drain(..kept.len().saturating_sub(self.max_to_keep)).collect();
        Self::write_names(&self.folder, &kept)?;
        self.kept = kept;
        for name in dropped {
            delete(&self.folder.join(name));
        }
        Ok(prefix)
    }

    /// The prefixes of the kept checkpoints, the newest last.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        self.kept.iter().map(|name| self.folder.join(name)).collect()
    }
}

/// Removes the files of a checkpoint, the index first: without it the rest counts for nothing.
fn delete(prefix: &Path) {
    for suffix in CheckpointManager::SUFFIXES.into_iter().rev() {
        let file = with_suffix(prefix, suffix);
        if suffix == META && !meta_graph::is_own(&file) {
            continue; // Python went on from here
        }
        if let Err(error) = whole_files::remove_file(&file) {
            log::warn!("cannot delete the old checkpoint file {}: {error}", file.display());
        }
    }
}
