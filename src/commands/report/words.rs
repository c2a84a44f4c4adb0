//! How numbers and options are written on the page.

use super::subject::Subject;
use serde_json::Value;

/// The accuracy on the test set that the run measured.
pub fn test_accuracy(subject: &Subject) -> String {
    subject.measured.as_ref().map_or_else(|| "not tested yet".to_owned(), |(accuracy, _)| percent(*accuracy))
}

pub fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

/// An option as it is written on the command line.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
