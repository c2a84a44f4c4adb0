//! Values that options take, and how they are read.

use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::de::value::Error as UnknownName;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;
use tf_mnist::networks::Range;

/// Rows evaluated at a time, unless the user says otherwise.
pub const EVAL_CHUNK: usize = 1000;

pub const VALIDATION: Names = &[
    ("full", "Every row"),
    ("bounded", "Rows wrong lately first, until too many are wrong for an improvement"),
];
pub const PRECISION: Names =
    &[("f32", "float32"), ("bf16", "Numbers rounded to bfloat16, with float32 sums")];
pub const ACCURACY_ON: Names = &[
    ("logits_batch_norm", "Behind the last batch norm, as the loss and the probabilities are"),
    ("logits", "Before the last batch norm"),
];
pub const SPLIT: Names = &[
    ("test", "The 10000 test images"),
    ("validation", "The first 5000 of the training files"),
    ("train", "The rest of the training files"),
];

/// Names of an enum's values, as serde has them, with the help on each.
pub type Names = &'static [(&'static str, &'static str)];

/// A parser of one of the library's enums.
pub fn one_of<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    names: Names,
) -> impl TypedValueParser<Value = T> {
    let names = names.iter().map(|&(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names)
        .try_map(|name| T::deserialize(name.into_deserializer()) as Result<T, UnknownName>)
}

/// What is to be named in place of an address.
pub const FOLDER: &str = "name a local folder";
pub const FILE: &str = "name a local file";
pub const MODEL: &str = "name a local folder or file";
pub const PICTURE: &str = "download it, and name the local file";

/// A parser of places on this machine.
pub fn place(wanted: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |path| match fault(path.as_os_str(), wanted) {
        Some(fault) => Err(fault),
        None => Ok(path),
    })
}

/// Why `place` is none on this machine: it is an address, which would become a folder named `gs:`, or begins with a `~` that no
/// shell expanded.
pub fn fault(place: &OsStr, wanted: &str) -> Option<String> {
    if is_address(place.as_encoded_bytes()) {
        return Some(format!("it is an address; {wanted}"));
    }
    let place = place.to_string_lossy();
    let rest = place.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(format!(
        "it begins with a ~ that no shell expanded; write $HOME{rest}, or ./{place} for a folder of that name"
    ))
}

/// Whether it begins with the scheme of an address, such as `gs://` or `file:///`.
fn is_address(value: &[u8]) -> bool {
    let Some(colon) = value.windows(3).position(|three| three == b"://") else {
        return false;
    };
    let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    value[0].is_ascii_alphabetic() && value[..colon].iter().all(is_of_scheme)
}

pub fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one row is needed".into()),
        Ok(rows) => Ok(rows),
        Err(error) => Err(error.to_string()),
    }
}

pub fn learning_rate(text: &str) -> Result<f32, String> {
    number(text, Range::ABOVE_ZERO, |range| format!("a learning rate is {range} that float32 can hold"))
}

pub fn dropout_rate(text: &str) -> Result<f32, String> {
    number(text, Range::SHARE, |range| format!("a dropout rate is {range}, as a float32"))
}

fn number(text: &str, range: Range, wanted: fn(&str) -> String) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if range.contains(number) => Ok(number),
        Ok(_) => Err(wanted(range.words)),
        Err(error) => Err(error.to_string()),
    }
}

/// A time with its unit: `500ms`, `10s`, `2m`; seconds without one.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let count = digits.parse::<u32>().ok().filter(|&count| count > 0 && millis > 0);
    count.map(|count| Duration::from_millis(u64::from(count) * millis)).ok_or_else(|| {
        "wanted is a time of more than zero, such as 500ms, 10s or 2m; seconds without a unit".to_owned()
    })
}

/// A time that a step can do with: in less, no session opens over several processes, even those of one machine.
pub fn step_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time < Duration::from_millis(100) => Err("the least is 100ms".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in
            ["gs://b/run", "s3://b", "file:///tmp/x", "hdfs://h:1/x", "svn+ssh://x", "HTTPS://x/a.png#0"]
        {
            assert!(is_address(address.as_bytes()), "{address}");
        }
        for path in ["", "://", "a:/b", "./gs://b", "runs/gs://b", "1s://b", "a b://c", "C:\\x", "gs:"] {
            assert!(!is_address(path.as_bytes()), "{path}");
        }
    }
}
