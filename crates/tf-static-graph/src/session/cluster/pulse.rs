//! Something for workers to answer while a step is under way.
//!
//! A channel that hears nothing for a while asks whether the other side lives (`libtensorflow`'s `Options::peer_timeout`). gRPC's servers
//! take the third such question for abuse and hang up, unless they sent something in between: and a worker that computes for
//! long sends nothing. So it is given a node to run, which takes no time, before it is asked.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tensorflow::{Graph, Operation, Session, SessionRunArgs};

/// Has each worker that has nodes in `graph` answer once in every `interval`, for as long as anyone but this keeps the session.
pub(super) fn keep_up(session: &Arc<Session>, graph: &Graph, interval: Duration) {
    let nodes = nodes(graph);
    if nodes.is_empty() {
        return;
    }
    let session = Arc::clone(session);
    let beat = move || {
        loop {
            thread::sleep(interval);
            // One is never given up: see `Cluster::open`.
            if Arc::strong_count(&session) <= 2 {
                return;
            }
            let mut run = SessionRunArgs::new();
            nodes.iter().for_each(|node| run.add_target(node));
            if session.run(&mut run).is_err() {
                return; // it is lost, which whoever trains learns, too
            }
        }
    };
    // Without a thread, long steps end as if the worker was lost.
    let _ = thread::Builder::new().name("pulse".to_owned()).spawn(beat);
}

/// A constant of each worker.
fn nodes(graph: &Graph) -> Vec<Operation> {
    let mut tasks = Vec::new();
    let constants = graph.operation_iter().filter(|node| node.op_type().is_ok_and(|op| op == "Const"));
    let of_workers = constants.filter(|node| {
        let device = node.device().unwrap_or_default();
        let task = device.split_once("/device:").map(|(task, _)| task.to_owned());
        task.filter(|task| !task.ends_with("/task:0") && !tasks.contains(task))
            .map(|task| tasks.push(task))
            .is_some()
    });
    of_workers.collect()
}
