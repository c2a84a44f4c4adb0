//! Classes that a part of the rows lacks: files sorted by class give validation, the first rows, a few classes only.

use super::{Dataset, Split};

impl Dataset {
    /// Which classes, of those that are in any of its files, the validation or the training rows lack, in words, and
    /// whether the training files are sorted; none, if they lack none. `first_label` is the label of the first class.
    pub fn missing_classes(&self, first_label: u8) -> Option<String> {
        let parts = [&self.validation, &self.train, &self.test].map(classes);
        let lacking = |rows: &str, part: &[bool; 256]| {
            let is_there = |class: &u8| parts.iter().any(|part| part[usize::from(*class)]);
            let missing = (0..=u8::MAX).filter(is_there).filter(|class| !part[usize::from(*class)]);
            let missing: Vec<_> = missing.map(|class| class.saturating_add(first_label)).collect();
            let classes = if missing.len() == 1 { "class" } else { "classes" };
            (!missing.is_empty()).then(|| format!("the {rows} rows lack {classes} {}", listed(&missing)))
        };
        let lacking = [lacking("validation", &parts[0]), lacking("training", &parts[1])];
        let lacking: Vec<_> = lacking.into_iter().flatten().collect();
        let labels = || self.validation.labels().iter().chain(self.train.labels());
        let is_sorted = labels().is_sorted() || labels().rev().is_sorted();
        let sorted = if is_sorted { "; the training files are sorted by class" } else { "" };
        (!lacking.is_empty()).then(|| lacking.join(", and ") + sorted)
    }
}

/// Which classes are among the rows.
fn classes(split: &Split) -> [bool; 256] {
    let mut found = [false; 256];
    split.labels().iter().for_each(|&label| found[usize::from(label)] = true);
    found
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
