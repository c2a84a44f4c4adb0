//! A session on a graph under test. One thread, no oneDNN: a run repeats bit for bit.

// Every test binary takes what it needs of this file.
#![allow(dead_code)]

use std::collections::BTreeMap;
use tensorflow::{
    FetchToken, Operation, Output, Session, SessionOptions, SessionRunArgs, Status, Tensor, TensorType,
};
use tf_mnist::fetch::Silent;
use tf_mnist::graph::{Scope, Variable};
use tf_mnist::runtime;

/// Opens TensorFlow's library as the program does, without oneDNN.
pub fn load() {
    let options = runtime::Options {
        onednn: Some(false),
        ..runtime::Options::default()
    };
    // SAFETY: until TensorFlow is open, the threads of tests read the environment through `std::env` alone.
    let _environment = unsafe { runtime::set_environment(&options) };
    runtime::load(&options, &Silent).expect("TensorFlow's library opens");
}

/// An empty graph; the library is open afterwards.
pub fn graph(seed: Option<u64>) -> Scope {
    load();
    Scope::new(seed)
}

/// A tensor of these values.
pub fn tensor<T: TensorType>(shape: &[u64], values: &[T]) -> Tensor<T> {
    Tensor::new(shape)
        .with_values(values)
        .expect("as many values as the shape says")
}

/// A session on one thread.
pub struct GraphSession {
    pub session: Session,
}

impl GraphSession {
    pub fn open(scope: &Scope) -> Self {
        Self::with_threads(scope, 1)
    }

    pub fn with_threads(scope: &Scope, threads: u8) -> Self {
        let mut options = SessionOptions::new();
        // ConfigProto { intra_op_parallelism_threads = 2, inter_op_parallelism_threads = 5 }, by field number.
        options.set_config(&[2 << 3, threads, 5 << 3, threads]).unwrap();
        let session = Session::new(&options, &scope.graph()).unwrap();
        Self { session }
    }

    /// Begins a run.
    pub fn step(&self) -> Step<'_> {
        Step {
            session: &self.session,
            args: SessionRunArgs::new(),
            fetches: Vec::new(),
        }
    }

    /// Gives every variable its start value.
    pub fn initialize(&self, scope: &Scope) {
        let mut step = self.step();
        for variable in scope.variables() {
            step = step.target(variable.initializer());
        }
        step.run().unwrap();
    }

    /// Gives a variable a value, in place of its start value.
    pub fn assign(&self, variable: &Variable, values: &[f32]) {
        let (operation, index) = variable.initializer().input(1);
        let start = Output {
            operation,
            index: index as i32,
        };
        let values = tensor(variable.shape(), values);
        let step = self.step().feed(&start, &values).target(variable.initializer());
        step.run().unwrap();
    }

    /// What one output is without anything fed.
    pub fn value(&self, output: &Output) -> Vec<f32> {
        self.step().fetch(output).run().unwrap().remove(0)
    }

    /// The values of all variables of the graph, by name.
    pub fn values(&self, scope: &Scope) -> BTreeMap<String, Vec<f32>> {
        let variables = scope.variables();
        let mut step = self.step();
        for variable in &variables {
            step = step.fetch(variable.read());
        }
        let names = variables.iter().map(|variable| variable.name().to_owned());
        names.zip(step.run().unwrap()).collect()
    }
}

/// One run of a session: what is fed, what is run, what is fetched.
pub struct Step<'a> {
    session: &'a Session,
    args: SessionRunArgs<'a>,
    fetches: Vec<FetchToken>,
}

impl<'a> Step<'a> {
    pub fn feed<T: TensorType>(mut self, output: &Output, value: &'a Tensor<T>) -> Self {
        self.args.add_feed(&output.operation, output.index, value);
        self
    }

    pub fn target(mut self, operation: &Operation) -> Self {
        self.args.add_target(operation);
        self
    }

    pub fn fetch(mut self, output: &Output) -> Self {
        self.fetches
            .push(self.args.request_fetch(&output.operation, output.index));
        self
    }

    /// Copies of the fetched float32 values: a fetched variable's own buffer changes with the variable.
    pub fn run(mut self) -> Result<Vec<Vec<f32>>, Status> {
        self.session.run(&mut self.args)?;
        self.fetches
            .into_iter()
            .map(|token| Ok(self.args.fetch::<f32>(token)?.to_vec()))
            .collect()
    }
}
