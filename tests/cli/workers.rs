//! Replicas in other processes: `worker`, `--workers`, `--processes`, `--cluster`.

mod clusters;
mod command_line;
mod exposure;
mod losses;
mod networks;
mod waits;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use support::golden;
use support::runs::{
    checkpoint_files, end, fail, metrics, resume, smallest_mnist, start, stderr, succeed, tf_mnist,
    wait_for_lines, with,
};

/// A worker, for as long as this lives.
struct Worker {
    child: Child,
    port: u16,
}

impl Worker {
    fn start(arguments: &[&str]) -> Self {
        Self::at(0, arguments)
    }

    fn at(port: u16, arguments: &[&str]) -> Self {
        let mut command = tf_mnist(&["worker", "--port", &port.to_string()]);
        let mut child = command.args(arguments).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening at port ").unwrap().parse().unwrap();
        Self { child, port }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// How it ends, by a signal that it was sent.
    fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None => assert!(Instant::now() < deadline, "the signal is not obeyed"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Whether the system gives processes a network of their own.
fn has_fences() -> bool {
    let can = |options: &str| {
        Command::new("unshare").args([options, "true"]).status().is_ok_and(|status| status.success())
    };
    let can = can("-n") || can("-Urn");
    if !can {
        support::untested("the right to a network of one's own");
    }
    can
}

fn names(workers: &[&Worker]) -> String {
    workers.iter().map(|worker| worker.address()).collect::<Vec<_>>().join(",")
}

/// The processes that `parent` started, by /proc.
fn children(parent: u32) -> Vec<u32> {
    let is_child = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}"))
            && !status.lines().any(|line| line.starts_with("State:\tZ"))
    };
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.filter(is_child).collect()
}

/// What happened in a run, but for its workers.
fn steps(run: &Path) -> Vec<String> {
    metrics(run).into_iter().filter(|line| !line.contains("worker_lost")).collect()
}

fn assert_same(run: &Path, reference: &Path) {
    assert_eq!(steps(run), steps(reference));
    assert!(checkpoint_files(run) == checkpoint_files(reference), "{} has other bits", run.display());
}

const OPTIMIZED: &[&str] =
    &["optimized", "--batch-size", "30", "--max-steps", "10", "--validate-every", "4", "--save-every", "4"];
const BASELINE: &[&str] = &["baseline", "--batch-size", "31", "--epochs", "9", "--save-every", "5"];

#[test]
fn bits_do_not_depend_on_the_processes() {
    let has_fences = has_fences();
    let folder = tempfile::tempdir().unwrap();
    let accurate = ["train", "accurate", "--batch-size", "23", "--max-steps", "3"];
    let baseline = [BASELINE, &["--max-steps", "12"]].concat();
    let optimized = ["optimized", "--batch-size", "30", "--max-steps", "6", "--validate-every", "4"];
    let synchronized = [&optimized[..], &["--sync-batch-norm"]].concat();
    let [pair, single] = [&["--reproducible", "--replicas", "2"][..], &["--reproducible"]].map(Worker::start);
    let (pair, both) = (names(&[&pair]), names(&[&single, &pair]));
    let (on_pair, on_both, of_own) = (["--workers", &pair], ["--workers", &both], ["--processes", "3"]);
    // Rows that do not come out even; 3 replicas on 2 and 3 processes, 4 on 2 and 3. Every network somewhere, and one of them
    // everywhere: who computes what is the same for all.
    for (name, arguments, replicas, places) in [
        ("baseline", &baseline[..], "3", &[on_pair, of_own][..]),
        ("baseline", &baseline, "4", &[on_pair, on_both]),
        ("optimized", &optimized, "3", &[of_own]),
        ("optimized", &optimized, "4", &[on_both]),
        ("synchronized", &synchronized, "3", &[of_own]),
        ("accurate", &accurate, "3", &[on_pair]),
    ] {
        let of_replicas = [arguments, &["--replicas", replicas]].concat();
        let reference = folder.path().join(format!("{name}-{replicas}"));
        succeed(start(&reference, &of_replicas));
        let places = places.iter().filter(|options| has_fences || options[0] != "--processes");
        for (place, options) in places.enumerate() {
            let run = folder.path().join(format!("{name}-{replicas}-{place}"));
            let mut command = start(&run, &of_replicas);
            command.args(options);
            succeed(command);
            assert_same(&run, &reference);
        }
    }
}

#[test]
fn who_is_not_there_is_named_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = format!("127.0.0.1:{gone}");
    let worker = Worker::start(&[]);
    let taken = worker.address();
    let twice = format!("{taken},localhost:{}", worker.port);
    let limits = ["--wait", "2s", "--peer-timeout", "1s"];
    for (arguments, code, expected) in [
        (["--workers", &gone], 1, format!("worker 1 ({gone}): nothing listens there")),
        (["--workers", &format!("{taken},{gone}")], 1, format!("worker 2 ({gone}): nothing listens there")),
        (["--workers", &twice], 1, "name each process once".into()),
        (["--workers", "no-such-host.invalid:2222"], 1, "is that its name?".into()),
        (["--workers", "h1"], 2, "is no HOST:PORT".into()),
        (["--workers", "h1:1,h1:1"], 2, "--workers names h1:1 twice".into()),
        (["--processes", "1"], 2, "1 is not in 2..=64".into()),
        (["--workers", &taken], 2, format!("worker 1 ({taken}) computes other bits")),
        (["--cluster", "no-such-file.json"], 2, "--cluster no-such-file.json: No such file".into()),
        (["--cluster", "TF_CONFIG"], 2, "there is no such environment variable".into()),
    ] {
        let begun = Instant::now();
        let mut command = start(&run, &[&["baseline", "--max-steps", "2"][..], &arguments, &limits].concat());
        command.env_remove("TF_CONFIG");
        let stderr = fail(command, code);
        assert!(stderr.contains(&expected), "{arguments:?}: {stderr}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(!run.exists());
    }
    // A listener that never says a word.
    let stderr = fail(start(&run, &[&["baseline", "--workers", &silent][..], &limits].concat()), 1);
    let said = format!("waiting 2s at most for worker 1 ({silent}): it does not answer");
    assert!(stderr.contains(&said) && stderr.contains("--peer-timeout"), "{stderr}");
    drop(listener);
    // One that greets as gRPC does, and says no more.
    let stranger = format!("127.0.0.1:{}", waits::stranger(0));
    let stderr = fail(start(&run, &[&["baseline", "--workers", &stranger][..], &limits].concat()), 1);
    assert!(stderr.contains("TensorFlow cannot open a session over all workers"), "{stderr}");
    assert!(stderr.contains("--peer-timeout"), "{stderr}");
    // One that has all replicas that there are to be.
    let two = Worker::start(&["--reproducible", "--replicas", "2"]);
    let mut command = start(&run, &["baseline", "--replicas", "2", "--workers", &two.address()]);
    let stderr = {
        command.arg("-q");
        fail(command, 2)
    };
    assert!(stderr.contains("take fewer workers or, unless a run is resumed"), "{stderr}");
    assert!(stderr.contains("is open on every interface"), "{stderr}");
    // One GPU does for the one replica of this process.
    let one_gpu = ["baseline", "--device", "gpu:1", "--replicas", "2", "--workers", &gone, "--out-dir"];
    let stderr = fail(with(&[&one_gpu[..1], &limits, &one_gpu[1..]].concat(), &[&run]), 1);
    assert!(!stderr.contains("is one GPU"), "{stderr}");
    let port = worker.port.to_string();
    let stderr = fail(tf_mnist(&["worker", "--port", &port]), 2);
    assert!(stderr.contains(&format!("--port {port} is in use; take another one")), "{stderr}");
    let stderr = fail(start(&run, &["baseline", "--workers", &gone, "--address", &taken]), 2);
    assert!(stderr.contains(&format!("--address: port {port} is in use")), "{stderr}");
}

#[test]
fn a_worker_without_our_ops_is_given_tensorflow_s() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // Where the bits are to be TensorFlow's own, ours are not registered.
    let worker = Worker::start(&["--reproducible"]);
    let address = worker.address();
    let data = smallest_mnist().to_str().unwrap();
    let fixed = ["--device", "cpu", "--data-dir", data, "--validation-rows", "500", "--workers", &address];
    succeed(with(&[&["baseline", "--max-steps", "3"], &fixed[..], &["--out-dir"]].concat(), &[&run]));
    let config = fs::read_to_string(run.join("config.json")).unwrap();
    assert!(config.contains(r#""convolutions": "tensor_flow""#), "{config}");
    succeed(with(&[&["evaluate"], &fixed[..]].concat(), &[&run]));
}

/// A worker has one session with a master of a name: the chiefs take it from each other.
#[test]
fn two_chiefs_of_one_worker_spoil_no_bits() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, first, second] = ["reference", "first", "second"].map(|name| folder.path().join(name));
    succeed(start(&reference, &[BASELINE, &["--replicas", "2"]].concat()));
    let worker = Worker::start(&["--reproducible"]);
    let address = worker.address();
    let begin =
        |run: &Path| start(run, &[BASELINE, &["--workers", &address, "--peer-timeout", "2s"]].concat());
    let chiefs = [&first, &second].map(|run| (begin(run).spawn().unwrap(), run));
    for (chief, run) in chiefs {
        let output = end(chief, Duration::from_secs(120));
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
            assert!(stderr(&output).contains("lost"), "{}", stderr(&output));
        }
        assert!(output.status.success() || !metrics(run).iter().any(|line| line.contains("\"test\"")));
    }
    for run in [&first, &second] {
        succeed(match run.join("config.json").exists() {
            true => resume(run, &["baseline", "--workers", &address]),
            false => begin(run),
        });
        assert_same(run, &reference);
    }
}

#[test]
fn evaluation_is_shared_out_to_workers() {
    if !has_fences() {
        return;
    }
    let model = golden("optimized_nodrop/final.ckpt");
    let data = smallest_mnist().to_str().unwrap();
    let fixed = ["evaluate", "--json", "--no-onednn", "--device", "cpu", "--intra-op-threads", "1"];
    let evaluate = |options: &[&str]| {
        let all = [&fixed[..], &["--eval-chunk", "70", "--data-dir", data], options].concat();
        succeed(with(&all, &[&model])).stdout
    };
    let alone = evaluate(&[]);
    assert!(alone.starts_with(b"{"));
    assert!(evaluate(&["--processes", "3"]) == alone);
}
