//! What `tf-mnist runtime` reports.

use crate::{library, report, runtime};
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;
use tf_mnist::session::Host;

#[test]
fn shows_library_devices_and_threads_and_none_of_tensorflow_s_chatter() {
    library();
    runtime(&["--device", "cpu", "--intra-op-threads", "3"])
        .assert()
        .success()
        .stdout(contains("TensorFlow 2.").and(contains("libtensorflow")).and(contains("oneDNN       on")))
        .stdout(contains("3 inside an operation").and(contains("CPU:0")))
        .stderr("");
    let chatter =
        || contains("oneDNN custom operations are on").and(contains("TensorFlow binary is optimized"));
    runtime(&["-v"]).assert().success().stderr(chatter());
    runtime(&["-v"]).env("TF_CPP_MIN_LOG_LEVEL", "2").assert().success().stderr(chatter().not());
}

#[test]
fn reports_as_json() {
    let report = report(&["--device", "cpu", "--intra-op-threads", "3", "--inter-op-threads", "2"]);
    assert_eq!(report["threads"], serde_json::json!({ "intra_op": 3, "inter_op": 2 }));
    assert_eq!(report["onednn"], true);
    assert_eq!(report["devices"][0]["name"], "CPU:0");
    assert_eq!(report["session"]["device"], "cpu");
    assert!(Path::new(report["library"].as_str().unwrap()).is_file());
    assert!(report["host"]["processors"].as_u64().unwrap() >= 1);
}

#[test]
fn onednn_is_off_when_the_user_says_so() {
    assert_eq!(report(&["--no-onednn"])["onednn"], false);
    let own = runtime(&[]).env("TF_ENABLE_ONEDNN_OPTS", "0").assert().success();
    own.stdout(contains("oneDNN       off"));
    let both = runtime(&["--no-onednn"]).env("TF_ENABLE_ONEDNN_OPTS", "True").assert().success();
    both.stdout(contains("oneDNN       off"));
}

#[test]
fn the_kernels_instructions_can_be_named() {
    library();
    let instructions = |name| runtime(&["--device", "cpu"]).env("TF_MNIST_INSTRUCTIONS", name).assert();
    instructions("avx3").code(1).stderr(contains("TF_MNIST_INSTRUCTIONS is avx3: it is avx2 or avx512"));
    if Host::this().instruction_sets.contains(&"avx2") {
        instructions("avx2").success().stdout(contains("tf-mnist's own for convolutions (AVX2)"));
    } else {
        instructions("avx2").code(1);
    }
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_is() {
    library();
    for device in ["gpu", "gpu:7"] {
        runtime(&["--device", device])
            .env("CUDA_VISIBLE_DEVICES", "") // also where there is one
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains(format!("--device {device}: TensorFlow sees no such GPU; it sees CPU:0")))
            .stderr(contains("--device cpu runs without"));
    }
}

#[test]
fn unknown_devices_and_no_memory_are_usage_errors() {
    runtime(&["--device", "tpu"])
        .assert()
        .code(2)
        .stderr(contains("no such device: \"tpu\"; use auto, cpu, gpu or gpu:N"));
    runtime(&["--gpu-memory-limit", "0"]).assert().code(2).stderr(contains("--gpu-memory-limit"));
}
