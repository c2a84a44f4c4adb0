//! Losses, and accuracy.

use crate::error::{GraphError, Result, shown};
use crate::scope::Scope;
use tensorflow::{DataType, Output};

/// A scalar to minimize: [`sparse_softmax_cross_entropy`], or [one of one's own](Loss::new).
#[derive(Debug, Clone)]
pub struct Loss {
    /// The loss itself, float32 [].
    pub value: Output,
    /// Float32 scalars whose gradients add up to its own, made of ops that TensorFlow's C++ registry can differentiate.
    pub(crate) differentiable: Vec<Output>,
}

impl Loss {
    /// A loss of one's own, float32 [], whose ops all have a gradient in TensorFlow's C++ registry.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tf_static_graph::{libtensorflow, tensorflow};
    /// # let cache = libtensorflow::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" };
    /// # unsafe { libtensorflow::load_with_environment(&libtensorflow::Options { cache, ..Default::default() }, &libtensorflow::Silent)? };
    /// use tensorflow::Tensor;
    /// use tf_static_graph::{AdamOptimizer, Dense, Loss, Scope, reduce_mean};
    ///
    /// let graph = Scope::new(Some(1));
    /// let x = graph.placeholder::<f32>("x", &[None, Some(1)])?;
    /// let y = graph.placeholder::<f32>("y", &[None, Some(1)])?;
    /// let line = Dense::new(&graph, "line", 1, 1, None)?;
    /// let predicted = line.apply(&graph, &x)?;
    /// // Any op of TensorFlow's, by its name in TensorFlow's list of raw ops.
    /// let squares = graph.op("SquaredDifference", "squares").input(&predicted).input(&y).output()?;
    /// let loss = Loss::new(&graph, reduce_mean(&graph, &squares)?)?; // the mean squared error
    /// let train = AdamOptimizer::new(0.1).minimize(&graph, &loss, &graph.trainable_variables())?;
    ///
    /// let xs = Tensor::new(&[3, 1]).with_values(&[0.0_f32, 1.0, 2.0])?;
    /// let ys = Tensor::new(&[3, 1]).with_values(&[1.0_f32, 3.0, 5.0])?; // 2x + 1
    /// let session = graph.initialized_session()?;
    /// for _ in 0..500 {
    ///     session.step().feed(&x, &xs).feed(&y, &ys).target(&train).run()?;
    /// }
    /// let kernel = &session.step().fetch(line.kernel.read()).run()?[0];
    /// assert!((kernel[0] - 2.0).abs() < 0.01);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GraphError::Unfit`]: it is no float32 scalar. Of a vector TensorFlow would take the gradient of the sum.
    pub fn new(scope: &Scope, value: Output) -> Result<Self> {
        let dtype = value.operation.output_type(value.index as usize);
        match (scope.shape(&value).as_deref(), dtype) {
            (Some([]), DataType::Float) => Ok(Self { differentiable: vec![value.clone()], value }),
            (shape, dtype) => {
                let reason =
                    format!("a loss is a float32 scalar, not {dtype} {}; see reduce_mean", shown(shape));
                Err(GraphError::unfit(value.operation.name().unwrap_or_default(), reason))
            }
        }
    }

    /// The same loss, to whose gradients those of `terms`, float32 [], are added: of what depends on it in another graph, say.
    #[must_use]
    pub fn with_gradients_of(mut self, terms: impl IntoIterator<Item = Output>) -> Self {
        self.differentiable.extend(terms);
        self
    }
}

/// Mean cross-entropy of `logits`, float32 `[rows, classes]`, against `labels`, int32 or int64 `[rows]`:
/// `-1/rows · sum_r log softmax(logits_r)[labels_r]`. `tf.nn.sparse_softmax_cross_entropy_with_logits`, then
/// `tf.reduce_mean`.
///
/// `SparseSoftmaxCrossEntropyWithLogits` has no gradient in the C++ registry. Its second output is the gradient of each
/// row's loss with respect to the logits, so the gradient is taken of sum(logits · stop_gradient(that / rows)) instead,
/// whose bits are those of Python's gradient.
pub fn sparse_softmax_cross_entropy(scope: &Scope, logits: &Output, labels: &Output) -> Result<Loss> {
    cross_entropy(scope, logits, labels, None)
}

/// What some rows of a batch contribute to the mean cross-entropy of all of its rows: the sum of their losses by `all_rows`,
/// float32 []. Losses and gradients of the parts of a batch, added up, are those of the batch.
pub fn sparse_softmax_cross_entropy_share(
    scope: &Scope,
    logits: &Output,
    labels: &Output,
    all_rows: &Output,
) -> Result<Loss> {
    cross_entropy(scope, logits, labels, Some(all_rows))
}

fn cross_entropy(scope: &Scope, logits: &Output, labels: &Output, all_rows: Option<&Output>) -> Result<Loss> {
    let inner = scope.name_scope("SparseSoftmaxCrossEntropyWithLogits");
    // Python's front end leaves this unused node too.
    inner.op("Shape", "Shape").input(labels).data_type("out_type", DataType::Int32).build()?;
    let name = "SparseSoftmaxCrossEntropyWithLogits";
    let of_rows = inner.op(name, name).inputs([logits, labels]).build()?;
    let losses = of_rows.output(0);
    let value = match all_rows {
        None => reduce_mean(scope, &losses)?,
        Some(all_rows) => {
            let axes = scope.constant("Const", &[1], &[0])?;
            let sum = scope.op("Sum", "Sum").inputs([&losses, &axes]).boolean("keep_dims", false).output()?;
            scope.op("RealDiv", "truediv").inputs([&sum, all_rows]).output()?
        }
    };

    let surrogate = scope.name_scope("surrogate");
    let rows = match all_rows {
        None => {
            let size = surrogate.op("Size", "rows").input(&losses).data_type("out_type", DataType::Int32);
            cast(&surrogate, "rows_as_float", &size.output()?, DataType::Float)?
        }
        Some(all_rows) => all_rows.clone(),
    };
    let one = surrogate.scalar("one", 1.0f32)?;
    // As Python does it: 1/rows, rounded, then times each entry.
    let weight = surrogate.op("RealDiv", "weight").inputs([&one, &rows]).output()?;
    let gradient = surrogate.op("Mul", "gradient").inputs([&of_rows.output(1), &weight]).output()?;
    let gradient = surrogate.op("StopGradient", "stop_gradient").input(&gradient).output()?;
    let product = surrogate.op("Mul", "product").inputs([logits, &gradient]).output()?;
    let axes = surrogate.constant("axes", &[2], &[0, 1])?;
    let sum = surrogate.op("Sum", "sum").inputs([&product, &axes]).boolean("keep_dims", false).output()?;
    Ok(Loss { value, differentiable: vec![sum] })
}

/// The mean of all values of `x`, of any shape to []; `tf.reduce_mean`.
///
/// # Errors
/// [`GraphError::Unfit`]: the rank of `x` is not known.
pub fn reduce_mean(scope: &Scope, x: &Output) -> Result<Output> {
    let rank = scope.shape(x).map(|dims| dims.len() as i32).ok_or_else(|| {
        let reason = "its rank is not known, so there is no telling over what to take the mean";
        GraphError::unfit(x.operation.name().unwrap_or_default(), reason)
    })?;
    let axes: Vec<_> = (0..rank).collect();
    let axes = scope.constant("Const", &[axes.len() as u64], &axes)?;
    scope.op("Mean", "Mean").input(x).input(&axes).boolean("keep_dims", false).output()
}

/// `x` converted to another dtype; `tf.cast`.
pub fn cast(scope: &Scope, name: &str, x: &Output, to: DataType) -> Result<Output> {
    scope.op("Cast", name).input(x).data_type("DstT", to).boolean("Truncate", false).output()
}

/// How often the greatest logit is the label's.
#[derive(Debug, Clone)]
pub struct Accuracy {
    /// bool `[rows]`: no other logit of the row is greater than the label's; `tf.nn.in_top_k(k=1)`.
    pub correct: Output,
    /// float32 []: the mean of `correct`.
    pub mean: Output,
}

/// Compares `logits`, float32 `[rows, classes]`, with `labels`, int32 or int64 `[rows]`.
pub fn in_top_1(scope: &Scope, logits: &Output, labels: &Output) -> Result<Accuracy> {
    let outer = scope.name_scope("in_top_k");
    let inner = outer.name_scope("InTopKV2");
    let k = match labels.operation.output_type(labels.index as usize) {
        DataType::Int64 => inner.scalar("k", 1i64)?,
        _ => inner.scalar("k", 1i32)?,
    };
    let correct = inner.op_named_as_scope("InTopKV2").input(logits).input(labels).input(&k).output()?;
    let as_float = cast(scope, "Cast", &correct, DataType::Float)?;
    Ok(Accuracy { mean: reduce_mean(scope, &as_float)?, correct })
}
