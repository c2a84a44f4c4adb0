//! The graph that trains and evaluates a network: inputs, one tower or two, loss, Adam, accuracy, saver.

use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::layers::{self, to_images};
use super::lower::{Tower, lower};
use super::part::Step;
use super::rewrites;
use crate::graph::{
    Accuracy, AdamOptimizer, Branches, Conditional, GraphError, Mode, Result, Saver, Scope,
    export_meta_graph, gradients, in_top_1, softmax, sparse_softmax_cross_entropy,
};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// What a network is fed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `inputs/X`: float32 `[rows, height * width]` in 0..=1.
    pub x: Output,
    /// The same as float32 `[rows, height, width, 1]`.
    pub images: Output,
    /// `inputs/y`: int32 `[rows]`, the number of the class.
    pub labels: Output,
    /// What tells a step of training from use, in networks where they differ.
    pub training: Option<TrainingInputs>,
    /// float32 []: the step size, where it changes from step to step.
    pub learning_rate: Option<Output>,
}

/// What a network with batch norm or dropout is fed besides, in a step of training.
#[derive(Debug, Clone)]
pub struct TrainingInputs {
    /// `inputs/training`: bool [], false unless fed.
    pub flag: Output,
    /// `inputs/step`: int64 [], which of its masks dropout uses; 0 unless fed.
    pub step: Output,
}

impl Inputs {
    fn new(table: &Table, graph: &Scope) -> Result<Self> {
        let scope = graph.name_scope("inputs");
        let x = scope.placeholder::<f32>("X", &[None, Some(table.pixels() as i64)])?;
        let images = to_images(table, &scope, &x)?;
        let labels = scope.placeholder::<i32>("y", &[None])?;
        let training = match table.differs_in_training() {
            true => Some(TrainingInputs {
                flag: scope.placeholder_with_default("training", false)?,
                step: scope.placeholder_with_default("step", 0i64)?,
            }),
            false => None,
        };
        Ok(Self { x, images, labels, training, learning_rate: None })
    }
}

impl TrainingInputs {
    /// An operation that fails, and says why, where `flag` is false. Without it a training op whose tower is dead would
    /// silently do nothing.
    fn require_flag(&self, scope: &Scope) -> Result<Operation> {
        let scope = scope.name_scope("require_training");
        let message = "a training step needs inputs/training fed with true".to_owned();
        let message = scope.scalar("message", message)?;
        scope.op("Assert", "Assert").input(&self.flag).input_list(&[message]).int("summarize", 1).build()
    }
}

/// A graph to train and evaluate, and the nodes it is run by.
#[derive(Debug)]
pub struct Network {
    /// The graph.
    pub graph: Scope,
    /// What it is fed.
    pub inputs: Inputs,
    /// What the probabilities are made of: float32 `[rows, classes]`.
    pub logits: Output,
    /// `output/Y_proba`: float32 `[rows, classes]`.
    pub probabilities: Output,
    /// Mean cross-entropy of the batch, before the update: float32 [].
    pub loss: Output,
    /// Which rows are classified right, and how many.
    pub accuracy: Accuracy,
    /// One step of training.
    pub train: Operation,
    /// Gives every variable its start value.
    pub initialize: Operation,
    /// Saves and restores every variable.
    pub saver: Saver,
}

/// The towers of a network joined.
struct Joined {
    learning: Tower,
    logits: Output,
    measured: Output,
}

impl Network {
    /// Builds the graph that trains and evaluates the network of `table`; the names of its variables, and as published
    /// of all its ops, are those of Python's front end.
    ///
    /// # Errors
    /// TensorFlow refuses a node.
    pub fn build(table: &Table, options: &BuildOptions) -> Result<Self> {
        let graph = Scope::new(options.seed);
        let mut inputs = Inputs::new(table, &graph)?;
        let steps = layers::make(table, &graph, options.towers, options.seed.unwrap_or(0))?;
        let joined = join(table, options, &graph, &inputs, &steps)?;
        let (learning, logits) = (joined.learning, joined.logits);

        let training = &table.training;
        let mut scope = graph.name_scope(&training.scope);
        let loss = sparse_softmax_cross_entropy(&scope, &learning.logits, &inputs.labels)?;
        if let Some(training) = &inputs.training {
            let flagged = training.require_flag(&scope)?;
            scope = scope.control_dependencies(graph.update_ops().iter().chain([&flagged]));
        }
        let frozen = match options.towers {
            Towers::AsPublished => Vec::new(),
            Towers::Fast { .. } => {
                rewrites::biases_before_norms(&steps, options.accuracy_on == AccuracyOn::Logits)
            }
        };
        let variables = graph.trainable_variables();
        let mut trained = variables.clone();
        trained.retain(|variable| frozen.iter().all(|other| other.name() != variable.name()));
        let (trained, gradients) = match &learning.head {
            Some(head) => head.gradients(&scope, &loss, &trained)?,
            None => {
                let gradients = gradients(&scope, &loss, &trained)?;
                (trained, gradients)
            }
        };
        let adam = AdamOptimizer {
            learning_rate: training.adam.learning_rate.initial(),
            beta1: training.adam.beta_1,
            beta2: training.adam.beta_2,
            epsilon: training.adam.epsilon,
            feeds_learning_rate: !training.adam.learning_rate.is_constant(),
        };
        let train = adam.apply_gradients_to(&scope, &gradients, &trained, &variables)?;
        if adam.feeds_learning_rate {
            // The scope's own path: a name that was taken already has a number behind it.
            let name = format!("{}/Adam/learning_rate", scope.path());
            let operation = graph.graph().operation_by_name_required(&name);
            let operation =
                operation.map_err(|status| GraphError::Run { action: format!("find {name}"), status })?;
            inputs.learning_rate = Some(operation.output(0));
        }

        let probabilities = softmax(&graph.within("output"), "Y_proba", &logits)?;
        let accuracy = in_top_1(&graph.name_scope("eval"), &joined.measured, &inputs.labels)?;
        let scope = graph.name_scope("init_and_save");
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &graph.variables())?;
        Ok(Self {
            graph,
            inputs,
            logits,
            probabilities,
            loss: loss.value,
            accuracy,
            train,
            initialize,
            saver,
        })
    }

    /// The bytes of the `.meta` file of its checkpoints; see [`export_meta_graph`].
    ///
    /// # Errors
    /// TensorFlow cannot serialize the graph.
    pub fn meta_graph(&self) -> Result<Vec<u8>> {
        export_meta_graph(&self.graph, &self.saver, &self.train)
    }
}

/// Builds the towers: one, or, where training differs from use, two of which `training` chooses.
fn join(
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    inputs: &Inputs,
    steps: &[Step],
) -> Result<Joined> {
    let learning = options.towers.in_training(table, steps);
    let Some(training) = &inputs.training else {
        let learning = lower(&learning, graph, &inputs.images, Mode::Training, None)?;
        return Ok(Joined { logits: learning.logits.clone(), measured: learning.plain.clone(), learning });
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
    Ok(Joined { learning, logits, measured })
}
