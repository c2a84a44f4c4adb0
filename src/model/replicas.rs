//! A network on several devices at once: towers over the variables of one graph, each with a part of the rows.
//!
//! A tower is built in a graph of its own, with its gradients, and imported once a device: so towers are equal by
//! construction, and every node of one, backward ones too, is on its device. A tower's loss is the sum over its own rows by
//! the number of all, so that losses and gradients are added, in the order of the replicas, and the bits are the same
//! wherever they run.

use super::evaluation::Evaluation;
use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::inputs::{Inputs, to_floats};
use super::layers;
use super::lower::lower;
use super::optimization::differentiate;
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
    pub gradients: Vec<(Output, Variable)>,
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
        let dtype = images.operation.output_type(images.index as usize);
        let given =
            graph.op("Placeholder", "images").data_type("dtype", dtype).shape("shape", &shape).output()?;
        let images = to_floats(&graph, &given)?;
        let labels = graph.placeholder::<i32>("labels", &[None])?;
        Ok(Self { graph, given, images, labels })
    }
}

/// A tower that trains: from the rows of a replica, the number of all rows, what masks are drawn by, and the variables, to its
/// share of the loss, the gradients, and what moving averages are to move towards.
struct TrainingTower {
    nodes: Subgraph,
    gradients: Vec<(Output, Variable)>,
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
        let parts = options.towers.in_training(table, &steps, options.sync_batch_norm);
        let learning = lower(&parts, &graph, &images, Mode::Training, Some(&mask))?;
        let loss = sparse_softmax_cross_entropy_share(&graph, &learning.logits, &labels, &all_rows)?;
        let synchronized = learning.synchronized.clone();
        let loss = loss.with_gradients_of(synchronized.iter().map(|norm| norm.term.clone()));
        let gradients = differentiate(options, &graph, &steps, &learning, &loss)?;
        let averages = graph.moving_averages();

        let takes = [vec![given, labels, all_rows, mask], reads(&graph.variables())].concat();
        let towards = averages.iter().map(|average| &average.value);
        let gives = gradients.iter().map(|(gradient, _)| gradient).chain(towards);
        let gives: Vec<_> = std::iter::once(&loss.value).chain(gives).cloned().collect();
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
    let own = |(gradient, variable)| Ok((gradient, of_graph(&variables, &variable)?));
    let gradients = tower.gradients.into_iter().map(own).collect::<Result<Vec<_>>>()?;
    let synchronized = synchronize(&scope, &tower.synchronized, &gradients, &shards, &mut towers)?;
    let averaged = tower.averages.iter().map(|average| &average.variable);
    let of_variables = gradients.iter().map(|(_, variable)| variable).chain(averaged).map(Variable::shape);
    let dims = std::iter::once(&[] as &[u64]).chain(of_variables);
    let dims: Vec<_> = dims.map(|dims| Some(dims.iter().map(|&dim| Some(dim as i64)).collect())).collect();
    let given = towers.iter().zip(devices).enumerate().map(|(replica, (tower, device))| {
        carry(&place(graph, replica), [device, &devices[0]], &tower.finish()?, &dims)
    });
    let given = given.collect::<Result<Vec<_>>>()?;
    let sums = (0..dims.len()).map(|place| sum(&scope, given.iter().map(|outputs| &outputs[place])));
    let sums = sums.collect::<Result<Vec<_>>>()?;
    let (in_variables, towards) = sums[1..].split_at(gradients.len());
    #[allow(clippy::cast_precision_loss)] // a few
    let replicas = scope.scalar("count", devices.len() as f32)?;
    let mut updates = Vec::new();
    for (average, sum) in tower.averages.iter().zip(towards) {
        let mean = scope.op("RealDiv", "mean").input(sum).input(&replicas).output()?;
        updates.push(average.move_towards(&scope, &of_graph(&variables, &average.variable)?, &mean)?);
    }
    for average in synchronized {
        let variable = of_graph(&variables, &average.variable)?;
        updates.push(average.move_towards(&scope, &variable, &average.value)?);
    }
    let trained = gradients.into_iter().map(|(_, variable)| variable);
    let gradients = in_variables.iter().cloned().zip(trained).collect();
    Ok(Learned { loss: sums[0].clone(), gradients, updates })
}

/// Builds the towers that evaluate, one on each of `devices`, each of all the rows that a run is fed.
pub(super) fn evaluate(
    devices: &[String],
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    inputs: &Inputs,
) -> Result<Vec<Evaluation>> {
    let fed = [inputs.images.clone(), inputs.labels.clone()];
    let made =
        use_on(devices, table, options.seed, graph, &fed, |Blueprint { graph, images, labels, .. }| {
            let steps = layers::make(table, graph, options.towers, options.seed.unwrap_or(0))?;
            // A network that trains as it is used has one tower.
            let (steps, mode) = match table.differs_in_training() {
                true => (options.towers.in_use(table, &steps), Mode::Inference),
                false => (options.towers.in_training(table, &steps, false), Mode::Training),
            };
            let using = lower(&steps, graph, images, mode, None)?;
            let measured = match options.accuracy_on {
                AccuracyOn::Logits => &using.plain,
                AccuracyOn::LogitsBatchNorm => &using.logits,
            };
            let made = Evaluation::new(graph, &using.logits, measured, labels)?;
            Ok(vec![made.logits, made.probabilities, made.accuracy.correct, made.accuracy.mean])
        });
    let evaluation = |outputs: Vec<Output>| {
        let output = |place: usize| outputs[place].clone();
        let accuracy = Accuracy { correct: output(2), mean: output(3) };
        Evaluation { logits: output(0), probabilities: output(1), accuracy }
    };
    Ok(made?.into_iter().map(evaluation).collect())
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
    let fed = std::slice::from_ref(images);
    let made = use_on(devices, table, None, graph, fed, |Blueprint { graph, images, .. }| {
        let steps = layers::make(table, graph, towers, 0)?;
        Ok(vec![lower(&towers.in_use(table, &steps), graph, images, Mode::Inference, None)?.logits])
    });
    Ok(made?.concat())
}

/// Puts the tower that `build` makes of a blueprint within `graph`, which has its variables, once a device: there the
/// images, and labels if any, are all that are `fed`.
fn use_on(
    devices: &[String],
    table: &Table,
    seed: Option<u64>,
    graph: &Scope,
    fed: &[Output],
    build: impl FnOnce(&Blueprint) -> Result<Vec<Output>>,
) -> Result<Vec<Vec<Output>>> {
    let blueprint = Blueprint::new(table, seed, &fed[0])?;
    let gives = build(&blueprint)?;
    let Blueprint { graph: tower, given, labels, .. } = blueprint;
    let (own, variables) = (tower.variables(), graph.variables());
    let takes = [&[given, labels][..fed.len()], &reads(&own)].concat();
    let tower = Subgraph::new(&tower, &takes, &gives)?;
    let variables = own.iter().map(|variable| of_graph(&variables, variable)).collect::<Result<Vec<_>>>()?;
    let made = devices.iter().enumerate().map(|(replica, device)| {
        let place = place(graph, replica);
        let weights = there(&place, devices, device, &reads(&variables))?;
        tower.import(&place, "inference", device, &[fed, &weights].concat())
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
