//! A network on several devices at once: towers over the variables of one graph, each with a part of the rows.
//!
//! A tower is built in a graph of its own, with its gradients, and imported once a device: so towers are equal by
//! construction, and every node of one, backward ones too, is on its device. A tower's loss is the sum over its own rows by
//! the number of all, so that losses and gradients are added, in the order of the replicas, and the bits are the same
//! wherever they run.

use super::evaluation::{Evaluation, in_use, measured};
use super::forms::{BuildOptions, Towers};
use super::inputs::Inputs;
use super::layers;
use super::lower::lower;
use super::optimization::{Gradients, differentiate};
use crate::graph::{
    Accuracy, GraphError, Mode, MovingAverage, Result, Scope, Subgraph, Variable, cast,
    sparse_softmax_cross_entropy_share,
};
use crate::networks::Table;
use tensorflow::{DataType, Operation, Output};

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
    images: Output,
    labels: Output,
}

impl Blueprint {
    fn new(table: &Table, seed: Option<u64>) -> Result<Self> {
        let graph = Scope::new(seed);
        let [height, width, channels] = table.input_shape.map(|size| Some(size as i64));
        let images = graph.placeholder::<f32>("images", &[None, height, width, channels])?;
        let labels = graph.placeholder::<i32>("labels", &[None])?;
        Ok(Self { graph, images, labels })
    }
}

/// Builds the towers that train, one on each of `devices`, within `graph`, which has the network's variables and no others
/// yet; sums go into `scope`.
pub(super) fn learn(
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    scope: &Scope,
    inputs: &Inputs,
    devices: &[String],
) -> Result<Learned> {
    let Blueprint { graph: tower, images, labels } = Blueprint::new(table, options.seed)?;
    let all_rows = tower.placeholder::<f32>("all_rows", &[])?;
    let step = tower.placeholder::<i64>("step", &[])?;
    let steps = layers::make(table, &tower, options.towers, options.seed.unwrap_or(0))?;
    let parts = options.towers.in_training(table, &steps);
    let learning = lower(&parts, &tower, &images, Mode::Training, Some(&step))?;
    let loss = sparse_softmax_cross_entropy_share(&tower, &learning.logits, &labels, &all_rows)?;
    let gradients = differentiate(options, &tower, &steps, &learning, &loss)?;
    let averages = tower.moving_averages();

    let takes = [vec![images, labels, all_rows, step], reads(&tower.variables())].concat();
    let values = averages.iter().map(|average| average.value.clone()).collect();
    let gives = [vec![loss.value], gradients.values, values].concat();
    let tower = Subgraph::new(&tower, &takes, &gives)?;

    let variables = graph.variables();
    let shards = Shards::new(graph, inputs, devices.len())?;
    let given = devices.iter().enumerate().map(|(replica, device)| {
        let (images, labels) = (shards.images[replica].clone(), shards.labels[replica].clone());
        let own = vec![images, labels, shards.all_rows.clone(), mask_number(graph, inputs, replica)?];
        tower.import(&place(graph, replica), "training", device, &[own, reads(&variables)].concat())
    });
    let given = given.collect::<Result<Vec<_>>>()?;

    let scope = scope.name_scope("replicas");
    let sums = (0..gives.len()).map(|place| sum(&scope, given.iter().map(|outputs| &outputs[place])));
    let mut sums = sums.collect::<Result<Vec<_>>>()?;
    let of_averages = sums.split_off(1 + gradients.variables.len());
    let values = sums.split_off(1);
    let trained = gradients.variables.iter().map(|variable| of_graph(&variables, variable));
    Ok(Learned {
        loss: sums.remove(0),
        gradients: Gradients { variables: trained.collect::<Result<_>>()?, values },
        updates: move_averages(&scope, &variables, &averages, &of_averages, devices.len())?,
    })
}

/// Builds the towers that evaluate, one on each of `devices`, each of all the rows that a run is fed.
pub(super) fn evaluate(
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    variables: &[Variable],
    inputs: &Inputs,
    devices: &[String],
) -> Result<Vec<Evaluation>> {
    let Blueprint { graph: tower, images, labels } = Blueprint::new(table, options.seed)?;
    let steps = layers::make(table, &tower, options.towers, options.seed.unwrap_or(0))?;
    let using = in_use(table, options, &tower, &steps, &images)?;
    let Evaluation { logits, probabilities, accuracy } =
        Evaluation::new(&tower, &using.logits, measured(options, &using), &labels)?;
    let takes = [vec![images, labels], reads(&tower.variables())].concat();
    let tower = Subgraph::new(&tower, &takes, &[logits, probabilities, accuracy.correct, accuracy.mean])?;

    let given = [vec![inputs.images.clone(), inputs.labels.clone()], reads(variables)].concat();
    let evaluations = devices.iter().enumerate().map(|(replica, device)| {
        let outputs = tower.import(&place(graph, replica), "inference", device, &given)?;
        let output = |place: usize| outputs[place].clone();
        let accuracy = Accuracy { correct: output(2), mean: output(3) };
        Ok(Evaluation { logits: output(0), probabilities: output(1), accuracy })
    });
    evaluations.collect()
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
    let Blueprint { graph: tower, images: taken, .. } = Blueprint::new(table, None)?;
    let steps = layers::make(table, &tower, towers, 0)?;
    let logits = lower(&towers.in_use(table, &steps), &tower, &taken, Mode::Inference, None)?.logits;
    let own = tower.variables();
    let tower = Subgraph::new(&tower, &[vec![taken], reads(&own)].concat(), &[logits])?;
    let variables = graph.variables();
    let variables = own.iter().map(|variable| of_graph(&variables, variable)).collect::<Result<Vec<_>>>()?;
    let given = [vec![images.clone()], reads(&variables)].concat();
    let logits = devices.iter().enumerate().map(|(replica, device)| {
        Ok(tower.import(&place(graph, replica), "inference", device, &given)?.remove(0))
    });
    logits.collect()
}

/// Where the towers of a replica are put.
fn place(graph: &Scope, replica: usize) -> Scope {
    graph.within(&format!("replica_{replica}"))
}

fn reads(variables: &[Variable]) -> Vec<Output> {
    variables.iter().map(|variable| variable.read().clone()).collect()
}

/// The variable of the graph for one of a tower's.
fn of_graph(variables: &[Variable], other: &Variable) -> Result<Variable> {
    let found = variables.iter().find(|variable| variable.name() == other.name());
    found.cloned().ok_or_else(|| GraphError::NoVariable {
        name: other.name().to_owned(),
        reason: "only a tower has it".to_owned(),
    })
}

/// The batch's rows, cut as numpy's `array_split` cuts them: the first parts are a row longer where it does not come out even.
struct Shards {
    /// Of each replica, float32 `[own rows, height, width, channels]`.
    images: Vec<Output>,
    /// Of each replica, int32 `[own rows]`.
    labels: Vec<Output>,
    /// How many rows they are together: float32 [].
    all_rows: Output,
}

impl Shards {
    fn new(graph: &Scope, inputs: &Inputs, replicas: usize) -> Result<Self> {
        let scope = graph.name_scope("shards");
        let count = replicas as i32;
        let size = scope.op("Size", "rows").input(&inputs.labels).data_type("out_type", DataType::Int32);
        let rows = size.output()?;
        let replicas = scope.scalar("replicas", count)?;
        let short = scope.op("FloorDiv", "short").input(&rows).input(&replicas).output()?;
        let longer = scope.op("FloorMod", "longer").input(&rows).input(&replicas).output()?;
        let places = scope.constant("places", &[count as u64], &(0..count).collect::<Vec<_>>())?;
        let is_longer = scope.op("Less", "is_longer").input(&places).input(&longer).output()?;
        let more = cast(&scope, "more", &is_longer, DataType::Int32)?;
        let sizes = scope.op("AddV2", "sizes").input(&more).input(&short).output()?;
        let axis = scope.scalar("axis", 0i32)?;
        let split = |name: &str, x: &Output| -> Result<Vec<Output>> {
            let node = scope.op("SplitV", name).input(x).input(&sizes).input(&axis);
            let node = node.int("num_split", count.into()).build()?;
            Ok((0..count).map(|index| Output { operation: node.clone(), index }).collect())
        };
        Ok(Self {
            images: split("images", &inputs.images)?,
            labels: split("labels", &inputs.labels)?,
            all_rows: cast(&scope, "all_rows", &rows, DataType::Float)?,
        })
    }
}

/// What a replica's dropout draws its masks by, int64 []: the step, and above it, below where the layer goes, the replica. The
/// first draws the masks of a network on one device.
fn mask_number(graph: &Scope, inputs: &Inputs, replica: usize) -> Result<Output> {
    match &inputs.training {
        Some(training) if replica == 0 => Ok(training.step.clone()),
        Some(training) => {
            let scope = graph.name_scope("masks");
            let replica = scope.scalar("replica", (replica as i64) << 32)?;
            scope.op("AddV2", "number").input(&training.step).input(&replica).output()
        }
        None => graph.name_scope("masks").scalar("none", 0i64),
    }
}

/// The sum of values of one shape, added one after the other.
fn sum<'a>(scope: &Scope, values: impl IntoIterator<Item = &'a Output>) -> Result<Output> {
    let mut values = values.into_iter();
    let mut sum = values.next().cloned().ok_or_else(|| GraphError::Shape {
        node: scope.path().to_owned(),
        reason: "there is nothing to add up".to_owned(),
    })?;
    for value in values {
        sum = scope.op("AddV2", "add").input(&sum).input(value).output()?;
    }
    Ok(sum)
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
