//! A small HTTPS server on 127.0.0.1 whose answers a test writes byte by byte.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tf_mnist::fetch::{Client, Policy};

/// The head of a request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Counts from 0.
    pub nth: usize,
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
}

impl Request {
    /// Where the range begins.
    pub fn range_start(&self) -> Option<usize> {
        self.range
            .as_ref()?
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    }
}

/// Answers until the test process ends.
pub struct Server {
    port: u16,
    authority: rcgen::Certificate,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Answer = dyn Fn(&Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync;

impl Server {
    /// `answer` writes the whole response; the connection closes when it returns.
    pub fn start(
        answer: impl Fn(&Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::new(authority, authority_key))
            .unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
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
        Self {
            port,
            authority: authority_certificate,
            requests,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// The certificate that vouches for this server.
    pub fn authority(&self) -> CertificateDer<'static> {
        self.authority.der().clone()
    }

    pub fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// A client that trusts this server and loses no time.
    pub fn client(&self) -> Client {
        Client::new()
            .with_extra_roots([self.authority()])
            .with_policy(quick())
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Pauses of milliseconds in place of seconds.
pub fn quick() -> Policy {
    use std::time::Duration;
    Policy {
        stall_timeout: Duration::from_millis(300),
        least_bytes_per_stall: 1000,
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_secs(2),
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
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => request.range = Some(value.into()),
            Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                request.if_range = Some(value.into())
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => request.path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
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

/// A whole file, with a tag.
pub fn file(out: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    let length = bytes.len().to_string();
    head(out, "200 OK", &[("Content-Length", &length), ("ETag", "\"v1\"")])?;
    out.write_all(bytes)
}

/// What follows `start`.
pub fn rest(out: &mut dyn Write, bytes: &[u8], start: usize) -> std::io::Result<()> {
    let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
    let length = (bytes.len() - start).to_string();
    let headers = [
        ("Content-Length", &*length),
        ("Content-Range", &range),
        ("ETag", "\"v1\""),
    ];
    head(out, "206 Partial Content", &headers)?;
    out.write_all(&bytes[start..])
}

/// Announces the whole file, sends `count` bytes of it, and leaves the rest to the caller.
pub fn begin(out: &mut dyn Write, bytes: &[u8], count: usize) -> std::io::Result<()> {
    let length = bytes.len().to_string();
    head(out, "200 OK", &[("Content-Length", &length), ("ETag", "\"v1\"")])?;
    out.write_all(&bytes[..count])?;
    out.flush()
}
