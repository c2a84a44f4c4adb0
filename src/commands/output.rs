//! Results on stdout, where a reader that went away (`| head`) is no failure.

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Prints `text` as it is; a closed stdout is passed over in silence.
///
/// # Errors
/// Any other error of writing, such as a full disk behind a redirection.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints `value` as indented JSON.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// A path in JSON, which cannot carry what is not UTF-8 in it: the replacement character stands for that.
///
/// # Errors
/// The serializer's.
pub fn lossy_path<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// As a shell takes it for one word.
pub fn shell_word(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:,@%".contains(char);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A line on stderr. Where that cannot be written, there is nobody to tell.
pub fn notice(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        assert_eq!(
            shell_word("--model_base_path=/srv/mnist"),
            "--model_base_path=/srv/mnist"
        );
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
