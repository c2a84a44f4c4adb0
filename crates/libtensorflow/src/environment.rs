//! The process environment, which TensorFlow and the tensorflow crate read when the library is opened.

use crate::error::RuntimeError;
use crate::install::installed;
use crate::platform::TENSORFLOW_DIR;
use crate::{Options, platform};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use verified_fetch::Cache;

/// Whether oneDNN's kernels are used; values as TensorFlow reads them.
pub(crate) const ONEDNN: &str = "TF_ENABLE_ONEDNN_OPTS";
/// The least level of TensorFlow's own log that is printed: 0 all, 3 nothing but a crash's last words.
const LOG_LEVEL: &str = "TF_CPP_MIN_LOG_LEVEL";

/// Options of the channels between processes (grpc_channel.cc), `name=number,...`.
const GRPC: &str = "TF_GRPC_DEFAULT_OPTIONS";

/// Why a variable is better not set than to this value: TensorFlow 2.21 would end the process for it, at once or where it
/// is first read, or warn and go by its default.
fn refusal(variable: &str, value: &str) -> Option<&'static str> {
    let is_threads = || value.parse::<u16>().is_ok_and(|count| count <= 1024); // as many as an option may ask for
    match variable {
        // Some of the flags another version lacks.
        "TF_XLA_FLAGS" | "TF_JITRT_FLAGS" if !value.is_empty() => {
            Some("XLA is not used, and TensorFlow ends the program for a flag that it lacks")
        }
        ONEDNN
        | "TF_DETERMINISTIC_OPS"
        | "TF_DETERMINISTIC_ORDER"
        | "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"
        | "TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD"
        | "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"
            if boolean(value).is_none() =>
        {
            Some("TensorFlow takes 0, 1, true or false, and may end the program for anything else")
        }
        "TF_MKL_ALLOC_MAX_BYTES" if value.parse::<u64>().is_err() => {
            Some("TensorFlow takes a number, and may end the program for anything else")
        }
        "TF_NUM_INTRAOP_THREADS" | "TF_NUM_INTEROP_THREADS" if !is_threads() => {
            Some("wanted is a number of threads, 0 to 1024")
        }
        _ => None,
    }
}

/// What [`set_environment`] left for [`crate::load`].
#[derive(Debug)]
struct Prepared {
    /// `TENSORFLOW_DIR` as the user set it.
    users_folder: Option<OsString>,
    /// What it names now: a folder that is not there yet, for a link by the one name that the tensorflow crate opens.
    link_folder: PathBuf,
}

static PREPARED: OnceLock<Prepared> = OnceLock::new();

/// The environment as [`set_environment`] made it. `TENSORFLOW_DIR` becomes the user's again when this is dropped, so
/// that child processes see it as it was.
#[derive(Debug)]
#[must_use = "dropped before TensorFlow is loaded, it does not lead to the library"]
pub struct Environment(Option<&'static Prepared>);

/// Sets what TensorFlow and the tensorflow crate read from the environment: `TF_ENABLE_ONEDNN_OPTS`,
/// `TF_CPP_MIN_LOG_LEVEL`, and `TENSORFLOW_DIR`, which leads that crate to whatever library [`crate::load`] finds (that
/// still looks first in the folder that it named before). Variables with values that TensorFlow does not take are
/// removed, with a warning in the log. Only the first call in a process does anything.
///
/// # Safety
/// Until this has returned, and again while what it returns is dropped, no other thread may read or change the
/// environment other than through [`std::env`](mod@std::env). So it is in a `main` that starts no thread before
/// TensorFlow is loaded.
pub unsafe fn set_environment(options: &Options) -> Environment {
    let mut is_first = false;
    let prepared = PREPARED.get_or_init(|| {
        is_first = true;
        let refused = env::vars_os().filter(|(name, value)| {
            let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
            let refusal = refusal(&name, &value);
            refusal.inspect(|why| log::warn!("{name}={value} is left out: {why}")).is_some()
        });
        let refused: Vec<_> = refused.collect();
        let prepared =
            Prepared { users_folder: env::var_os(TENSORFLOW_DIR), link_folder: link_folder(options.cache) };
        // SAFETY: the caller's promise.
        unsafe {
            for (name, _) in refused {
                env::remove_var(name);
            }
            for (name, value) in settings(options) {
                env::set_var(name, value);
            }
            env::set_var(TENSORFLOW_DIR, &prepared.link_folder);
        }
        prepared
    });
    Environment(is_first.then_some(prepared))
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: the promise of whoever called `set_environment`.
        match self.0.map(|prepared| &prepared.users_folder) {
            Some(Some(folder)) => unsafe { env::set_var(TENSORFLOW_DIR, folder) },
            Some(None) => unsafe { env::remove_var(TENSORFLOW_DIR) },
            None => {}
        }
    }
}

/// What is to be set: an option beats the user's variable, which beats our default.
fn settings(options: &Options) -> impl Iterator<Item = (&'static str, String)> {
    let own = |name| env::var_os(name).unwrap_or_default().to_string_lossy().into_owned();
    let onednn = options.onednn.or_else(set_onednn).unwrap_or(true);
    let log_level = own(LOG_LEVEL).is_empty().then_some(if options.verbose { "0" } else { "3" });
    let onednn = Some((ONEDNN, u8::from(onednn).to_string()));
    let log_level = log_level.map(|level| (LOG_LEVEL, level.to_owned()));
    [onednn, log_level, channels(&own(GRPC)).map(|channels| (GRPC, channels))].into_iter().flatten()
}

/// The options of channels, behind those that the user has: no proxy, which HTTP would have even to this machine.
fn channels(own: &str) -> Option<String> {
    const PROXY: &str = "grpc.enable_http_proxy";
    let is_theirs = own.split(',').any(|option| option.split('=').next() == Some(PROXY));
    let own = Some(own).filter(|own| !own.is_empty()).map(|own| format!("{own},"));
    (!is_theirs).then(|| format!("{}{PROXY}=0", own.unwrap_or_default()))
}

/// As TensorFlow reads a boolean.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// A path where a folder can be made, for a link, and removed again. The usual folder for temporary files is only the
/// first choice: `TMPDIR` may name one that is not there, or that is full. Where nothing can be written, it is the folder
/// of the library in the cache, which needs no link.
fn link_folder(cache: Cache) -> PathBuf {
    let usual = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from);
    let cache = cache.directory().ok();
    let folders = [env::temp_dir()].into_iter().chain(usual).chain(cache.clone());
    let drawn = getrandom::u32().unwrap_or_default();
    let name = format!("libtensorflow-{}-{drawn:08x}", std::process::id());
    let can_be_made = |folder: &PathBuf| {
        folder.is_absolute() && fs::create_dir(folder).and_then(|()| fs::remove_dir(folder)).is_ok()
    };
    let cached = || Some(installed::folder(&cache?, platform::wheel()?.version));
    let mut places = folders.map(|folder| folder.join(&name));
    places.find(can_be_made).or_else(cached).unwrap_or_default()
}

/// The folder that `TENSORFLOW_DIR` named when the program started.
pub(crate) fn users_folder() -> Option<PathBuf> {
    let folder = match PREPARED.get() {
        Some(prepared) => prepared.users_folder.clone(),
        None => env::var_os(TENSORFLOW_DIR),
    };
    folder.filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where a link leads the tensorflow crate to a library, if [`set_environment`] was called.
pub(crate) fn prepared_link_folder() -> Option<&'static PathBuf> {
    PREPARED.get().map(|prepared| &prepared.link_folder)
}

/// Whether oneDNN's kernels are on; without a variable that says so, TensorFlow goes by the processor.
pub(crate) fn onednn() -> bool {
    #[cfg(target_arch = "x86_64")]
    let by_default = std::is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    let by_default = false;
    set_onednn().unwrap_or(by_default)
}

fn set_onednn() -> Option<bool> {
    boolean(env::var(ONEDNN).ok()?.as_str())
}

/// Refuses options that the environment contradicts, which [`crate::load`] must not change.
pub(crate) fn check(options: &Options) -> Result<(), RuntimeError> {
    match options.onednn {
        Some(wanted) if set_onednn() != Some(wanted) => {
            Err(RuntimeError::Environment { variable: ONEDNN, wanted: if wanted { "1" } else { "0" } })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[test]
fn channels_take_no_proxy_unless_the_user_says_so() {
    assert_eq!(channels("").unwrap(), "grpc.enable_http_proxy=0");
    assert_eq!(channels("grpc.a=1").unwrap(), "grpc.a=1,grpc.enable_http_proxy=0");
    assert_eq!(channels("grpc.a=1,grpc.enable_http_proxy=1"), None);
}
