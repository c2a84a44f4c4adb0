//! The graph that trains and evaluates a network: inputs, one tower or two, loss, Adam, accuracy, saver.

use super::evaluation::Evaluation;
use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::inputs::Inputs;
use super::layers;
use super::lower::{Tower, lower};
use super::optimization::{differentiate, optimize};
use super::parcels::spans_processes;
use super::part::Step;
use super::replicas::{self, Learned};
use crate::graph::{Conditional, Mode, Result, Saver, Scope, sparse_softmax_cross_entropy};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// A graph to train and evaluate, and the nodes it is run by.
#[derive(Debug)]
pub struct Network {
    /// The graph.
    pub graph: Scope,
    /// How it is built from its variables.
    pub towers: Towers,
    /// What it is fed.
    pub inputs: Inputs,
    /// Mean cross-entropy of the batch, before the update: float32 [].
    pub loss: Output,
    /// Where rows can be evaluated at once: one a replica.
    pub evaluations: Vec<Evaluation>,
    /// One step of training.
    pub train: Operation,
    /// Gives every variable its start value.
    pub initialize: Operation,
    /// Saves and restores every variable.
    pub saver: Saver,
}

impl Network {
    /// Builds the graph that trains and evaluates the network of `table`; the names of its variables, and as published
    /// of all its ops, are those of Python's front end.
    pub fn build(table: &Table, options: &BuildOptions) -> Result<Self> {
        Self::build_on(&[], table, options)
    }

    /// As [`build`](Self::build), with one replica of the network on each of `devices`, such as `/device:GPU:1`: a step's rows
    /// are cut into as many parts, and their gradients are added up. Every device may be given several times; variables
    /// and optimizer are wherever TensorFlow puts them. On one device the graph is that of `build`.
    pub fn build_on(devices: &[String], table: &Table, options: &BuildOptions) -> Result<Self> {
        let graph = Scope::new(options.seed);
        let mut inputs = Inputs::new(table, &graph, spans_processes(devices))?;
        let steps = layers::make(table, &graph, options.towers, options.seed.unwrap_or(0))?;
        let alone = match devices.len() < 2 {
            true => Some(join(table, options, &graph, &inputs, &steps)?),
            false => None,
        };

        let scope = graph.name_scope(&table.training.scope);
        // A step waits for what moves the averages.
        let behind = |updates: &[Operation]| -> Result<Scope> {
            let Some(training) = &inputs.training else { return Ok(scope.clone()) };
            let flagged = training.require_flag(&scope)?;
            Ok(scope.control_dependencies(updates.iter().chain([&flagged])))
        };
        let (loss, gradients, behind) = match &alone {
            Some((learning, ..)) => {
                let loss = sparse_softmax_cross_entropy(&scope, &learning.logits, &inputs.labels)?;
                let behind = behind(&graph.update_ops())?;
                let gradients = differentiate(options, &behind, &steps, learning, &loss)?;
                (loss.value, gradients, behind)
            }
            None => {
                let Learned { loss, gradients, updates } =
                    replicas::learn(devices, table, options, &graph, &scope, &inputs)?;
                (loss, gradients, behind(&updates)?)
            }
        };
        let (train, learning_rate) = optimize(table, &behind, &gradients)?;
        let evaluations = match &alone {
            Some((_, logits, measured)) => vec![Evaluation::new(&graph, logits, measured, &inputs.labels)?],
            None => replicas::evaluate(devices, table, options, &graph, &inputs)?,
        };
        inputs.learning_rate = learning_rate;

        let scope = graph.name_scope("init_and_save");
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &graph.variables())?;
        Ok(Self { graph, towers: options.towers, inputs, loss, evaluations, train, initialize, saver })
    }
}

/// Builds the towers: one, or, where training differs from use, two of which `training` chooses. Returns the one that
/// trains, and of the chosen one the logits and those that accuracy is measured on.
fn join(
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    inputs: &Inputs,
    steps: &[Step],
) -> Result<(Tower, Output, Output)> {
    let learning = options.towers.in_training(table, steps, false);
    let Some(training) = &inputs.training else {
        let learning = lower(&learning, graph, &inputs.images, Mode::Training, None)?;
        let (logits, measured) = (learning.logits.clone(), learning.plain.clone());
        return Ok((learning, logits, measured));
    };
    let cond = Conditional::new(graph, &training.flag);
    let [if_false, if_true] = cond.switch(&inputs.images)?;
    let scope = graph.name_scope("training");
    let learning = lower(&learning, &scope, &if_true, Mode::Training, Some(&training.step))?;
    let scope = graph.name_scope("inference");
    let using = lower(&options.towers.in_use(table, steps), &scope, &if_false, Mode::Inference, None)?;
    let logits = cond.merge(&[using.logits, learning.logits.clone()])?;
    let measured = match options.accuracy_on {
        AccuracyOn::Logits if table.ends_in_batch_norm() => {
            cond.merge(&[using.plain, learning.plain.clone()])?
        }
        _ => logits.clone(),
    };
    Ok((learning, logits, measured))
}
