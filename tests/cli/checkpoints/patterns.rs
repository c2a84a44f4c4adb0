//! Folders under names in which TensorFlow sees patterns are folders as any other, to every command.

use super::{export, fixture, golden, stdout, takes_a_five_for_one};
use std::fs;
use std::path::Path;
use std::process::Command;
use support::runs::{copy, fail, resume, small_mnist, smallest_mnist, start, succeed, tf_mnist};

/// One for each character that has a meaning in them, and one that is no pattern as it stands.
const NAMES: [&str; 5] = ["m[1]", "a]b[", "all*", "what?", "back\\slash"];

fn with(arguments: &[&str], path: &Path) -> Command {
    let mut command = tf_mnist(arguments);
    command.arg(path);
    command
}

#[test]
fn saved_models_are_written_and_read() {
    for (index, name) in NAMES.into_iter().enumerate() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().join(name).join(if index == 0 { "models[2]" } else { "models" });
        let output = succeed(export(&golden("baseline/final.ckpt"), &base));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("for patterns"), "{stderr}");
        takes_a_five_for_one(&base);
        if index > 0 {
            continue; // what follows opens it by the same way
        }
        takes_a_five_for_one(&base.join("1"));
        // Relative to a folder of such a name, too.
        let mut command = tf_mnist(&["predict", "1"]);
        command.arg(fixture("digits/5.png")).current_dir(&base);
        assert!(stdout(&succeed(command)).contains("5.png  5  "));
        // What is wrong with it is said with the name that was typed.
        fs::write(base.join("1/variables/variables.index"), "").unwrap();
        let stderr = fail(with(&["evaluate"], &base), 1);
        assert!(stderr.contains(base.to_str().unwrap()) && !stderr.contains("/proc/"), "{stderr}");
    }
    let place = tempfile::tempdir().unwrap();
    let output = succeed(export(&golden("baseline/final.ckpt"), &place.path().join("plain, {a}")));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn runs_are_trained_resumed_used_and_described() {
    let place = tempfile::tempdir().unwrap();
    let here = place.path().join("m[1]*?{a,b}[!c]\\");
    fs::create_dir(&here).unwrap();
    let [run, second, data, base] = ["run[1]", "second*", "data?", "models"].map(|name| here.join(name));
    copy(smallest_mnist(), &data);
    let steps = ["baseline", "--max-steps", "2", "--batch-size", "20"];
    succeed(start(&run, &steps));
    let mut command = resume(&run, &["baseline", "--max-steps", "3"]);
    command.arg("--data-dir").arg(&data);
    succeed(command);
    for model in [run.clone(), run.join("model.ckpt-2"), run.join("checkpoint")] {
        let mut command = with(&["evaluate", "--data-dir"], &data);
        command.arg(&model);
        assert!(stdout(&succeed(command)).contains(run.join("model.ckpt-2").to_str().unwrap()));
    }
    succeed(export(&run, &base));
    let mut command = start(&second, &steps);
    command.arg("--warm-start").arg(&base);
    succeed(command);
    let mut command = with(&["predict"], &second);
    command.arg(format!("{}#0", data.join("t10k-images-idx3-ubyte").display()));
    succeed(command);
    succeed(with(&["describe", "baseline", "--graph-def"], &here.join("g[*].pb")));
    assert!(here.join("g[*].pb").is_file());
}

#[test]
fn the_cache_may_have_such_a_name() {
    let cache = tf_mnist::CACHE.directory().unwrap();
    small_mnist(); // fills the cache
    let place = tempfile::tempdir().unwrap();
    let linked = place.path().join("c[1]*?{x}");
    std::os::unix::fs::symlink(&cache, &linked).unwrap();
    for arguments in [&["runtime"][..], &["data"]] {
        let mut command = tf_mnist(arguments);
        command.env("TF_MNIST_CACHE", &linked);
        let output = succeed(command);
        assert!(stdout(&output).contains("c[1]*?{x}"), "{}", stdout(&output));
    }
}
