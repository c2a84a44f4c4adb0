//! What ends a run that waits for a worker that froze, or that cannot be reached any more.
//!
//! TensorFlow would wait for ever, and its channels' own questions for a sign of life (`grpc.keepalive_time_ms`) are no help:
//! servers take them for abuse while a long step has them say nothing, and hang up on a worker that is well. So workers are
//! greeted on connections of their own, and on those that do not answer this process hangs up.

use super::{Cluster, LostWorker, SessionError, probe};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tensorflow::Session;

/// Watches the workers, for as long as anyone uses the session. Of the time that one has to answer, a quarter passes before
/// it is greeted, each of two greetings may take another, and the last is for finding out who it was.
///
/// # Errors
/// [`SessionError::Lost`]: a worker's host has no address. [`SessionError::TensorFlow`]: the system gives no thread.
pub(super) fn watch(session: &Arc<Session>, cluster: &Cluster) -> Result<(), SessionError> {
    if cluster.workers.is_empty() {
        return Ok(());
    }
    let patience = cluster.patience.answer;
    // Where they are now: that the resolver fails later is no loss.
    let resolved = probe::ask_each(&cluster.workers, |address| probe::resolve(address, patience));
    let workers = (1..).zip(&cluster.workers).zip(resolved).map(|((number, address), resolved)| {
        resolved.map_err(|reason| {
            SessionError::Lost(vec![LostWorker { number, address: address.clone(), reason }])
        })
    });
    let workers: Vec<_> = workers.collect::<Result<_, _>>()?;
    let session = Arc::downgrade(session);
    // It is never given up: see `Cluster::open`.
    let is_used = move || session.strong_count() > 1;
    let watch = move || {
        while is_used() {
            thread::sleep(patience / 4);
            let answers = probe::ask_each(&workers, |worker| answers(worker, patience / 4));
            let lost = workers.iter().zip(answers).filter(|(_, answers)| !answers);
            let lost: Vec<_> = lost.flat_map(|(worker, _)| worker).copied().collect();
            if !lost.is_empty() && is_used() {
                hang_up(&lost);
            }
        }
    };
    let started = thread::Builder::new().name("watch".to_owned()).spawn(watch);
    started
        .map(drop)
        .map_err(|error| SessionError::TensorFlow { doing: "watch its workers", message: error.to_string() })
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
