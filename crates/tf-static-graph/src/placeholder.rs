//! What a graph is fed through.

use crate::error::Result;
use crate::scope::Scope;
use tensorflow::{Output, TensorType};

impl Scope {
    /// A value that every run feeds: of dtype `T` and shape `shape`, `None` where a dimension is open;
    /// `tf.compat.v1.placeholder`.
    pub fn placeholder<T: TensorType>(&self, name: &str, shape: &[Option<i64>]) -> Result<Output> {
        self.op("Placeholder", name).data_type("dtype", T::data_type()).shape("shape", shape).output()
    }

    /// A scalar that is `default` unless a run feeds it; `tf.compat.v1.placeholder_with_default`.
    pub fn placeholder_with_default<T: TensorType>(&self, name: &str, default: T) -> Result<Output> {
        let inner = self.name_scope(name);
        let default = inner.scalar("input", default)?;
        inner.op_named_as_scope("PlaceholderWithDefault").input(&default).shape("shape", &[]).output()
    }
}
