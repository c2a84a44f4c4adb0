#![doc = include_str!("../README.md")]

mod candidate;
mod environment;
mod error;
mod install;
mod open;
mod platform;
mod search;

pub use candidate::FoundBy;
pub use error::{Report, RuntimeError};
pub use search::Runtime;
pub use tensorflow;
#[doc(no_inline)]
pub use verified_fetch::{Cache, Progress, Silent};

use search::Search;
use std::any::Any;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How TensorFlow is looked for and opened. By default: any build, oneDNN on, quiet, and the cache
/// `~/.cache/libtensorflow` or `LIBTENSORFLOW_CACHE`.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where a library is installed if there is none: about 0.8 GB. By default the folder that the variable
    /// `LIBTENSORFLOW_CACHE` names, or else `libtensorflow` in the user's folder of caches.
    pub cache: Cache,
    /// Whether a build with GPU support is wanted.
    pub gpu: Gpu,
    /// Whether oneDNN's kernels are used; `None`: as the user's `TF_ENABLE_ONEDNN_OPTS` says, else yes. TensorFlow
    /// itself leaves it off on processors without AVX512-VNNI, where it doubles the speed of convolutions.
    pub onednn: Option<bool>,
    /// Whether TensorFlow's own log reaches stderr, no by default. The user's `TF_CPP_MIN_LOG_LEVEL` overrules this. Two
    /// lines are printed before there is a log: see [`hold`](Self::hold).
    pub verbose: bool,
    /// Called before a library is opened; what it returns is dropped when it is open, or cannot be opened. Static
    /// initialisers of TensorFlow 2.21 print two lines to stderr meanwhile, before its log is set up, whatever
    /// `TF_CPP_MIN_LOG_LEVEL` says: a program may hold them back. By default nothing is.
    pub hold: Option<fn() -> Box<dyn Any>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: Cache { variable: "LIBTENSORFLOW_CACHE", name: "libtensorflow" },
            gpu: Gpu::Auto,
            onednn: None,
            verbose: false,
            hold: None,
        }
    }
}

/// Whether a build with GPU support is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gpu {
    /// One is looked for first where there is an NVIDIA driver; any other will do.
    #[default]
    Auto,
    /// Any build will do.
    Unwanted,
    /// One is looked for first, and no build is installed: those with GPU support are gigabytes and must fit the driver.
    Required,
}

static LOADED: OnceLock<Runtime> = OnceLock::new();

/// The TensorFlow that is loaded, if one is.
pub fn loaded() -> Option<&'static Runtime> {
    LOADED.get()
}

/// Finds TensorFlow's library, or installs it into the cache, and opens it. It changes nothing of the process, so that any
/// thread may call it; but the `tensorflow` crate must find the library too: in the folder that `TENSORFLOW_DIR` names, or
/// that of `LD_LIBRARY_PATH`. [`load_with_environment`] needs no such thing.
///
/// A library is opened once a process; later calls, also from other threads at the same time, return what the first one
/// opened, whatever their options say.
///
/// # Errors
/// The user's `TENSORFLOW_DIR` is of no use; or there is no usable library in any place and none could be installed,
/// in which case the message names every place, every source, why not, and what helps; or the environment is not such
/// that the library can be opened as the options say.
pub fn load(options: &Options, progress: &dyn Progress) -> Result<&'static Runtime, RuntimeError> {
    // SAFETY: nothing is set.
    unsafe { open_one(options, progress, false) }
}

/// As [`load`], with what TensorFlow reads from the environment set as `options` say: `TF_ENABLE_ONEDNN_OPTS` and
/// `TF_CPP_MIN_LOG_LEVEL`; and, for a moment, `TENSORFLOW_DIR`, which leads the `tensorflow` crate to the library.
/// Variables with values that TensorFlow does not take are removed, with a warning in the log.
///
/// # Safety
/// No other thread may read or change the environment meanwhile other than through [`std::env`](mod@std::env). At the
/// start of `main` there is none.
///
/// # Errors
/// As [`load`].
pub unsafe fn load_with_environment(
    options: &Options,
    progress: &dyn Progress,
) -> Result<&'static Runtime, RuntimeError> {
    // SAFETY: the caller's promise.
    unsafe { open_one(options, progress, true) }
}

/// # Safety
/// As [`load_with_environment`], if it `sets_environment`.
unsafe fn open_one(
    options: &Options,
    progress: &dyn Progress,
    sets_environment: bool,
) -> Result<&'static Runtime, RuntimeError> {
    static LOADING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = LOADED.get() {
        return Ok(runtime);
    }
    if sets_environment {
        // SAFETY: the caller's promise.
        unsafe { environment::set(options) }
    } else {
        environment::check(options)?;
    }
    let runtime = Search::new(options, progress, sets_environment).run()?;
    Ok(LOADED.get_or_init(|| runtime))
}
