//! File systems that lack locks, or a sync of folders, as NFS, Lustre, CIFS and sshfs do: played by a small library that
//! stands before the C library's functions.

use super::{FIRST, checkpoint};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::mirror::{Breaks, Mirror};
use support::runs::{self, fail, metrics, resume, start, succeed, tf_mnist};
use tempfile::TempDir;
use tf_mnist::dataset::{Form, load_default};
use tf_mnist::fetch::Silent;

const FAULTS: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fault(const char *name) {
    const char *number = getenv(name);
    return number ? (errno = atoi(number)) : 0;
}
int flock(int file, int operation) {
    return fault("FLOCK_FAULT") ? -1 : syscall(SYS_flock, file, operation);
}
int fsync(int file) {
    struct stat there;
    int is_folder = fstat(file, &there) == 0 && S_ISDIR(there.st_mode);
    return fault(is_folder ? "FOLDER_FSYNC_FAULT" : "FILE_FSYNC_FAULT") ? -1 : syscall(SYS_fsync, file);
}
"#;

/// The library; `None` without a C compiler.
fn library() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<TempDir>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("faults.c");
        fs::write(&source, FAULTS).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(folder.path().join("faults.so")).arg(&source);
        match compiler.status() {
            Ok(status) if status.success() => Some(folder),
            _ => {
                support::untested("a C compiler (cc)");
                None
            }
        }
    });
    folder.as_ref().map(|folder| folder.path().join("faults.so"))
}

fn faulty(mut command: Command, library: &Path, fault: &str, number: i32) -> Command {
    command.env("LD_PRELOAD", library).env(fault, number.to_string());
    command
}

fn export(base: &Path) -> Command {
    let mut command = tf_mnist(&["export"]);
    command.arg(checkpoint()).arg(base);
    command
}

/// ENOLCK, ENOSYS, EOPNOTSUPP, the kernel's ENOTSUPP, EINVAL.
const NO_LOCKS: [i32; 5] = [37, 38, 95, 524, 22];
const EIO: i32 = 5;

#[test]
fn without_locks_one_warning_says_so_and_everything_works() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    succeed(start(&reference, FIRST));
    let warned = |stderr: &str, folder: &Path| {
        let warning = format!("warn: {} cannot be locked", folder.display());
        assert_eq!(stderr.matches(&warning).count(), 1, "{stderr}");
        assert_eq!(stderr.matches("cannot be locked").count(), 1, "{stderr}");
    };
    for number in NO_LOCKS {
        let overwrite = start(&run, &[FIRST, &["--overwrite"]].concat());
        let output = succeed(faulty(overwrite, &library, "FLOCK_FAULT", number));
        warned(&runs::stderr(&output), &run);
        assert_eq!(metrics(&run), metrics(&reference));
    }
    let on = resume(&run, &["baseline", "--max-steps", "9"]);
    warned(&runs::stderr(&succeed(faulty(on, &library, "FLOCK_FAULT", 37))), &run);
    let base = folder.path().join("models");
    warned(&runs::stderr(&succeed(faulty(export(&base), &library, "FLOCK_FAULT", 38))), &base);
    assert!(base.join("1/saved_model.pb").is_file());

    let files = load_default(&Form::default(), &Silent).unwrap().files;
    let mirror = Mirror::of(&files, Breaks::Never);
    let cache = folder.path().join("cache");
    let filled = succeed(faulty(mirror.data_command(&cache), &library, "FLOCK_FAULT", 524));
    warned(&runs::stderr(&filled), &cache.join("mnist"));
    assert!(cache.join("mnist").join(files[0].name).is_file());

    // Another fault is none of these.
    let stderr = fail(faulty(start(&folder.path().join("new"), FIRST), &library, "FLOCK_FAULT", EIO), 1);
    assert!(stderr.contains("new/.lock") && stderr.contains("Input/output error"), "{stderr}");
}

#[test]
fn a_folder_that_cannot_be_synced_counts_as_synced_and_a_file_does_not() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let describe = |file: &Path| {
        let mut command = tf_mnist(&["describe", "baseline", "--graph-def"]);
        command.arg(file);
        command
    };
    succeed(start(&at("reference"), FIRST));
    for number in [22, 95] {
        let run = at(&format!("run-{number}"));
        let output = succeed(faulty(start(&run, FIRST), &library, "FOLDER_FSYNC_FAULT", number));
        assert!(!runs::stderr(&output).contains("warn"));
        assert_eq!(metrics(&run), metrics(&at("reference")));
        succeed(faulty(export(&at("models")), &library, "FOLDER_FSYNC_FAULT", number));
        succeed(faulty(describe(&at("graph.pb")), &library, "FOLDER_FSYNC_FAULT", number));
    }
    assert!(at("models/2/saved_model.pb").is_file());

    let stderr = fail(faulty(start(&at("new"), FIRST), &library, "FILE_FSYNC_FAULT", 22), 1);
    assert!(stderr.contains("new/config.json"), "{stderr}");
    let stderr = fail(faulty(describe(&at("other.pb")), &library, "FILE_FSYNC_FAULT", EIO), 1);
    assert!(stderr.contains("other.pb") && !at("other.pb").exists(), "{stderr}");
    let stderr = fail(faulty(start(&at("third"), FIRST), &library, "FOLDER_FSYNC_FAULT", EIO), 1);
    assert!(stderr.contains("Input/output error"), "{stderr}");
}
