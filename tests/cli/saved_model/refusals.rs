//! What cannot be exported, and where.

use super::{export, final_checkpoint};
use std::fs;
use std::path::{Path, PathBuf};
use support::hundred_digits::{golden, load};
use tensorflow::{Session, SessionOptions, SessionRunArgs};
use tf_mnist::graph::{CheckpointError, GraphError, Initializer, Saver, Scope, Variable};
use tf_mnist::saved_model::SavedModelError;

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    load();
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let refused = |prefix: &Path| {
        let error = export(prefix, &base, None).unwrap_err();
        assert!(!base.exists(), "{error}");
        error
    };

    let error = refused(&folder.path().join("missing"));
    assert!(
        matches!(error, SavedModelError::Graph(GraphError::Checkpoint(CheckpointError::Missing { .. }))),
        "{error}"
    );

    let other = save_variables(folder.path(), "other", &[("dense/kernel", &[3, 4])]);
    let error = refused(&other);
    let message = error.to_string();
    let said = "is of neither network, baseline or optimized: it lacks conv1/kernel and output/kernel; it holds \
                dense/kernel";
    assert!(message.contains(said), "{message}");

    let shapes: [(&str, &[u64]); 2] = [("conv1/kernel", &[3, 3, 1, 16]), ("output/kernel", &[32, 11])];
    let error = refused(&save_variables(folder.path(), "misfit", &shapes)).to_string();
    for part in ["output/kernel has shape [32, 11] instead of [32, 10]", "conv2/kernel is missing"] {
        assert!(error.contains(part), "{error}");
    }

    let damaged = folder.path().join("damaged");
    for suffix in ["index", "data-00000-of-00001"] {
        let from = golden("baseline").join(format!("final.ckpt.{suffix}"));
        let mut bytes = fs::read(from).unwrap();
        if suffix != "index" {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        fs::write(folder.path().join(format!("damaged.{suffix}")), bytes).unwrap();
    }
    let error = refused(&damaged);
    assert!(
        matches!(error, SavedModelError::Graph(GraphError::Checkpoint(CheckpointError::Damaged { .. }))),
        "{error}"
    );
}

fn save_variables(folder: &Path, name: &str, shapes: &[(&str, &[u64])]) -> PathBuf {
    let scope = Scope::new(Some(1));
    for (variable, shape) in shapes {
        Variable::new(&scope, variable, shape, Initializer::Zeros).unwrap();
    }
    let initialize = scope.global_variables_initializer().unwrap();
    let saver = Saver::new(&scope, &scope.variables()).unwrap();
    let session = Session::new(&SessionOptions::new(), &scope.graph()).unwrap();
    let mut args = SessionRunArgs::new();
    args.add_target(&initialize);
    session.run(&mut args).unwrap();
    let prefix = folder.join(name);
    saver.save(&session, &prefix).unwrap();
    prefix
}

#[test]
fn a_base_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for base in [file.clone(), file.join("below")] {
        let error = export(&final_checkpoint("baseline"), &base, None).unwrap_err().to_string();
        assert!(error.contains(&base.display().to_string()), "{error}");
    }
}
