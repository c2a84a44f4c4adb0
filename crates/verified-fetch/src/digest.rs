//! SHA-256 digests: what an artifact is known by.

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, BufReader, Read};

/// A SHA-256 digest; prints as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest written as 64 hexadecimal digits, for constants: a slip in one does not build.
    ///
    /// # Panics
    /// It is no digest.
    pub const fn pinned(text: &str) -> Self {
        let (text, mut bytes, mut i) = (text.as_bytes(), [0; 32], 0);
        assert!(text.len() == 64, "a digest has 64 hexadecimal digits");
        while i < 64 {
            match (text[i] as char).to_digit(16) {
                Some(digit) => bytes[i / 2] = bytes[i / 2] << 4 | digit as u8,
                None => panic!("a digest has hexadecimal digits"),
            }
            i += 1;
        }
        Self(bytes)
    }

    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of everything `reader` gives.
    ///
    /// # Errors
    /// What `reader` returns.
    pub fn of_reader(reader: impl Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        io::copy(&mut BufReader::with_capacity(256 * 1024, reader), &mut hasher)?;
        Ok(Self(hasher.finalize().into()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[test]
fn agrees_with_the_published_vector_and_reads_its_own_text() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Digest::of(b"abc").to_string(), abc);
    assert_eq!(Digest::pinned(abc), Digest::of(b"abc"));
    assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), Digest::of(b"abc"));
}
