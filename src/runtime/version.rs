//! Which versions of TensorFlow work.

use std::fmt;

/// What works, in words. The tensorflow crate was written for 2.13's C API, and later ones still have all of it
/// (tried up to 2.21).
pub(super) const NEEDED: &str = "2.13 or a later 2.x";

/// Major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// The version at the start of such text as `2.21.0`, `2.16.1-rc0` or `2.22.0-dev20260101`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Self { major, minor })
    }

    /// Whether this program works with it.
    pub fn is_supported(self) -> bool {
        self.major == 2 && self.minor >= 13
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_which_versions_work() {
        let works = |text: &str| Version::parse(text).is_some_and(Version::is_supported);
        for text in ["2.13.0", "2.21.0", "2.100.0", "2.16.1-rc0", "2.22.0-dev20260101"] {
            assert!(works(text), "{text}");
        }
        for text in ["2.12.1", "1.15.5", "3.0.0", "", "two.13", "2"] {
            assert!(!works(text), "{text}");
        }
    }
}
