//! What ends a run that waits for a worker that froze, or that cannot be reached any more.
//!
//! TensorFlow would wait for ever, and its channels' own questions for a sign of life (`grpc.keepalive_time_ms`) are no help: servers
//! take them for abuse while a long step has them say nothing, and hang up on a worker that is well. So workers are greeted
//! on connections of their own, and on those that are silent or out of reach this process hangs up. One whose host has no
//! address any more, or refuses connections, is left to TensorFlow, and at last to the limit of a run.

use super::{Address, Cluster, Silence, probe};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tensorflow::Session;

/// Watches the workers, for as long as anyone uses the session. One is greeted after each third of the time that it has to
/// answer, and hung up on if it does not within the next; the last is for finding out who it was.
pub(super) fn watch(session: &Arc<Session>, cluster: &Cluster) -> io::Result<()> {
    let (session, cluster) = (Arc::downgrade(session), cluster.clone());
    let watch = move || {
        // It is never given up: see `Cluster::open`.
        while session.strong_count() > 1 {
            thread::sleep(cluster.patience.answer / 3);
            for lost in cluster.lost() {
                if matches!(lost.reason, Silence::Silent | Silence::Unreachable(_)) {
                    hang_up(&lost.address, cluster.patience.answer / 3);
                }
            }
        }
    };
    thread::Builder::new().name("watch".to_owned()).spawn(watch).map(drop)
}

/// Shuts the connections of this process to `address`: whoever waits for something there learns it at once.
fn hang_up(address: &Address, patience: Duration) {
    let Ok(peers) = probe::resolve(address, patience) else {
        return;
    };
    let peers: Vec<_> = peers.iter().map(|peer| (peer.ip().to_canonical(), peer.port())).collect();
    for entry in std::fs::read_dir("/dev/fd").into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        // SAFETY: it is copied at once, by a system call that refuses a number which is none by then. The copy stays what it
        // is, whoever closes the original and whatever gets its number.
        let copy = rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(number) }, 0);
        let Ok(descriptor) = copy else { continue };
        let peer = rustix::net::getpeername(&descriptor).ok().flatten();
        let peer = peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peers.contains(&(peer.ip().to_canonical(), peer.port()))) {
            let _ = rustix::net::shutdown(&descriptor, rustix::net::Shutdown::Both); // it may be shut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn hangs_up_on_an_address_alone() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut streams = listeners.each_ref().map(|listener| {
            let called = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (called, listener.accept().unwrap().0)
        });
        let port = listeners[0].local_addr().unwrap().port();
        hang_up(&Address::new("localhost", port).unwrap(), Duration::from_secs(10));
        let mut ended = |number: usize| {
            streams[number].1.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            streams[number].1.read(&mut [0]).is_ok_and(|read| read == 0)
        };
        assert!(ended(0));
        assert!(!ended(1));
    }
}
