//! Long runs do not grow: memory and open files after 20,000 steps are those after 1,000, with everything at work that
//! a run has at work: metrics, validations, checkpoints and saved states.

use std::env;
use std::fs;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use support::runs;
use tensorflow::DataType;
use tf_mnist::dataset::{self, Form};
use tf_mnist::graph::{
    AdamOptimizer, CheckpointManager, Dense, GraphSession, Saver, Scope, in_top_1, reshape, softmax,
    sparse_softmax_cross_entropy,
};
use tf_mnist::model::{Evaluation, Inputs, Network, Towers};
use tf_mnist::networks::{self, Training, Validate};

const PIXELS: u64 = 784;
use tf_mnist::session::SessionConfig;
use tf_mnist::training::{
    BackupAndRestore, Ending, ModelCheckpoint, Observer, Result, RunDirectory, Schedule, TrainingSession,
    TrainingState, ValidationMode, fit,
};

const EARLY: u64 = 1000;
const STEPS: u64 = 20_000;

/// One dense layer behind the pixels.
fn tiny_network() -> tf_mnist::graph::Result<Network> {
    let graph = Scope::new(Some(1));
    let scope = graph.name_scope("inputs");
    let x = scope
        .op("Placeholder", "X")
        .data_type("dtype", DataType::Float)
        .shape("shape", &[None, Some(PIXELS as i64)])
        .output()?;
    let labels =
        scope.op("Placeholder", "y").data_type("dtype", DataType::Int32).shape("shape", &[None]).output()?;
    let images = reshape(&scope, &x, &[-1, 28, 28, 1])?;
    let logits = Dense::new(&graph, "output", PIXELS, 10, None)?.apply(&graph, &x)?;
    let train = graph.name_scope("train");
    let loss = sparse_softmax_cross_entropy(&train, &logits, &labels)?;
    let train = AdamOptimizer::new(0.0001).minimize(&train, &loss, &graph.trainable_variables())?;
    let accuracy = in_top_1(&graph.name_scope("eval"), &logits, &labels)?;
    let scope = graph.name_scope("init_and_save");
    let probabilities = softmax(&scope, "Y_proba", &logits)?;
    Ok(Network {
        evaluations: vec![Evaluation { logits, probabilities, accuracy }],
        initialize: scope.global_variables_initializer()?,
        saver: Saver::new(&scope, &graph.variables())?,
        inputs: Inputs { x, images, labels, training: None, learning_rate: None },
        loss: loss.value,
        train,
        towers: Towers::AsPublished,
        graph,
    })
}

/// Takes stock after [`EARLY`] and after [`STEPS`] steps.
#[derive(Default)]
struct Stock {
    /// Resident memory in KiB, and open files.
    taken: Vec<(u64, u64)>,
}

impl Observer for Stock {
    fn after_step(&mut self, state: &TrainingState, _session: &TrainingSession) -> Result<()> {
        if [EARLY, STEPS].contains(&state.step) {
            self.taken.push((resident_kib(), open_files()));
        }
        Ok(())
    }
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").unwrap().count() as u64
}

/// In a process of its own, which no other test makes larger.
#[test]
fn memory_and_open_files_stay() {
    const ALONE: &str = "LONG_RUN_ALONE";
    if env::var_os(ALONE).is_none() {
        let mut alone = Command::new(env::current_exe().unwrap());
        alone.args(["long_run::memory_and_open_files_stay", "--exact", "--nocapture"]);
        alone.env(ALONE, "1");
        runs::succeed(alone);
        return;
    }
    let config = SessionConfig::reproducible();
    support::load_as_the_program_does();
    let dataset = dataset::load_from(runs::small_mnist(), &Form::default()).unwrap();
    let network = tiny_network().unwrap();
    let session = GraphSession::new(&network.graph, &config.session_options().unwrap()).unwrap();
    let mut session = TrainingSession::on(session, network);
    session.initialize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(&folder.path().join("run"), false).unwrap();
    let mut metrics = directory.rewind(None).unwrap();
    let mut checkpoints = ModelCheckpoint::new(CheckpointManager::open(directory.path(), 5).unwrap(), false);
    let mut backup = BackupAndRestore::new(directory.path(), 500, None);
    let mut stock = Stock::default();
    let baseline = networks::find("baseline".as_ref()).unwrap().training;
    let training =
        Training { epochs: 10_000, batch_size: 10, validate: Validate::EverySteps(500), ..baseline };
    let schedule = Schedule {
        training,
        shuffle: true,
        seed: 1,
        max_steps: Some(STEPS),
        validation: ValidationMode::Full,
        eval_chunk: 1000,
    };
    let outcome = fit(
        &mut session,
        &dataset,
        &schedule,
        &TrainingState::default(),
        &AtomicUsize::new(0),
        &mut [&mut metrics, &mut checkpoints, &mut backup, &mut stock],
    );
    assert_eq!(outcome.unwrap().ending, Ending::Completed);
    let states = [19_500, 20_000].map(|step| directory.path().join(format!("resume/step-{step:08}")));
    assert_eq!(runs::states(directory.path()), states);

    let [early, late] = stock.taken[..] else {
        panic!("{:?}", stock.taken);
    };
    println!("KiB and files after {EARLY} and {STEPS} steps: {early:?}, {late:?}");
    let grown = |early: u64, late: u64| late as f64 / early as f64 - 1.0;
    assert!(grown(early.0, late.0) < 0.05, "memory: {early:?} to {late:?}");
    assert!(grown(early.1, late.1) < 0.05, "open files: {early:?} to {late:?}");
}
