//! `--replicas` through the binary: a run of several replicas is a run like any other.

use serde_json::Value;
use std::fs;
use std::path::Path;
use support::runs::{
    self, checkpoint_files, fail, metrics, resume, start, stderr, succeed, wait_for_lines, with,
};

const BASELINE: &[&str] = &["baseline", "--replicas", "3", "--batch-size", "20", "--epochs", "1"];
const OPTIMIZED: &[&str] = &[
    "optimized",
    "--replicas",
    "2",
    "--batch-size",
    "25",
    "--max-steps",
    "12",
    "--validate-every",
    "5",
    "--save-every",
    "4",
];

fn config(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap()
}

#[test]
fn a_run_that_was_killed_goes_on_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let [apart, together] = ["apart", "together"].map(|name| folder.path().join(name));
    let synchronized = [OPTIMIZED, &["--sync-batch-norm"]].concat();
    let said = stderr(&succeed(start(&apart, OPTIMIZED)));
    assert!(said.contains("2 replicas: CPU:0, CPU:1, which share the processors"), "{said}");
    succeed(start(&together, &synchronized));
    assert!(checkpoint_files(&apart) != checkpoint_files(&together), "--sync-batch-norm changed nothing");
    for (reference, arguments, typed) in
        [(&apart, OPTIMIZED, &["--replicas", "2"][..]), (&together, &synchronized, &["--sync-batch-norm"])]
    {
        assert_eq!(config(reference)["session"]["replicas"], 2);
        assert_eq!(config(reference)["sync_batch_norm"], reference == &together);
        let run = reference.with_extension("killed");
        let mut child = start(&run, arguments).spawn().unwrap();
        wait_for_lines(&run, 6);
        child.kill().unwrap();
        child.wait().unwrap();
        // The number of replicas, and how they norm, are the run's own, whether they are typed again or not.
        succeed(resume(&run, &["optimized"]));
        assert_eq!(metrics(&run), metrics(reference));
        assert!(checkpoint_files(&run) == checkpoint_files(reference));
        succeed(resume(&run, &[&["optimized"], typed].concat()));
    }
    let stderr = fail(resume(&apart, &["optimized", "--replicas", "3"]), 2);
    assert!(
        stderr.contains("--replicas disagrees with the run in") && stderr.contains("it has 2"),
        "{stderr}"
    );
    let stderr = fail(resume(&apart, &["optimized", "--sync-batch-norm"]), 2);
    assert!(stderr.contains("--sync-batch-norm disagrees with the run in"), "{stderr}");

    // A run of before it was an option has none.
    let path = apart.join("config.json");
    let mut config = config(&apart);
    config.as_object_mut().unwrap().remove("sync_batch_norm").unwrap();
    fs::write(&path, config.to_string()).unwrap();
    succeed(resume(&apart, &["optimized", "--max-steps", "14"]));
}

#[test]
fn synchronized_batch_norms_that_change_nothing_are_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, arguments: &[&str]| {
        let run = folder.path().join(name);
        let said = stderr(&succeed(start(&run, &[arguments, &["--max-steps", "2"]].concat())));
        (said, checkpoint_files(&run))
    };
    let network = ["optimized", "--batch-size", "20"];
    let (said, synchronized) = run("synchronized", &[&network[..], &["--sync-batch-norm"]].concat());
    assert!(said.contains("--sync-batch-norm changes nothing: there is one replica"), "{said}");
    let (said, alone) = run("alone", &network);
    assert!(!said.contains("--sync-batch-norm") && synchronized == alone);
    let (said, _) = run("baseline", &[BASELINE, &["--sync-batch-norm"]].concat());
    assert!(said.contains("--sync-batch-norm changes nothing: baseline has no batch norm"), "{said}");
}

#[test]
fn what_it_leaves_is_used_as_any_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let [alone, run, exported, page] =
        ["alone", "run", "exported", "page.html"].map(|name| folder.path().join(name));
    succeed(start(&run, BASELINE));
    let one: Vec<_> = BASELINE.iter().filter(|word| !["--replicas", "3"].contains(word)).copied().collect();
    succeed(start(&alone, &one));
    assert_eq!(config(&alone)["session"]["replicas"], 1);
    // The same variables, and the same graph beside them.
    let meta = |run: &Path| {
        let files = checkpoint_files(run).into_iter().filter(|(name, _)| name.ends_with(".meta"));
        files.collect::<Vec<_>>()
    };
    assert_eq!(meta(&alone).len(), 1);
    assert!(meta(&alone) == meta(&run));
    assert!(checkpoint_files(&alone) != checkpoint_files(&run), "replicas changed nothing");

    let data = runs::smallest_mnist().to_str().unwrap();
    let mut report = with(&["report", "--data-dir", data, "--output"], &[&page]);
    report.args([&alone, &run]);
    succeed(report);
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("replicas"), "the report does not tell how the runs differ");
    succeed(runs::export(&run, &exported));
    let evaluate = |replicas, model: &Path| {
        let fixed = ["evaluate", "--json", "--no-onednn", "--device", "cpu", "--intra-op-threads", "1"];
        let more = ["--eval-chunk", "70", "--data-dir", data, "--replicas", replicas];
        with(&[&fixed[..], &more].concat(), &[model])
    };
    let alone = succeed(evaluate("1", &run)).stdout;
    assert!(alone.starts_with(b"{"));
    assert!(succeed(evaluate("3", &run)).stdout == alone);
    succeed(evaluate("1", &exported));
    let stderr = fail(evaluate("2", &exported), 1);
    assert!(stderr.contains("is a graph for one device; name the checkpoint it was made from"), "{stderr}");
}

#[test]
fn bounded_validation_decides_as_the_full_one() {
    let folder = tempfile::tempdir().unwrap();
    let [bounded, full] = ["bounded", "full"].map(|name| folder.path().join(name));
    let arguments = [runs::BOUNDED, &["--replicas", "2"]].concat();
    succeed(start(&bounded, &arguments));
    let full_arguments: Vec<_> =
        arguments.iter().map(|word| if *word == "bounded" { "full" } else { *word }).collect();
    succeed(start(&full, &full_arguments));
    assert!(checkpoint_files(&bounded) == checkpoint_files(&full));
    assert_eq!(metrics(&bounded).len(), metrics(&full).len());
}

#[test]
fn a_run_with_the_fastest_kernels_and_all_threads_learns() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let data = runs::smallest_mnist().to_str().unwrap();
    let arguments = [
        "accurate",
        "--replicas",
        "3",
        "--device",
        "cpu",
        "--validation-rows",
        "500",
        "--data-dir",
        data,
        "--epochs",
        "6",
        "--batch-size",
        "50",
    ];
    succeed(with(&[&["train"], &arguments[..], &["--out-dir"]].concat(), &[&run]));
    let loss = |line: &String| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64();
    let losses: Vec<_> = metrics(&run).iter().filter_map(loss).collect();
    assert!(losses.len() == 36 && losses[35] < 0.5 * losses[0], "{losses:?}");
}

#[test]
fn what_cannot_be_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    for (arguments, expected) in [
        (&["baseline", "--replicas", "0"][..], "0 is not in 1..=256"),
        (&["baseline", "--replicas", "257"], "257 is not in 1..=256"),
        (
            &["baseline", "--replicas", "21", "--batch-size", "20"],
            "--replicas 21: a batch of 20 rows leaves some of them without any; take fewer, or a larger --batch-size",
        ),
    ] {
        let stderr = fail(start(&run, arguments), 2);
        assert!(stderr.contains(expected), "{stderr}");
    }
    let mut on_one_gpu = with(&["baseline", "--replicas", "2", "--device", "gpu:1", "--out-dir"], &[&run]);
    let output = on_one_gpu.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--device gpu:1 is one GPU; 2 replicas need --device gpu, auto or cpu"));
    assert!(!run.exists());
}
