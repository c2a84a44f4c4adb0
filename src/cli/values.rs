//! Values that options take, and how they are read.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::de::value::Error as UnknownName;
use serde::de::{DeserializeOwned, IntoDeserializer};
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
