//! The fields of TensorFlow's `ServerDef` and `ClusterDef` that this crate sets (tensorflow/core/protobuf/tensorflow_server.proto
//! and cluster.proto), for prost.

use crate::session::config_proto::ConfigProto;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ServerDef {
    #[prost(message, optional, tag = "1")]
    pub cluster: Option<ClusterDef>,
    #[prost(string, tag = "2")]
    pub job_name: String,
    #[prost(int32, tag = "3")]
    pub task_index: i32,
    #[prost(message, optional, tag = "4")]
    pub default_session_config: Option<ConfigProto>,
    #[prost(string, tag = "5")]
    pub protocol: String,
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
