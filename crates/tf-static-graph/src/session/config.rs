//! How a session runs.

use crate::proto::{
    ConfigProto, DeviceCount, GpuExperimental, GpuOptions, GraphOptions, RewriterConfig, VirtualDevices,
};
use crate::session::device::Device;
use crate::session::error::SessionError;
use crate::session::host;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::env;
use std::fmt::Display;
use tensorflow::SessionOptions;

/// How a session runs. Serializes whole and back, for a run's `config.json`.
///
/// TensorFlow has **one** pool of intra-op threads a process, sized by the first session: use one configuration in a
/// process, also for [`crate::session::devices`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionConfig {
    /// Where it runs.
    pub device: Device,
    /// Threads inside one operation; 0: one a processor.
    pub intra_op_threads: u16,
    /// Operations that run at once; 0: one a processor. A [`Server`](crate::session::cluster::Server) has two at least.
    pub inter_op_threads: u16,
    /// Whether TensorFlow may rewrite the graph (constant folding, fusion, layout) before running it.
    pub graph_optimizer: bool,
    /// Most memory to take of each GPU, in MiB, all at once at the start; without it, memory grows as needed.
    pub gpu_memory_limit_mib: Option<u32>,
    /// How many devices of one kind it is for; see [`replica_devices`](crate::session::replica_devices).
    #[serde(default = "one_replica")]
    pub replicas: u16,
}

fn one_replica() -> u16 {
    1
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            intra_op_threads: 0,
            inter_op_threads: 0,
            graph_optimizer: true,
            gpu_memory_limit_mib: None,
            replicas: 1,
        }
    }
}

/// How many threads a session's settings come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Threads {
    /// Threads inside one operation.
    pub intra_op: usize,
    /// Operations that run at once.
    pub inter_op: usize,
}

impl SessionConfig {
    /// The same bits run after run on the CPU, together with oneDNN off (see [`libtensorflow::Options`]): one thread, so that
    /// sums are always added up in the same order, and the graph as it was built.
    pub fn reproducible() -> Self {
        Self {
            device: Device::Cpu,
            intra_op_threads: 1,
            inter_op_threads: 1,
            graph_optimizer: false,
            ..Self::default()
        }
    }

    /// That of a server, whose devices all have a replica: of several GPUs, those that nobody asked for are not taken. Should
    /// there be fewer, TensorFlow takes those.
    pub(super) fn config_proto(&self) -> ConfigProto {
        let mut proto = self.proto();
        if matches!(self.device, Device::Auto | Device::Gpu(None)) {
            proto.device_count.push(DeviceCount {
                device_type: "GPU".to_owned(),
                count: Some(self.replicas.max(1).into()),
            });
        }
        proto
    }

    fn proto(&self) -> ConfigProto {
        let count = |device_type: &str, count: u16| DeviceCount {
            device_type: device_type.to_owned(),
            count: Some(count.into()),
        };
        let cpus = (self.has_replicas() && !self.device.requires_gpu()).then(|| count("CPU", self.replicas));
        let gpus = (self.device == Device::Cpu).then(|| count("GPU", 0));
        let device_count = cpus.into_iter().chain(gpus).collect();
        let rewrite_options =
            (!self.graph_optimizer).then_some(RewriterConfig { disable_meta_optimizer: true });
        ConfigProto {
            device_count,
            intra_op_parallelism_threads: self.intra_op_threads.into(),
            inter_op_parallelism_threads: self.inter_op_threads.into(),
            gpu_options: self.gpu_options(),
            // Operations without a GPU kernel run on the CPU instead of failing. A replica's device that is not there
            // would silently be another one, though.
            allow_soft_placement: !self.has_replicas(),
            graph_options: rewrite_options.map(|options| GraphOptions { rewrite_options: Some(options) }),
            ..ConfigProto::default()
        }
    }

    fn gpu_options(&self) -> Option<GpuOptions> {
        let limit = self.gpu_memory_limit_mib;
        let visible: Vec<u32> = match self.device {
            Device::Cpu => return None,
            Device::Gpu(Some(number)) => vec![number],
            Device::Auto | Device::Gpu(None) if limit.is_some() => (0..self.replicas.max(1).into()).collect(),
            Device::Auto | Device::Gpu(None) => Vec::new(), // all of them
        };
        // A limit in MiB exists only for a virtual device, there must be one for each visible GPU, and its memory does
        // not grow.
        #[allow(clippy::cast_precision_loss)] // exact up to 16 TiB
        let experimental = limit.map(|limit| {
            let device = VirtualDevices { memory_limit_mb: vec![limit as f32] };
            GpuExperimental { virtual_devices: vec![device; visible.len()] }
        });
        let visible: Vec<_> = visible.iter().map(u32::to_string).collect();
        Some(GpuOptions {
            allow_growth: experimental.is_none(),
            visible_device_list: visible.join(","),
            experimental,
        })
    }

    /// Whether it is for more than one device.
    pub fn has_replicas(&self) -> bool {
        self.replicas > 1
    }

    /// Options for a [`tensorflow::Session`].
    ///
    /// # Errors
    /// [`SessionError::NotLoaded`] before [`libtensorflow::load`]; [`SessionError::TensorFlow`] if it refuses the settings.
    pub fn session_options(&self) -> Result<SessionOptions, SessionError> {
        libtensorflow::loaded().ok_or(SessionError::NotLoaded)?; // the crate would panic
        let mut options = SessionOptions::new();
        options.set_config(&self.proto().encode_to_vec()).map_err(refused("take the session's settings"))?;
        Ok(options)
    }

    /// What the thread settings come to, as TensorFlow resolves them: 0 is `TF_NUM_INTRAOP_THREADS` or
    /// `TF_NUM_INTEROP_THREADS` if set, else one a processor.
    pub fn threads(&self) -> Threads {
        let resolve = |set: u16, variable: &str| match set {
            0 => env::var(variable)
                .ok()
                .and_then(|value| value.parse().ok())
                .filter(|&count| count > 0)
                .unwrap_or_else(host::processors),
            set => set.into(),
        };
        Threads {
            intra_op: resolve(self.intra_op_threads, "TF_NUM_INTRAOP_THREADS"),
            inter_op: resolve(self.inter_op_threads, "TF_NUM_INTEROP_THREADS"),
        }
    }
}

pub(crate) fn refused<E: Display>(doing: &'static str) -> impl Fn(E) -> SessionError {
    move |error| SessionError::TensorFlow { doing, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's TensorFlow 2.21 serializes, deterministically, for the same settings.
    #[test]
    fn serializes_as_python_does() {
        let config = |device, gpu_memory_limit_mib| SessionConfig {
            device,
            gpu_memory_limit_mib,
            ..SessionConfig::default()
        };
        let reproducible = SessionConfig { device: Device::Cpu, ..SessionConfig::reproducible() };
        let limited = SessionConfig {
            intra_op_threads: 300,
            inter_op_threads: 2,
            ..config(Device::Gpu(Some(1)), Some(1536))
        };
        for (config, expected) in [
            (config(Device::Auto, None), "320220013801"),
            (config(Device::Gpu(None), None), "320220013801"),
            (reproducible, "0a070a03475055100010012801380152055203980101"),
            (limited, "10ac022802320d2a01314a080a060a040000c0443801"),
            (config(Device::Auto, Some(512)), "320d2a01304a080a060a04000000443801"),
            (config(Device::Gpu(None), Some(512)), "320d2a01304a080a060a04000000443801"),
            (config(Device::Gpu(Some(2)), None), "320520012a01323801"),
            (
                SessionConfig { replicas: 3, ..SessionConfig::reproducible() },
                "0a070a0343505510030a070a0347505510001001280152055203980101",
            ),
            (SessionConfig { replicas: 2, ..config(Device::Auto, None) }, "0a070a03435055100232022001"),
            (
                SessionConfig { replicas: 2, ..config(Device::Gpu(None), Some(512)) },
                "32172a03302c314a100a060a04000000440a060a0400000044",
            ),
        ] {
            let bytes = config.proto().encode_to_vec();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{config:?}");
            assert_eq!(ConfigProto::decode(&bytes[..]).unwrap().encode_to_vec(), bytes);
        }
    }

    #[test]
    fn a_server_has_a_gpu_for_each_replica_and_no_more() {
        for (device, replicas, expected) in [
            (Device::Auto, 1, &[("GPU", 1)][..]),
            (Device::Auto, 2, &[("CPU", 2), ("GPU", 2)]),
            (Device::Gpu(None), 3, &[("GPU", 3)]),
            (Device::Gpu(Some(1)), 1, &[]),
            (Device::Cpu, 2, &[("CPU", 2), ("GPU", 0)]),
        ] {
            let config = SessionConfig { device, replicas, ..SessionConfig::default() };
            let devices = config.config_proto().device_count;
            let devices: Vec<_> =
                devices.iter().map(|device| (device.device_type.as_str(), device.count.unwrap())).collect();
            assert_eq!(devices, expected, "{config:?}");
        }
    }
}
