//! Which options the user typed, rather than left at their defaults.

use crate::cli::Cli;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

/// An option that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Its name in the program, such as `batch_size`.
    pub id: String,
    /// As the user knows it, such as `--batch-size`.
    pub flag: String,
}

/// The options that were typed with the subcommand, global ones included.
pub fn options(matches: &ArgMatches) -> Vec<Typed> {
    let mut command = Cli::command();
    command.build(); // gives global options to every subcommand
    let Some((name, matches)) = matches.subcommand() else {
        return Vec::new();
    };
    let Some(subcommand) = command.find_subcommand(name) else {
        return Vec::new();
    };
    subcommand
        .get_arguments()
        .filter_map(|argument| Some((argument.get_id(), argument.get_long()?)))
        .filter(|(id, _)| {
            matches.ids().any(|present| present == *id)
                && matches.value_source(id.as_str()) == Some(ValueSource::CommandLine)
        })
        .map(|(id, long)| Typed { id: id.as_str().to_owned(), flag: format!("--{long}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_counts_wherever_it_stands() {
        let line = ["tf-mnist", "-q", "--device", "cpu", "baseline", "--batch-size", "100"];
        let typed = options(&Cli::command().get_matches_from(line));
        let flags: Vec<_> = typed.iter().map(|option| option.flag.as_str()).collect();
        assert_eq!(flags, ["--batch-size", "--device", "--quiet"]);
    }
}
