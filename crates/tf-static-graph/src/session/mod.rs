//! How sessions of TensorFlow run: devices, threads, memory.

pub mod cluster;
mod config;
mod device;
mod devices;
mod error;
mod graph_session;
mod host;

#[doc(inline)]
pub use cluster::{Cluster, Server};
pub use config::{SessionConfig, Threads};
pub use device::{Device, ParseDeviceError};
pub use devices::{DeviceInfo, devices, replica_devices};
pub use error::SessionError;
pub use graph_session::{GraphSession, Step};
pub use host::Host;
