//! Why there is no session as asked for.

use crate::debug_as_displayed::debug_as_displayed;
use crate::session::cluster::address::Address;
use crate::session::cluster::probe::LostWorker;
use crate::session::device::Device;
use libtensorflow::FoundBy;
use std::path::PathBuf;
use std::time::Duration;

/// TensorFlow gives no session as asked for.
#[derive(thiserror::Error)]
pub enum SessionError {
    /// A session was asked for before [`libtensorflow::load`].
    #[error("TensorFlow is not loaded yet")]
    NotLoaded,
    /// A GPU is required, and TensorFlow sees no such one.
    #[error("TensorFlow sees no such GPU; it sees {seen}\n  library: {library} ({found_by})")]
    NoGpu {
        /// The device asked for.
        wanted: Device,
        /// The devices there are, or TensorFlow's own words.
        seen: String,
        /// The library asked.
        library: PathBuf,
        /// How it was found.
        found_by: FoundBy,
        /// Whether that is a build with GPU support.
        is_gpu_build: bool,
    },
    /// Replicas are to run on devices of which TensorFlow sees only some.
    #[error("{} replicas need {}; TensorFlow sees {}: {} not there", .wanted.len(), .wanted.join(", "), .seen.join(", "), are_not_among(.wanted, .seen))]
    MissingDevices {
        /// The devices that they are to run on.
        wanted: Vec<String>,
        /// The devices there are.
        seen: Vec<String>,
    },
    /// This process cannot become a server.
    #[error("no server can be started at {address}: {reason}")]
    Server {
        /// Where it was to listen.
        address: Address,
        /// TensorFlow's own words.
        reason: String,
    },
    /// Workers do not answer.
    #[error("{}", .0.iter().map(LostWorker::to_string).collect::<Vec<_>>().join("; "))]
    Lost(Vec<LostWorker>),
    /// All workers answer, and one of them did not work: it may have come back in between, or be none.
    #[error("TensorFlow cannot open a session over all workers: {message}")]
    Disconnected {
        /// TensorFlow's words.
        message: String,
    },
    /// All workers answer, and the session is not open in time.
    #[error("TensorFlow cannot open a session over all workers: not within {waited:?}")]
    Late {
        /// How long it was waited for.
        waited: Duration,
    },
    /// A worker answers this process, and takes nothing from it.
    #[error("worker {number} ({worker}) answers, and does not reach this process at {own}")]
    NoWayBack {
        /// Counted from 1.
        number: usize,
        /// Where the worker is.
        worker: Address,
        /// Where it was told that this process is.
        own: Address,
    },
    /// A process has one place in a cluster.
    #[error("worker {number} ({worker}) is the process of another one, by another name")]
    NamedTwice {
        /// Counted from 1.
        number: usize,
        /// Where it is.
        worker: Address,
    },
    /// The workers have all the replicas that there are to be.
    #[error("{replicas} replicas: the workers have {theirs}, which leaves none for this process")]
    NoReplicaLeft {
        /// In all.
        replicas: u16,
        /// Those of the workers.
        theirs: usize,
    },
    /// TensorFlow itself refused.
    #[error("TensorFlow cannot {doing}: {message}")]
    TensorFlow {
        /// What it was asked to do.
        doing: &'static str,
        /// Its own words.
        message: String,
    },
}

debug_as_displayed! { SessionError }

/// Those of `wanted` that are not `seen`, with their verb.
fn are_not_among(wanted: &[String], seen: &[String]) -> String {
    let missing: Vec<_> = wanted.iter().filter(|name| !seen.contains(name)).map(String::as_str).collect();
    format!("{} {}", missing.join(", "), if missing.len() == 1 { "is" } else { "are" })
}
