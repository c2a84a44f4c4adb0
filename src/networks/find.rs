//! Which network a name, a run folder, a checkpoint or an export is of.

use super::read::{self, TableError};
use super::{BUILT_IN, LearningRate, LearningRateSchedule, Table};
use crate::graph::Checkpoint;
use std::path::Path;

/// The text of the network that `network` names: a built-in one, a TOML file, or a run folder, whose own is written so.
///
/// # Errors
/// There is no such network and no such file, or it cannot be read.
pub fn text_of(network: &Path) -> Result<String, TableError> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(name, _)| network == Path::new(name)) {
        return Ok((*text).to_owned());
    }
    let Some(table) = of_run(network)? else {
        return read::text(network);
    };
    let text = table.to_toml().map_err(|error| TableError::unsound(network, error))?;
    Ok(match table.training.adam.learning_rate {
        LearningRate::Schedule(LearningRateSchedule::CosineDecay { decay_steps: Some(_), .. }) => {
            format!(
                "# decay_steps is this run's length: without it, the rate falls over that of whatever run.\n{text}"
            )
        }
        _ => text,
    })
}

/// The network that `network` names, read and checked: a built-in one, a TOML file, or a run folder, which holds its own.
///
/// # Errors
/// As [`text_of`]; or the file holds no sound table: the message names row and layer.
pub fn find(network: &Path) -> Result<Table, TableError> {
    let is_built_in = network.to_str().is_some_and(is_built_in);
    if !is_built_in && let Some(table) = of_run(network)? {
        return Ok(table);
    }
    Table::parse(&text_of(network)?).map_err(|reason| TableError::unsound(network, reason))
}

/// The name that an exported model's network has among its extra assets, as JSON.
pub const EXPORTED: &str = "network.json";

/// The network of an exported model, if it says.
pub fn of_export(folder: &Path) -> Option<Table> {
    read::json(&folder.join("assets.extra").join(EXPORTED), |value| Some(value)).ok()?
}

/// The network that `checkpoint` is of: that of the run that it lies in, or the built-in one that it fits, or should.
pub fn of_checkpoint(checkpoint: &Checkpoint) -> Option<Table> {
    of_run_around(checkpoint).or_else(|| built_in_of(checkpoint)).or_else(|| published_of(checkpoint))
}

/// The run folder that a checkpoint lies in, itself or among the saved states in `resume`.
fn run_around(prefix: &Path) -> Option<&Path> {
    let mut folders = prefix.ancestors().skip(1).take(3);
    let in_states = folders.find(|folder| folder.file_name().is_some_and(|name| name == "resume"));
    in_states.map_or(prefix, |states| states).parent()
}

/// Whether `name` is that of a built-in network.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

/// The network of the run that a checkpoint lies in, if it lies in one and fits.
pub fn of_run_around(checkpoint: &Checkpoint) -> Option<Table> {
    let table = of_run(run_around(checkpoint.prefix())?).ok()??;
    table.misfit(checkpoint).is_none().then_some(table)
}

/// What is wrong with the options of the run that a checkpoint lies in, so that they do not tell its network.
pub fn fault_around(checkpoint: &Checkpoint) -> Option<TableError> {
    of_run(run_around(checkpoint.prefix())?).err()
}

/// The network of the run in `folder`, if there are options of a run, and they say.
fn of_run(folder: &Path) -> Result<Option<Table>, TableError> {
    let options = folder.join("config.json");
    if options.is_file() { read::json(&options, |value| value.get_mut("network")) } else { Ok(None) }
}

/// Which of the two published networks a checkpoint is meant to be of, by its keys alone: whoever restores it says what does
/// not fit.
fn published_of(checkpoint: &Checkpoint) -> Option<Table> {
    checkpoint.get("conv1/kernel").and(checkpoint.get("output/kernel"))?;
    let name = match checkpoint.get("batch_normalization/gamma") {
        Some(_) => "optimized",
        None => "baseline",
    };
    find(Path::new(name)).ok()
}

/// The built-in network whose variables are all in `checkpoint`, of the same shapes.
fn built_in_of(checkpoint: &Checkpoint) -> Option<Table> {
    let tables = BUILT_IN.iter().filter_map(|(_, text)| Table::parse(text).ok());
    let fitting = tables.filter(|table| table.misfit(checkpoint).is_none());
    fitting.max_by_key(|table| table.variables().len())
}
