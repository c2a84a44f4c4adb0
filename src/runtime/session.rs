//! How a session runs, and the devices it has.

use super::config_proto::{
    ConfigProto, GpuExperimental, GpuOptions, GraphOptions, RewriterConfig, VirtualDevices,
};
use super::device::Device;
use super::error::RuntimeError;
use super::host;
use super::load::{self, Runtime};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;
use tensorflow::{Graph, Session, SessionOptions};

/// How a session runs. Serializes whole and back, for a run's `config.json`.
///
/// TensorFlow has **one** pool of intra-op threads a process, sized by the first session: use one configuration in a
/// process, also for [`devices`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionConfig {
    /// Where it runs.
    pub device: Device,
    /// Threads inside one operation; 0: one a processor.
    pub intra_op_threads: u16,
    /// Operations that run at once; 0: one a processor.
    pub inter_op_threads: u16,
    /// Whether TensorFlow may rewrite the graph (constant folding, fusion, layout) before running it.
    pub graph_optimizer: bool,
    /// Most GPU memory to take, in MiB, all at once at the start; without it, memory grows as needed.
    pub gpu_memory_limit_mib: Option<u32>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            intra_op_threads: 0,
            inter_op_threads: 0,
            graph_optimizer: true,
            gpu_memory_limit_mib: None,
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
    /// The same bits run after run on the CPU, together with oneDNN off (see [`super::Options`]): one thread, so that
    /// sums are always added up in the same order, and the graph as it was built.
    pub fn reproducible() -> Self {
        Self {
            intra_op_threads: 1,
            inter_op_threads: 1,
            graph_optimizer: false,
            ..Self::default()
        }
    }

    /// The serialized `ConfigProto`.
    pub fn to_config_proto(&self) -> Vec<u8> {
        let device_count = match self.device {
            Device::Cpu => BTreeMap::from([("GPU".to_owned(), 0)]),
            Device::Auto | Device::Gpu(_) => BTreeMap::new(),
        };
        let rewrite_options = (!self.graph_optimizer).then_some(RewriterConfig {
            disable_meta_optimizer: true,
        });
        ConfigProto {
            device_count,
            intra_op_parallelism_threads: self.intra_op_threads.into(),
            inter_op_parallelism_threads: self.inter_op_threads.into(),
            gpu_options: self.gpu_options(),
            // Operations without a GPU kernel run on the CPU instead of failing.
            allow_soft_placement: true,
            graph_options: rewrite_options.map(|options| GraphOptions {
                rewrite_options: Some(options),
            }),
        }
        .encode_to_vec()
    }

    fn gpu_options(&self) -> Option<GpuOptions> {
        let number = match self.device {
            Device::Cpu => return None,
            Device::Auto | Device::Gpu(None) => None,
            Device::Gpu(number) => number,
        };
        let (number, experimental) = match self.gpu_memory_limit_mib {
            None => (number, None),
            // A limit in MiB exists only for a virtual device, there must be one for each visible GPU, and its memory
            // does not grow.
            #[allow(clippy::cast_precision_loss)] // exact up to 16 TiB
            Some(limit) => {
                let device = VirtualDevices {
                    memory_limit_mb: vec![limit as f32],
                };
                (
                    number.or(Some(0)),
                    Some(GpuExperimental {
                        virtual_devices: vec![device],
                    }),
                )
            }
        };
        Some(GpuOptions {
            allow_growth: experimental.is_none(),
            visible_device_list: number.map_or_else(String::new, |number| number.to_string()),
            experimental,
        })
    }

    /// Options for a [`tensorflow::Session`].
    ///
    /// # Errors
    /// [`RuntimeError::NotLoaded`] before [`super::load`]; [`RuntimeError::TensorFlow`] if it refuses the settings.
    pub fn session_options(&self) -> Result<SessionOptions, RuntimeError> {
        load::loaded().ok_or(RuntimeError::NotLoaded)?; // the crate would panic
        let mut options = SessionOptions::new();
        options
            .set_config(&self.to_config_proto())
            .map_err(refused("take the session's settings"))?;
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
/// [`RuntimeError::NoGpu`] if a GPU is required and there is none such; [`RuntimeError::NotLoaded`] before
/// [`super::load`]; [`RuntimeError::TensorFlow`] if there can be no session.
pub fn devices(config: &SessionConfig) -> Result<Vec<DeviceInfo>, RuntimeError> {
    let runtime = load::loaded().ok_or(RuntimeError::NotLoaded)?;
    let session = match Session::new(&config.session_options()?, &Graph::new()) {
        Ok(session) => session,
        // Such as "'visible_device_list' listed an invalid GPU id '7' but visible device count is 1".
        Err(status) if config.device.requires_gpu() && status.to_string().contains("GPU") => {
            return Err(no_gpu(config.device, &status.to_string(), runtime));
        }
        Err(status) => return Err(refused("open a session")(status)),
    };
    let listed = session.device_list().map_err(refused("list its devices"))?;
    let devices: Vec<_> = listed.into_iter().map(DeviceInfo::from).collect();
    if config.device.requires_gpu() && !devices.iter().any(|device| device.device_type == "GPU") {
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        return Err(no_gpu(config.device, &names.join(", "), runtime));
    }
    Ok(devices)
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
        Self {
            name,
            device_type: device.device_type,
            memory_bytes,
        }
    }
}

fn no_gpu(wanted: Device, seen: &str, runtime: &Runtime) -> RuntimeError {
    RuntimeError::NoGpu {
        wanted,
        seen: seen.to_owned(),
        library: runtime.library.clone(),
        found_by: runtime.found_by,
        advice: if runtime.is_gpu_build {
            "this build has GPU support: -v shows what keeps TensorFlow from the GPU (its driver? nvidia-smi tells); \
             --device cpu runs without"
        } else {
            "no build with GPU support was found: python3 -m pip install 'tensorflow[and-cuda]' brings one; \
             --device cpu runs without"
        },
    }
}

fn refused(doing: &'static str) -> impl Fn(tensorflow::Status) -> RuntimeError {
    move |status| RuntimeError::TensorFlow {
        doing,
        message: status.to_string(),
    }
}
