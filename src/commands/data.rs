//! `tf-mnist data`: the four files, their counts and digests, and the split.

use super::{download_bar, options, output, terminal};
use crate::cli::{DataArgs, GlobalArgs};
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::thread::{self, JoinHandle};
use tf_mnist::dataset::{self, Dataset, Form, Origin, Part, Split};
use tf_mnist::training::RunConfig;

pub fn run(global: &GlobalArgs, args: &DataArgs) -> Result<()> {
    let form = match &args.network {
        Some(network) => options::find_network(network)?.data_form(args.validation_rows),
        None => Form { validation_rows: args.validation_rows, ..Form::default() },
    };
    let dataset = load(global, &form)?;
    let (source, _, folder) = origin(&dataset);
    let [train, validation, test] =
        [&dataset.train, &dataset.validation, &dataset.test].map(|split| split.len());
    let report = json!({
        "source": source,
        "folder": folder.to_string_lossy(),
        "files": dataset.files,
        "splits": { "train": train, "validation": validation, "test": test },
    });
    output::report(&report, args.json, |_| table(&dataset))
}

/// Where the data set is from, in a word and in a title, and its folder.
fn origin(dataset: &Dataset) -> (&'static str, &'static str, &Path) {
    match &dataset.origin {
        Origin::Mnist(folder) => ("mnist", "MNIST, verified, in", folder),
        Origin::Folder(folder) => ("data-dir", "Data set in", folder),
    }
}

/// The data set that the options name: a folder's, or MNIST.
pub fn load(global: &GlobalArgs, form: &Form) -> Result<Dataset> {
    match &global.data_dir {
        Some(folder) => dataset::load_from(folder, form).context("cannot use --data-dir"),
        None => dataset::load_default(form, &download_bar::progress(global)).context("cannot get MNIST"),
    }
}

/// Loads the data set of a run on a thread of its own.
pub fn start_loading(global: &GlobalArgs, config: &RunConfig) -> JoinHandle<Result<Dataset>> {
    let global = GlobalArgs { data_dir: config.data_dir.clone(), ..global.clone() };
    let form = config.data_form();
    thread::spawn(move || load(&global, &form))
}

/// One part of it: of a folder, only that part's files are needed.
pub fn load_part(global: &GlobalArgs, part: Part, form: &Form) -> Result<Split> {
    match &global.data_dir {
        Some(folder) => dataset::load_part_from(folder, part, form).context("cannot use --data-dir"),
        None => Ok(load(global, form)?.part(part).clone()),
    }
}

fn table(dataset: &Dataset) -> String {
    let (_, title, folder) = origin(dataset);
    let mut text = format!("{title} {}\n\n", terminal::name(folder));
    // The paths below the folder that the title names.
    let names = dataset
        .files
        .each_ref()
        .map(|file| terminal::name(file.path.strip_prefix(folder).unwrap_or(&file.path)));
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {:width$}  {:>7}  SHA-256", "file", "count");
    for (name, file) in names.iter().zip(&dataset.files) {
        let _ = writeln!(text, "  {name:width$}  {:>7}  {}", file.count, file.sha256);
    }
    let _ = writeln!(text, "\n  {:width$}  {:>7}  rows", "split", "count");
    let train = dataset.validation.len() + dataset.train.len();
    for (split, rows, of) in [
        ("train", dataset.validation.len()..train, "training"),
        ("validation", 0..dataset.validation.len(), "training"),
        ("test", 0..dataset.test.len(), "test"),
    ] {
        let (count, first, last) = (rows.len(), rows.start, rows.end - 1);
        let _ = writeln!(text, "  {split:width$}  {count:>7}  {first} to {last} of the {of} files");
    }
    text
}
