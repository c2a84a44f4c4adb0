//! This process as a TensorFlow server: `TF_NewServer` and what belongs to it (c_api.h), which the tensorflow crate
//! leaves to the one below it.

use super::Address;
use crate::proto::{ClusterDef, ConfigProto, Experimental, JobDef, ServerDef};
use crate::session::config::SessionConfig;
use crate::session::error::SessionError;
use prost::Message;
use std::ffi::CStr;
use tensorflow_sys_runtime as tf;

/// The job that a server has before a session names it another: those two must not be the same.
const BOOT: &str = "boot";

/// A server of TensorFlow's distributed runtime, for as long as this process lives: TensorFlow ends the process where a
/// started one is deleted.
///
/// It listens on **every** interface, asks for no password, encrypts nothing, and runs any graph that it is sent, with the
/// rights of this process.
#[derive(Debug, Clone)]
pub struct Server {
    address: Address,
    target: String,
}

impl Server {
    /// Starts one that others reach at `address`; port 0 is any that is free. The devices and threads that `config` asks for
    /// are those that it has for good.
    ///
    /// # Errors
    /// [`SessionError::Server`]: the port is in use, or this TensorFlow has no servers. [`SessionError::NotLoaded`] before [`libtensorflow::load`].
    pub fn start(address: &Address, config: &SessionConfig) -> Result<Self, SessionError> {
        let runtime = libtensorflow::loaded().ok_or(SessionError::NotLoaded)?;
        let failed = |reason| SessionError::Server { address: address.clone(), reason };
        let functions = ["TF_NewServer", "TF_ServerStart", "TF_ServerTarget"];
        if let Some(missing) = functions.iter().find(|function| !runtime.has_function(function)) {
            return Err(failed(format!("this TensorFlow has no servers: it lacks {missing}")));
        }
        let tasks = [(0, address.to_string())].into();
        let definition = ServerDef {
            cluster: Some(ClusterDef { job: vec![JobDef { name: BOOT.to_owned(), tasks }] }),
            job_name: BOOT.to_owned(),
            task_index: 0,
            default_session_config: Some(settings(config)),
            protocol: "grpc".to_owned(),
        };
        let target = start(&definition.encode_to_vec()).map_err(failed)?;
        let port = target.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| failed(format!("it listens at {target:?}, which has no port")))?;
        Ok(Self { address: address.with_port(port), target })
    }

    /// Where others reach it.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What sessions are to be opened on: `grpc://localhost:2222`.
    pub(super) fn target(&self) -> &str {
        &self.target
    }
}

/// Those of sessions over servers. A thread that has nothing to do would spin for a millisecond before it sleeps: where the
/// processors are shared, by several servers or by those who serve the network, that is taken from one that has. And there are
/// two threads at least: with one, which waits for a kernel, what the others ask for would wait, too, and all compute in turn.
pub(super) fn settings(config: &SessionConfig) -> ConfigProto {
    ConfigProto {
        inter_op_parallelism_threads: i32::try_from(config.threads().inter_op.max(2)).unwrap_or(i32::MAX),
        experimental: Some(Experimental { disable_thread_spinning: true }),
        ..config.config_proto()
    }
}

/// Starts a server of the serialized `ServerDef`, and returns its target.
fn start(definition: &[u8]) -> Result<String, String> {
    // SAFETY: the library is loaded. The status lives until it is deleted, which is last, and its words until it is
    // changed; the bytes are copied; the server is never deleted.
    unsafe {
        let status = tf::TF_NewStatus();
        let check = || match tf::TF_GetCode(status) {
            tf::TF_OK => Ok(()),
            _ => Err(CStr::from_ptr(tf::TF_Message(status)).to_string_lossy().into_owned()),
        };
        let started = (|| {
            let server = tf::TF_NewServer(definition.as_ptr().cast(), definition.len(), status);
            check()?;
            tf::TF_ServerStart(server, status);
            check()?;
            Ok(CStr::from_ptr(tf::TF_ServerTarget(server)).to_string_lossy().into_owned())
        })();
        tf::TF_DeleteStatus(status);
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_thread_to_answer_while_it_computes() {
        let settings = settings(&SessionConfig::reproducible());
        assert_eq!((settings.intra_op_parallelism_threads, settings.inter_op_parallelism_threads), (1, 2));
    }
}
