//! Names that are not UTF-8, and names with characters that a terminal obeys.

use super::FIRST;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use support::runs::{self, copy, fail, resume, smallest_mnist, start, succeed, tf_mnist};

/// Nothing that a terminal obeys but line ends.
fn assert_plain(output: &[u8]) {
    let text = String::from_utf8(output.to_vec()).unwrap();
    let obeyed = text.chars().find(|&char| char.is_control() && char != '\n');
    assert_eq!(obeyed, None, "{text:?}");
}

fn named(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

#[test]
fn a_run_in_a_folder_whose_name_is_not_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let [run, data, again] =
        [&b"r\xffn"[..], b"d\xfeta", b"ag\xffain"].map(|name| named(folder.path(), name));
    copy(smallest_mnist(), &data);
    let mut command =
        tf_mnist(&["baseline", "--reproducible", "--max-steps", "3", "--validation-rows", "500"]);
    command.arg("--data-dir").arg(&data).arg("--out-dir").arg(&run);
    succeed(command);
    let config: Value = serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
    assert!(config["data_dir"].as_str().unwrap().ends_with("d\u{fffd}ta"), "{config}");

    succeed(resume(&run, &["baseline", "--max-steps", "4"]));
    let mut command = resume(&run, &["baseline", "--max-steps", "5"]);
    command.arg("--data-dir").arg(&data);
    succeed(command);

    let mut command = start(&again, &["baseline", "--max-steps", "2"]);
    command.arg("--warm-start").arg(&run);
    succeed(command);
    succeed(resume(&again, &["baseline", "--max-steps", "3"]));
    let mut command = tf_mnist(&["evaluate", "--json", "--data-dir"]);
    command.arg(smallest_mnist()).arg(&again);
    let report: Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
    assert!(report["model"].as_str().unwrap().ends_with("ag\u{fffd}ain/model.ckpt-2"), "{report}");
}

#[test]
fn behind_a_link_the_folder_above_is_that_of_what_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("other/below");
    fs::create_dir_all(&below).unwrap();
    std::os::unix::fs::symlink(&below, folder.path().join("link")).unwrap();
    let path = |name: &str| folder.path().join("link/..").join(name);
    succeed(start(&path("run"), &["baseline", "--max-steps", "2"]));
    // Where names are taken for what they say, there are others.
    let decoys = ["run", "export"].map(|name| folder.path().join(name));
    decoys.iter().for_each(|decoy| fs::create_dir(decoy).unwrap());
    succeed(resume(&path("run"), &["baseline", "--max-steps", "3"]));
    let mut export = tf_mnist(&["export"]);
    export.args([path("run"), path("export")]);
    succeed(export);
    assert!(folder.path().join("other/run/model.ckpt-2.index").is_file());
    assert!(decoys.iter().all(|decoy| fs::read_dir(decoy).unwrap().next().is_none()));
    let evaluate = |model: &Path| {
        let mut command = tf_mnist(&["evaluate", "--json", "--data-dir"]);
        command.arg(smallest_mnist()).arg(model);
        let report: Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
        report["mean_loss"].clone()
    };
    let exported = evaluate(&path("export"));
    assert_eq!(exported, evaluate(&folder.path().join("other/export")));
}

#[test]
fn what_a_terminal_obeys_in_a_name_is_shown_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let name = "r\n\t\x1b[31m\u{9b}2Jn";
    let shown = "r\\n\\t\\u{1b}[31m\\u{9b}2Jn";
    let run = folder.path().join(name);
    let output = succeed(start(&run, FIRST));
    assert_plain(&output.stderr);
    assert!(runs::stderr(&output).contains(&format!("run folder: {}/{shown}\n", folder.path().display())));

    let model = |arguments: &[&str]| {
        let mut command = tf_mnist(arguments);
        command.arg("--data-dir").arg(smallest_mnist()).arg(&run);
        command
    };
    let output = succeed(model(&["evaluate"]));
    assert_plain(&output.stdout);
    let first = String::from_utf8_lossy(&output.stdout).lines().next().unwrap().to_owned();
    assert!(first.ends_with(&format!("{shown}/model.ckpt-7")), "{first}");
    let output = succeed(model(&["evaluate", "--json"]));
    assert_plain(&output.stdout);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["model"].as_str().unwrap().ends_with(&format!("{name}/model.ckpt-7")));

    // Errors, of the program and of the library.
    let stderr = fail(start(&run, FIRST), 2);
    assert_plain(stderr.as_bytes());
    assert!(stderr.contains(shown), "{stderr}");
    let none = format!("{name}-none");
    for arguments in [
        &["evaluate", &none][..],
        &["predict", &none, "x"],
        &["export", &none, "x"],
        &["baseline", "--resume", &none],
        &["baseline", "--warm-start", &none],
        &["data", "--data-dir", &none],
        &["baseline", "--max-steps", "1", "--out-dir", "none", "--data-dir", &none],
    ] {
        let mut command = tf_mnist(arguments);
        command.current_dir(folder.path());
        let stderr = fail(command, 1);
        assert_plain(stderr.as_bytes());
        assert!(stderr.contains(shown) && !stderr.contains("r\n"), "{arguments:?}: {stderr}");
    }
    // What is wrong with the command line itself.
    for arguments in [
        &["baseline", "--seed", name][..],
        &["train", "--seed=r\t\u{9b}2Jn", "x"],
        &["evaluate", "x", name],
        &[name],
    ] {
        let mut command = tf_mnist(arguments);
        command.current_dir(folder.path());
        let stderr = fail(command, 2);
        assert_plain(stderr.as_bytes());
        assert!(stderr.contains("\\t\\u{9b}2Jn"), "{arguments:?}: {stderr}");
    }
}
