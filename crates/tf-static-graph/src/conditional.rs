//! Choosing one of two branches at run time with TF1's control flow, `Switch` and `Merge`.

use crate::error::Result;
use crate::scope::Scope;
use tensorflow::Output;

/// A condition over which values flow into one of two branches. Nodes of the branch not taken are dead: they do not
/// run, and neither do operations that wait for them.
///
/// TensorFlow's C++ gradient registry has none for `Switch` and `Merge`: take gradients inside a branch.
#[derive(Debug, Clone)]
pub struct Conditional {
    scope: Scope,
    predicate: Output,
}

impl Conditional {
    /// A condition on `predicate`, bool [].
    pub fn new(scope: &Scope, predicate: &Output) -> Self {
        Self { scope: scope.name_scope("cond"), predicate: predicate.clone() }
    }

    /// Routes `value` into one of the branches: alive if the condition does not hold, and alive if it does.
    pub fn switch(&self, value: &Output) -> Result<[Output; 2]> {
        let switch = self.scope.op("Switch", "Switch").inputs([value, &self.predicate]).build()?;
        Ok([switch.output(0), switch.output(1)])
    }

    /// The value of the branch that was taken, of two in the order of [`switch`](Self::switch).
    ///
    /// # Errors
    /// The branches' values differ in dtype.
    pub fn merge(&self, branches: &[Output; 2]) -> Result<Output> {
        self.scope.op("Merge", "Merge").input_list(branches).output()
    }
}
