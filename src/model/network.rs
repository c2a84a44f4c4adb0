//! The graph that trains and evaluates a network: inputs, one tower or two, loss, Adam, accuracy, saver.

use super::evaluation::Evaluation;
use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::inputs::Inputs;
use super::layers;
use super::lower::{Tower, lower};
use super::optimization::{Optimizer, differentiate};
use super::parcels::spans_processes;
use super::part::Step;
use super::replicas;
use crate::graph::{Branches, Conditional, Mode, Result, Saver, Scope, sparse_softmax_cross_entropy};
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
        let graph = Scope::new(options.seed);
        let inputs = Inputs::new(table, &graph, false)?;
        let steps = layers::make(table, &graph, options.towers, options.seed.unwrap_or(0))?;
        let (learning, logits, measured) = join(table, options, &graph, &inputs, &steps)?;

        let mut scope = graph.name_scope(&table.training.scope);
        let loss = sparse_softmax_cross_entropy(&scope, &learning.logits, &inputs.labels)?;
        if let Some(training) = &inputs.training {
            let flagged = training.require_flag(&scope)?;
            scope = scope.control_dependencies(graph.update_ops().iter().chain([&flagged]));
        }
        let gradients = differentiate(options, &scope, &steps, &learning, &loss)?;
        let optimizer = Optimizer::new(table, &scope, &gradients)?;
        let evaluation = Evaluation::new(&graph, &logits, &measured, &inputs.labels)?;
        Self::complete(graph, options.towers, inputs, loss.value, optimizer, vec![evaluation])
    }

    /// As [`build`](Self::build), with one replica of the network on each of `devices`, such as `/device:GPU:1`: a step's rows
    /// are cut into as many parts, and their gradients are added up. Every device may be given several times; variables
    /// and optimizer are wherever TensorFlow puts them. On one device the graph is that of `build`.
    pub fn build_on(devices: &[String], table: &Table, options: &BuildOptions) -> Result<Self> {
        if devices.len() < 2 {
            return Self::build(table, options);
        }
        let graph = Scope::new(options.seed);
        let inputs = Inputs::new(table, &graph, spans_processes(devices))?;
        layers::make(table, &graph, options.towers, options.seed.unwrap_or(0))?;
        let variables = graph.variables();

        let mut scope = graph.name_scope(&table.training.scope);
        let learned = replicas::learn(devices, table, options, &graph, &scope, &inputs)?;
        if let Some(training) = &inputs.training {
            let flagged = training.require_flag(&scope)?;
            scope = scope.control_dependencies(learned.updates.iter().chain([&flagged]));
        }
        let optimizer = Optimizer::new(table, &scope, &learned.gradients)?;
        let evaluations = replicas::evaluate(devices, table, options, &graph, &variables, &inputs)?;
        Self::complete(graph, options.towers, inputs, learned.loss, optimizer, evaluations)
    }

    /// Adds what initializes, saves and restores the variables.
    fn complete(
        graph: Scope,
        towers: Towers,
        inputs: Inputs,
        loss: Output,
        optimizer: Optimizer,
        evaluations: Vec<Evaluation>,
    ) -> Result<Self> {
        let scope = graph.name_scope("init_and_save");
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &graph.variables())?;
        Ok(Self {
            graph,
            towers,
            inputs: Inputs { learning_rate: optimizer.learning_rate, ..inputs },
            loss,
            evaluations,
            train: optimizer.step,
            initialize,
            saver,
        })
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
    let learning = options.towers.in_training(table, steps);
    let Some(training) = &inputs.training else {
        let learning = lower(&learning, graph, &inputs.images, Mode::Training, None)?;
        let (logits, measured) = (learning.logits.clone(), learning.plain.clone());
        return Ok((learning, logits, measured));
    };
    let cond = Conditional::new(graph, &training.flag);
    let images = cond.switch(&inputs.images)?;
    let scope = graph.name_scope("training");
    let step = Some(&training.step);
    let learning = lower(&learning, &scope, &images.if_true, Mode::Training, step)?;
    let scope = graph.name_scope("inference");
    let using = options.towers.in_use(table, steps);
    let using = lower(&using, &scope, &images.if_false, Mode::Inference, None)?;
    let join = |if_true: &Output, if_false: &Output| {
        let (if_true, if_false) = (if_true.clone(), if_false.clone());
        cond.merge(&Branches { if_true, if_false })
    };
    let logits = join(&learning.logits, &using.logits)?;
    let measured = match options.accuracy_on {
        AccuracyOn::Logits if table.ends_in_batch_norm() => join(&learning.plain, &using.plain)?,
        _ => logits.clone(),
    };
    Ok((learning, logits, measured))
}
