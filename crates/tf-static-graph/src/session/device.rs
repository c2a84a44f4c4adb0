//! Where a graph runs.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Where a graph runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// A GPU if TensorFlow sees one, else the CPU.
    #[default]
    Auto,
    /// The CPU, also where there is a GPU.
    Cpu,
    /// A GPU: the one of this number, counted from 0 as CUDA counts them, or whichever TensorFlow sees. No GPU is an
    /// error.
    Gpu(Option<u32>),
}

impl Device {
    /// Whether only a GPU will do.
    pub const fn requires_gpu(self) -> bool {
        matches!(self, Self::Gpu(_))
    }
}

/// A device that is none of `auto`, `cpu`, `gpu` and `gpu:N`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such device: {0:?}; use auto, cpu, gpu or gpu:N, where N counts GPUs from 0")]
pub struct ParseDeviceError(String);

impl FromStr for Device {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(None)),
            _ => text
                .strip_prefix("gpu:")
                .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) // `parse` would take a sign
                .and_then(|number| number.parse().ok())
                .map(|number| Self::Gpu(Some(number)))
                .ok_or_else(|| ParseDeviceError(text.to_owned())),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Gpu(None) => formatter.write_str("gpu"),
            Self::Gpu(Some(number)) => write!(formatter, "gpu:{number}"),
        }
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints_and_nothing_else() {
        for text in ["auto", "cpu", "gpu", "gpu:0", "gpu:12"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        for text in ["", "GPU", "gpu:", "gpu:-1", "gpu:+1", "gpu:x", "gpu: 1", "cpu:0", "gpu:4294967296"] {
            assert_eq!(text.parse::<Device>(), Err(ParseDeviceError(text.to_owned())));
        }
    }
}
