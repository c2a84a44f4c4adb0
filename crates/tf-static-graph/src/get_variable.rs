//! Variables as TF1 makes them (`tf.get_variable`): `VariableV2`, its initializer, its `Assign`, and the `read` identity
//! that everything else consumes; or, where a scope says so, the resource variables that TF2 knows too.

use crate::error::{GraphError, Result};
use crate::initializer::Initializer;
use crate::scope::Scope;
use crate::variable::Variable;
use tensorflow::{DataType, Operation, Output};

impl Variable {
    /// Makes a trainable variable, named in full: `conv1/kernel`. Where the scope reuses variables, one of this name and
    /// shape is taken instead.
    ///
    /// # Errors
    /// The name is taken, by a variable of another shape where it is reused.
    pub fn new(scope: &Scope, name: &str, shape: &[u64], initializer: Initializer) -> Result<Self> {
        Self::with_value(scope, name, shape, true, name, |scope| initializer.build(scope, name, shape))
    }

    /// Makes a variable that no optimizer changes, such as a moving average; it is saved like any other.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn untrainable(scope: &Scope, name: &str, shape: &[u64], initializer: Initializer) -> Result<Self> {
        Self::with_value(scope, name, shape, false, name, |scope| initializer.build(scope, name, shape))
    }

    /// Takes a variable that is in the graph already, by its full name, into the collections of `scope`: one of a graph
    /// that was [wrapped](Scope::wrap), as Python's `tf.compat.v1.get_variable` makes them, of either kind.
    ///
    /// # Errors
    /// [`GraphError::Unfit`]: there is no such node, or it is no float32 variable of a known shape with the nodes that
    /// read and initialize it. [`GraphError::DuplicateVariable`]: it is in the collections already.
    pub fn existing(scope: &Scope, name: &str, trainable: bool) -> Result<Self> {
        if scope.variables().iter().any(|variable| variable.name == name) {
            return Err(GraphError::DuplicateVariable { name: name.to_owned() });
        }
        let lacks =
            |reason: &str| GraphError::unfit(name, format!("it cannot be used as a variable: {reason}"));
        let graph = scope.graph();
        let node = |name: &str| graph.operation_by_name(name).ok().flatten();
        let variable = node(name).ok_or_else(|| lacks("the graph has no node of that name"))?;
        let (is_resource, read) = match variable.op_type().as_deref() {
            Ok("VariableV2" | "Variable") => (false, format!("{name}/read")),
            Ok("VarHandleOp") => (true, format!("{name}/Read/ReadVariableOp")),
            _ => return Err(lacks("that node is no variable")),
        };
        if !matches!(variable.get_attr_type("dtype"), Ok(DataType::Float)) {
            return Err(lacks("it is not float32"));
        }
        let shape = variable.get_attr_shape("shape").ok().and_then(Option::<Vec<_>>::from);
        let shape = shape.and_then(|dims| dims.into_iter().map(|dim| dim?.try_into().ok()).collect());
        let takes = |node: &Operation, kinds: [&str; 2]| {
            let is_of_kind = node.op_type().is_ok_and(|kind| kinds.contains(&&*kind));
            is_of_kind && node.num_inputs() > 0 && node.input(0).0.name().is_ok_and(|from| from == name)
        };
        let read = node(&read)
            .filter(|node| takes(node, ["Identity", "ReadVariableOp"]))
            .ok_or_else(|| lacks(&format!("the graph has no node {read:?} that reads it")))?;
        let initializer = node(&format!("{name}/Assign"))
            .filter(|node| takes(node, ["Assign", "AssignVariableOp"]) && node.num_inputs() == 2)
            .ok_or_else(|| lacks(&format!("the graph has no node \"{name}/Assign\" that initializes it")))?;
        let (value, index) = initializer.input(1);
        let existing = Self {
            name: name.to_owned(),
            shape: shape.ok_or_else(|| lacks("its shape is not known"))?,
            trainable,
            is_resource,
            reference: variable.output(0),
            read: read.output(0),
            initial_value: value.output(index),
            initializer,
        };
        scope.add_variable(existing.clone());
        Ok(existing)
    }

    /// Makes a variable whose first value `value` builds, on the device of the variable named `colocate_with`.
    pub(crate) fn with_value(
        scope: &Scope,
        name: &str,
        shape: &[u64],
        trainable: bool,
        colocate_with: &str,
        value: impl FnOnce(&Scope) -> Result<Output>,
    ) -> Result<Self> {
        if let Some(variable) = scope.variable_to_reuse(name) {
            if variable.shape == shape {
                return Ok(variable);
            }
            let there = variable.shape;
            let reason = format!("the variable that is there has shape {there:?} instead of {shape:?}");
            return Err(GraphError::unfit(name, reason));
        }
        if scope.is_taken(name) {
            return Err(GraphError::DuplicateVariable { name: name.to_owned() });
        }
        let root = scope.root();
        let value = value(&root)?;
        let dims: Vec<_> = shape.iter().map(|&dim| Some(dim as i64)).collect();
        let (op, shared_name) = match scope.resources {
            true => ("VarHandleOp", name),
            false => ("VariableV2", ""),
        };
        let node = root.op(op, name).data_type("dtype", DataType::Float).shape("shape", &dims);
        let node = node.string("container", "").string("shared_name", shared_name);
        let below = root.within(name);
        // Named as TF1 names them.
        let (reference, initializer, read) = match scope.resources {
            true => {
                let reference = node.output()?;
                let initializer = assign_resource(&below, "Assign", &reference, &value)?;
                let below = root.within(&format!("{name}/Read"));
                let read = below.op("ReadVariableOp", "ReadVariableOp").input(&reference);
                (reference, initializer, read.data_type("dtype", DataType::Float).output()?)
            }
            false => {
                let reference = node.colocate_with(colocate_with).output()?;
                let initializer = assign(&below, &reference, &value, true, colocate_with)?;
                let read = below.op("Identity", "read").input(&reference).colocate_with(colocate_with);
                (reference, initializer, read.output()?)
            }
        };
        let variable = Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            trainable,
            is_resource: scope.resources,
            reference,
            read,
            initial_value: value,
            initializer,
        };
        scope.add_variable(variable.clone());
        Ok(variable)
    }

    /// An operation within `scope` that gives the variable a `value` of its shape.
    pub fn assign(&self, scope: &Scope, value: &Output) -> Result<Operation> {
        match self.is_resource {
            true => assign_resource(scope, "AssignVariableOp", &self.reference, value),
            false => assign(scope, &self.reference, value, true, &self.name),
        }
    }
}

/// `tf.assign` to a reference variable.
pub(crate) fn assign(
    scope: &Scope,
    reference: &Output,
    value: &Output,
    use_locking: bool,
    colocate_with: &str,
) -> Result<Operation> {
    scope
        .op("Assign", "Assign")
        .inputs([reference, value])
        .boolean("use_locking", use_locking)
        .boolean("validate_shape", true)
        .colocate_with(colocate_with)
        .build()
}

fn assign_resource(scope: &Scope, name: &str, handle: &Output, value: &Output) -> Result<Operation> {
    scope.op("AssignVariableOp", name).input(handle).input(value).data_type("dtype", DataType::Float).build()
}
