//! TensorFlow opened in this process, once, from many threads. No other test here opens it in this process.

use crate::library;
use std::thread;
use tensorflow::{Graph, Session, SessionRunArgs, Tensor};
use tf_mnist::fetch::Silent;
use tf_mnist::runtime::{self, Options, RuntimeError};
use tf_mnist::session::{Device, SessionConfig, SessionError, devices};

/// One test, since what comes before loading can be seen only before loading.
#[test]
fn loads_once_for_all_threads_and_runs_a_graph() {
    let config = SessionConfig { device: Device::Cpu, intra_op_threads: 1, ..SessionConfig::default() };
    assert!(matches!(devices(&config), Err(SessionError::NotLoaded)));
    assert!(matches!(config.session_options(), Err(SessionError::NotLoaded)));

    // Nothing is changed behind the user's back: what is not set is an error.
    let off = Options {
        onednn: Some(std::env::var("TF_ENABLE_ONEDNN_OPTS").is_ok_and(|value| value == "0")),
        ..support::options()
    };
    assert!(matches!(
        runtime::load(&off, &Silent),
        Err(RuntimeError::Environment { variable: "TF_ENABLE_ONEDNN_OPTS", .. })
    ));
    // SAFETY: until TensorFlow is open, the threads of tests read the environment through `std::env` alone.
    unsafe { std::env::set_var("TENSORFLOW_DIR", library().parent().unwrap()) };
    let process = || {
        let variables: Vec<_> = std::env::vars_os().collect();
        let descriptors = [0, 1, 2].map(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).ok());
        (variables, descriptors)
    };
    let before = process();
    let loaded = thread::scope(|scope| {
        let load = || runtime::load(&support::options(), &Silent).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(loaded.iter().all(|runtime| std::ptr::eq(*runtime, loaded[0])));
    assert_eq!(tensorflow::version().unwrap(), loaded[0].version);
    assert!(loaded[0].library.is_absolute());
    assert_eq!(process(), before, "loading changes neither environment nor standard streams");

    let devices = devices(&config).unwrap();
    assert_eq!(devices[0].name, "CPU:0");
    assert!(devices.iter().all(|device| device.device_type == "CPU"), "{devices:?}");

    let mut graph = Graph::new();
    let mut constant = graph.new_operation("Const", "two").unwrap();
    constant.set_attr_type("dtype", tensorflow::DataType::Float).unwrap();
    constant.set_attr_tensor("value", Tensor::<f32>::from(2.0)).unwrap();
    let two = constant.finish().unwrap();
    let session = Session::new(&config.session_options().unwrap(), &graph).unwrap();
    let mut run = SessionRunArgs::new();
    let fetch = run.request_fetch(&two, 0);
    session.run(&mut run).unwrap();
    assert_eq!(run.fetch::<f32>(fetch).unwrap()[..], [2.0]);
}
