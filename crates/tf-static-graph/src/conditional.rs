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

/// The two ends of a value that a [`Conditional`] routes.
#[derive(Debug, Clone)]
pub struct Branches {
    /// Alive if the condition holds.
    pub if_true: Output,
    /// Alive if it does not.
    pub if_false: Output,
}

impl Conditional {
    /// A condition on `predicate`, bool [].
    pub fn new(scope: &Scope, predicate: &Output) -> Self {
        Self { scope: scope.name_scope("cond"), predicate: predicate.clone() }
    }

    /// Routes `value` into one of the branches.
    pub fn switch(&self, value: &Output) -> Result<Branches> {
        let switch = self.scope.op("Switch", "Switch").input(value).input(&self.predicate).build()?;
        Ok(Branches { if_false: switch.output(0), if_true: switch.output(1) })
    }

    /// The value of the branch that was taken.
    ///
    /// # Errors
    /// The branches' values differ in dtype.
    pub fn merge(&self, branches: &Branches) -> Result<Output> {
        let ends = [branches.if_false.clone(), branches.if_true.clone()];
        self.scope.op("Merge", "Merge").input_list(&ends).output()
    }
}
