//! A session on a graph that is fed and fetched in one line.

use crate::error::{GraphError, Result, shown};
use crate::scope::Scope;
use crate::variable::Variable;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tensorflow::{
    DataType, FetchToken, Operation, Output, Session, SessionOptions, SessionRunArgs, Tensor, TensorType,
};

/// A TensorFlow session on the graph of a [`Scope`], one for all clones; it derefs to [`Session`], which
/// [`Saver`](crate::Saver) takes.
#[derive(Debug, Clone)]
pub struct GraphSession(Arc<Watched>);

/// A session, and when its runs began that have not ended.
#[derive(Debug)]
struct Watched {
    session: Session,
    runs: Mutex<Vec<Instant>>,
}

impl Watched {
    fn runs(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Session> for GraphSession {
    fn from(session: Session) -> Self {
        Self(Arc::new(Watched { session, runs: Mutex::default() }))
    }
}

impl GraphSession {
    /// A session in which no variable has a value yet; its `options` may be those of a
    /// [`SessionConfig`](crate::SessionConfig), which says device and threads.
    ///
    /// # Errors
    /// TensorFlow refuses the options.
    pub fn new(scope: &Scope, options: &SessionOptions) -> Result<Self> {
        Ok(Session::new(options, &scope.graph()).map_err(GraphError::run("open a session"))?.into())
    }

    /// As [`Session::run`], seen by whoever watches that a session over many processes does not wait for ever.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn run(&self, arguments: &mut SessionRunArgs) -> tensorflow::Result<()> {
        let begun = Instant::now();
        self.0.runs().push(begun);
        let ran = self.0.session.run(arguments);
        let mut runs = self.0.runs();
        if let Some(place) = runs.iter().position(|&other| other == begun) {
            runs.swap_remove(place);
        }
        ran
    }

    /// For how long the oldest run has not ended.
    pub(super) fn running(&self) -> Option<Duration> {
        self.0.runs().iter().min().map(Instant::elapsed)
    }

    /// Clones there are, this one among them.
    pub(super) fn users(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// A run, which does nothing until it is told what.
    pub fn step(&self) -> Step<'_> {
        Step { session: self, arguments: SessionRunArgs::new(), fetches: Vec::new(), misfit: None }
    }

    /// Gives `variables` their start values.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn initialize(&self, variables: &[Variable]) -> Result<()> {
        if variables.is_empty() {
            return Ok(()); // TensorFlow runs no empty step
        }
        let initializers = variables.iter().map(|variable| &variable.initializer);
        initializers.fold(self.step(), Step::target).run().map(drop)
    }
}

/// What is run as a [`Session`] is not seen by those who watch; see [`GraphSession::run`].
impl Deref for GraphSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0.session
    }
}

impl Scope {
    /// A session with TensorFlow's own settings, in which every variable made so far has its start value.
    ///
    /// # Errors
    /// TensorFlow cannot open one, or a start value cannot be computed.
    pub fn initialized_session(&self) -> Result<GraphSession> {
        let session = GraphSession::new(self, &SessionOptions::new())?;
        session.initialize(&self.variables())?;
        Ok(session)
    }
}

/// One run of a session: what is fed, what is run, what is fetched.
#[must_use = "a step does nothing until it is run"]
#[derive(Debug)]
pub struct Step<'a> {
    session: &'a GraphSession,
    arguments: SessionRunArgs<'a>,
    fetches: Vec<(Output, FetchToken)>,
    /// The first value fed that its placeholder does not take.
    misfit: Option<GraphError>,
}

impl<'a> Step<'a> {
    /// Gives `output` a value. One that does not fit a placeholder is found out when it is [run](Self::run).
    pub fn feed<T: TensorType>(mut self, output: &Output, value: &'a Tensor<T>) -> Self {
        self.misfit = self.misfit.or_else(|| misfit(output, value));
        self.arguments.add_feed(&output.operation, output.index, value);
        self
    }

    /// Runs `operation`, such as a step of training.
    pub fn target(mut self, operation: &Operation) -> Self {
        self.arguments.add_target(operation);
        self
    }

    /// Asks for the value of `output`.
    pub fn fetch(mut self, output: &Output) -> Self {
        let token = self.arguments.request_fetch(&output.operation, output.index);
        self.fetches.push((output.clone(), token));
        self
    }

    /// Runs it, and returns the float32 values asked for, each row by row: a scalar is the one value of its vector.
    ///
    /// # Errors
    /// A value fed or asked for is of another dtype or shape than that, or TensorFlow fails.
    pub fn run(self) -> Result<Vec<Vec<f32>>> {
        self.run_for()
    }

    /// As [`run`](Self::run), for values of dtype `T`.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_for<T: TensorType + Clone>(mut self) -> Result<Vec<Vec<T>>> {
        if let Some(misfit) = self.misfit {
            return Err(misfit);
        }
        for (output, _) in &self.fetches {
            let dtype = output.operation.output_type(output.index as usize);
            if is_another::<T>(dtype) {
                let reason =
                    format!("it is {dtype}; fetch it in a step of its own, with run_for of that type");
                return Err(GraphError::unfit(output.operation.name().unwrap_or_default(), reason));
            }
        }
        self.session.run(&mut self.arguments).map_err(GraphError::run("run the graph"))?;
        // Copies: a fetched variable's own buffer changes with the variable.
        let mut values = Vec::new();
        for (_, token) in self.fetches {
            let value = self.arguments.fetch::<T>(token);
            values.push(value.map_err(GraphError::run("fetch what was asked for"))?.to_vec());
        }
        Ok(values)
    }
}

/// Whether `dtype` is none that a `T` can stand for. That of a variable of the old kind, a reference, has no name here.
fn is_another<T: TensorType>(dtype: DataType) -> bool {
    dtype != T::data_type() && !matches!(dtype, DataType::UnrecognizedEnumValue(_))
}

/// Why `value` cannot be fed to `output`; TensorFlow itself would speak of the op that consumes it, or of none.
fn misfit<T: TensorType>(output: &Output, value: &Tensor<T>) -> Option<GraphError> {
    let node = &output.operation;
    let dtype = node.output_type(output.index as usize);
    let dims = match node.op_type().as_deref() {
        Ok("Placeholder" | "PlaceholderWithDefault") => {
            node.get_attr_shape("shape").ok().and_then(Into::into)
        }
        _ => None,
    };
    // Graphs of before TensorFlow 1.0 write an unknown shape so; other ones are scalars, which the graph itself checks.
    let dims = dims.filter(|dims: &Vec<_>| !dims.is_empty());
    let fits = |dims: &Vec<Option<i64>>| {
        let fits = |(dim, &size): (&Option<i64>, &u64)| dim.is_none_or(|dim| dim as u64 == size);
        dims.len() == value.dims().len() && dims.iter().zip(value.dims()).all(fits)
    };
    if !is_another::<T>(dtype) && dims.as_ref().is_none_or(fits) {
        return None;
    }
    let takes = shown(dims.as_deref());
    let reason = format!("it takes {dtype} {takes}, and was fed {} {:?}", T::data_type(), value.dims());
    Some(GraphError::unfit(node.name().unwrap_or_default(), reason))
}
