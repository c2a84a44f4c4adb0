//! A session on a graph that is fed and fetched in one line.

use crate::error::{GraphError, Result};
use crate::scope::Scope;
use crate::variable::Variable;
use tensorflow::{
    FetchToken, Operation, Output, Session, SessionOptions, SessionRunArgs, Status, Tensor, TensorType,
};

/// A TensorFlow session on the graph of a [`Scope`].
///
/// What [`Saver`](crate::Saver) takes is [`session`](Self::session).
#[derive(Debug)]
pub struct GraphSession {
    session: Session,
}

impl GraphSession {
    /// A session in which no variable has a value yet.
    ///
    /// # Errors
    /// TensorFlow refuses the options.
    pub fn new(scope: &Scope, options: &SessionOptions) -> Result<Self> {
        let session =
            Session::new(options, &scope.graph()).map_err(|status| failed("open a session", status))?;
        Ok(Self { session })
    }

    /// A run, which does nothing until it is told what.
    pub fn step(&self) -> Step<'_> {
        Step { session: &self.session, arguments: SessionRunArgs::new(), fetches: Vec::new() }
    }

    /// Gives `variables` their start values.
    ///
    /// # Errors
    /// TensorFlow fails.
    pub fn initialize(&self, variables: &[Variable]) -> Result<()> {
        let initializers = variables.iter().map(Variable::initializer);
        initializers.fold(self.step(), Step::target).run().map(drop)
    }

    /// The session itself.
    pub fn session(&self) -> &Session {
        &self.session
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
    session: &'a Session,
    arguments: SessionRunArgs<'a>,
    fetches: Vec<FetchToken>,
}

impl<'a> Step<'a> {
    /// Gives `output` a value.
    pub fn feed<T: TensorType>(mut self, output: &Output, value: &'a Tensor<T>) -> Self {
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
        self.fetches.push(token);
        self
    }

    /// Runs it, and returns the float32 values asked for, each row by row: a scalar is the one value of its vector.
    ///
    /// # Errors
    /// TensorFlow fails, or a value asked for is not float32.
    pub fn run(self) -> Result<Vec<Vec<f32>>> {
        self.run_for()
    }

    /// As [`run`](Self::run), for values of dtype `T`.
    ///
    /// # Errors
    /// TensorFlow fails, or a value asked for is not of dtype `T`.
    pub fn run_for<T: TensorType + Clone>(mut self) -> Result<Vec<Vec<T>>> {
        self.session.run(&mut self.arguments).map_err(|status| failed("run the graph", status))?;
        // Copies: a fetched variable's own buffer changes with the variable.
        let mut values = Vec::new();
        for token in self.fetches {
            let value = self.arguments.fetch::<T>(token);
            values.push(value.map_err(|status| failed("fetch what was asked for", status))?.to_vec());
        }
        Ok(values)
    }
}

fn failed(action: &str, status: Status) -> GraphError {
    GraphError::Run { action: action.into(), status }
}
