//! Sessions over servers: what they leave behind, and that they wait for who is well.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use support::graph_session::graph;
use support::runs::tf_mnist;
use tensorflow::{DataType, SessionRunArgs};
use tf_mnist::graph::{Initializer, Variable};
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
    run.add_target(variable.initializer());
    first.run(&mut run).unwrap();
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
    let unset = read(&open()).unwrap_err();
    assert_eq!(unset.code(), tensorflow::Code::FailedPrecondition, "{unset}");
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
}

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
    let mut worker = tf_mnist(&["worker", "--port", "0", "--intra-op-threads", "4", "--with-parent"]);
    // It ends with this end of its standard input.
    let mut worker = worker.stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(worker.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("listening at port ").unwrap().parse().unwrap();
    let config = SessionConfig::reproducible();
    let server = Server::start(&Address::new("localhost", 0).unwrap(), &config).unwrap();
    let limit = Duration::from_secs(120);
    let patience = Patience { arrival: limit, answer: Duration::from_secs(2), run: limit };
    let cluster = Cluster::new(server, vec![Address::new("127.0.0.1", port).unwrap()], patience);
    let scope = graph(None);
    let there = scope.device("/job:worker/task:1");
    let queue = there.op("FIFOQueueV2", "queue").data_types("component_types", vec![DataType::Float]);
    let queue = queue.output().unwrap();
    let taken = there.op("QueueDequeueV2", "taken").input(&queue);
    let taken = taken.data_types("component_types", vec![DataType::Float]).output().unwrap();
    let given = scope.constant("given", &[], &[1.5f32]).unwrap();
    let give = there.op("QueueEnqueueV2", "give").input(&queue).input_list(&[given]).build().unwrap();
    // 690 GFLOP.
    let size = there.constant("size", &[2], &[2048, 2048]).unwrap();
    let matrix = there.op("RandomUniform", "matrix").input(&size).data_type("dtype", DataType::Float);
    let matrix = matrix.output().unwrap();
    let product = (0..40).fold(matrix.clone(), |product, _| {
        there.op("MatMul", "product").input(&product).input(&matrix).output().unwrap()
    });
    let session = cluster.open(&config, &scope.graph()).unwrap();
    #[cfg(target_os = "linux")]
    wait_for_watches(1);
    let taker = Arc::clone(&session);
    let waiting = thread::spawn(move || {
        let mut run = SessionRunArgs::new();
        let token = run.request_fetch(&taken.operation, taken.index);
        taker.run(&mut run)?;
        run.fetch::<f32>(token).map(|values| values[0])
    });
    let begun = Instant::now();
    let run = |operation| {
        let mut run = SessionRunArgs::new();
        run.add_target(operation);
        session.run(&mut run).unwrap();
    };
    run(&product.operation);
    assert!(begun.elapsed() > patience.answer / 2, "busy for {:?}", begun.elapsed());
    thread::sleep(Duration::from_secs(8).saturating_sub(begun.elapsed()));
    assert!(!waiting.is_finished());
    run(&give);
    assert_eq!(waiting.join().unwrap().unwrap(), 1.5);
    drop(session);
    #[cfg(target_os = "linux")]
    wait_for_watches(0);
    worker.kill().unwrap();
    worker.wait().unwrap();
}
