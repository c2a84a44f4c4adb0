//! What reaches the terminal: names of files may hold any character, also those that a terminal obeys.

use std::borrow::Cow;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::OnceLock;

/// A name to be shown in a text or table: on one line, whatever it holds.
pub fn name(name: impl AsRef<OsStr>) -> String {
    escaped(&name.as_ref().to_string_lossy(), |_| false)
}

/// A text with its own lines and tabs, in which all else that a terminal would obey is escaped, and so are the lines and
/// tabs in names that the user typed.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for typed in TYPED.get().into_iter().flatten() {
        if text.contains(typed) {
            text = text.replace(typed, &name(typed)).into();
        }
    }
    let is_own = |char| char == '\n' || char == '\t';
    match text.chars().any(|char| is_obeyed(char) && !is_own(char)) {
        true => escaped(&text, is_own).into(),
        false => text,
    }
}

/// The same in JSON, where these stand in strings only.
pub fn json(text: &str) -> String {
    // All of them are in the basic plane.
    replaced(text, |char| char != '\n', |char| format!("\\u{:04x}", u32::from(char)))
}

/// Parts of paths that the user typed, or is in, with lines or tabs in them. Errors of the library show names as they are.
static TYPED: OnceLock<Vec<String>> = OnceLock::new();

/// Takes note of the names that were typed. To be called once, before anything is shown.
pub fn note_typed() {
    let here = env::current_dir().into_iter().map(Into::into);
    let typed: Vec<OsString> = here.chain(env::args_os().skip(1)).collect();
    let parts = typed.iter().flat_map(|typed| Path::new(typed).components());
    let mut parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .filter(|part| part.contains(['\n', '\t']))
        // An image of a file that holds many is FILE#INDEX.
        .flat_map(|part| [part.split('#').next().unwrap_or_default().to_owned(), part])
        .filter(|part| part.trim() != "")
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let _ = TYPED.set(parts); // a second call changes nothing
}

fn escaped(text: &str, is_left: impl Fn(char) -> bool) -> String {
    replaced(text, |char| !is_left(char), |char| char.escape_default().to_string())
}

/// `text` with `form` in place of what a terminal obeys and `is_meant`.
fn replaced(text: &str, is_meant: impl Fn(char) -> bool, form: impl Fn(char) -> String) -> String {
    let form = |char| if is_obeyed(char) && is_meant(char) { form(char) } else { char.into() };
    text.chars().map(form).collect()
}

/// Control characters, and those that turn the direction of what follows.
fn is_obeyed(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(name("a\tb\n\x1b[31m\u{202e}é"), "a\\tb\\n\\u{1b}[31m\\u{202e}é");
        assert_eq!(text("one\ttwo\n"), "one\ttwo\n");
        assert_eq!(text("error: \x1b]0;x\x07\u{9b}1m\n"), "error: \\u{1b}]0;x\\u{7}\\u{9b}1m\n");
        let path = "\u{7f}\u{85}\u{2028}a";
        let shown = json(&serde_json::to_string(path).unwrap());
        assert_eq!(shown, r#""\u007f\u0085\u2028a""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), path);
    }
}
