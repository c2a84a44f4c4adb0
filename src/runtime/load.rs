//! The one TensorFlow of a process.

use super::Options;
use super::archive::OfficialArchive;
use super::error::RuntimeError;
use super::find::Surroundings;
use super::install::LibrarySource;
use super::opened::Runtime;
use super::pip::PipWheel;
use super::platform;
use super::search::Search;
use crate::fetch::{Progress, cache};
use std::sync::{Mutex, OnceLock, PoisonError};

static LOADED: OnceLock<Runtime> = OnceLock::new();

/// The runtime, if it is loaded.
pub(super) fn loaded() -> Option<&'static Runtime> {
    LOADED.get()
}

/// Finds TensorFlow's library, or installs it into the cache, and opens it.
///
/// This happens once a process; later calls, also from other threads at the same time, return what the first one
/// opened, whatever their options say. Call it early: it sets environment variables that TensorFlow reads.
///
/// # Errors
/// The user's `TENSORFLOW_DIR` is of no use; or there is no usable library in any place and none could be installed,
/// in which case the message names every place, every source, why not, and what helps.
pub fn load(options: &Options, progress: &dyn Progress) -> Result<&'static Runtime, RuntimeError> {
    static LOADING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = LOADED.get() {
        return Ok(runtime);
    }
    let search = Search::new(options, Surroundings::of_process(), cache::directory(), progress);
    let runtime = search.run(&mut sources())?;
    Ok(LOADED.get_or_init(|| runtime))
}

/// Where a library can be fetched from, for this kind of machine.
fn sources() -> Vec<Box<dyn LibrarySource>> {
    let wheel = platform::wheel().map(|wheel| Box::new(PipWheel::new(wheel)) as Box<dyn LibrarySource>);
    let archive = platform::archive().map(|archive| Box::new(OfficialArchive::new(archive)) as _);
    wheel.into_iter().chain(archive).collect()
}
