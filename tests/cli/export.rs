//! `tf-mnist export` through the binary: what it prints, what it refuses, and that no version is ever there in part,
//! whenever the program is killed and however many run at once.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::hundred_digits;
use support::hundred_digits::golden;
use support::names;
use tensorflow::SessionOptions;
use tf_mnist::classifier::Classifier;
use tf_mnist::graph::Checkpoint;

fn export(model: &Path, base: &Path) -> Command {
    Command::from_std(support::runs::export(model, base))
}

fn spawn_export(base: &Path) -> Child {
    Process::new(env!("CARGO_BIN_EXE_tf-mnist"))
        .args(["export", "-q"])
        .arg(golden("optimized_nodrop/final.ckpt"))
        .arg(base)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn versions(base: &Path) -> BTreeSet<u32> {
    names(base).iter().filter_map(|name| name.parse().ok()).collect()
}

/// As Serving would see it: every file there, in its full length.
fn assert_whole(version: &Path) {
    let size = |name: &str| {
        let file = version.join(name);
        fs::metadata(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).len()
    };
    assert!(size("saved_model.pb") > 40_000);
    assert_eq!(size("assets.extra/tf_serving_warmup_requests"), 7285);
    assert!(size("assets.extra/rest_request.json") > 3000);
    size("variables/variables.data-00000-of-00001");
    Checkpoint::open(&version.join("variables/variables")).unwrap().verify().unwrap();
}

#[test]
fn an_export_killed_at_any_moment_leaves_no_version_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let (mut killed, mut killed_while_writing) = (0, 0);
    // `scripts/fault-sweep` asks for more.
    let kills = env::var("EXPORT_SWEEP_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = kills.unwrap_or(16);
    for round in (0..30u64).cycle() {
        if killed >= kills {
            break;
        }
        let mut child = spawn_export(&base);
        let before = versions(&base);
        let started = Instant::now();
        let mut writing_since = None;
        loop {
            for version in versions(&base).difference(&before) {
                assert_whole(&base.join(version.to_string()));
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            if writing_since.is_none() && names(&base).iter().any(|name| name.starts_with(".aside-")) {
                writing_since = Some(Instant::now());
            }
            // Some at any moment of the whole, some while files are written, some about the renaming.
            let due = match (round % 3, writing_since) {
                (0, _) => started.elapsed() > Duration::from_millis(50 * round),
                (1, Some(since)) => since.elapsed() > Duration::from_micros(100 * round),
                (_, Some(since)) => since.elapsed() > Duration::from_millis(30 * round),
                _ => false,
            };
            if due {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                killed_while_writing += usize::from(writing_since.is_some());
                break;
            }
            thread::sleep(Duration::from_micros(200));
        }
        for version in versions(&base) {
            assert_whole(&base.join(version.to_string()));
        }
    }
    println!("export: {killed} kills, {killed_while_writing} of them while writing; no version in part");
    assert!(killed_while_writing >= kills / 2, "{killed_while_writing} of {killed}");

    // The next one that is let alone cleans up, and takes the next number.
    let highest = versions(&base).last().copied().unwrap_or(0);
    assert!(spawn_export(&base).wait().unwrap().success());
    assert_eq!(versions(&base).last(), Some(&(highest + 1)));
    assert!(names(&base).iter().all(|name| name.parse::<u32>().is_ok()), "{:?}", names(&base));
    hundred_digits::load();
    for version in versions(&base) {
        let version = base.join(version.to_string());
        Classifier::from_saved_model(&version, &SessionOptions::new()).unwrap();
    }
}

#[test]
fn exports_at_once_take_a_number_each() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let children: Vec<_> = (0..3).map(|_| spawn_export(&base)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(names(&base), ["1", "2", "3"]);
    for version in versions(&base) {
        assert_whole(&base.join(version.to_string()));
    }
}

#[test]
fn prints_how_to_serve_and_ask_it() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap().join("my models");
    let run = export(&golden("baseline/final.ckpt"), &base).assert().success();
    let (request, base) =
        (base.join("1/assets.extra/rest_request.json").display().to_string(), base.display().to_string());
    run.stdout(
        contains("baseline, ")
            .and(contains("exported as version 1: "))
            .and(contains(format!(
                "tensorflow_model_server --port=8500 --rest_api_port=8501 --model_name=mnist '--model_base_path={base}'\n"
            )))
            .and(contains(format!(
                "docker run --rm -p 8500:8500 -p 8501:8501 --mount 'type=bind,source={base},target=/models/mnist' \
                 -e MODEL_NAME=mnist tensorflow/serving\n"
            )))
            .and(contains(format!(
                "curl -d '@{request}' http://localhost:8501/v1/models/mnist:predict\n"
            ))),
    );
    assert!(Path::new(&request).is_file());
}

#[test]
fn everyone_may_read_a_version_as_the_umask_says() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    export(&golden("baseline/final.ckpt"), &base).assert().success();
    let usual = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (new_folder, new_file) = (folder.path().join("folder"), folder.path().join("file"));
    fs::create_dir(&new_folder).unwrap();
    fs::write(&new_file, "").unwrap();
    for name in ["", "1", "1/variables", "1/assets.extra"] {
        assert_eq!(usual(&base.join(name)), usual(&new_folder), "{name}");
    }
    for name in ["1/saved_model.pb", "1/variables/variables.index", "1/assets.extra/rest_request.json"] {
        assert_eq!(usual(&base.join(name)), usual(&new_file), "{name}");
    }
}

#[test]
fn refusals_name_the_cause_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let model = golden("baseline/final.ckpt");
    export(&model, &base).args(["--version", "7"]).assert().success();
    export(&model, &base)
        .args(["--version", "7"])
        .assert()
        .code(2)
        .stderr(contains("base/7 is there already").and(contains("leave --version out")));
    export(&model, &base).args(["--version", "-1"]).assert().code(2);
    export(&model, &base).args(["--version", "x"]).assert().code(2);
    export(&base, &base).assert().code(2).stderr(contains("is a SavedModel already"));
    export(&folder.path().join("missing"), &base)
        .assert()
        .code(1)
        .stderr(contains("there is no model").and(contains("missing.index")));
    export(&golden("baseline"), &base).assert().code(1).stderr(contains("holds no model"));
    assert_eq!(names(&base), ["7"]);

    fs::write(folder.path().join("file"), "").unwrap();
    export(&model, &folder.path().join("file/base"))
        .assert()
        .code(1)
        .stderr(contains("cannot create").and(contains("file/base")));
}
