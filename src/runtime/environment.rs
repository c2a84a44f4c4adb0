//! The process environment, which TensorFlow reads once, when it is opened.

use super::Options;
use std::env;
use std::ffi::OsStr;

/// Whether oneDNN's kernels are used; values as TensorFlow reads them.
pub(super) const ONEDNN: &str = "TF_ENABLE_ONEDNN_OPTS";
/// The least level of TensorFlow's own log that is printed: 0 all, 3 nothing but a crash's last words.
pub(super) const LOG_LEVEL: &str = "TF_CPP_MIN_LOG_LEVEL";
/// The folder in which the tensorflow crate (and this program, for its user) looks first.
pub(super) const TENSORFLOW_DIR: &str = "TENSORFLOW_DIR";

/// What the library will find in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub onednn: bool,
    /// `None`: the user's own setting stands.
    set_onednn: Option<&'static str>,
    set_log_level: Option<&'static str>,
}

impl Settings {
    /// An option beats the user's variable, which beats our default.
    pub fn new(options: &Options, variable: impl Fn(&str) -> Option<String>) -> Self {
        let own = variable(ONEDNN).filter(|value| !value.is_empty());
        let (onednn, set_onednn) = match (options.onednn, own) {
            (Some(on), _) => (on, Some(if on { "1" } else { "0" })),
            (None, Some(own)) => (is_true(&own), None),
            (None, None) => (true, Some("1")),
        };
        let set_log_level = match (options.verbose, variable(LOG_LEVEL)) {
            (_, Some(own)) if !own.is_empty() => None,
            (true, _) => Some("0"),
            (false, _) => Some("3"),
        };
        Self {
            onednn,
            set_onednn,
            set_log_level,
        }
    }

    /// Runs `open` with the settings in place and `TENSORFLOW_DIR` naming `folder`, then gives the user's
    /// `TENSORFLOW_DIR` back, so that child processes see it as it was.
    pub fn apply<T>(&self, folder: &OsStr, open: impl FnOnce() -> T) -> T {
        let before = env::var_os(TENSORFLOW_DIR);
        let settings = [(ONEDNN, self.set_onednn), (LOG_LEVEL, self.set_log_level)];
        // SAFETY: changing the environment is unsound only while another thread reads or changes it other than
        // through `std::env`, which holds a lock. This runs once a process, before TensorFlow exists, and our own
        // threads until then (progress bars, downloads that have ended) never call C's getenv.
        unsafe {
            for (name, value) in settings {
                if let Some(value) = value {
                    env::set_var(name, value);
                }
            }
            env::set_var(TENSORFLOW_DIR, folder);
        }
        let outcome = open();
        // SAFETY: as above; TensorFlow's own threads do not start before its first session.
        unsafe {
            match before {
                Some(value) => env::set_var(TENSORFLOW_DIR, value),
                None => env::remove_var(TENSORFLOW_DIR),
            }
        }
        outcome
    }
}

/// As TensorFlow reads a boolean: `1` and `true` are yes.
fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(onednn: Option<bool>, verbose: bool, own: &[(&str, &str)]) -> Settings {
        let options = Options {
            onednn,
            verbose,
            ..Options::default()
        };
        Settings::new(&options, |name| {
            own.iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn onednn_is_on_unless_the_user_says_no() {
        assert_eq!(settings(None, false, &[]).set_onednn, Some("1"));
        let off = settings(None, false, &[(ONEDNN, "0")]);
        assert_eq!((off.onednn, off.set_onednn), (false, None));
        assert!(settings(None, false, &[(ONEDNN, "true")]).onednn);
        assert!(settings(None, false, &[(ONEDNN, "")]).onednn);
    }

    #[test]
    fn an_option_beats_the_variable() {
        let off = settings(Some(false), false, &[(ONEDNN, "1")]);
        assert_eq!((off.onednn, off.set_onednn), (false, Some("0")));
    }

    #[test]
    fn tensorflow_is_quiet_unless_asked() {
        assert_eq!(settings(None, false, &[]).set_log_level, Some("3"));
        assert_eq!(settings(None, true, &[]).set_log_level, Some("0"));
        assert_eq!(settings(None, true, &[(LOG_LEVEL, "2")]).set_log_level, None);
    }
}
