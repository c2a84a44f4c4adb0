//! Windows that move over an image: their sizes and what they do at its borders.

use serde::{Deserialize, Serialize};

/// Two numbers, one down an image and one across it. Written as one number where they are the same, else as a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Pair(pub [u64; 2]);

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a number, or a list of two: [down, across]")]
enum Written {
    Once(u64),
    Twice([u64; 2]),
}

impl From<Written> for Pair {
    fn from(written: Written) -> Self {
        match written {
            Written::Once(number) => Self([number, number]),
            Written::Twice(numbers) => Self(numbers),
        }
    }
}

impl From<Pair> for Written {
    fn from(Pair([down, across]): Pair) -> Self {
        match down == across {
            true => Self::Once(down),
            false => Self::Twice([down, across]),
        }
    }
}

impl From<u64> for Pair {
    fn from(number: u64) -> Self {
        Self([number, number])
    }
}

impl Default for Pair {
    /// One each way.
    fn default() -> Self {
        Self([1, 1])
    }
}

impl Pair {
    /// As an attribute of an op on `[rows, height, width, channels]`.
    pub(crate) fn nhwc(self) -> [i64; 4] {
        let Self([down, across]) = self;
        [1, down as i64, across as i64, 1]
    }
}

/// How a window treats the borders of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros around the image until there are ceil(size / stride) windows; an odd rest goes behind it.
    Same,
    /// No padding: floor((size - kernel) / stride) + 1 windows.
    #[default]
    Valid,
}

impl Padding {
    /// TensorFlow's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "SAME",
            Self::Valid => "VALID",
        }
    }

    /// The number of windows, and the padding before and after, along one axis of length `size`.
    /// (`GetWindowedOutputSize` in TensorFlow's `common_shape_fns`.)
    pub fn windows(self, size: u64, kernel: u64, stride: u64) -> (u64, u64, u64) {
        match self {
            Self::Valid => ((size + stride).saturating_sub(kernel) / stride, 0, 0),
            Self::Same => {
                let windows = size.div_ceil(stride);
                let padding = ((windows.max(1) - 1) * stride + kernel).saturating_sub(size);
                (windows, padding / 2, padding - padding / 2)
            }
        }
    }
}
