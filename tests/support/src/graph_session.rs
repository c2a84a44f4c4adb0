//! A session on a graph under test. One thread, no oneDNN: a run repeats bit for bit.

pub use crate::load_reproducible as load;
use std::collections::BTreeMap;
use tensorflow::{Output, Session, SessionOptions, Tensor, TensorType};
use tf_mnist::graph::{Scope, Step, Variable};

/// An empty graph; the library is open afterwards.
pub fn graph(seed: Option<u64>) -> Scope {
    load();
    Scope::new(seed)
}

/// A tensor of these values.
pub fn tensor<T: TensorType>(shape: &[u64], values: &[T]) -> Tensor<T> {
    Tensor::new(shape).with_values(values).expect("as many values as the shape says")
}

/// A session on one thread.
pub struct GraphSession {
    inner: tf_mnist::graph::GraphSession,
}

impl GraphSession {
    pub fn open(scope: &Scope) -> Self {
        Self::with_threads(scope, 1)
    }

    pub fn with_threads(scope: &Scope, threads: u8) -> Self {
        let mut options = SessionOptions::new();
        // ConfigProto { intra_op_parallelism_threads = 2, inter_op_parallelism_threads = 5 }, by field number.
        options.set_config(&[2 << 3, threads, 5 << 3, threads]).unwrap();
        let inner = tf_mnist::graph::GraphSession::new(scope, &options).unwrap();
        Self { inner }
    }

    pub fn session(&self) -> &Session {
        &self.inner
    }

    /// Begins a run.
    pub fn step(&self) -> Step<'_> {
        self.inner.step()
    }

    /// Gives every variable its start value.
    pub fn initialize(&self, scope: &Scope) {
        self.inner.initialize(&scope.variables()).unwrap();
    }

    /// Gives a variable a value, in place of its start value.
    pub fn assign(&self, variable: &Variable, values: &[f32]) {
        let (operation, index) = variable.initializer.input(1);
        let start = Output { operation, index: index as i32 };
        let values = tensor(variable.shape(), values);
        let step = self.step().feed(&start, &values).target(&variable.initializer);
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
