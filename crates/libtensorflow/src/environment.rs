//! What TensorFlow reads from the process environment when it is opened.

use crate::Options;
use crate::error::RuntimeError;
use std::env;

/// Whether oneDNN's kernels are used; values as TensorFlow reads them.
const ONEDNN: &str = "TF_ENABLE_ONEDNN_OPTS";
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

/// Sets what TensorFlow reads, and removes, with a warning in the log, variables with values that it does not take.
///
/// # Safety
/// No other thread may read or change the environment meanwhile other than through [`std::env`](mod@std::env).
pub(crate) unsafe fn set(options: &Options) {
    for (name, value) in env::vars_os() {
        let (shown, value) = (name.to_string_lossy(), value.to_string_lossy());
        if let Some(why) = refusal(&shown, &value) {
            log::warn!("{shown}={value} is left out: {why}");
            // SAFETY: the caller's promise.
            unsafe { env::remove_var(&name) }
        }
    }
    // An option beats the user's variable, which beats our default.
    let own = |name| env::var_os(name).unwrap_or_default().to_string_lossy().into_owned();
    let onednn = options.onednn.or_else(set_onednn).unwrap_or(true);
    let log_level = own(LOG_LEVEL).is_empty().then(|| if options.verbose { "0" } else { "3" }.to_owned());
    let onednn = Some(u8::from(onednn).to_string());
    for (name, value) in [(ONEDNN, onednn), (LOG_LEVEL, log_level), (GRPC, channels(&own(GRPC)))] {
        if let Some(value) = value {
            // SAFETY: the caller's promise.
            unsafe { env::set_var(name, value) }
        }
    }
}

/// The options of channels, behind those that the user has: no proxy, which HTTP would have even to this machine.
fn channels(own: &str) -> Option<String> {
    const PROXY: &str = "grpc.enable_http_proxy";
    let is_theirs = own.split(',').any(|option| option.split('=').next() == Some(PROXY));
    let comma = if own.is_empty() { "" } else { "," };
    (!is_theirs).then(|| format!("{own}{comma}{PROXY}=0"))
}

/// As TensorFlow reads a boolean.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
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
