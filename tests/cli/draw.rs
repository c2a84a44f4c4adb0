//! `tf-mnist draw` over HTTP: who is served, with what, and what no request can do to it. The page itself is tried in a
//! browser by `scripts/check-draw`.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::runs::{fail, succeed, tf_mnist};
use support::{fixture, golden};

const MODEL: &str = "optimized_nodrop/final.ckpt";
const DEADLINE: Duration = Duration::from_secs(120);

/// The program, serving.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        // Nobody is to have it ignore SIGINT, as a shell has it of what runs in the background.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(support::program()).arg("draw").arg(golden(MODEL));
        command.args(["--port", "0", "--no-open"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix('/'));
        Self { child, port: address.unwrap_or_else(|| panic!("{line:?}")).parse().unwrap() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends these lines and `body`, and gives the status and all that comes behind the head.
    fn ask(&self, lines: &[&str], body: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        // What is refused before it is sent whole is not read to its end.
        let _ = stream.write_all(&[(lines.join("\r\n") + "\r\n\r\n").as_bytes(), body].concat());
        answer(stream)
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}", self.port)
    }

    fn head(&self, bytes: usize) -> [String; 4] {
        let length = format!("Content-Length: {bytes}");
        ["POST /classify HTTP/1.1".into(), self.host(), "Connection: close".into(), length]
    }

    fn classify(&self, picture: &[u8]) -> (u16, Value) {
        let head = self.head(picture.len());
        let (status, text) = self.ask(&head.each_ref().map(String::as_str), picture);
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {text}: {error}")))
    }

    /// A number that the system gives of the process, such as `VmRSS`, in KiB.
    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = Vec::new();
    // A reset behind the answer is none of ours.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

fn digit(digit: usize) -> Vec<u8> {
    fs::read(fixture(&format!("digits/{digit}.png"))).unwrap()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(width, height, image::Luma([255]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    png.into_inner()
}

#[test]
fn answers_are_those_of_predict() {
    let server = Server::start();
    let pictures: Vec<_> = (0..10).map(|digit| fixture(&format!("digits/{digit}.png"))).collect();
    let mut predict = tf_mnist(&["predict", "--json"]);
    predict.arg(golden(MODEL)).args(&pictures);
    let predicted: Vec<Value> = serde_json::from_slice(&succeed(predict).stdout).unwrap();
    for (number, predicted) in predicted.iter().enumerate() {
        let (status, answer) = server.classify(&digit(number));
        assert_eq!(status, 200, "{answer}");
        let difference = |place: usize| {
            let of = |value: &Value| value["probabilities"][place].as_f64().unwrap();
            (of(&answer) - of(predicted)).abs()
        };
        // Ten rows at once are added up in another order than one.
        assert!((0..10).map(difference).fold(0.0, f64::max) < 1e-6, "{answer} {predicted}");
        assert!(answer["image"].as_str().unwrap().starts_with("data:image/png;base64,"));
        assert_eq!(answer["warnings"], serde_json::json!([]));
    }
}

#[test]
fn only_its_own_page_is_served_and_only_what_it_needs() {
    let server = Server::start();
    let host = server.host();
    let get = |path: &str, line: &str| {
        server.ask(&[&format!("GET {path} HTTP/1.1"), line, "Connection: close"], b"")
    };
    for path in ["/", "/page.css", "/page.js"] {
        assert_eq!(get(path, &host).0, 200, "{path}");
        assert_eq!(get(path, "Host: evil.example").0, 403, "{path}");
    }
    assert!(get("/", &host).1.contains("<h1>Draw a digit</h1>"));
    for path in ["/etc/passwd", "/../../etc/passwd", "/classify/", "/%2e%2e/"] {
        assert_eq!(get(path, &host).0, 404, "{path}");
    }
    assert_eq!(get("/classify", &host).0, 405);
    assert_eq!(server.ask(&["PUT / HTTP/1.1", &host, "Connection: close"], b"").0, 405);
    let mut lines = server.head(0).to_vec();
    lines.push("Origin: http://evil.example".into());
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(server.ask(&lines, b"").0, 403);

    let mut stream = server.connect();
    write!(stream, "GET / HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!body.contains("<style") && !body.contains(" style="), "{body}");
    assert_eq!(
        body.matches("<script").count(),
        body.matches("<script type=\"module\" src=\"page.js\"></script>").count()
    );
}

#[test]
fn pictures_that_predict_refuses_are_refused_and_named() {
    let server = Server::start();
    let bomb = {
        let mut bomb = png(10, 10);
        bomb[16..20].copy_from_slice(&90_000u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&90_000u32.to_be_bytes());
        let checksum = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        bomb
    };
    for (picture, message) in [
        (png(100, 100), "the picture is blank"),
        (digit(7)[..200].to_vec(), "it ends before its picture does"),
        (bomb, "is 90000 x 90000 pixels: at most 540 million"),
        (b"GIF89a".to_vec(), "a GIF picture"),
        (Vec::new(), "only PNG and JPEG pictures"),
    ] {
        let (status, answer) = server.classify(&picture);
        assert_eq!(status, 422, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(message), "{answer}");
    }
    let (status, answer) = server.classify(&vec![0; 1_000_001]);
    assert_eq!((status, answer["error"].as_str()), (413, Some("the picture has more than 1 MB")));
    // Of a length that is not told before.
    let chunk = [b"80000\r\n".to_vec(), vec![0; 0x80000], b"\r\n".to_vec()].concat();
    let chunked = "Transfer-Encoding: chunked";
    let lines = ["POST /classify HTTP/1.1", &server.host(), "Connection: close", chunked];
    assert_eq!(server.ask(&lines, &chunk.repeat(2)).0, 413);
}

/// As PNG files have it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    !crc
}

#[test]
fn it_listens_on_this_machine_s_own_addresses_alone() {
    let server = Server::start();
    let mut listeners = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(table) = fs::read_to_string(table) else { continue };
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split_whitespace().collect();
            let (address, port) = columns[1].rsplit_once(':').unwrap();
            let is_listening = columns[3] == "0A";
            if is_listening && u16::from_str_radix(port, 16) == Ok(server.port) {
                listeners.push(address.to_owned());
            }
        }
    }
    // 127.0.0.1 and ::1 as the kernel prints them.
    let own = ["0100007F", "00000000000000000000000001000000"];
    assert!(listeners.contains(&own[0].to_owned()), "{listeners:?}");
    assert!(listeners.iter().all(|listener| own.contains(&listener.as_str())), "{listeners:?}");
    if listeners.len() == 2 {
        assert!(TcpStream::connect((Ipv6Addr::LOCALHOST, server.port)).is_ok());
    }
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start();
    let port = server.port.to_string();
    let mut command = tf_mnist(&["draw", "--no-open", "--port", &port]);
    command.arg(golden(MODEL));
    let stderr = fail(command, 2);
    assert!(stderr.contains(&format!("--port {port}: another program listens on that port")), "{stderr}");
}

#[test]
fn ctrl_c_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt;
    for signal in ["INT", "TERM"] {
        let mut server = Server::start();
        let _waits = server.connect();
        let kill =
            Command::new("kill").args([&format!("-{signal}"), &server.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let sent = Instant::now();
        let status = loop {
            match server.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(sent.elapsed() < DEADLINE, "goes on"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.signal(), Some(if signal == "INT" { 2 } else { 15 }));
    }
}

#[test]
fn a_thousand_requests_at_once_neither_stop_it_nor_grow_it() {
    let server = Server::start();
    let picture = digit(6); // a small one
    let expected = server.classify(&picture);
    assert_eq!(expected.0, 200);
    let (files, mut memory) = (server.open_files(), 0);
    for round in 0..2 {
        let head = server.head(picture.len()).join("\r\n") + "\r\n\r\n";
        let send = |bytes: &[u8]| {
            let mut stream = server.connect();
            stream.write_all(bytes).unwrap();
            stream
        };
        let whole = [head.as_bytes(), &picture].concat();
        let cut = &whole[..whole.len() - 1];
        // Slow ones stay; those that are cut off go away, some of them before they are answered.
        let slow: Vec<_> = (0..150).flat_map(|_| [send(&whole[..20]), send(cut), send(b"")]).collect();
        (0..75).for_each(|_| [&whole[..20], cut].into_iter().for_each(|bytes| drop(send(bytes))));
        (0..50).for_each(|_| drop(send(&whole)));
        let asked: Vec<_> = (0..350).map(|_| send(&whole)).collect();
        for stream in asked {
            let (status, text) = answer(stream);
            assert_eq!((status, serde_json::from_str(&text).unwrap()), expected);
        }
        assert_eq!(server.classify(&picture), expected);
        drop(slow);
        if round == 0 {
            memory = server.status("VmRSS");
        }
    }
    let grown = server.status("VmRSS").saturating_sub(memory);
    assert!(grown < 20_000, "{grown} KiB more");
    let ended = Instant::now();
    while server.open_files() > files {
        assert!(ended.elapsed() < DEADLINE, "{} files are open, {files} were", server.open_files());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_never_sends_the_rest_is_let_go() {
    let server = Server::start();
    let head = server.head(100).join("\r\n") + "\r\n\r\nfew";
    // Ten seconds for each, all at once.
    let waiting = [("", 0), ("GET / HT", 0), (head.as_str(), 408)].map(|(start, status)| {
        let mut stream = server.connect();
        stream.write_all(start.as_bytes()).unwrap();
        (stream, start, status)
    });
    for (stream, start, status) in waiting {
        assert_eq!(answer(stream).0, status, "{start}");
    }
}

#[test]
fn what_is_no_model_is_named() {
    let mut command = tf_mnist(&["draw", "--no-open", "--port", "0"]);
    command.arg(Path::new("nowhere"));
    assert!(fail(command, 1).contains("nowhere"));
}
