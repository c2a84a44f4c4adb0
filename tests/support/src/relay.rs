//! A network between processes of one machine: what it carries comes later, and no faster than a link lets it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// One direction of a machine's port: all that goes through it, from however many connections, shares its rate.
#[derive(Debug)]
pub struct Link {
    pace: Mutex<Pace>,
    carried: AtomicU64,
}

#[derive(Debug)]
struct Pace {
    delay: Duration,
    /// Bytes a second.
    rate: f64,
    free: Instant,
}

impl Link {
    /// Without delay or limit.
    pub fn new() -> Arc<Self> {
        let pace = Pace { delay: Duration::ZERO, rate: f64::INFINITY, free: Instant::now() };
        Arc::new(Self { pace: Mutex::new(pace), carried: AtomicU64::new(0) })
    }

    /// From now on, so much delay one way, and at most so many bits a second.
    pub fn slow_down(&self, delay: Duration, bits: f64) {
        let mut pace = self.pace.lock().unwrap();
        (pace.delay, pace.rate) = (delay, bits / 8.0);
    }

    /// How many bytes it has taken.
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }

    /// When so many bytes are there that are sent now.
    fn arrival(&self, bytes: usize) -> Instant {
        self.carried.fetch_add(bytes as u64, Ordering::Relaxed);
        let mut pace = self.pace.lock().unwrap();
        pace.free = pace.free.max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / pace.rate);
        pace.free + pace.delay
    }
}

/// Takes connections at a port of `host`, any if it is 0, to that port of 127.0.0.1 which `to` is: what goes there by the first
/// of `links`, what comes back by the second. Returns the port. It may be one that a server listens at on every address, as
/// TensorFlow's do: then it takes those that come to `host`.
pub fn relay(host: Ipv4Addr, port: u16, to: u16, links: [Arc<Link>; 2]) -> u16 {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_socket_reuseport(&listener, true).unwrap();
    bind(&listener, &SocketAddr::from((host, port))).unwrap();
    listen(&listener, 64).unwrap();
    let listener = TcpListener::from(listener);
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for caller in listener.incoming() {
            let (Ok(caller), Ok(called)) = (caller, TcpStream::connect((Ipv4Addr::LOCALHOST, to))) else {
                continue;
            };
            for (from, to, link) in [(&caller, &called, &links[0]), (&called, &caller, &links[1])] {
                carry(from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(link));
            }
        }
    });
    port
}

fn carry(mut from: TcpStream, mut to: TcpStream, link: Arc<Link>) {
    to.set_nodelay(true).unwrap();
    let (send, sent) = mpsc::sync_channel::<(Instant, Vec<u8>)>(256);
    thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if send.send((link.arrival(count), bytes[..count].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (arrival, bytes) in sent {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both); // it may have ended by itself
    });
}
