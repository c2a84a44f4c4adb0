//! What the integration tests share: the library loaded one way a process, MNIST, and runs of a session.
pub mod canonical;
pub mod damage;
pub mod float64_reference;
pub mod graph_session;
pub mod hundred_digits;
pub mod mirror;
pub mod networks;
pub mod relay;
pub mod replicas;
pub mod runs;
pub mod server;
pub mod small_disk;
mod untested;
pub mod values;

pub use untested::untested;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, fs};
use tensorflow::{Operation, Output, Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::dataset::{self, Dataset, Form, Split};
use tf_mnist::fetch::Silent;
use tf_mnist::kernels::{self, Unavailable};
use tf_mnist::model::Network;
use tf_mnist::runtime;
use tf_mnist::session::SessionConfig;

/// The project's folder.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program under test.
pub fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("tf-mnist")
}

/// What no process of a test takes, however busy the machine is: one that does is ended, and its test fails.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// The program under test, which is ended after [`DEADLINE`].
pub fn tf_mnist() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(program());
    command.timeout(DEADLINE);
    command
}

/// A file of Python's, see `tests/fixtures/golden/README.md`.
pub fn golden(name: &str) -> PathBuf {
    Path::new(crate::ROOT).join("tests/fixtures/golden").join(name)
}

/// Another file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(crate::ROOT).join("tests/fixtures").join(name)
}

/// A number that the environment may set, such as how often a sweep kills.
pub fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// All that a folder holds, in order.
pub fn all_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a folder holds besides lock files, in order; nothing if it is not there.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names = if folder.exists() { all_names(folder) } else { Vec::new() };
    names.retain(|name| !name.ends_with("lock"));
    names
}

/// `bytes`, packed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One batch, as tensors.
pub struct Feeds {
    pub images: Tensor<f32>,
    pub labels: Tensor<i32>,
}

impl Feeds {
    pub fn new(rows: usize) -> Self {
        Self { images: Tensor::new(&[rows as u64, 784]), labels: Tensor::new(&[rows as u64]) }
    }

    pub fn gather(&mut self, split: &Split, rows: &[usize]) {
        split.gather(rows, &mut self.images, &mut self.labels);
    }
}

pub fn run_target(session: &Session, target: &Operation) {
    let mut args = SessionRunArgs::new();
    args.add_target(target);
    session.run(&mut args).unwrap();
}

/// One training step; returns the loss before it.
pub fn train_step(session: &Session, network: &Network, feeds: &Feeds, step: i64) -> f32 {
    train_step_with(session, network, feeds, step, None).0
}

/// As [`train_step`], with these serialized `RunOptions`, if any; returns the `RunMetadata`, too, if those ask for it.
pub fn train_step_with(
    session: &Session,
    network: &Network,
    feeds: &Feeds,
    step: i64,
    options: Option<&[u8]>,
) -> (f32, Vec<u8>) {
    let (flag, step) = (Tensor::<bool>::from(true), Tensor::<i64>::from(step));
    let mut args = SessionRunArgs::new();
    args.add_feed(&network.inputs.x.operation, 0, &feeds.images);
    args.add_feed(&network.inputs.labels.operation, 0, &feeds.labels);
    if let Some(training) = &network.inputs.training {
        args.add_feed(&training.flag.operation, 0, &flag);
        args.add_feed(&training.step.operation, 0, &step);
    }
    args.add_target(&network.train);
    let loss = args.request_fetch(&network.loss.operation, network.loss.index);
    if let Some(options) = options {
        args.set_run_options(options);
        args.set_request_metadata(true);
    }
    session.run(&mut args).unwrap();
    (args.fetch::<f32>(loss).unwrap()[0], args.get_metadata().unwrap_or_default().to_vec())
}

/// The values of a float32 output.
pub fn fetch(session: &Session, output: &Output, feeds: &[(&Output, &Tensor<f32>)]) -> Vec<f32> {
    let mut args = SessionRunArgs::new();
    for (port, tensor) in feeds {
        args.add_feed(&port.operation, port.index, tensor);
    }
    let token = args.request_fetch(&output.operation, output.index);
    session.run(&mut args).unwrap();
    args.fetch::<f32>(token).unwrap().to_vec()
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// MNIST, read once a process.
pub fn mnist() -> &'static Dataset {
    static DATASET: OnceLock<Dataset> = OnceLock::new();
    DATASET.get_or_init(|| dataset::load_default(&Form::default(), &Silent).unwrap())
}

/// What TensorFlow is opened with, in the program's own cache.
pub fn options() -> runtime::Options {
    runtime::Options { cache: tf_mnist::CACHE, ..runtime::Options::default() }
}

fn load(options: runtime::Options) -> &'static runtime::Runtime {
    // SAFETY: until TensorFlow is open, the threads of tests read the environment through `std::env` alone.
    unsafe { runtime::load_with_environment(&options, &Silent) }.unwrap()
}

/// Opens TensorFlow before `main`, when there is neither a thread that reads the environment nor a child that inherits what
/// it is for that moment. What goes wrong is told by the tests that need it.
#[macro_export]
macro_rules! open_tensorflow_before_main {
    ($options:expr) => {
        #[cfg(target_os = "linux")]
        #[used]
        #[unsafe(link_section = ".init_array")]
        static OPEN_TENSORFLOW: extern "C" fn() = {
            extern "C" fn open() {
                $crate::open($options);
            }
            open
        };
    };
}

/// What [`open_tensorflow_before_main`] does.
pub fn open(options: runtime::Options) {
    let users = std::env::var_os("TENSORFLOW_DIR");
    // SAFETY: before `main` there is one thread.
    let _ = unsafe { runtime::load_with_environment(&options, &Silent) };
    assert_eq!(std::env::var_os("TENSORFLOW_DIR"), users, "child processes see what the user set");
}

/// Opens TensorFlow as the program does, once a process.
pub fn load_as_the_program_does() -> &'static runtime::Runtime {
    load(options())
}

/// As [`options`], for the same bits every time.
pub fn without_onednn() -> runtime::Options {
    runtime::Options { onednn: Some(false), ..options() }
}

/// Opens TensorFlow without oneDNN, installing it into the cache first if need be.
pub fn load_reproducible() {
    let loaded = load(without_onednn());
    assert!(!loaded.onednn, "this process opened TensorFlow with oneDNN before");
}

/// Makes the ops of our own known, on two threads, and tells whether this processor can have them.
pub fn load_kernels() -> bool {
    load_reproducible();
    let runtime = runtime::loaded().unwrap();
    match kernels::load(&runtime.library, 2) {
        Ok(()) => true,
        Err(Unavailable::Processor) => {
            untested("a processor with AVX2");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// One thread, no graph optimizer.
pub fn reproducible_options() -> SessionOptions {
    SessionConfig::reproducible().session_options().unwrap()
}
