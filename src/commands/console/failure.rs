//! From an error to what the user reads and the exit code: 1 failed, 2 usage.

use super::advice;
use crate::commands::{output, terminal};
use std::process::{self, ExitCode};

/// The options ask for something that cannot be done; the message says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// A usage error: exit code 2.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage(message.into()))
}

/// An error, and what the user can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Advised {
    #[source]
    error: anyhow::Error,
    advice: String,
}

/// The error with a line of advice below it.
pub fn advised(error: anyhow::Error, advice: impl Into<String>) -> anyhow::Error {
    let advice = advice.into();
    anyhow::Error::new(Advised { error, advice })
}

/// The error with its causes.
pub fn text(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors already print their source; say nothing twice.
        if !last.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        last = cause;
    }
    text
}

/// Prints the error with its causes to stderr and picks the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let mut text = format!("error: {}", text(error));
    let mut is_usage = error.is::<Usage>();
    if let Some(advice) = advice::of(error) {
        text.push_str(&advice.text);
        is_usage |= advice.is_usage;
    }
    if let Some(Advised { advice, .. }) = error.downcast_ref() {
        text.push('\n');
        text.push_str(advice);
    }
    output::notice(&text);
    ExitCode::from(if is_usage { 2 } else { 1 })
}

/// Ends the program as clap does, with help or with what is wrong with the command line. What was typed is in that: if a
/// terminal would obey it, it is escaped, and the colours are left out.
pub fn exit(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let plain: Vec<_> = text.lines().map(terminal::name).collect();
    if error.use_stderr() && text.lines().ne(&plain) {
        output::notice(&plain.join("\n"));
        process::exit(error.exit_code());
    }
    error.exit()
}
