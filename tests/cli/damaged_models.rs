//! `evaluate`, `export` and `predict` given models that are damaged: refused by the file's name, with what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::damage::{cut, empty, flip, remove};
use support::hundred_digits::{fixture, golden, load};
use support::networks::{build, table};
use support::runs::{export, fail, succeed, with};
use tensorflow::{Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::model::Towers;

fn evaluate(model: &Path) -> Command {
    with(&["evaluate"], &[model])
}

fn predict(model: &Path) -> Command {
    with(&["predict"], &[model, &fixture("digits/5.png")])
}

const DATA: &str = "model.ckpt-7.data-00000-of-00001";
const INDEX: &str = "model.ckpt-7.index";

/// A run folder with a checkpoint of Python's, in `place`.
fn run_folder(place: &Path) -> PathBuf {
    let run = place.join("run");
    fs::create_dir(&run).unwrap();
    for suffix in ["index", "data-00000-of-00001"] {
        let from = golden("optimized_nodrop").join(format!("final.ckpt.{suffix}"));
        fs::copy(from, run.join(format!("model.ckpt-7.{suffix}"))).unwrap();
    }
    fs::write(run.join("checkpoint"), "model_checkpoint_path: \"model.ckpt-7\"\n").unwrap();
    run
}

#[test]
fn a_damaged_checkpoint_is_neither_evaluated_nor_exported() {
    for (number, (name, fault, reason)) in [
        (DATA, flip as fn(&Path), "has a wrong checksum"),
        (DATA, cut, "is cut short"),
        (DATA, remove, "does not exist"),
        (INDEX, flip, "is damaged"),
        (INDEX, cut, "is damaged"),
    ]
    .into_iter()
    .enumerate()
    {
        let place = tempfile::tempdir().unwrap();
        let run = run_folder(place.path());
        let file = run.join(name);
        fault(&file);
        let base = place.path().join("base");
        // By the folder and by the prefix, in turn.
        let prefix = run.join("model.ckpt-7");
        let [one, other] = if number % 2 == 0 { [&run, &prefix] } else { [&prefix, &run] };
        for command in [evaluate(one), predict(other), export(one, &base)] {
            let stderr = fail(command, 1);
            assert!(stderr.contains(file.to_str().unwrap()) && stderr.contains(reason), "{stderr}");
            assert!(!base.exists());
        }
    }
}

#[test]
fn a_state_file_that_leads_nowhere_is_named_with_the_way_round() {
    let place = tempfile::tempdir().unwrap();
    let run = run_folder(place.path());
    let base = place.path().join("base");
    let state = run.join("checkpoint");
    for (text, reason) in [
        (&b""[..], "names no model_checkpoint_path"),
        (b"model_checkpoint_path: \"model.ck", "names no model_checkpoint_path"),
        (b"model_checkpoint_path: \"\xff\xfe\"\n", "is no text"),
        (b"model_checkpoint_path: \"model.ckpt-3\"\n", "\"model.ckpt-3\", which is not there"),
    ] {
        fs::write(&state, text).unwrap();
        for command in [evaluate(&run), predict(&run), export(&run, &base)] {
            let stderr = fail(command, 1);
            let way_round = format!("; name a checkpoint itself, such as {}/model.ckpt-7\n", run.display());
            assert!(
                stderr.starts_with(&format!("error: {} is damaged: it ", state.display()))
                    && stderr.contains(reason)
                    && stderr.ends_with(&way_round),
                "{stderr}"
            );
        }
        assert!(!base.exists());
    }
    succeed(predict(&run.join("model.ckpt-7")));
}

#[test]
fn a_damaged_saved_model_is_refused_by_the_file_that_is_damaged() {
    let place = tempfile::tempdir().unwrap();
    let base = place.path().join("base");
    succeed(export(&golden("baseline/final.ckpt"), &base));
    let version = base.join("1");
    for (number, (name, fault, reason)) in [
        ("variables/variables.data-00000-of-00001", flip as fn(&Path), "has a wrong checksum"),
        ("variables/variables.data-00000-of-00001", cut, "is cut short"),
        ("variables/variables.data-00000-of-00001", remove, "does not exist"),
        ("variables/variables.index", flip, "is damaged"),
        ("variables/variables.index", remove, "does not exist"),
        ("saved_model.pb", cut, "is damaged"),
        ("saved_model.pb", empty, "holds no graph"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = version.join(name);
        let whole = fs::read(&file).unwrap();
        fault(&file);
        let stderr = fail(if number % 2 == 0 { evaluate(&base) } else { predict(&version) }, 1);
        assert!(
            stderr.contains(file.to_str().unwrap())
                && stderr.contains(reason)
                && stderr.contains("export it again"),
            "{stderr}"
        );
        fs::write(&file, whole).unwrap();
    }
    // A folder copied without the folder in it.
    fs::remove_dir_all(version.join("variables")).unwrap();
    let stderr = fail(evaluate(&base), 1);
    assert!(stderr.contains("variables/variables.index does not exist"), "{stderr}");
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    load();
    let network = build(&table("baseline"), None, Towers::AsPublished);
    let session = Session::new(&SessionOptions::new(), &network.graph.graph()).unwrap();
    let mut image = Tensor::<f32>::new(&[1, 784]);
    image.fill(f32::NAN);
    let label = Tensor::<i32>::new(&[1]);
    for target in [&network.initialize, &network.train] {
        let mut args = SessionRunArgs::new();
        args.add_feed(&network.inputs.x.operation, 0, &image);
        args.add_feed(&network.inputs.labels.operation, 0, &label);
        args.add_target(target);
        session.run(&mut args).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("diverged.ckpt");
    network.saver.save(&session, &prefix).unwrap();

    let base = folder.path().join("models");
    for command in [evaluate(&prefix), predict(&prefix), export(&prefix, &base)] {
        let stderr = fail(command, 1);
        assert!(stderr.contains(prefix.to_str().unwrap()) && stderr.contains("diverged"), "{stderr}");
    }
    assert!(fs::read_dir(&base).map_or(0, Iterator::count) == 0, "something was exported");
}
