//! The one TensorFlow of a process.

use crate::error::RuntimeError;
use crate::search::{Runtime, Search};
use crate::{Options, environment};
use std::sync::{Mutex, OnceLock, PoisonError};
use verified_fetch::Progress;

static LOADED: OnceLock<Runtime> = OnceLock::new();

/// The TensorFlow that is loaded, if one is.
pub fn loaded() -> Option<&'static Runtime> {
    LOADED.get()
}

/// Finds TensorFlow's library, or installs it into the cache, and opens it.
///
/// This happens once a process; later calls, also from other threads at the same time, return what the first one
/// opened, whatever their options say. It changes neither environment nor file descriptors of the process: see
/// [`crate::set_environment`].
///
/// # Errors
/// The user's `TENSORFLOW_DIR` is of no use; or there is no usable library in any place and none could be installed,
/// in which case the message names every place, every source, why not, and what helps; or the environment is not such
/// that the library can be opened as the options say.
pub fn load(options: &Options, progress: &dyn Progress) -> Result<&'static Runtime, RuntimeError> {
    static LOADING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = LOADED.get() {
        return Ok(runtime);
    }
    environment::check(options)?;
    let runtime = Search::new(options, progress).run()?;
    Ok(LOADED.get_or_init(|| runtime))
}

/// Sets the environment as [`load`] needs it, loads, and makes `TENSORFLOW_DIR` the user's again.
///
/// # Safety
/// As [`set_environment`](crate::set_environment): no other thread may read or write the environment meanwhile. At the
/// start of `main` there is none.
///
/// # Errors
/// As [`load`].
pub unsafe fn load_with_environment(
    options: &Options,
    progress: &dyn Progress,
) -> Result<&'static Runtime, RuntimeError> {
    // SAFETY: the caller's promise.
    let _environment = unsafe { environment::set_environment(options) };
    load(options, progress)
}
