//! Outputs to what the user names: devices and pipes are written to, links stay, and no SavedModel gets versions of its own.

use super::{FIRST, checkpoint, contents};
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use support::runs::{end, fail, start, succeed, tf_mnist};

fn describe(file: &Path) -> Command {
    let mut command = tf_mnist(&["describe", "baseline", "--graph-def"]);
    command.arg(file);
    command
}

/// TensorFlow serializes attributes in another order every time.
fn sorted(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.sort_unstable();
    bytes
}

#[test]
fn a_graph_goes_where_the_user_points() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let printed = succeed(describe(&at("plain"))).stdout;
    let graph = sorted(fs::read(at("plain")).unwrap());

    // Links: to a file, through another link, and to nothing yet.
    fs::create_dir(at("inner")).unwrap();
    fs::write(at("inner/old"), "old").unwrap();
    symlink("inner/old", at("link")).unwrap();
    symlink(at("link"), at("twice")).unwrap();
    symlink("inner/new", at("dangling")).unwrap();
    for (name, target) in [("link", "inner/old"), ("twice", "inner/old"), ("dangling", "inner/new")] {
        fs::write(at("inner/old"), "old").unwrap();
        succeed(describe(&at(name)));
        assert!(at(name).is_symlink());
        assert!(sorted(fs::read(at(target)).unwrap()) == graph);
    }
    symlink("none/new", at("astray")).unwrap();
    let stderr = fail(describe(&at("astray")), 1);
    assert!(stderr.contains("make it first"), "{stderr}");

    // A pipe, into which it is written.
    let pipe = at("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    succeed(describe(&pipe));
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(sorted(reader.join().unwrap()) == graph);

    // Standard output, whether a pipe or a file: all of it is there.
    let assert_both = |written: Vec<u8>| {
        assert!(written.ends_with(&printed));
        assert!(sorted(written[..written.len() - printed.len()].to_vec()) == graph);
    };
    assert_both(succeed(describe(Path::new("/dev/stdout"))).stdout);
    let mut command = describe(Path::new("/dev/stdout"));
    command.stdout(Stdio::from(fs::File::create(at("redirected")).unwrap()));
    assert!(end(command.spawn().unwrap(), support::DEADLINE).status.success());
    assert_both(fs::read(at("redirected")).unwrap());
    let hidden =
        |path: &&PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    assert_eq!(contents(folder.path()).keys().find(hidden), None);
}

#[test]
fn a_device_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    // Another name for /dev/null, so that a mistake does not cost the machine its own.
    let device = folder.path().join("null");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "3"]).status();
    if !made.is_ok_and(|status| status.success()) || fs::write(&device, "x").is_err() {
        support::untested("the right to make a device");
        return;
    }
    succeed(describe(&device));
    assert!(fs::symlink_metadata(&device).unwrap().file_type().is_char_device());
    let full = folder.path().join("full");
    assert!(Command::new("mknod").arg(&full).args(["c", "1", "7"]).status().unwrap().success());
    let stderr = fail(describe(&full), 1);
    assert!(stderr.contains("No space left") && stderr.contains(full.to_str().unwrap()), "{stderr}");
    assert!(fs::symlink_metadata(&full).unwrap().file_type().is_char_device());
}

#[test]
fn a_run_goes_into_the_folder_that_a_link_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink("disk/run", at("link")).unwrap();
    succeed(start(&at("link"), FIRST));
    assert!(at("link").is_symlink() && at("disk/run/config.json").is_file());
}

#[test]
fn what_cannot_be_made_is_said_at_once_and_leaves_nothing() {
    let folder = tempfile::Builder::new().prefix("outputs").tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    symlink("/proc/self/run", at("link")).unwrap();
    let before = contents(folder.path());
    let refused = |arguments: &[&str], place: &str, code| {
        let mut command = tf_mnist(arguments);
        command.arg(place).current_dir(folder.path());
        let stderr = fail(command, code);
        assert!(!stderr.contains(".tmp") && !stderr.contains(".aside"), "{stderr}");
        assert!(contents(folder.path()) == before, "{place}");
        stderr
    };
    // Nobody is there to be waited for.
    let train = ["baseline", "--max-steps", "1", "--workers", "127.0.0.1:1", "--wait", "1s", "--out-dir"];
    let checkpoint = checkpoint();
    let export = ["export", checkpoint.to_str().unwrap()];
    for (place, code, why) in [
        ("file/x", 2, "file is no folder"),
        ("m/../file/x", 1, "m is not there"),
        ("missing/../there", 1, "missing is not there"),
        ("link", 1, "no folder can be made in /proc/self"),
        ("/proc/self/run", 1, "no folder can be made in /proc/self"),
    ] {
        let stderr = refused(&train, place, code);
        assert!(stderr.contains(&format!("error: --out-dir {place}: {why}")), "{stderr}");
        let stderr = refused(&export, place, 1);
        assert!(stderr.contains(&format!("error: EXPORT_BASE: cannot create {place}: {why}")), "{stderr}");
    }
    assert!(refused(&train, "file", 2).contains("--out-dir file is no folder; name another"));
    // Before the run is looked for, which is none.
    let report = ["report", "file", "--output"];
    for (place, why) in [
        ("missing/page.html", "there is no folder missing; make it first"),
        ("/proc/self/page.html", "can be made in /proc/self"),
        ("file/page.html", "Not a directory"),
    ] {
        let stderr = refused(&report, place, 1);
        assert!(stderr.contains(&format!("cannot use --output {place}: ")), "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    }
    let stderr = refused(&["describe", "baseline", "--graph-def"], "/proc/self/graph.pb", 1);
    assert!(
        stderr.contains("cannot write the graph to /proc/self/graph.pb: no folder can be made"),
        "{stderr}"
    );
}

#[test]
fn a_saved_model_is_no_folder_of_versions() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    for version in ["1", "2"] {
        fs::create_dir_all(models.join(version).join("variables")).unwrap();
    }
    fs::write(models.join("1/saved_model.pb"), "x").unwrap();
    fs::write(models.join("2/saved_model.pbtxt"), "x").unwrap();
    let before = contents(folder.path());
    let export = |base: &str| {
        let mut command = tf_mnist(&["export"]);
        command.arg(checkpoint()).arg(base).current_dir(folder.path());
        command
    };
    for base in ["models/1", "models/1/", "models/2", "models/1/variables"] {
        let stderr = fail(export(base), 2);
        assert!(stderr.contains(base) && stderr.trim_end().ends_with("name models"), "{stderr}");
    }
    let mut inside = export(".");
    inside.current_dir(models.join("1"));
    let stderr = fail(inside, 2);
    assert!(stderr.trim_end().ends_with(&format!("name {}", models.display())), "{stderr}");
    assert!(contents(folder.path()) == before);
}
