//! Saving and restoring variables, as `tf.compat.v1.train.Saver` does.

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::file_names::{DATA, INDEX, META, with_suffix};
use crate::checkpoint::meta_graph_file::MetaGraphFile;
use crate::checkpoint::reader::Checkpoint;
use crate::error::{GraphError, Result, reason_of_failed_write};
use crate::literal_path::LiteralPath;
use crate::scope::Scope;
use crate::variable::Variable;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::rc::Rc;
use tensorflow::{DataType, Operation, Session, SessionRunArgs, Tensor};
use whole_files::Aside;

/// The nodes that write variables to a V2 checkpoint and read them back, under TF1's names and keys.
/// [`CheckpointManager`](crate::CheckpointManager) shows it in use.
#[derive(Debug, Clone)]
pub struct Saver {
    variables: Vec<Variable>,
    /// What is fed with a checkpoint's prefix to save or to restore: string [].
    pub(crate) filename: Operation,
    /// Saves when fetched, and is the prefix then: string [].
    pub(crate) save: Operation,
    restored: Operation,
    assigned: Vec<Operation>,
    /// Restores when run.
    pub(crate) restore_all: Operation,
    meta_graph: Option<Rc<MetaGraphFile>>,
}

impl Saver {
    /// Adds the nodes for `variables` under `scope/save`; `tf.train.Saver(variables)`.
    ///
    /// # Errors
    /// [`GraphError::Unfit`]: there are no variables. Or TensorFlow refuses a node.
    pub fn new(scope: &Scope, variables: &[Variable]) -> Result<Self> {
        if variables.is_empty() {
            let reason = "there are no variables to save; make the saver after the layers";
            return Err(GraphError::unfit(scope.full_name("save"), reason));
        }
        let mut variables = variables.to_vec();
        variables.sort_by(|a, b| a.name().cmp(b.name()));
        let scope = scope.name_scope("save").without_control_dependencies();

        let filename = scope.placeholder_with_default("filename", "model".to_owned())?;
        let filename =
            scope.op("PlaceholderWithDefault", "Const").input(&filename).shape("shape", &[]).output()?;

        let names: Vec<_> = variables.iter().map(|variable| variable.name().to_owned()).collect();
        let whole = vec![String::new(); names.len()];
        let count = [names.len() as u64];

        let inner = scope.name_scope("SaveV2");
        let value = |variable: &Variable| match variable.is_resource {
            true => variable.read().clone(),
            false => variable.reference.clone(),
        };
        let values: Vec<_> = variables.iter().map(value).collect();
        let saved = inner
            .op_named_as_scope("SaveV2")
            .input(&filename)
            .input(&inner.constant("tensor_names", &count, &names)?)
            .input(&inner.constant("shape_and_slices", &count, &whole)?)
            .input_list(&values)
            .build()?;
        let save =
            scope.op("Identity", "control_dependency").input(&filename).control_inputs([&saved]).build()?;

        let inner = scope.name_scope("RestoreV2");
        let restored = inner
            .op_named_as_scope("RestoreV2")
            .input(&filename)
            .input(&inner.constant("tensor_names", &count, &names)?)
            .input(&inner.constant("shape_and_slices", &count, &whole)?)
            .data_types("dtypes", vec![DataType::Float; names.len()])
            .build()?;
        let assign = |(index, variable): (_, &Variable)| variable.assign(&scope, &restored.output(index));
        let assigned = variables.iter().enumerate().map(assign).collect::<Result<Vec<_>>>()?;
        let restore_all = scope.group("restore_all", &assigned)?;
        Ok(Self {
            variables,
            filename: filename.operation,
            save,
            restored,
            assigned,
            restore_all,
            meta_graph: None,
        })
    }

    /// From now on `prefix.meta`, which holds `bytes` (see [`export_meta_graph`](crate::export_meta_graph)), belongs to
    /// every checkpoint: one file for all of them, where the file system has hard links.
    pub fn write_meta_graph(&mut self, bytes: Vec<u8>) {
        self.meta_graph = Some(Rc::new(MetaGraphFile::new(bytes)));
    }

    /// What [`write_meta_graph`](Self::write_meta_graph) was given.
    pub fn meta_graph(&self) -> Option<&[u8]> {
        self.meta_graph.as_deref().map(MetaGraphFile::bytes)
    }

    /// The saved variables, in the order of their names.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Writes the variables' values to the checkpoint `prefix`, that is `prefix.index`,
    /// `prefix.data-00000-of-00001` and, [if it is to be](Self::write_meta_graph), `prefix.meta`. At every moment these are
    /// whole or there is no index.
    ///
    /// # Errors
    /// TensorFlow cannot write the files, or they cannot be moved into place.
    pub fn save(&self, session: &Session, prefix: impl AsRef<Path>) -> Result<()> {
        let prefix = prefix.as_ref();
        let failed = |cause: io::Error| GraphError::Save { path: prefix.to_path_buf(), cause };
        let folder = whole_files::folder_of(prefix);
        let aside = Aside::folder_in(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                failed(io::Error::other(format!("there is no folder {}", folder.display())))
            }
            _ => failed(error),
        })?;
        let written = aside.path().join("model.ckpt");
        let literal = LiteralPath::of(aside.path()).map_err(failed)?;
        let path = Tensor::from(literal.path().join("model.ckpt").to_string_lossy().into_owned());
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.filename, 0, &path);
        args.add_target(&self.save);
        session.run(&mut args).map_err(|status| {
            // TensorFlow's message holds a source position and the name of the temporary file.
            log::debug!("saving {}: {status}", prefix.display());
            failed(io::Error::other(reason_of_failed_write(&status)))
        })?;
        if let Some(meta_graph) = &self.meta_graph {
            meta_graph.place(&with_suffix(&written, META)).map_err(failed)?;
        }
        self.move_into_place(&written, prefix).map_err(failed)
    }

    fn move_into_place(&self, written: &Path, prefix: &Path) -> io::Result<()> {
        for suffix in [DATA, INDEX] {
            File::open(with_suffix(written, suffix))?.sync_all()?;
        }
        // An index beside data of another time would pass for a damaged checkpoint: first no index, then the new pair.
        whole_files::remove_file(&with_suffix(prefix, INDEX))?;
        let meta = self.meta_graph.as_ref().map(|_| META);
        for suffix in [Some(DATA), meta, Some(INDEX)].into_iter().flatten() {
            fs::rename(with_suffix(written, suffix), with_suffix(prefix, suffix))?;
        }
        whole_files::sync_folder(whole_files::folder_of(prefix))
    }

    /// Gives every variable its value in the checkpoint `prefix`, ours or Python's. Nothing is changed on an error.
    ///
    /// # Errors
    /// The checkpoint is missing or damaged, or lacks variables or holds them in another shape or dtype: all of these
    /// are named.
    pub fn restore(&self, session: &Session, prefix: impl AsRef<Path>) -> Result<()> {
        self.restore_from(session, &Checkpoint::open(prefix.as_ref())?, |_| true)
    }

    /// As [`restore`](Self::restore), of an opened checkpoint, the variables that `wanted` picks; the others stay as they
    /// are, and need not be in it.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_from(
        &self,
        session: &Session,
        checkpoint: &Checkpoint,
        wanted: impl Fn(&Variable) -> bool,
    ) -> Result<()> {
        self.check(checkpoint, &wanted)?;
        checkpoint.verify()?;
        if let Some(meta_graph) = &self.meta_graph {
            meta_graph.share(checkpoint.prefix());
        }
        let failed =
            |status| GraphError::Run { action: format!("restore {}", checkpoint.prefix().display()), status };
        // RestoreV2 takes the prefix for a pattern, and finds nothing in a folder named `runs[1]`. So its outputs are fed,
        // with the very bytes that were checked.
        let variables = (0..).zip(&self.variables).filter(|(_, variable)| wanted(variable));
        let values = variables
            .map(|(index, variable)| {
                let values = checkpoint.read_f32(variable.name())?;
                let values = Tensor::new(variable.shape()).with_values(&values).map_err(failed)?;
                Ok((index, values))
            })
            .collect::<Result<Vec<_>>>()?;
        if values.is_empty() {
            return Ok(()); // TensorFlow refuses a run of nothing
        }
        let mut args = SessionRunArgs::new();
        for (index, values) in &values {
            args.add_feed(&self.restored, *index, values);
            args.add_target(&self.assigned[*index as usize]);
        }
        session.run(&mut args).map_err(failed)
    }

    /// Whether `checkpoint` holds every variable that `wanted` picks in its shape.
    ///
    /// # Errors
    /// [`CheckpointError::Unfit`], which names each variable that does not fit.
    pub fn check(
        &self,
        checkpoint: &Checkpoint,
        wanted: impl Fn(&Variable) -> bool,
    ) -> std::result::Result<(), CheckpointError> {
        let variables: Vec<_> = self.variables.iter().filter(|variable| wanted(variable)).collect();
        let mut problems: Vec<_> = variables
            .iter()
            .filter_map(|variable| {
                let name = variable.name();
                match checkpoint.get(name) {
                    None => Some(format!("{name} is missing")),
                    Some(entry) if entry.dtype != DataType::Float => {
                        Some(format!("{name} is {} instead of float", entry.dtype))
                    }
                    Some(entry) if entry.shape != variable.shape() => {
                        Some(format!("{name} has shape {:?} instead of {:?}", entry.shape, variable.shape()))
                    }
                    Some(_) => None,
                }
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        if variables.iter().all(|variable| checkpoint.get(variable.name()).is_none()) {
            problems.push(format!("it holds {}", checkpoint.first_names()));
        }
        let reason = format!("does not fit this network: {}", problems.join("; "));
        Err(CheckpointError::Unfit { path: checkpoint.prefix().to_path_buf(), reason })
    }
}
