//! `metrics.jsonl` after an editor, or a copy to another system and back, changed its line ends.

use super::FIRST;
use std::fs;
use std::path::Path;
use support::runs::{copy, fail, metrics, resume, start, succeed};

fn change(run: &Path, changed: impl Fn(&str) -> String) {
    let path = run.join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, changed(&text)).unwrap();
}

#[test]
fn changed_line_ends_lose_and_double_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let [first, reference] = ["first", "reference"].map(|name| folder.path().join(name));
    let to = |steps| ["baseline", "--max-steps", steps];
    succeed(start(&first, FIRST));
    copy(&first, &reference);
    succeed(resume(&reference, &to("10")));
    let changes: [&dyn Fn(&str) -> String; 4] = [
        // With the half line of a process that was killed.
        &|text| format!("\u{feff}{}{{\"event\":\"st", text.replace('\n', "\r\n")),
        &|text| text.replace('\n', "\r"),
        &|text| text.replace('\n', "\n\n"),
        // Some of them, and none at the end.
        &|text| text.replacen('\n', "\r\n", 4).trim_end().to_owned(),
    ];
    for (number, changed) in changes.into_iter().enumerate() {
        let run = folder.path().join(number.to_string());
        copy(&first, &run);
        change(&run, changed);
        succeed(resume(&run, &to("10")));
        assert_eq!(metrics(&run), metrics(&reference), "{number}");
        let bytes = |run: &Path| fs::read(run.join("metrics.jsonl")).unwrap();
        assert!(bytes(&run) == bytes(&reference), "{number}");
    }

    // With no event left, nothing is thrown away.
    let run = folder.path().join("other");
    copy(&first, &run);
    change(&run, |text| "notes of mine\r\n".repeat(text.len() / 10));
    let stderr = fail(resume(&run, &to("10")), 1);
    assert!(stderr.contains("metrics.jsonl") && stderr.contains("no events"), "{stderr}");
    assert!(fs::read_to_string(run.join("metrics.jsonl")).unwrap().starts_with("notes of mine\r\n"));
}
