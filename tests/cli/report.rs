//! `tf-mnist report`: what stands on the page, also of runs that are not whole, and that nothing of a run is code on it.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::runs::{fail, metrics, smallest_mnist, start, succeed, tf_mnist, wait_for_lines, with};

const RUN: &[&str] = &["baseline", "--batch-size", "20", "--max-steps", "12"];

fn report(runs: &[&Path], page: &Path) -> Command {
    let mut command = with(&["report"], runs);
    command.arg("--output").arg(page);
    command
}

fn page_of(runs: &[&Path]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    succeed(report(runs, &page));
    fs::read_to_string(page).unwrap()
}

fn test_accuracy(run: &Path) -> f64 {
    let lines = metrics(run);
    let event: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    event["accuracy"].as_f64().unwrap()
}

/// The text of the first element `tag` behind `mark`.
fn text_behind<'a>(page: &'a str, mark: &str, tag: &str) -> &'a str {
    let rest = &page[page.find(mark).unwrap_or_else(|| panic!("no {mark}"))..];
    let start = rest.find(&format!("<{tag}")).unwrap();
    let start = start + rest[start..].find('>').unwrap() + 1;
    &rest[start..start + rest[start..].find(&format!("</{tag}>")).unwrap()]
}

#[test]
fn a_run_s_page_shows_its_test_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, RUN));
    let page = page_of(&[&run]);

    let accuracy = format!("{:.2}%", 100.0 * test_accuracy(&run));
    assert_eq!(text_behind(&page, "class=\"lead\"", "strong"), accuracy);
    assert_eq!(text_behind(&page, "images right", "strong"), accuracy, "done again, it is the same");
    assert!(!page.contains("The run itself measured"));
    // The numbers are those of `evaluate`.
    let mut evaluate = with(&["evaluate", "--json"], &[&run]);
    evaluate.arg("--data-dir").arg(smallest_mnist());
    let evaluated: Value = serde_json::from_slice(&succeed(evaluate).stdout).unwrap();
    let wrong = evaluated["images"].as_u64().unwrap() - evaluated["correct"].as_u64().unwrap();
    assert_eq!(page.matches("class=\"card\"").count() as u64, wrong.min(200));
    let recall = 100.0 * evaluated["digits"][3]["recall"].as_f64().unwrap();
    assert!(page.contains(&format!("<td class=\"number\">{recall:.2}%</td>")), "{recall}");
    let confusion = evaluated["confusion_matrix"][1][1].as_u64().unwrap();
    assert!(page.contains(&format!(">{confusion}</td>")));
    assert_eq!(page.matches("alt=\"filter ").count(), 16);
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("55338 parameters") && page.contains("completed after 12 steps"));

    // Nothing is fetched: every source is in the page, and a browser would refuse any other.
    assert!(page.contains("default-src 'none'"));
    for attribute in ["src=\"", "href=\"", "url("] {
        for (at, _) in page.match_indices(attribute) {
            let source = &page[at + attribute.len()..];
            assert!(source.starts_with("data:image/png;base64,"), "{}", &source[..40]);
        }
    }
}

#[test]
fn nothing_of_a_run_is_code_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("<script>alert(1)<&\"'img onerror=x>");
    succeed(start(&run, RUN));
    let file = run.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config["versions"]["tensorflow"] = "</td><script>x</script>".into();
    config["versions"]["target"] = "\"><img src=x onerror=alert(2)>".into();
    config["data_dir"] = "</title><svg onload=alert(3)>".into();
    fs::write(&file, config.to_string()).unwrap();
    let page = page_of(&[&run, &run]);
    for code in ["<script", "<img src=x", "<svg onload", "</title><svg"] {
        assert!(!page.contains(code), "{code}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&amp;&quot;"), "it is shown as it is");
}

#[test]
fn what_a_run_lacks_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let [run, data, moved] = ["run", "data", "moved"].map(|name| folder.path().join(name));
    fs::create_dir(&data).unwrap();
    for file in fs::read_dir(smallest_mnist()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), data.join(file.file_name())).unwrap();
    }
    let mut train = tf_mnist(&[RUN, &["--validation-rows", "500", "--data-dir"]].concat());
    train.arg(&data).arg("--out-dir").arg(&run);
    succeed(train);

    let labels = data.join("t10k-labels-idx1-ubyte");
    let whole = fs::read(&labels).unwrap();
    fs::write(&labels, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(page_of(&[&run]).matches("is truncated").count(), 1, "a cause is told once");
    fs::write(&labels, &whole).unwrap();

    fs::rename(&data, &moved).unwrap();
    let page = page_of(&[&run]);
    assert!(page.contains("is missing") && page.contains(data.to_str().unwrap()), "the place is named");
    assert_eq!(page.matches("<svg").count(), 2, "the curves are there");
    let mut elsewhere = report(&[&run], &folder.path().join("page.html"));
    elsewhere.arg("--data-dir").arg(&moved);
    succeed(elsewhere);
    assert!(!fs::read_to_string(folder.path().join("page.html")).unwrap().contains("is missing"));

    // As a kill before the first validation leaves it: half a line, no checkpoint.
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let cut = text.lines().take(5).collect::<Vec<_>>().join("\n") + "\n{\"event\":\"st";
    fs::write(run.join("metrics.jsonl"), cut).unwrap();
    fs::remove_file(run.join("checkpoint")).unwrap();
    let page = page_of(&[&run]);
    assert!(page.contains("broken off after 5 steps") && page.contains("not tested yet"));
    assert!(page.contains("no checkpoint") && page.contains("It has not been validated yet"));
    fs::remove_file(run.join("metrics.jsonl")).unwrap();
    assert!(page_of(&[&run]).contains("no step is done"));
}

#[test]
fn a_run_that_is_under_way_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut child = start(&run, &["baseline", "--batch-size", "20", "--epochs", "1000"]).spawn().unwrap();
    wait_for_lines(&run, 5);
    let lock = fs::read(run.join(".lock")).unwrap();
    let page = page_of(&[&run]);
    let still_runs = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(still_runs && page.contains("under way, "));
    assert_eq!(fs::read(run.join(".lock")).unwrap(), lock);
    assert!(page_of(&[&run]).contains("broken off after "));
}

#[test]
fn a_run_that_diverged_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["baseline", "--batch-size", "20", "--epochs", "50", "--learning-rate", "1e30"];
    fail(start(&run, &arguments), 1);
    assert!(metrics(&run).last().unwrap().starts_with(r#"{"event":"diverged","step":"#));
    assert!(page_of(&[&run]).contains("its loss was no longer finite"));

    // In its very first step, where nothing else is told of it; the folder is still its own.
    let event = "{\"event\":\"diverged\",\"step\":0}\n";
    fs::write(run.join("metrics.jsonl"), event).unwrap();
    let _ = fs::remove_dir_all(run.join("resume")); // unless there is none
    assert!(page_of(&[&run, &run]).contains("no step is done"));
    succeed(start(&run, &[RUN, &["--overwrite"]].concat()));
}

#[test]
fn hostile_metrics_neither_hang_nor_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(start(&run, RUN));
    let metrics = run.join("metrics.jsonl");
    let far = u64::MAX;
    let lines = [
        format!(r#"{{"event":"step","step":{far},"epoch":0,"loss":1e308}}"#),
        r#"{"event":"step","step":0,"epoch":0,"loss":-1e308}"#.to_owned(),
        format!(
            r#"{{"event":"validation","step":{far},"epoch":0,"train_accuracy":-7,"accuracy":1e300,"improved":true}}"#
        ),
        format!(r#"{{"event":"early_stop","step":{far},"best_accuracy":2}}"#),
        "[".repeat(1 << 20),
    ];
    fs::write(&metrics, lines.join("\n")).unwrap();
    assert!(page_of(&[&run]).contains("stopped early after 18446744073709551615 steps"));
    fs::remove_file(&metrics).unwrap();
    assert!(Command::new("mkfifo").arg(&metrics).status().unwrap().success());
    let page = folder.path().join("page.html");
    let stderr = fail(report(&[&run], &page), 1);
    assert!(stderr.contains("metrics.jsonl") && stderr.contains("it is a pipe"), "{stderr}");
    assert!(Command::new("mkfifo").arg(&page).status().unwrap().success());
    let stderr = fail(report(&[&run], &page), 2);
    assert!(stderr.contains("is no report"), "{stderr}");
}

#[test]
fn a_damaged_line_of_the_metrics_is_named_and_the_rest_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let [run, page] = ["run", "page.html"].map(|name| folder.path().join(name));
    succeed(start(&run, RUN));
    let file = run.join("metrics.jsonl");
    let damage = |numbers: &[usize]| {
        let mut lines = metrics(&run);
        numbers.iter().for_each(|number| lines[number - 1].insert(5, '\u{0}'));
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        let stderr = String::from_utf8(succeed(report(&[&run], &page)).stderr).unwrap();
        (stderr, fs::read_to_string(&page).unwrap())
    };
    let said = format!("{}: line 4 is no event that could be read", file.display());
    let (stderr, shown) = damage(&[4]);
    assert!(stderr.contains(&said) && shown.contains(&said), "{stderr}");
    assert!(shown.contains("completed after 12 steps") && !stderr.contains("more lines"), "{stderr}");
    let (stderr, _) = damage(&[5, 6]);
    assert!(stderr.contains(&format!("{said}, nor are 2 more lines")), "{stderr}");
}

#[test]
fn runs_are_compared_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    succeed(start(&one, RUN));
    succeed(start(&two, &[RUN, &["--learning-rate", "0.01"]].concat()));
    let page = page_of(&[&one, &two]);
    let differing = &page[page.find("Options in which they differ").unwrap()..];
    let table = &differing[..differing.find("</table>").unwrap()];
    assert!(table.contains("adam.learning_rate") && table.contains("<td>0.001</td><td>0.01</td>"), "{table}");
    assert!(!table.contains("batch_size") && !table.contains("version"), "{table}");
    assert!(page_of(&[&one, &one]).contains("None: they were started alike."));
}

#[test]
fn a_file_that_is_no_report_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let [run, page] = ["run", "page.html"].map(|name| folder.path().join(name));
    succeed(start(&run, RUN));
    fs::write(&page, "mine, by tf-mnist report").unwrap();
    let stderr = fail(report(&[&run], &page), 2);
    assert!(stderr.contains(&format!("--output {} is there already", page.display())), "{stderr}");
    assert_eq!(fs::read(&page).unwrap(), b"mine, by tf-mnist report");
    fs::remove_file(&page).unwrap();
    succeed(report(&[&run], &page));
    succeed(report(&[&run], &page));
    let stderr = fail(report(&[folder.path()], &page), 1);
    assert!(stderr.contains("is no run folder"), "{stderr}");
    let stderr = fail(report(&[&run], &folder.path().join("absent/page.html")), 1);
    assert!(stderr.contains("absent/page.html"), "{stderr}");
}
