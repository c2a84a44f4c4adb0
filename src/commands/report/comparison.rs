//! Several runs side by side.

use super::figures;
use super::subject::{Subject, percent, shown};
use anyhow::Result;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Curves over each other, a table of results, and one of the options in which the runs differ.
pub fn section(subjects: &[Subject]) -> Result<Markup> {
    let options: Vec<_> = subjects.iter().map(|subject| subject.config.options()).collect();
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in options.iter().flat_map(BTreeMap::keys) {
        let of = |options: &BTreeMap<String, _>| options.get(name).map_or_else(String::new, shown);
        all.entry(name).or_insert_with(|| options.iter().map(of).collect());
    }
    all.retain(|_, values| values.iter().any(|value| *value != values[0]));
    Ok(html! {
        section {
            h2 { "The runs compared" }
            div.scroll { table {
                thead { tr {
                    th { "run" } th { "network" } th { "how far" } th.number { "best validation" } th.number { "test" }
                } }
                tbody { @for subject in subjects { tr {
                    th scope="row" { (subject.name) }
                    td { (subject.config.network.name) }
                    td { (subject.state_in_words()) }
                    td.number { (subject.best.map_or_else(|| "none".to_owned(), |(_, best)| percent(best))) }
                    td.number { (subject.test_accuracy()) }
                } } }
            } }
            @if subjects.iter().any(|subject| !subject.losses.is_empty()) { (figures::loss(subjects)?) }
            @if subjects.iter().any(|subject| !subject.validations.is_empty()) { (figures::accuracy(subjects)?) }
            h3 { "Options in which they differ" }
            @if all.is_empty() { p { "None: they were started alike." } } @else {
                div.scroll { table {
                    thead { tr { th { "option" } @for subject in subjects { th { (subject.name) } } } }
                    tbody { @for (name, values) in &all { tr {
                        th scope="row" { (name) } @for value in values { td { (value) } }
                    } } }
                } }
            }
        }
    })
}
