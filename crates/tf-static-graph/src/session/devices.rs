//! The devices that sessions have.

use crate::session::config::{SessionConfig, refused};
use crate::session::device::Device;
use crate::session::error::SessionError;
use libtensorflow::Runtime;
use serde::Serialize;
use tensorflow::{Graph, Session};

/// A device that TensorFlow can run operations on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Its short name, such as `GPU:0`, for use in a graph as `/device:GPU:0`.
    pub name: String,
    /// `CPU`, `GPU` or another type.
    #[serde(rename = "type")]
    pub device_type: String,
    /// Memory in bytes that TensorFlow will use of a GPU; none for a CPU, where it names the same 256 MiB everywhere.
    pub memory_bytes: Option<u64>,
}

/// The devices that a session of this configuration has.
///
/// # Errors
/// [`SessionError::NoGpu`] if a GPU is required and there is none such; [`SessionError::NotLoaded`] before
/// [`libtensorflow::load`]; [`SessionError::TensorFlow`] if there can be no session.
pub fn devices(config: &SessionConfig) -> Result<Vec<DeviceInfo>, SessionError> {
    let runtime = libtensorflow::loaded().ok_or(SessionError::NotLoaded)?;
    let no_gpu = |seen: String| SessionError::NoGpu {
        wanted: config.device,
        seen,
        library: runtime.library.clone(),
        found_by: runtime.found_by,
        is_gpu_build: runtime.is_gpu_build,
    };
    let session = match Session::new(&config.session_options()?, &Graph::new()) {
        Ok(session) => session,
        // Such as "'visible_device_list' listed an invalid GPU id '7' but visible device count is 1".
        Err(status) if config.device.requires_gpu() && status.to_string().contains("GPU") => {
            return Err(no_gpu(status.to_string()));
        }
        Err(status) => return Err(refused("open a session")(status)),
    };
    let listed = session.device_list().map_err(refused("list its devices"))?;
    let devices: Vec<_> = listed.into_iter().map(DeviceInfo::from).collect();
    if config.device.requires_gpu() && !devices.iter().any(|device| device.device_type == "GPU") {
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        return Err(no_gpu(names.join(", ")));
    }
    Ok(devices)
}

/// The devices that replicas run on, one each, as a graph names them, such as `/device:GPU:1`: GPUs from number 0 on, or, where
/// there is none or `config` is for the CPU, as many CPU devices, which share the processors. A single replica runs on
/// whichever device TensorFlow takes for each operation; that has the name "".
///
/// # Errors
/// [`SessionError::MissingDevices`] if there are some, but too few; those of [`devices`].
pub fn replica_devices(config: &SessionConfig) -> Result<Vec<String>, SessionError> {
    if !config.has_replicas() {
        return Ok(vec![String::new()]);
    }
    let chosen = choose(&devices(config)?, config.replicas.into())?;
    Ok(chosen.iter().map(|name| format!("/device:{name}")).collect())
}

/// The names of those that replicas run on: the GPUs, or, where there is none, the CPUs.
pub(super) fn replicas_of(seen: &[DeviceInfo]) -> Vec<String> {
    let kind = if seen.iter().any(|device| device.device_type == "GPU") { "GPU" } else { "CPU" };
    let of_kind = seen.iter().filter(|device| device.device_type == kind);
    of_kind.map(|device| device.name.clone()).collect()
}

/// Of the devices seen, the names of one for each of so many replicas.
pub(super) fn choose(seen: &[DeviceInfo], replicas: usize) -> Result<Vec<String>, SessionError> {
    let there = replicas_of(seen);
    let kind = there.first().map_or("CPU", |name| &name[..3]);
    let wanted: Vec<_> = (0..replicas).map(|number| format!("{kind}:{number}")).collect();
    match wanted.iter().all(|name| there.contains(name)) {
        true => Ok(wanted),
        false => {
            let seen = seen.iter().map(|device| device.name.clone()).collect();
            Err(SessionError::MissingDevices { wanted, seen })
        }
    }
}

impl SessionConfig {
    /// Whether a session of this configuration has a GPU.
    ///
    /// # Errors
    /// As [`devices`].
    pub fn uses_gpu(&self, runtime: &Runtime) -> Result<bool, SessionError> {
        if self.device == Device::Cpu || !runtime.is_gpu_build && !self.device.requires_gpu() {
            return Ok(false);
        }
        Ok(devices(self)?.iter().any(|device| device.device_type == "GPU"))
    }
}

impl From<tensorflow::Device> for DeviceInfo {
    fn from(device: tensorflow::Device) -> Self {
        let name = match device.name.split_once("/device:") {
            Some((_, name)) => name.to_owned(),
            None => device.name,
        };
        let memory_bytes = match device.device_type.as_str() {
            "CPU" => None,
            _ => u64::try_from(device.memory_bytes).ok(),
        };
        Self { name, device_type: device.device_type, memory_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str]) -> Vec<DeviceInfo> {
        let device = |name: &&str| DeviceInfo {
            name: (*name).to_owned(),
            device_type: name[..3].to_owned(),
            memory_bytes: None,
        };
        names.iter().map(device).collect()
    }

    #[test]
    fn replicas_take_gpus_if_there_are_any_else_cpus() {
        let chosen = |names: &[&str]| choose(&seen(names), 2).unwrap();
        assert_eq!(chosen(&["CPU:0", "CPU:1"]), ["CPU:0", "CPU:1"]);
        let many = ["CPU:0", "CPU:1", "GPU:0", "GPU:1", "GPU:2"];
        assert_eq!(chosen(&many), ["GPU:0", "GPU:1"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = choose(&seen(&["CPU:0", "CPU:1", "CPU:2", "GPU:0"]), 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 replicas need GPU:0, GPU:1, GPU:2; TensorFlow sees CPU:0, CPU:1, CPU:2, GPU:0: GPU:1, GPU:2 are not there"
        );
        let error = choose(&seen(&["CPU:0", "GPU:0"]), 2).unwrap_err();
        assert!(error.to_string().ends_with(": GPU:1 is not there"), "{error}");
    }
}
