use super::{Cli, DESCRIBE_EXAMPLES, TRAIN_EXAMPLES};
use clap::Parser;
use std::fs;
use std::path::Path;

/// The commands in `text`: lines of a shell, and those set in backticks that have arguments.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("tf-mnist "));
    let spans = text.split('`').skip(1).step_by(2);
    let spans = spans.filter(|span| span.starts_with("tf-mnist ") && !span.contains('\n'));
    lines.chain(spans).map(str::to_owned).collect()
}

/// Its words as a shell gives them, up to a comment, a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let words = command.split_whitespace().take_while(|word| !["#", "|", ">"].contains(word));
    words
        .map(|word| word.strip_prefix('~').map_or(word.to_owned(), |rest| format!("/home/me{rest}")))
        .collect()
}

#[test]
fn every_command_in_the_documents_parses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let mut parsed = 0;
    for (name, text) in [
        ("README.md", read("README.md")),
        ("docs/graph.md", read("docs/graph.md")),
        ("docs/runs.md", read("docs/runs.md")),
        ("docs/performance.md", read("docs/performance.md")),
        ("CHANGELOG.md", read("CHANGELOG.md")),
        ("--help", [TRAIN_EXAMPLES, DESCRIBE_EXAMPLES].join("\n")),
    ] {
        for command in commands(&text) {
            match Cli::try_parse_from(words(&command)) {
                Ok(_) => parsed += 1,
                // A mention in a sentence may leave out what a command needs.
                Err(error) if error.kind() == clap::error::ErrorKind::MissingRequiredArgument => {}
                Err(error) => panic!("{name}: {command}\n{error}"),
            }
        }
    }
    assert!(parsed > 20, "{parsed}");
}
