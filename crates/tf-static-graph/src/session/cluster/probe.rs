//! Whether servers answer.

use super::Address;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

/// Why something is no server that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Its host has no address: the resolver's words.
    #[error("no such host: {0}")]
    Unknown(String),
    /// Nothing listens there.
    #[error("nothing listens there")]
    Refused,
    /// It took the connection, or nothing came back at all, and then no word for so long, or the end.
    #[error("it does not answer")]
    Silent,
    /// What answers speaks no gRPC.
    #[error("what answers there is no TensorFlow server")]
    Stranger,
    /// The system's words.
    #[error("{0}")]
    Unreachable(String),
}

/// A process that is not there, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker {number} ({address}): {reason}")]
pub struct LostWorker {
    /// Counted from 1.
    pub number: usize,
    /// Where it was to be.
    pub address: Address,
    /// What was found instead.
    pub reason: Silence,
}

/// The start of HTTP/2 (RFC 9113, 3.4), and a SETTINGS frame without settings: a gRPC server answers with its own.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a SETTINGS frame, behind the three bytes of its length.
const SETTINGS: u8 = 4;

/// Asks the server at `address` for its first word, which also a frozen process does not give: its system takes connections
/// by itself.
///
/// # Errors
/// None has come within `patience`.
pub fn probe(address: &Address, patience: Duration) -> Result<(), Silence> {
    let deadline = Instant::now() + patience;
    greet_any(&resolve(address, patience)?, deadline)
}

/// A time for the user: in whole milliseconds or, from a second on, in tenths of one; never none at all.
pub(super) fn rounded(time: Duration) -> Duration {
    let unit = Duration::from_millis(if time < Duration::from_secs(1) { 1 } else { 100 });
    unit.mul_f64(time.div_duration_f64(unit).round().max(1.0))
}

/// The workers that do not answer within `patience`.
pub(super) fn lost_of(workers: &[Address], patience: Duration) -> Vec<LostWorker> {
    of_all(workers, |address| probe(address, patience)).err().unwrap_or_default()
}

/// What `ask` says of each, asked at once; or of whom it says nothing.
pub(super) fn of_all<T: Send>(
    workers: &[Address],
    ask: impl Fn(&Address) -> Result<T, Silence> + Sync,
) -> Result<Vec<T>, Vec<LostWorker>> {
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for ((number, address), answer) in (1..).zip(workers).zip(ask_each(workers, ask)) {
        match answer {
            Ok(answer) => found.push(answer),
            Err(reason) => lost.push(LostWorker { number, address: address.clone(), reason }),
        }
    }
    if lost.is_empty() { Ok(found) } else { Err(lost) }
}

/// What `ask` says of each, asked at once.
pub(super) fn ask_each<P: Sync, T: Send>(peers: &[P], ask: impl Fn(&P) -> T + Sync) -> Vec<T> {
    let ask = &ask;
    thread::scope(|scope| {
        // Where the system gives no more threads, one after the other.
        let asked = peers.iter().map(|peer| thread::Builder::new().spawn_scoped(scope, || ask(peer)).ok());
        let asked: Vec<_> = asked.collect();
        let answers = peers.iter().zip(asked);
        answers
            .map(|(peer, asked)| asked.and_then(|asked| asked.join().ok()).unwrap_or_else(|| ask(peer)))
            .collect()
    })
}

/// Asks at each of the addresses of one server.
pub(super) fn greet_any(addresses: &[SocketAddr], deadline: Instant) -> Result<(), Silence> {
    let mut failure = Silence::Refused;
    for (tried, address) in addresses.iter().enumerate() {
        // One that leads nowhere leaves time for the others.
        let share = left(deadline).map(|left| left / (addresses.len() - tried) as u32);
        match share.and_then(|share| greet(address, Instant::now() + share)) {
            Ok(true) => return Ok(()),
            Ok(false) => failure = Silence::Stranger,
            Err(error) => failure = silence(&error),
        }
    }
    Err(failure)
}

/// Whether what answers is a server.
fn greet(address: &SocketAddr, deadline: Instant) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(address, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(HELLO)?;
    let mut head = [0; 9];
    let mut read = 0;
    while read < head.len() {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut head[read..])? {
            // Without a word: what lies before the server, or this process itself, hung up.
            0 if read == 0 => return Err(io::ErrorKind::ConnectionReset.into()),
            0 => return Ok(false),
            more => read += more,
        }
    }
    Ok(head[3] == SETTINGS && head[5..] == [0; 4])
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    Some(left).filter(|left| !left.is_zero()).ok_or_else(|| io::ErrorKind::TimedOut.into())
}

fn silence(error: &io::Error) -> Silence {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Silence::Refused,
        io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => Silence::Silent,
        _ => Silence::Unreachable(error.to_string()),
    }
}

/// The system's resolver knows no deadline, so it is left behind on a thread where it takes too long.
pub(super) fn resolve(address: &Address, patience: Duration) -> Result<Vec<SocketAddr>, Silence> {
    let (host, port) = (address.host().to_owned(), address.port());
    let (tell, told) = std::sync::mpsc::channel();
    let resolve = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        let _ = tell.send(found); // nobody waits any more
    };
    thread::Builder::new().spawn(resolve).map_err(|error| Silence::Unreachable(error.to_string()))?;
    match told.recv_timeout(patience) {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        Ok(Ok(_)) => Err(Silence::Unknown("it has no address".to_owned())),
        Ok(Err(error)) => Err(Silence::Unknown(error.to_string())),
        Err(_) => Err(Silence::Unknown("its name is not resolved in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What a server that says `words` is taken for.
    fn answer(words: &'static [u8]) -> Result<(), Silence> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; HELLO.len()];
            stream.read_exact(&mut heard).unwrap();
            stream.write_all(words).unwrap();
        });
        let answer = probe(&address, Duration::from_secs(10));
        server.join().unwrap();
        answer
    }

    #[test]
    fn a_server_is_told_from_others() {
        assert_eq!(answer(b"\0\0\0\x04\0\0\0\0\0"), Ok(()));
        assert_eq!(answer(b"\0\0\x12\x04\0\0\0\0\0......"), Ok(()));
        assert_eq!(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Err(Silence::Stranger));
        assert_eq!(answer(b"\0\0"), Err(Silence::Stranger));
        assert_eq!(answer(b""), Err(Silence::Silent));
        assert_eq!(answer(b"SSH-2.0-OpenSSH_9.2\r\n"), Err(Silence::Stranger));
    }

    #[test]
    fn no_time_is_told_as_none() {
        for (micros, told) in [
            (0, "1ms"),
            (1_499, "1ms"),
            (987_654, "988ms"),
            (999_960, "1s"),
            (1_949_000, "1.9s"),
            (19_999_999, "20s"),
        ] {
            assert_eq!(format!("{:?}", rounded(Duration::from_micros(micros))), told);
        }
    }
}
