//! libtensorflow at run time: found or installed, checked, opened; the settings of sessions and the devices they have.
//!
//! Nothing links against TensorFlow; [`load`] opens it. Call that before anything of the `tensorflow` crate, which
//! panics while no library is open.

mod archive;
mod candidate;
mod child;
mod config_proto;
mod device;
mod devices;
mod disk;
mod environment;
mod error;
mod find;
mod host;
mod inspect;
mod install;
mod installed;
mod load;
mod open;
mod opened;
mod pip;
mod platform;
mod python;
mod quiet;
mod report;
mod search;
mod session;
mod symbols;
mod system;
mod unpacked_file;
mod version;
mod wheel;

pub use candidate::FoundBy;
pub use device::{Device, ParseDeviceError};
pub use devices::{DeviceInfo, devices};
pub use error::{LibraryError, RuntimeError};
pub use host::Host;
pub use load::load;
pub use opened::Runtime;
pub use report::{Attempt, Report};
pub use session::{SessionConfig, Threads};

/// How TensorFlow is looked for and opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// For a GPU, builds with GPU support are looked for first.
    pub device: Device,
    /// Whether oneDNN's kernels are used; `None`: as the user's `TF_ENABLE_ONEDNN_OPTS` says, else yes. TensorFlow
    /// itself leaves it off on processors without AVX512-VNNI, where it doubles the speed of convolutions.
    pub onednn: Option<bool>,
    /// Whether TensorFlow's own log reaches stderr. The user's `TF_CPP_MIN_LOG_LEVEL` overrules this once the library
    /// is open.
    pub verbose: bool,
}
