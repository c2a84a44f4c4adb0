//! Files for TensorBoard; what TensorBoard itself makes of them, `scripts/check-tensorboard` shows.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use support::runs::{self, fail, resume, start, succeed};
use support::small_disk::limited;
use tensorflow::io::{RecordReader, RecordWriter};

const RUN: &[&str] = &["baseline", "--batch-size", "20", "--max-steps", "8"];

/// The event files of a run, in the order in which TensorBoard reads them.
fn event_files(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    let is_one =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("events.out.tfevents.");
    let mut files: Vec<_> = entries.filter(is_one).collect();
    files.sort();
    files
}

/// The records of a file, each with both of its checksums right.
fn records(file: &Path) -> Vec<Vec<u8>> {
    let records = RecordReader::new(BufReader::new(File::open(file).unwrap()));
    records.into_iter_owned().map(|record| record.expect("a whole record")).collect()
}

fn holds(record: &[u8], text: &str) -> bool {
    record.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn a_run_writes_one_file_and_a_resumed_one_another_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, RUN));
    let [first] = &event_files(&run)[..] else { panic!("{:?}", event_files(&run)) };
    let first_records = records(first);
    assert!(holds(&first_records[0], "brain.Event:2"));
    let with = |records: &[Vec<u8>], tag: &str| records.iter().filter(|record| holds(record, tag)).count();
    assert_eq!(with(&first_records, "batch_loss"), 8);
    for tag in ["confusion_matrix", "misread/001", "test_accuracy", "_hparams_/session_end_info"] {
        assert_eq!(with(&first_records, tag), 1, "{tag}");
    }

    succeed(resume(&run, &["baseline", "--max-steps", "10"]));
    let [again, second] = &event_files(&run)[..] else { panic!("{:?}", event_files(&run)) };
    assert_eq!((again, records(again)), (first, first_records), "what was told stays");
    assert_eq!(with(&records(second), "batch_loss"), 2);

    // Of this part of the run alone.
    succeed(resume(&run, &["baseline", "--max-steps", "12", "--no-tensorboard"]));
    assert_eq!(event_files(&run).len(), 2);
    succeed(resume(&run, &["baseline", "--max-steps", "14"]));
    assert_eq!(event_files(&run).len(), 3);
    let quiet = folder.path().join("quiet");
    succeed(start(&quiet, &[RUN, &["--no-tensorboard"]].concat()));
    assert!(event_files(&quiet).is_empty());
    // Nothing but the files differs.
    assert_eq!(runs::metrics(&quiet)[..8], runs::metrics(&run)[..8]);
}

#[test]
fn a_run_that_is_replaced_takes_its_own_files_with_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    // Another program's, one that is none, and a folder of such a name.
    let others = ["events.out.tfevents.0000000001.keras.v2", "events.out.tfevents.0000000002.text"]
        .map(|name| run.join(name));
    RecordWriter::new(File::create(&others[0]).unwrap()).write_record(b"\x1a\x0dbrain.Event:2").unwrap();
    fs::write(&others[1], "no record").unwrap();
    fs::create_dir(run.join("events.out.tfevents.0000000003.folder")).unwrap();
    succeed(start(&run, RUN));
    let before = event_files(&run);
    assert_eq!(before.len(), 4);
    succeed(start(&run, &[RUN, &["--overwrite"]].concat()));
    let after = event_files(&run);
    assert_eq!(after.len(), 4, "{after:?}");
    assert_eq!(after[..3], before[..3], "what no run wrote stays");
    assert_ne!(after[3], before[3]);
}

#[test]
fn a_file_that_takes_no_more_ends_the_run_which_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["baseline", "--batch-size", "1", "--epochs", "100", "--save-every", "0"];
    // The graph and the table have 55 KiB; metrics.jsonl has 70 bytes a step and the other file more.
    let stderr = fail(limited(&start(&run, &arguments), 64), 1);
    let file = event_files(&run).remove(0);
    assert!(stderr.contains(&format!("error: cannot write {}: File too large", file.display())), "{stderr}");
    assert!(stderr.contains(&format!("tf-mnist baseline --resume {}", run.display())), "{stderr}");
    succeed(resume(&run, &["baseline", "--max-steps", "5"]));
    let losses = |file: &Path| records(file).iter().filter(|record| holds(record, "batch_loss")).count();
    assert_eq!(losses(&event_files(&run)[1]), 5);
}
