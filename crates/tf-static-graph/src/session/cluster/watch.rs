//! What ends a run that waits for a worker that froze, or that cannot be reached any more.
//!
//! TensorFlow would wait for ever, and its channels' own questions for a sign of life (`grpc.keepalive_time_ms`) are no help:
//! servers take them for abuse while a long step has them say nothing, and hang up on a worker that is well. So workers are
//! greeted on connections of their own, and on those that do not answer this process hangs up.

use super::{Cluster, JOB, LostWorker, SessionError, probe};
use crate::session::config_proto::RunOptions;
use crate::session::graph_session::{GraphSession, Watched};
use prost::Message;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::{Code, Graph, Operation, Session, SessionRunArgs};

/// Watches the workers, for as long as anyone uses the session. Of the time that one has to answer, a quarter passes before
/// it is greeted, each of two greetings may take another, and the last is for finding out who it was.
///
/// # Errors
/// [`SessionError::Lost`]: a worker's host has no address. [`SessionError::TensorFlow`]: the system gives no thread.
pub(super) fn watch(session: &GraphSession, graph: &Graph, cluster: &Cluster) -> Result<(), SessionError> {
    if cluster.workers.is_empty() {
        return Ok(());
    }
    let patience = cluster.patience;
    // Where they are now: that the resolver fails later is no loss.
    let resolved = probe::ask_each(&cluster.workers, |address| probe::resolve(address, patience.answer));
    let workers = (1..).zip(&cluster.workers).zip(resolved).map(|((number, address), resolved)| {
        resolved.map_err(|reason| {
            SessionError::Lost(vec![LostWorker { number, address: address.clone(), reason }])
        })
    });
    let workers: Vec<_> = workers.collect::<Result<_, _>>()?;
    let signs: Arc<Vec<_>> = Arc::new((1..=workers.len()).map(|task| sign_of_life(graph, task)).collect());
    let session = Arc::downgrade(&session.0);
    let watch = move || {
        // It is never given up: see `Cluster::open`.
        while session.strong_count() > 1 {
            thread::sleep(patience.answer / 4);
            let mut are_lost: Vec<_> =
                probe::ask_each(&workers, |worker| !answers(worker, patience.answer / 4));
            if !are_lost.contains(&true) {
                let running = session.upgrade().and_then(|session| session.running());
                are_lost = match running.unwrap_or_default() {
                    running if running < patience.answer => continue,
                    running if running < patience.run.saturating_add(patience.answer) => {
                        forgot(&session, &signs, patience.answer / 4)
                    }
                    // Nothing that TensorFlow does of itself ends it.
                    _ => vec![true; workers.len()],
                };
            }
            let lost = workers.iter().zip(are_lost).filter(|&(_, is_lost)| is_lost);
            let lost: Vec<_> = lost.flat_map(|(worker, _)| worker).copied().collect();
            if !lost.is_empty() && session.strong_count() > 1 {
                hang_up(&lost);
            }
        }
    };
    let started = thread::Builder::new().name("watch".to_owned()).spawn(watch);
    started
        .map(drop)
        .map_err(|error| SessionError::TensorFlow { doing: "watch its workers", message: error.to_string() })
}

/// What a worker can run that depends on nothing.
fn sign_of_life(graph: &Graph, task: usize) -> Option<Operation> {
    let (job, task) = (format!("job:{JOB}"), format!("task:{task}"));
    let is_there = |device: &str| device.split('/').filter(|&part| part == job || part == task).count() == 2;
    graph.operation_iter().find(|operation| {
        operation.device().is_ok_and(|device| is_there(&device))
            && operation.op_type().is_ok_and(|kind| ["Const", "NoOp"].contains(&kind.as_str()))
            && operation.num_inputs() + operation.num_control_inputs() == 0
    })
}

/// Whether each worker, all of which answer, has forgotten the session: it started again, or another chief took it.
///
/// TensorFlow tells the worker of a step first. One that refuses at once does so before the part of this process has begun,
/// which is then never cancelled: it waits for ever for values from there, and no limit of time ends it
/// (`RunManyGraphs::ReportBadStatus` in `master_session.cc` cancels once). A step of a worker alone has no such other part.
fn forgot(session: &Weak<Watched>, signs: &Arc<Vec<Option<Operation>>>, patience: Duration) -> Vec<bool> {
    let mut forgot = vec![false; signs.len()];
    let Some(session) = session.upgrade().map(GraphSession) else { return forgot };
    let signs = Arc::clone(signs);
    let (tell, told) = mpsc::channel();
    let limit = RunOptions { timeout_in_ms: i64::try_from(patience.as_millis()).unwrap_or(i64::MAX) };
    // One that freezes now would keep TensorFlow, and the watch with it.
    let ask = move || {
        for (place, sign) in signs.iter().enumerate() {
            let Some(sign) = sign else { continue };
            let mut run = SessionRunArgs::new();
            run.set_run_options(&limit.encode_to_vec());
            run.add_target(sign);
            // Past what counts the runs.
            let is_forgotten =
                Session::run(&session, &mut run).is_err_and(|status| status.code() == Code::Aborted);
            if tell.send((place, is_forgotten)).is_err() {
                return; // nobody waits any more
            }
        }
    };
    if thread::Builder::new().spawn(ask).is_ok() {
        let deadline = Instant::now() + patience;
        while let Ok((place, is_forgotten)) =
            told.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            forgot[place] = is_forgotten;
        }
    }
    forgot
}

/// Whether a server answers one of two greetings.
fn answers(server: &[SocketAddr], patience: Duration) -> bool {
    let greet = |deadline| probe::greet_any(server, deadline).is_ok();
    let second = Instant::now() + patience;
    greet(second) || {
        thread::sleep(second.saturating_duration_since(Instant::now()));
        greet(second + patience)
    }
}

/// Shuts the connections of this process to those addresses: whoever waits for something there learns it at once.
fn hang_up(peers: &[SocketAddr]) {
    let place = |address: &SocketAddr| (address.ip().to_canonical(), address.port());
    let peers: Vec<_> = peers.iter().map(place).collect();
    for number in open_descriptors() {
        // SAFETY: it is copied at once, by a system call that refuses a number which is none by then. The copy stays what it
        // is, whoever closes the original and whatever gets its number.
        let copy = rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(number) }, 0);
        let Ok(descriptor) = copy else { continue };
        let peer = rustix::net::getpeername(&descriptor).ok().flatten();
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peers.contains(&place(&peer))) {
            let _ = rustix::net::shutdown(&descriptor, rustix::net::Shutdown::Both); // it may be shut
        }
    }
}

fn open_descriptors() -> Vec<RawFd> {
    let listed = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let listed: Vec<_> = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    match listed.is_empty() {
        // Where the system has no such folder, those that there may be.
        true => (0..1 << 16).collect(),
        false => listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn one_answer_of_two_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = [listener.local_addr().unwrap()];
        let patience = Duration::from_millis(500);
        let second = thread::spawn(move || {
            let _first = listener.accept().unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"\0\0\0\x04\0\0\0\0\0").unwrap();
            listener
        });
        assert!(answers(&server, patience));
        let silent = second.join().unwrap();
        assert!(!answers(&server, patience));
        drop(silent);
        assert!(!answers(&server, patience), "it refuses");
    }

    #[test]
    fn hangs_up_on_an_address_alone() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut streams = listeners.each_ref().map(|listener| {
            let called = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (called, listener.accept().unwrap().0)
        });
        hang_up(&[listeners[0].local_addr().unwrap()]);
        let mut ended = |number: usize| {
            streams[number].1.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            streams[number].1.read(&mut [0]).is_ok_and(|read| read == 0)
        };
        assert!(ended(0));
        assert!(!ended(1));
    }
}
