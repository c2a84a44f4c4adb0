//! The fields of TensorFlow's `ConfigProto` that this crate sets (tensorflow/core/protobuf/config.proto and
//! rewriter_config.proto, cluster.proto), for prost.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConfigProto {
    /// A map; on the wire it is this.
    #[prost(message, repeated, tag = "1")]
    pub device_count: Vec<DeviceCount>,
    #[prost(int32, tag = "2")]
    pub intra_op_parallelism_threads: i32,
    #[prost(int32, tag = "5")]
    pub inter_op_parallelism_threads: i32,
    #[prost(message, optional, tag = "6")]
    pub gpu_options: Option<GpuOptions>,
    #[prost(bool, tag = "7")]
    pub allow_soft_placement: bool,
    #[prost(message, optional, tag = "10")]
    pub graph_options: Option<GraphOptions>,
    #[prost(int64, tag = "11")]
    pub operation_timeout_in_ms: i64,
    #[prost(message, optional, tag = "14")]
    pub cluster_def: Option<ClusterDef>,
    #[prost(message, optional, tag = "16")]
    pub experimental: Option<Experimental>,
}

/// Those of one run.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RunOptions {
    #[prost(int64, tag = "2")]
    pub timeout_in_ms: i64,
}

/// `ConfigProto.Experimental`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Experimental {
    #[prost(bool, tag = "9")]
    pub disable_thread_spinning: bool,
}

/// The most devices of a type. 0 is written out, as Python does.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeviceCount {
    #[prost(string, tag = "1")]
    pub device_type: String,
    #[prost(int32, optional, tag = "2")]
    pub count: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GpuOptions {
    #[prost(bool, tag = "4")]
    pub allow_growth: bool,
    #[prost(string, tag = "5")]
    pub visible_device_list: String,
    #[prost(message, optional, tag = "9")]
    pub experimental: Option<GpuExperimental>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GpuExperimental {
    #[prost(message, repeated, tag = "1")]
    pub virtual_devices: Vec<VirtualDevices>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VirtualDevices {
    #[prost(float, repeated, tag = "1")]
    pub memory_limit_mb: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphOptions {
    #[prost(message, optional, tag = "10")]
    pub rewrite_options: Option<RewriterConfig>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RewriterConfig {
    #[prost(bool, tag = "19")]
    pub disable_meta_optimizer: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClusterDef {
    #[prost(message, repeated, tag = "1")]
    pub jobs: Vec<JobDef>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct JobDef {
    #[prost(string, tag = "1")]
    pub name: String,
    /// A map; on the wire it is this.
    #[prost(message, repeated, tag = "2")]
    pub tasks: Vec<Task>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Task {
    #[prost(int32, tag = "1")]
    pub number: i32,
    #[prost(string, tag = "2")]
    pub address: String,
}
