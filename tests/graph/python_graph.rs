//! The bits of Python's own graph: `graph.pb`, made by TensorFlow's Python front end, runs beside ours in this process,
//! with the same session options, start values and batches. One thread, no oneDNN, no graph optimizer. A step that differs
//! shows in the next loss, and the last one in the values, so a few do; `scripts/check-python` goes on to 200 of them.

use std::path::Path;
use support::networks::{build, optimized_dropping, table};
use support::replicas::{self, Place};
use support::{Feeds, golden};
use tensorflow::{Graph, ImportGraphDefOptions, Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::dataset::{BatchPlan, Order};
use tf_mnist::graph::Checkpoint;
use tf_mnist::model::{Network, Towers};
use tf_mnist::networks::Table;

const BATCH: usize = 100;

#[test]
fn baseline_in_file_order_from_python_s_start_values() {
    support::load_reproducible();
    let ours = build(&table("baseline"), None, Towers::AsPublished);
    compare(&ours, &PythonGraph::BASELINE, &Start::Golden("baseline/init.ckpt"), Order::File, 12);
}

#[test]
fn baseline_from_drawn_start_values_and_row_orders() {
    support::load_reproducible();
    for seed in [3, 11] {
        let ours = build(&table("baseline"), Some(seed), Towers::AsPublished);
        compare(&ours, &PythonGraph::BASELINE, &Start::Drawn, Order::Shuffled { seed }, 8);
    }
}

#[test]
fn optimized_without_dropout_in_file_order_from_python_s_start_values() {
    support::load_reproducible();
    let ours = without_dropout(0);
    compare(&ours, &PythonGraph::OPTIMIZED, &Start::Golden("optimized/init.ckpt"), Order::File, 8);
}

#[test]
fn optimized_without_dropout_from_drawn_start_values_and_row_orders() {
    support::load_reproducible();
    for seed in [3, 11] {
        let ours = without_dropout(seed);
        compare(&ours, &PythonGraph::OPTIMIZED, &Start::Drawn, Order::Shuffled { seed }, 4);
    }
}

/// Ours on three devices, Python's on one.
#[test]
fn three_replicas_from_python_s_start_values() {
    support::load_reproducible();
    let options = replicas::options(3, Place::Devices);
    let ours = |table: Table| replicas::build(&table, 3, Place::Devices, Towers::AsPublished);
    let start = Start::Golden("baseline/init.ckpt");
    let python = PythonGraph { graph_def: "../replicas/baseline-3.pb", ..PythonGraph::BASELINE };
    compare_on(&options, &ours(table("baseline")), &python, &start, Order::File, 8);
    let start = Start::Golden("optimized/init.ckpt");
    let (graph_def, has_training) = ("../replicas/optimized-3.pb", false);
    let python = PythonGraph { graph_def, has_training, ..PythonGraph::OPTIMIZED };
    compare_on(&options, &ours(optimized_dropping(0.0, 0.0)), &python, &start, Order::File, 4);
}

fn without_dropout(seed: u64) -> Network {
    build(&optimized_dropping(0.0, 0.0), Some(seed), Towers::AsPublished)
}

/// Where the variables start.
enum Start {
    Golden(&'static str),
    /// From our own initializers.
    Drawn,
}

/// One of Python's graphs, and the scope its training ops are in.
struct PythonGraph {
    graph_def: &'static str,
    train: &'static str,
    has_training: bool,
}

impl PythonGraph {
    const BASELINE: Self = Self { graph_def: "baseline/graph.pb", train: "train", has_training: false };
    const OPTIMIZED: Self =
        Self { graph_def: "optimized_nodrop/graph.pb", train: "loss_and_train", has_training: true };
}

/// Trains both graphs side by side and asks for difference 0 in every loss, in the logits' probabilities and in every
/// variable afterwards.
fn compare(ours: &Network, python: &PythonGraph, start: &Start, order: Order, steps: usize) {
    compare_on(&support::reproducible_options(), ours, python, start, order, steps);
}

/// As [`compare`], with ours in a session of these options.
fn compare_on(
    options: &SessionOptions,
    ours: &Network,
    python: &PythonGraph,
    start: &Start,
    order: Order,
    steps: usize,
) {
    let dataset = support::mnist();
    let folder = tempfile::tempdir().unwrap();

    let our_session = Session::new(options, &ours.graph.graph()).unwrap();
    let start = match start {
        Start::Golden(name) => golden(name),
        Start::Drawn => {
            support::run_target(&our_session, &ours.initialize);
            let prefix = folder.path().join("start");
            ours.saver.save(&our_session, &prefix).unwrap();
            prefix
        }
    };
    ours.saver.restore(&our_session, &start).unwrap();
    let theirs = Theirs::new(python, &start);

    let plan = BatchPlan::new(dataset.train.len(), BATCH, order).unwrap();
    let epoch = plan.epoch(0);
    let mut feeds = Feeds::new(BATCH);
    for step in 0..steps {
        feeds.gather(&dataset.train, epoch.batch(step));
        let loss = support::train_step(&our_session, ours, &feeds, step as i64);
        let expected = theirs.train_step(&feeds);
        assert_eq!(
            loss.to_bits(),
            expected.to_bits(),
            "loss at step {step}: ours {loss}, Python's {expected}"
        );
    }

    let rows: Vec<usize> = (0..1000).collect();
    let mut feeds = Feeds::new(rows.len());
    feeds.gather(&dataset.validation, &rows);
    let probabilities =
        support::fetch(&our_session, &ours.evaluations[0].probabilities, &[(&ours.inputs.x, &feeds.images)]);
    assert_eq!(support::bits(&probabilities), support::bits(&theirs.probabilities(&feeds)), "Y_proba");

    let (our_end, their_end) = (folder.path().join("ours"), folder.path().join("theirs"));
    ours.saver.save(&our_session, &our_end).unwrap();
    theirs.save(&their_end);
    assert_same_values(&our_end, &their_end);
}

fn assert_same_values(ours: &Path, theirs: &Path) {
    let (ours, theirs) = (Checkpoint::open(ours).unwrap(), Checkpoint::open(theirs).unwrap());
    let keys = |checkpoint: &Checkpoint| -> Vec<_> {
        checkpoint
            .tensors()
            .map(|(name, entry)| (name.to_owned(), entry.dtype, entry.shape.clone()))
            .collect()
    };
    assert_eq!(keys(&ours), keys(&theirs));
    for (name, _) in ours.tensors() {
        let (our_values, their_values) = (ours.read_f32(name).unwrap(), theirs.read_f32(name).unwrap());
        assert_eq!(support::bits(&our_values), support::bits(&their_values), "{name}");
    }
}

/// Python's graph in a session.
struct Theirs {
    graph: Graph,
    session: Session,
    train: &'static str,
    has_training: bool,
}

impl Theirs {
    fn new(python: &PythonGraph, start: &Path) -> Self {
        let mut graph = Graph::new();
        let graph_def = std::fs::read(golden(python.graph_def)).unwrap();
        graph.import_graph_def(&graph_def, &ImportGraphDefOptions::new()).unwrap();
        let session = Session::new(&support::reproducible_options(), &graph).unwrap();
        let theirs = Self { graph, session, train: python.train, has_training: python.has_training };
        theirs.run_saver("init_and_save/save/restore_all", start);
        theirs
    }

    fn op(&self, name: &str) -> tensorflow::Operation {
        self.graph.operation_by_name_required(name).unwrap()
    }

    fn train_step(&self, feeds: &Feeds) -> f32 {
        let training = Tensor::<bool>::from(true);
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.op("inputs/X"), 0, &feeds.images);
        args.add_feed(&self.op("inputs/y"), 0, &feeds.labels);
        if self.has_training {
            args.add_feed(&self.op("inputs/training"), 0, &training);
        }
        args.add_target(&self.op(&format!("{}/Adam", self.train)));
        let loss = args.request_fetch(&self.op(&format!("{}/Mean", self.train)), 0);
        self.session.run(&mut args).unwrap();
        args.fetch::<f32>(loss).unwrap()[0]
    }

    fn probabilities(&self, feeds: &Feeds) -> Vec<f32> {
        let (x, y) = (self.op("inputs/X").output(0), self.op("output/Y_proba").output(0));
        support::fetch(&self.session, &y, &[(&x, &feeds.images)])
    }

    fn save(&self, prefix: &Path) {
        self.run_saver("init_and_save/save/control_dependency", prefix);
    }

    fn run_saver(&self, target: &str, prefix: &Path) {
        let prefix = Tensor::from(prefix.to_str().unwrap().to_owned());
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.op("init_and_save/save/Const"), 0, &prefix);
        args.add_target(&self.op(target));
        self.session.run(&mut args).unwrap();
    }
}

#[test]
fn every_node_of_python_s_baseline_is_there() {
    support::load_reproducible();
    let ours = build(&table("baseline"), None, Towers::AsPublished);
    let table = std::fs::read_to_string(golden("baseline/nodes.tsv")).unwrap();
    let mut checked = 0;
    for line in table.lines().skip(1) {
        let mut fields = line.split('\t');
        let (Some(_), Some(name), Some(op)) = (fields.next(), fields.next(), fields.next()) else {
            panic!("{line}")
        };
        // Gradients are the C++ registry's, with names of its own.
        if name.starts_with("train/gradients") {
            continue;
        }
        let node = ours.graph.graph().operation_by_name(name).unwrap();
        let node = node.unwrap_or_else(|| panic!("{name} ({op}) is missing"));
        assert_eq!(node.op_type().unwrap(), op, "{name}");
        checked += 1;
    }
    assert!(checked > 150, "only {checked} nodes in the table");
}
