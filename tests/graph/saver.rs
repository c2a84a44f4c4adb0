//! Saver and CheckpointManager: what is saved comes back, what does not fit is refused, and nothing is half done.

use std::fs;
use std::path::{Path, PathBuf};
use support::all_names as names;
use support::graph_session::{GraphSession, graph};
use tf_mnist::graph::{
    Checkpoint, CheckpointError, CheckpointManager, GraphError, Initializer, Saver, Scope, Variable,
    latest_checkpoint,
};

/// A graph of a few variables, in a session.
struct Trial {
    scope: Scope,
    session: GraphSession,
    saver: Saver,
}

impl Trial {
    fn new(shapes: &[(&str, &[u64])]) -> Self {
        let scope = graph(Some(1));
        for (name, shape) in shapes {
            Variable::new(&scope, name, shape, Initializer::GlorotUniform).unwrap();
        }
        let saver = Saver::new(&scope, &scope.variables()).unwrap();
        let session = GraphSession::open(&scope);
        session.initialize(&scope);
        Self { scope, session, saver }
    }

    fn save(&self, prefix: &Path) -> Result<(), GraphError> {
        self.saver.save(self.session.session(), prefix)
    }

    fn restore(&self, prefix: &Path) -> Result<(), GraphError> {
        self.saver.restore(self.session.session(), prefix)
    }

    fn fill(&self, value: f32) {
        for variable in self.scope.variables() {
            self.session.assign(&variable, &vec![value; variable.len() as usize]);
        }
    }

    /// All values as bits, so that -0 and NaN count.
    fn bits(&self) -> Vec<(String, Vec<u32>)> {
        let values = self.session.values(&self.scope).into_iter();
        values.map(|(name, values)| (name, values.iter().map(|x| x.to_bits()).collect())).collect()
    }

    /// Asserts that restoring `prefix` fails without a change, and returns the message.
    fn refuses(&self, prefix: &Path) -> String {
        let before = self.bits();
        let error = self.restore(prefix).unwrap_err();
        assert!(self.bits() == before, "a refused checkpoint changed a variable");
        error.to_string()
    }
}

const SHAPES: [(&str, &[u64]); 4] = [("b/kernel", &[3, 4]), ("b/bias", &[4]), ("a", &[]), ("empty", &[0, 2])];

fn index_of(prefix: &Path) -> PathBuf {
    PathBuf::from(format!("{}.index", prefix.display()))
}

fn data_of(prefix: &Path) -> PathBuf {
    PathBuf::from(format!("{}.data-00000-of-00001", prefix.display()))
}

#[test]
fn saved_values_come_back_over_others_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    let bias = &trial.scope.variables()[1];
    trial.session.assign(bias, &[-0.0, f32::NAN, f32::MIN_POSITIVE / 2.0, f32::INFINITY]);
    let saved = trial.bits();
    trial.save(&prefix).unwrap();
    assert_eq!(names(folder.path()), ["model.ckpt.data-00000-of-00001", "model.ckpt.index"]);

    trial.fill(9.0);
    assert!(trial.bits() != saved);
    trial.restore(&prefix).unwrap();
    assert!(trial.bits() == saved);

    // In a session where no variable has a value yet, too.
    let fresh = GraphSession::open(&trial.scope);
    trial.saver.restore(fresh.session(), &prefix).unwrap();
    let trial = Trial { session: fresh, ..trial };
    assert!(trial.bits() == saved);
}

#[test]
fn a_restored_value_is_no_longer_tied_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    trial.save(&prefix).unwrap();
    let saved = trial.bits();
    trial.restore(&prefix).unwrap();
    fs::write(data_of(&prefix), [0; 10]).unwrap();
    assert!(trial.bits() == saved);
}

#[test]
fn all_missing_and_misshapen_variables_are_named_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    Trial::new(&[("same", &[2]), ("flat", &[6]), ("transposed", &[2, 3]), ("surplus", &[1])])
        .save(&prefix)
        .unwrap();

    let other = Trial::new(&[
        ("same", &[2]),
        ("flat", &[2, 3]),
        ("transposed", &[3, 2]),
        ("absent/one", &[1]),
        ("absent/two", &[1]),
    ]);
    let message = other.refuses(&prefix);
    for part in [
        "absent/one is missing",
        "absent/two is missing",
        "flat has shape [6] instead of [2, 3]",
        "transposed has shape [2, 3] instead of [3, 2]",
    ] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(!message.contains("same") && !message.contains("surplus"), "{message}");

    // Of nothing, nothing is wanted.
    let before = other.bits();
    other
        .saver
        .restore_from(other.session.session(), &Checkpoint::open(&prefix).unwrap(), |_| false)
        .unwrap();
    assert!(other.bits() == before);

    // A network that is a part of the saved one takes its part.
    Trial::new(&[("same", &[2])]).restore(&prefix).unwrap();
}

#[test]
fn a_damaged_or_cut_data_file_is_refused_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    trial.save(&prefix).unwrap();
    trial.fill(9.0);
    let whole = fs::read(data_of(&prefix)).unwrap();

    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(data_of(&prefix), damaged).unwrap();
        let message = trial.refuses(&prefix);
        assert!(message.contains("model.ckpt.data-00000-of-00001 is damaged"), "{message}");
    }
    fs::write(data_of(&prefix), &whole[..whole.len() - 1]).unwrap();
    assert!(trial.refuses(&prefix).contains("cut short"));
    fs::remove_file(data_of(&prefix)).unwrap();
    assert!(trial.refuses(&prefix).contains("model.ckpt.data-00000-of-00001 does not exist"));
    fs::write(data_of(&prefix), &whole).unwrap();
    fs::write(index_of(&prefix), b"").unwrap();
    assert!(trial.refuses(&prefix).contains("model.ckpt.index is damaged"));
}

#[test]
fn a_missing_checkpoint_or_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("nowhere/model.ckpt");
    let trial = Trial::new(&SHAPES);
    let message = trial.refuses(&prefix);
    assert!(message.contains("nowhere/model.ckpt"), "{message}");
    assert!(matches!(trial.restore(&prefix), Err(GraphError::Checkpoint(CheckpointError::Missing { .. }))));

    let error = trial.save(&prefix).unwrap_err();
    assert!(matches!(&error, GraphError::Save { .. }));
    assert!(error.to_string().contains("nowhere/model.ckpt"), "{error}");
    assert!(names(folder.path()).is_empty(), "saving made a folder");
}

/// TensorFlow's RestoreV2 takes a prefix for a pattern of file names.
#[test]
fn any_folder_name_will_do() {
    for name in ["a b", "runs[1]", "what?", "all*", "back\\slash", "{a,b}", "größe", "quo\"te"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let trial = Trial::new(&SHAPES);
        let saved = trial.bits();
        let mut manager = CheckpointManager::open(&folder, 5).unwrap();
        let prefix = manager.save(&trial.saver, trial.session.session(), 3).unwrap();
        trial.fill(9.0);
        trial.restore(&prefix).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(trial.bits() == saved, "{name}");
        assert_eq!(latest_checkpoint(&folder).unwrap(), Some(prefix));
    }
}

#[test]
fn saving_over_a_checkpoint_replaces_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    trial.save(&prefix).unwrap();
    trial.fill(4.0);
    let second = trial.bits();
    trial.save(&prefix).unwrap();
    trial.fill(5.0);
    trial.restore(&prefix).unwrap();
    assert!(trial.bits() == second);
    assert_eq!(names(folder.path()).len(), 2);
}

/// A place where no file can be made, also by root.
fn unwritable(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    match fs::write(folder.join("probe"), b"") {
        Err(_) => folder.to_path_buf(),
        Ok(()) => {
            fs::remove_file(folder.join("probe")).unwrap();
            PathBuf::from("/proc")
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = unwritable(folder.path()).join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    let error = trial.save(&prefix).unwrap_err();
    assert!(error.to_string().contains(prefix.to_str().unwrap()), "{error}");
    assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
}

#[test]
fn a_failed_save_leaves_nothing_aside() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model.ckpt");
    let trial = Trial::new(&SHAPES);
    // TensorFlow fails: variables without values.
    let empty = GraphSession::open(&trial.scope);
    assert!(trial.saver.save(empty.session(), &prefix).is_err());
    assert!(names(folder.path()).is_empty());

    // The earlier checkpoint stays in force.
    trial.save(&prefix).unwrap();
    let saved = trial.bits();
    assert!(trial.saver.save(empty.session(), &prefix).is_err());
    trial.fill(9.0);
    trial.restore(&prefix).unwrap();
    assert!(trial.bits() == saved);
    assert_eq!(names(folder.path()).len(), 2);

    // Moving into place fails: a folder stands there.
    let taken = folder.path().join("taken.ckpt");
    fs::create_dir(index_of(&taken)).unwrap();
    assert!(trial.save(&taken).is_err());
    assert_eq!(names(folder.path()).len(), 3);
}

fn steps_kept(folder: &Path) -> Vec<String> {
    let names = names(folder).into_iter();
    names.filter_map(|name| Some(name.strip_suffix(".index")?.to_owned())).collect()
}

#[test]
fn rotation_keeps_the_newest_five_and_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(&SHAPES);
    let mut manager = CheckpointManager::open(folder.path(), CheckpointManager::DEFAULT_MAX_TO_KEEP).unwrap();
    for step in [1, 2, 3, 20, 100, 7, 8] {
        trial.fill(step as f32);
        let prefix = manager.save(&trial.saver, trial.session.session(), step).unwrap();
        assert_eq!(latest_checkpoint(folder.path()).unwrap(), Some(prefix));
    }
    // The newest by time: step 7 came after 100.
    let newest = ["100", "20", "3", "7", "8"].map(|step| format!("model.ckpt-{step}"));
    assert_eq!(steps_kept(folder.path()), newest);
    assert_eq!(names(folder.path()).len(), 11, "{:?}", names(folder.path()));
    let state = fs::read_to_string(folder.path().join("checkpoint")).unwrap();
    assert_eq!(
        state,
        "model_checkpoint_path: \"model.ckpt-8\"\n\
         all_model_checkpoint_paths: \"model.ckpt-3\"\n\
         all_model_checkpoint_paths: \"model.ckpt-20\"\n\
         all_model_checkpoint_paths: \"model.ckpt-100\"\n\
         all_model_checkpoint_paths: \"model.ckpt-7\"\n\
         all_model_checkpoint_paths: \"model.ckpt-8\"\n"
    );
    for (step, prefix) in [3, 20, 100, 7, 8].into_iter().zip(manager.checkpoints()) {
        assert_eq!(Checkpoint::open(&prefix).unwrap().read_f32("a").unwrap(), [step as f32]);
    }

    // Another manager goes on where this one stopped.
    let mut manager = CheckpointManager::open(folder.path(), 5).unwrap();
    manager.save(&trial.saver, trial.session.session(), 200).unwrap();
    let newest = ["100", "20", "200", "7", "8"].map(|step| format!("model.ckpt-{step}"));
    assert_eq!(steps_kept(folder.path()), newest);
}

#[test]
fn saving_the_same_step_again_replaces_it_and_makes_it_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(&SHAPES);
    let mut manager = CheckpointManager::open(folder.path(), 2).unwrap();
    for (step, value) in [(1, 1.0), (2, 2.0), (1, 3.0), (3, 4.0)] {
        trial.fill(value);
        manager.save(&trial.saver, trial.session.session(), step).unwrap();
    }
    assert_eq!(steps_kept(folder.path()), ["model.ckpt-1", "model.ckpt-3"]);
    let kept = Checkpoint::open(&folder.path().join("model.ckpt-1")).unwrap();
    assert_eq!(kept.read_f32("a").unwrap(), [3.0]);
}

/// Python names checkpoints absolutely. In a folder that was copied those names lead to the original.
#[test]
fn rotation_counts_python_s_checkpoints_and_never_deletes_outside_of_its_folder() {
    let (folder, original) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trial = Trial::new(&SHAPES);
    for folder in [folder.path(), original.path()] {
        for step in [1, 2] {
            trial.save(&folder.join(format!("model.ckpt-{step}"))).unwrap();
        }
    }
    let state = |folder: &Path| {
        let name = |step| folder.join(format!("model.ckpt-{step}")).display().to_string();
        format!(
            "model_checkpoint_path: \"{two}\"\nall_model_checkpoint_paths: \"{one}\"\n\
             all_model_checkpoint_paths: \"{two}\"\n",
            one = name(1),
            two = name(2)
        )
    };

    // A copied folder's state leads elsewhere.
    fs::write(folder.path().join("checkpoint"), state(original.path())).unwrap();
    let mut manager = CheckpointManager::open(folder.path(), 1).unwrap();
    manager.save(&trial.saver, trial.session.session(), 3).unwrap();
    assert_eq!(steps_kept(original.path()), ["model.ckpt-1", "model.ckpt-2"]);

    // In its own folder, step 2 is saved again: that must not be deleted as the old step 2.
    fs::write(original.path().join("checkpoint"), state(original.path())).unwrap();
    let mut manager = CheckpointManager::open(original.path(), 1).unwrap();
    manager.save(&trial.saver, trial.session.session(), 2).unwrap();
    assert_eq!(steps_kept(original.path()), ["model.ckpt-2"]);
}
