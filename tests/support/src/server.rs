//! A small HTTPS server on 127.0.0.1 whose answers a test writes byte by byte.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tf_mnist::fetch::{Client, Policy};

/// The certificate that vouches for every server here; and one that vouches for none.
pub const AUTHORITY: &str = include_str!("../../fixtures/tls/authority.pem");
pub const STRANGER: &str = include_str!("../../fixtures/tls/stranger.pem");

/// The head of a request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Counts from 0.
    pub nth: usize,
    pub path: String,
}

/// Answers until the test process ends.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Answer = dyn Fn(&Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync;

impl Server {
    /// `answer` writes the whole response; the connection closes when it returns.
    pub fn start(
        answer: impl Fn(&Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let certificate = include_bytes!("../../fixtures/tls/server.pem");
        let key = include_bytes!("../../fixtures/tls/server.key");
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(key).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, tls, answer): (_, _, Arc<Answer>) = (requests.clone(), Arc::new(tls), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, tls, answer) = (seen.clone(), tls.clone(), answer.clone());
                // A client that hangs up, or does not trust us, is what many tests are about.
                thread::spawn(move || serve(stream, tls, &seen, &*answer).unwrap_or_default());
            }
        });
        Self { port, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// A client that trusts this server and loses no time.
    pub fn client(&self) -> Client {
        Client::with(quick(), [CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()])
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Pauses of milliseconds in place of seconds.
fn quick() -> Policy {
    Policy {
        stall_timeout: Duration::from_millis(300),
        deadline: Duration::from_secs(1),
        pause: Duration::from_millis(5),
        ..Policy::default()
    }
}

fn serve(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    seen: &Mutex<Vec<Request>>,
    answer: &Answer,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = Request::default();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            text if text.starts_with("GET ") => {
                request.path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            }
            _ => {}
        }
    }
    {
        let mut seen = seen.lock().unwrap();
        request.nth = seen.len();
        seen.push(request.clone());
    }
    let mut stream = reader.into_inner();
    let outcome = answer(&request, &mut stream);
    stream.conn.send_close_notify();
    stream.flush()?;
    outcome
}

/// Writes a head: the status line's rest, then each header, then the empty line.
pub fn head(out: &mut dyn Write, status: &str, headers: &[(&str, &str)]) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    out.write_all(text.as_bytes())
}

/// A whole file.
pub fn file(out: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    begin(out, bytes, bytes.len())
}

/// Announces the whole file, sends `count` bytes of it, and leaves the rest to the caller.
pub fn begin(out: &mut dyn Write, bytes: &[u8], count: usize) -> std::io::Result<()> {
    let length = bytes.len().to_string();
    head(out, "200 OK", &[("Content-Length", &length)])?;
    out.write_all(&bytes[..count])?;
    out.flush()
}

pub fn absent() -> Server {
    Server::start(|_, out| head(out, "404 Not Found", &[("Content-Length", "0")]))
}
