//! What ends a run that waits for a worker that froze, or that cannot be reached any more.
//!
//! TensorFlow would wait for ever, and its channels' own questions for a sign of life (`grpc.keepalive_time_ms`) are no help:
//! servers take them for abuse while a long step has them say nothing, and hang up on a worker that is well. So workers are
//! greeted on connections of their own, and on those that do not answer this process hangs up.

use super::{Cluster, JOB, SessionError, probe};
use crate::proto::RunOptions;
use crate::session::config::refused;
use crate::session::graph_session::GraphSession;
use prost::Message;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::{Code, Graph, Operation, Session, SessionRunArgs};

/// Watches the workers, for as long as anyone else uses the session. Of the time that one has to answer, a quarter passes
/// before it is greeted, each of two greetings may take another, and the last is for finding out who it was.
///
/// # Errors
/// [`SessionError::Lost`]: a worker's host has no address. [`SessionError::TensorFlow`]: the system gives no thread.
pub(super) fn watch(
    session: &'static GraphSession,
    graph: &Graph,
    cluster: &Cluster,
) -> Result<(), SessionError> {
    if cluster.workers.is_empty() {
        return Ok(());
    }
    let patience = cluster.patience;
    // Where they are now: that the resolver fails later is no loss.
    let resolved = probe::of_all(&cluster.workers, |address| probe::resolve(address, patience.answer));
    let workers = resolved.map_err(SessionError::Lost)?;
    let mut memory = Memory::of(session, graph, workers.len());
    // Half of its time is enough for any other step to be asked about before TensorFlow ends it.
    let long = patience.answer.min(patience.run / 2);
    let watch = move || {
        while session.users() > 1 {
            thread::sleep(patience.answer / 4);
            let greeted = probe::ask_each(&workers, |worker| answers(worker, patience.answer / 4));
            let running = || session.running().unwrap_or_default();
            let are_lost = match running() {
                _ if greeted.contains(&false) => greeted.iter().map(|answers| !answers).collect(),
                run if run < long => continue,
                run if run < patience.run.saturating_add(patience.answer) => {
                    let forgot = memory.lost(patience.answer / 8);
                    // It may have ended meanwhile.
                    if running() < long {
                        continue;
                    }
                    forgot
                }
                // Nothing that TensorFlow does of itself ends it.
                _ => vec![true; workers.len()],
            };
            let lost = workers.iter().zip(are_lost).filter(|&(_, is_lost)| is_lost);
            let lost: Vec<_> = lost.flat_map(|(worker, _)| worker).copied().collect();
            if !lost.is_empty() && session.users() > 1 {
                hang_up(&lost);
            }
        }
    };
    let started = thread::Builder::new().name("watch".to_owned()).spawn(watch);
    started.map(drop).map_err(refused("watch its workers"))
}

/// Whether workers, all of which answer, remember the session: one that started again does not, nor one that another chief
/// took.
///
/// TensorFlow may tell the worker of a step first. One that refuses at once does so before the part of this process has begun,
/// which is then never cancelled: it waits for ever for values from there, and no limit of time ends it
/// (`RunManyGraphs::ReportBadStatus` in `master_session.cc` cancels once). A step of a worker alone has no such other part.
struct Memory {
    session: &'static GraphSession,
    /// Of each worker what it can run that depends on nothing, if the graph has it.
    signs: Vec<Option<Operation>>,
    /// Those who were asked last, for as long as any of them may answer.
    asked: Option<mpsc::Receiver<usize>>,
}

impl Memory {
    fn of(session: &'static GraphSession, graph: &Graph, workers: usize) -> Self {
        Self { session, signs: (1..=workers).map(|task| sign_of_life(graph, task)).collect(), asked: None }
    }

    /// Which of them are known to have lost it, within `patience`.
    fn lost(&mut self, patience: Duration) -> Vec<bool> {
        let mut lost = vec![false; self.signs.len()];
        let asked = self.asked.take().unwrap_or_else(|| self.ask(patience));
        let deadline = Instant::now() + patience;
        loop {
            match asked.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(place) => lost[place] = true,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.asked = Some(asked);
                    break;
                }
            }
        }
        lost
    }

    /// On threads of their own: one that freezes now would keep TensorFlow, and the watch with it.
    fn ask(&self, patience: Duration) -> mpsc::Receiver<usize> {
        let (tell, told) = mpsc::channel();
        let timeout_in_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX).max(1);
        let limit = RunOptions { timeout_in_ms }.encode_to_vec();
        for (place, sign) in self.signs.iter().enumerate() {
            let Some(sign) = sign.clone() else { continue };
            let (tell, limit, session) = (tell.clone(), limit.clone(), self.session);
            let ask = move || {
                let mut run = SessionRunArgs::new();
                run.set_run_options(&limit);
                run.add_target(&sign);
                // Past what counts the runs.
                if Session::run(session, &mut run).is_err_and(|status| status.code() == Code::Aborted) {
                    let _ = tell.send(place); // nobody waits any more
                }
            };
            // Where there is no thread, it is asked the next time.
            drop(thread::Builder::new().spawn(ask));
        }
        told
    }
}

fn sign_of_life(graph: &Graph, task: usize) -> Option<Operation> {
    let (job, task) = (format!("job:{JOB}"), format!("task:{task}"));
    let is_there = |device: &str| device.split('/').filter(|&part| part == job || part == task).count() == 2;
    graph.operation_iter().find(|operation| {
        operation.device().is_ok_and(|device| is_there(&device))
            && operation.op_type().is_ok_and(|kind| ["Const", "NoOp"].contains(&kind.as_str()))
            && operation.num_inputs() + operation.num_control_inputs() == 0
    })
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
