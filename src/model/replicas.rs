//! A network on several devices at once: towers over the variables of one graph, each with a part of the rows.
//!
//! A tower is built in a graph of its own, with its gradients, and imported once a device: so towers are equal by
//! construction, and every node of one, backward ones too, is on its device. A tower's loss is the sum over its own rows by
//! the number of all, so that losses and gradients are added, in the order of the replicas, and the bits are the same
//! wherever they run.

use super::evaluation::Evaluation;
use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::inputs::{Inputs, is_bytes, to_floats};
use super::layers;
use super::lower::lower;
use super::optimization::{Gradients, differentiate};
use super::parcels::carry;
use super::shards::shards;
use super::synchronization::{sum, synchronize};
use crate::graph::{
    Accuracy, GraphError, Mode, MovingAverage, Result, Scope, Subgraph, SynchronizedNorm, Variable,
    sparse_softmax_cross_entropy_share,
};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// What the towers of a step of training come to.
pub(super) struct Learned {
    /// The mean loss of the batch: float32 [].
    pub loss: Output,
    /// Its gradients in the variables of the graph.
    pub gradients: Gradients,
    /// Move the moving averages, each once, towards the mean of what the towers' rows give.
    pub updates: Vec<Operation>,
}

/// A graph of one tower, still without the devices.
struct Blueprint {
    graph: Scope,
    /// What it is given, of the dtype of the whole graph's images.
    given: Output,
    /// The same as float32.
    images: Output,
    labels: Output,
}

impl Blueprint {
    /// For parts of these `images`.
    fn new(table: &Table, seed: Option<u64>, images: &Output) -> Result<Self> {
        let graph = Scope::new(seed);
        let [height, width, channels] = table.input_shape.map(|size| Some(size as i64));
        let shape = [None, height, width, channels];
        let (given, images) = if is_bytes(images) {
            let given = graph.placeholder::<u8>("images", &shape)?;
            (given.clone(), to_floats(&graph, &given)?)
        } else {
            let given = graph.placeholder::<f32>("images", &shape)?;
            (given.clone(), given)
        };
        let labels = graph.placeholder::<i32>("labels", &[None])?;
        Ok(Self { graph, given, images, labels })
    }
}

/// A tower that trains: from the rows of a replica, the number of all rows, what masks are drawn by, and the variables, to its
/// share of the loss, the gradients, and what moving averages are to move towards.
struct TrainingTower {
    nodes: Subgraph,
    gradients: Gradients,
    averages: Vec<MovingAverage>,
    synchronized: Vec<SynchronizedNorm>,
}

impl TrainingTower {
    /// For parts of these `images`.
    fn new(table: &Table, options: &BuildOptions, images: &Output) -> Result<Self> {
        let Blueprint { graph, given, images, labels } = Blueprint::new(table, options.seed, images)?;
        let all_rows = graph.placeholder::<f32>("all_rows", &[])?;
        let mask = graph.placeholder::<i64>("mask", &[])?;
        let steps = layers::make(table, &graph, options.towers, options.seed.unwrap_or(0))?;
        let parts = match options.sync_batch_norm {
            true => options.towers.in_synchronized_training(table, &steps),
            false => options.towers.in_training(table, &steps),
        };
        let learning = lower(&parts, &graph, &images, Mode::Training, Some(&mask))?;
        let loss = sparse_softmax_cross_entropy_share(&graph, &learning.logits, &labels, &all_rows)?;
        let synchronized = learning.synchronized.clone();
        let loss = loss.with_gradients_of(synchronized.iter().map(|norm| norm.term.clone()));
        let gradients = differentiate(options, &graph, &steps, &learning, &loss)?;
        let averages = graph.moving_averages();

        let takes = [vec![given, labels, all_rows, mask], reads(&graph.variables())].concat();
        let towards = averages.iter().map(|average| average.value.clone()).collect();
        let gives = [vec![loss.value], gradients.values.clone(), towards].concat();
        Ok(Self { nodes: Subgraph::new(&graph, &takes, &gives)?, gradients, averages, synchronized })
    }
}

/// Builds the towers that train, one on each of `devices`, within `graph`, which has the network's variables and no others
/// yet; sums go into `scope`.
pub(super) fn learn(
    devices: &[String],
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    scope: &Scope,
    inputs: &Inputs,
) -> Result<Learned> {
    let tower = TrainingTower::new(table, options, &inputs.images)?;
    let variables = graph.variables();
    let shards = shards(graph, inputs, devices.len())?;
    let towers = shards.iter().zip(devices).enumerate().map(|(replica, (shard, device))| {
        let takes = [&shard.images, &shard.labels, &shard.all_rows, &shard.mask].map(Output::clone);
        let takes = [takes.to_vec(), reads(&variables)].concat();
        let place = place(graph, replica);
        tower.nodes.begin(&place, "training", device, &there(&place, devices, device, &takes)?)
    });
    let mut towers = towers.collect::<Result<Vec<_>>>()?;

    let scope = scope.name_scope("replicas");
    let Gradients { variables: trained, values } = tower.gradients;
    let trained = trained.iter().map(|variable| of_graph(&variables, variable)).collect::<Result<_>>()?;
    let mut gradients = Gradients { variables: trained, values };
    let synchronized = synchronize(&scope, &tower.synchronized, &gradients, &shards, &mut towers)?;
    let averaged = tower.averages.iter().map(|average| &average.variable);
    let of_variables = gradients.variables.iter().chain(averaged).map(Variable::shape);
    let dims = std::iter::once(&[] as &[u64]).chain(of_variables);
    let dims: Vec<_> = dims.map(|dims| Some(dims.iter().map(|&dim| Some(dim as i64)).collect())).collect();
    let given = towers.iter().zip(devices).enumerate().map(|(replica, (tower, device))| {
        carry(&place(graph, replica), [device, &devices[0]], &tower.finish()?, &dims)
    });
    let given = given.collect::<Result<Vec<_>>>()?;
    let sum = |place: usize| sum(&scope, given.iter().map(|outputs| &outputs[place]));
    let loss = sum(0)?;
    let behind = 1 + gradients.values.len();
    gradients.values = (1..behind).map(sum).collect::<Result<_>>()?;
    let towards = (behind..).take(tower.averages.len()).map(sum).collect::<Result<Vec<_>>>()?;
    let mut updates = move_averages(&scope, &variables, &tower.averages, &towards, devices.len())?;
    for average in synchronized {
        let variable = of_graph(&variables, &average.variable)?;
        updates.push(average.move_towards(&scope, &variable, &average.value)?);
    }
    Ok(Learned { loss, gradients, updates })
}

/// Builds the towers that evaluate, one on each of `devices`, each of all the rows that a run is fed.
pub(super) fn evaluate(
    devices: &[String],
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    variables: &[Variable],
    inputs: &Inputs,
) -> Result<Vec<Evaluation>> {
    let Blueprint { graph: tower, given, images, labels } =
        Blueprint::new(table, options.seed, &inputs.images)?;
    let steps = layers::make(table, &tower, options.towers, options.seed.unwrap_or(0))?;
    // A network that trains as it is used has one tower.
    let (steps, mode) = match table.differs_in_training() {
        true => (options.towers.in_use(table, &steps), Mode::Inference),
        false => (options.towers.in_training(table, &steps), Mode::Training),
    };
    let using = lower(&steps, &tower, &images, mode, None)?;
    let measured = match options.accuracy_on {
        AccuracyOn::Logits => &using.plain,
        AccuracyOn::LogitsBatchNorm => &using.logits,
    };
    let Evaluation { logits, probabilities, accuracy } =
        Evaluation::new(&tower, &using.logits, measured, &labels)?;
    let takes = [vec![given, labels], reads(&tower.variables())].concat();
    let tower = Subgraph::new(&tower, &takes, &[logits, probabilities, accuracy.correct, accuracy.mean])?;

    let made = import_on(devices, graph, &tower, &[inputs.images.clone(), inputs.labels.clone()], variables)?;
    let evaluation = |outputs: Vec<Output>| {
        let output = |place: usize| outputs[place].clone();
        let accuracy = Accuracy { correct: output(2), mean: output(3) };
        Evaluation { logits: output(0), probabilities: output(1), accuracy }
    };
    Ok(made.into_iter().map(evaluation).collect())
}

/// Builds the towers in use, one on each of `devices`, each of all the `images` that a run is fed, within `graph`, which has the
/// network's variables; returns their logits.
pub(super) fn infer(
    devices: &[String],
    table: &Table,
    graph: &Scope,
    images: &Output,
    towers: Towers,
) -> Result<Vec<Output>> {
    let Blueprint { graph: tower, given, images: taken, .. } = Blueprint::new(table, None, images)?;
    let steps = layers::make(table, &tower, towers, 0)?;
    let logits = lower(&towers.in_use(table, &steps), &tower, &taken, Mode::Inference, None)?.logits;
    let own = tower.variables();
    let tower = Subgraph::new(&tower, &[vec![given], reads(&own)].concat(), &[logits])?;
    let variables = graph.variables();
    let variables = own.iter().map(|variable| of_graph(&variables, variable)).collect::<Result<Vec<_>>>()?;
    Ok(import_on(devices, graph, &tower, std::slice::from_ref(images), &variables)?.concat())
}

/// Imports a `tower` in use once a device, where it is given `inputs` and the values of `variables`.
fn import_on(
    devices: &[String],
    graph: &Scope,
    tower: &Subgraph,
    inputs: &[Output],
    variables: &[Variable],
) -> Result<Vec<Vec<Output>>> {
    let made = devices.iter().enumerate().map(|(replica, device)| {
        let place = place(graph, replica);
        let weights = there(&place, devices, device, &reads(variables))?;
        tower.import(&place, "inference", device, &[inputs, &weights].concat())
    });
    made.collect()
}

/// Where the towers of a replica are put.
fn place(graph: &Scope, replica: usize) -> Scope {
    graph.within(&format!("replica_{replica}"))
}

/// What is given on the first of the `devices`, as it is to be taken on `device`.
fn there(scope: &Scope, devices: &[String], device: &str, given: &[Output]) -> Result<Vec<Output>> {
    let dims: Vec<_> = given.iter().map(|output| scope.shape(output)).collect();
    carry(scope, [&devices[0], device], given, &dims)
}

fn reads(variables: &[Variable]) -> Vec<Output> {
    variables.iter().map(|variable| variable.read().clone()).collect()
}

/// The variable of the graph for one of a tower's.
fn of_graph(variables: &[Variable], other: &Variable) -> Result<Variable> {
    let found = variables.iter().find(|variable| variable.name() == other.name());
    found.cloned().ok_or_else(|| GraphError::unfit(other.name(), "only a tower has it"))
}

/// Moves each average once, towards the mean over the replicas, whose `sums` are given.
fn move_averages(
    scope: &Scope,
    variables: &[Variable],
    averages: &[MovingAverage],
    sums: &[Output],
    replicas: usize,
) -> Result<Vec<Operation>> {
    #[allow(clippy::cast_precision_loss)] // a few
    let replicas = scope.scalar("count", replicas as f32)?;
    let moves = averages.iter().zip(sums).map(|(average, sum)| {
        let mean = scope.op("RealDiv", "mean").input(sum).input(&replicas).output()?;
        average.move_towards(scope, &of_graph(variables, &average.variable)?, &mean)
    });
    moves.collect()
}
