//! Sessions over servers: what they leave behind, and that they wait for who is well.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use support::graph_session::graph;
use support::runs::tf_mnist;
use tensorflow::{DataType, Operation, Output, SessionRunArgs};
use tf_mnist::graph::{GraphSession, Initializer, Scope, Variable};
use tf_mnist::session::SessionConfig;
use tf_mnist::session::cluster::{Address, Cluster, Patience, Server};

#[test]
fn a_session_sees_no_variables_of_one_before() {
    let config = SessionConfig::reproducible();
    let server = Server::start(&Address::new("localhost", 0).unwrap(), &config).unwrap();
    let limit = Duration::from_secs(60);
    let patience = Patience { arrival: limit, answer: limit, run: limit };
    let cluster = Cluster::new(server, Vec::new(), patience);
    let scope = graph(Some(1));
    let variable = Variable::new(&scope, "a", &[2], Initializer::Ones).unwrap();
    let open = || cluster.open(&config, &scope.graph()).unwrap();
    let read = |session: &tensorflow::Session| {
        let mut run = SessionRunArgs::new();
        let token = run.request_fetch(&variable.read().operation, variable.read().index);
        session.run(&mut run)?;
        run.fetch::<f32>(token).map(|values| values.to_vec())
    };
    let first = open();
    let mut run = SessionRunArgs::new();
    run.add_target(&variable.initializer);
    first.run(&mut run).unwrap();
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
    let unset = read(&open()).unwrap_err();
    assert_eq!(unset.code(), tensorflow::Code::FailedPrecondition, "{unset}");
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
}

/// A worker in a process of its own, for as long as this lives.
struct Worker(Child, Address);

impl Worker {
    fn start(arguments: &[&str]) -> Self {
        let mut command = tf_mnist(&["worker", "--port", "0", "--with-parent"]);
        // It ends with this end of its standard input.
        let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening at port ").unwrap().parse().unwrap();
        Self(child, Address::new("127.0.0.1", port).unwrap())
    }

    /// This process and the worker, which has four seconds to answer.
    fn lead(&self) -> Cluster {
        let server =
            Server::start(&Address::new("localhost", 0).unwrap(), &SessionConfig::reproducible()).unwrap();
        let limit = Duration::from_secs(120);
        let patience = Patience { arrival: limit, answer: Duration::from_secs(4), run: limit };
        Cluster::new(server, vec![self.1.clone()], patience)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A queue on a worker: what takes a value from it, and what puts 1.5 there.
fn queue(worker: &Scope) -> (Output, Operation) {
    let float = || vec![DataType::Float];
    let queue = worker.op("FIFOQueueV2", "queue").data_types("component_types", float()).output().unwrap();
    let taken = worker.op("QueueDequeueV2", "taken").input(&queue);
    let taken = taken.data_types("component_types", float()).output().unwrap();
    let given = worker.constant("given", &[], &[1.5f32]).unwrap();
    let give = worker.op("QueueEnqueueV2", "give").input(&queue).input_list(&[given]);
    (taken, give.build().unwrap())
}

/// A run that takes a value there.
fn take(session: &GraphSession, taken: Output) -> JoinHandle<tensorflow::Result<f32>> {
    let session = session.clone();
    thread::spawn(move || {
        let mut run = SessionRunArgs::new();
        let token = run.request_fetch(&taken.operation, taken.index);
        session.run(&mut run)?;
        run.fetch::<f32>(token).map(|values| values[0])
    })
}

/// Held by tests in which this process watches workers.
static WATCHES: Mutex<()> = Mutex::new(());

/// Waits until so many threads of this process watch workers.
#[cfg(target_os = "linux")]
fn wait_for_watches(count: usize) {
    let watches = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "watch").count()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while watches() != count {
        assert!(Instant::now() < deadline, "{} threads watch in place of {count}", watches());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Servers hang up on a channel that asks for signs of life while they have nothing to say: here for eight seconds, in the
/// first of which the worker is busy on more threads than there are processors, and answers greetings all the same. When all
/// is over, nobody greets any more.
#[test]
fn a_worker_that_says_nothing_for_long_is_not_lost() {
    support::load_reproducible();
    let _alone = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let worker = Worker::start(&["--intra-op-threads", "4"]);
    let cluster = worker.lead();
    let scope = graph(None);
    let there = scope.device("/job:worker/task:1");
    let (taken, give) = queue(&there);
    // 690 GFLOP.
    let size = there.constant("size", &[2], &[2048, 2048]).unwrap();
    let matrix = there.op("RandomUniform", "matrix").input(&size).data_type("dtype", DataType::Float);
    let matrix = matrix.output().unwrap();
    let product = (0..40).fold(matrix.clone(), |product, _| {
        there.op("MatMul", "product").input(&product).input(&matrix).output().unwrap()
    });
    let session = cluster.open(&SessionConfig::reproducible(), &scope.graph()).unwrap();
    #[cfg(target_os = "linux")]
    wait_for_watches(1);
    let waiting = take(&session, taken);
    let begun = Instant::now();
    let run = |operation| {
        let mut run = SessionRunArgs::new();
        run.add_target(operation);
        session.run(&mut run).unwrap();
    };
    run(&product.operation);
    assert!(begun.elapsed() > Duration::from_secs(1), "busy for {:?}", begun.elapsed());
    thread::sleep(Duration::from_secs(8).saturating_sub(begun.elapsed()));
    assert!(!waiting.is_finished());
    run(&give);
    assert_eq!(waiting.join().unwrap().unwrap(), 1.5);
    drop(session);
    #[cfg(target_os = "linux")]
    wait_for_watches(0);
}

/// TensorFlow goes on with the run, for a value that nobody can send any more.
#[test]
fn a_run_ends_that_a_worker_was_taken_from() {
    support::load_reproducible();
    let _alone = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
    let worker = Worker::start(&["--reproducible"]);
    let scope = graph(None);
    let (taken, give) = queue(&scope.device("/job:worker/replica:0/task:1"));
    // What the chief waits for, as it does for the gradients of a step.
    let taken =
        scope.device("/job:worker/replica:0/task:0").op("Identity", "here").input(&taken).output().unwrap();
    let open = || worker.lead().open(&SessionConfig::reproducible(), &scope.graph()).unwrap();
    let first = open();
    let waiting = take(&first, taken.clone());
    thread::sleep(Duration::from_secs(6));
    assert!(!waiting.is_finished(), "longer than a worker has to answer, and it does");
    let second = open();
    let begun = Instant::now();
    while !waiting.is_finished() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits for ever");
        thread::sleep(Duration::from_millis(20));
    }
    let status = waiting.join().unwrap().unwrap_err();
    assert!(Cluster::is_loss(&status), "{status}");
    let waiting = take(&second, taken);
    let mut run = SessionRunArgs::new();
    run.add_target(&give);
    second.run(&mut run).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), 1.5);
}
