//! Classes that a part of the rows lacks: files sorted by class give validation, the first rows, a few classes only.

use super::{Dataset, Split};
use std::fmt;

/// The classes of a data set that its validation or its training rows lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingClasses {
    /// None of these is among the validation rows.
    pub validation: Vec<u8>,
    /// None of these is among the training rows.
    pub train: Vec<u8>,
    /// Whether each training file's label is at least the one before it, or each at most.
    pub sorted: bool,
}

impl Dataset {
    /// The labels, of those that are in any of its files, which the validation or the training rows lack; none, if neither
    /// does. `first_label` is that of the first class.
    pub fn missing_classes(&self, first_label: u8) -> Option<MissingClasses> {
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(classes);
        let missing = |part: &[bool]| -> Vec<u8> {
            let lacks = |class: &u8| {
                let class = usize::from(*class);
                !part[class] && (train[class] || validation[class] || test[class])
            };
            let lacking = (0..=u8::MAX).filter(lacks);
            lacking.map(|class| class.saturating_add(first_label)).collect()
        };
        let (validation_lacks, train_lacks) = (missing(&validation), missing(&train));
        let labels = || self.validation.labels().iter().chain(self.train.labels());
        let sorted = labels().is_sorted() || labels().rev().is_sorted();
        (!validation_lacks.is_empty() || !train_lacks.is_empty()).then_some(MissingClasses {
            validation: validation_lacks,
            train: train_lacks,
            sorted,
        })
    }
}

/// Which classes are among the rows.
fn classes(split: &Split) -> Vec<bool> {
    let mut found = vec![false; 256];
    split.labels().iter().for_each(|&label| found[usize::from(label)] = true);
    found
}

impl fmt::Display for MissingClasses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |classes: &[u8]| match classes.len() {
            1 => format!("class {}", listed(classes)),
            _ => format!("classes {}", listed(classes)),
        };
        let parts = [("validation", &self.validation), ("training", &self.train)];
        let lacking = parts.iter().filter(|(_, classes)| !classes.is_empty());
        let lacking: Vec<_> =
            lacking.map(|(rows, classes)| format!("the {rows} rows lack {}", part(classes))).collect();
        formatter.write_str(&lacking.join(", and "))?;
        if self.sorted {
            formatter.write_str("; the training files are sorted by class")?;
        }
        Ok(())
    }
}

/// `0, 3 to 5 and 9`
fn listed(classes: &[u8]) -> String {
    let runs = classes.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, .., last] if run.len() > 2 => format!("{first} to {last}"),
        _ => run.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    });
    let runs = runs.collect::<Vec<_>>().join(", ");
    match runs.rsplit_once(", ") {
        Some((most, last)) => format!("{most} and {last}"),
        None => runs,
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn classes_are_listed_as_one_says_them() {
        for (classes, text) in [
            (&[3][..], "3"),
            (&[3, 4], "3 and 4"),
            (&[1, 2, 3, 4, 5], "1 to 5"),
            (&[0, 3, 4, 5, 9], "0, 3 to 5 and 9"),
        ] {
            assert_eq!(listed(classes), text);
        }
    }
}
