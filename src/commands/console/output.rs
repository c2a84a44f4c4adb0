//! Results on stdout, where a reader that went away (`| head`) is no failure.

use crate::commands::terminal;
use anyhow::{Context, Result};
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Prints `text`; a closed stdout is passed over in silence. What is in it that a terminal would obey is escaped.
///
/// # Errors
/// Any other error of writing, such as a full disk behind a redirection.
pub fn print(text: &str) -> Result<()> {
    let text = terminal::text(text);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints a report, as indented JSON or as text.
pub fn report<T: Serialize>(report: &T, json: bool, text: impl FnOnce(&T) -> String) -> Result<()> {
    match json {
        true => print(&(terminal::json(&serde_json::to_string_pretty(report)?) + "\n")),
        false => print(&text(report)),
    }
}

/// As a shell takes it for one word; bytes that a terminal cannot show are written as bash and zsh read them.
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:,@%".contains(char);
    match word.to_str().filter(|word| !word.chars().any(char::is_control)) {
        Some("") => "''".to_owned(),
        Some(word) if word.chars().all(plain) => word.to_owned(),
        Some(word) => format!("'{}'", word.replace('\'', r"'\''")),
        None => {
            let shown = |&byte: &u8| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(byte)),
                b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            };
            format!("$'{}'", word.as_encoded_bytes().iter().map(shown).collect::<String>())
        }
    }
}

/// A line on stderr. Where that cannot be written, there is nobody to tell.
pub fn notice(line: &str) {
    let _ = writeln!(io::stderr(), "{}", terminal::text(line));
}

/// A path as a shell and a command line take it: one that begins like an option, from the folder where it is.
pub fn shell_path(path: &Path) -> String {
    match path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        true => shell_word(Path::new(".").join(path)),
        false => shell_word(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        assert_eq!(shell_word("--model_base_path=/srv/mnist"), "--model_base_path=/srv/mnist");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(OsStr::from_bytes(b"it's\t\xff")), r"$'it\'s\x09\xff'");
        assert_eq!(shell_path(Path::new("-x y")), "'./-x y'");
    }
}
