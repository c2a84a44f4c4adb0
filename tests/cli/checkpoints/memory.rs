//! Batches that are too large, and too small.

use super::{folder, golden};
use std::process::{Command, Stdio};
use support::runs::{start, stderr, succeed};

/// `tf-mnist` in so many KiB of address space.
fn limited(kib: u64, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "sh", &kib.to_string()])
        .arg(env!("CARGO_BIN_EXE_tf-mnist"))
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// A convolution's output of 55000 rows has gigabytes, all else that is there a few hundred megabytes.
#[test]
fn out_of_memory_advises_fewer_rows_at_once() {
    let (_place, here) = folder();
    let run = here.join("run");
    let train = ["baseline", "--reproducible", "--batch-size", "55000", "--max-steps", "1", "--out-dir"];
    let mut command = limited(3_500_000, &train);
    let output = command.arg(&run).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("out of memory")
            && said.contains("--batch-size 27500")
            && !said.contains("goes on from"),
        "{said}"
    );

    let evaluate = ["evaluate", "--eval-chunk", "55000", "--split", "train", "--intra-op-threads", "1"];
    let mut command = limited(2_400_000, &evaluate);
    let output = command.arg(golden("baseline/final.ckpt")).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--eval-chunk 27500"), "{said}");
}

#[test]
fn batch_norm_of_single_rows_is_warned_of() {
    let (_place, here) = folder();
    for (network, rows, warned) in [("optimized", "1", 1), ("optimized", "2", 0), ("baseline", "1", 0)] {
        let run = here.join(format!("{network}-{rows}"));
        let output = succeed(start(&run, &[network, "--batch-size", rows, "--max-steps", "1"]));
        let said = stderr(&output);
        let warnings = said.lines().filter(|line| line.starts_with("warn: --batch-size 1: batch norm"));
        assert_eq!(warnings.count(), warned, "{network} {rows}: {said}");
    }
}
