//! Which versions of TensorFlow work.

/// What works, in words. The tensorflow crate was written for 2.13's C API, and later ones still have all of it
/// (tried up to 2.21).
pub(crate) const NEEDED: &str = "2.13 or a later 2.x";

/// Whether this program works with a version such as `2.21.0`, `2.16.1-rc0` or `2.22.0-dev20260101`; `None` for what is
/// no version.
pub(crate) fn is_supported(version: &str) -> Option<bool> {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some(major == 2 && minor >= 13)
}

#[cfg(test)]
#[test]
fn tells_which_versions_work() {
    for text in ["2.13.0", "2.21.0", "2.100.0", "2.16.1-rc0", "2.22.0-dev20260101"] {
        assert_eq!(is_supported(text), Some(true), "{text}");
    }
    for text in ["2.12.1", "1.15.5", "3.0.0"] {
        assert_eq!(is_supported(text), Some(false), "{text}");
    }
    for text in ["", "two.13", "2"] {
        assert_eq!(is_supported(text), None, "{text}");
    }
}
