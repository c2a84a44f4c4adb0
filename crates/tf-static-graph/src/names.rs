//! The names that are taken in a graph, by TF1's rules (`tf.Graph.unique_name`).

use crate::error::{GraphError, Result};
use std::collections::HashMap;
use tensorflow::Graph;

/// Names of nodes, variables and scopes in small letters, as case does not tell them apart, and how often each was asked for.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, usize>);

impl Names {
    /// Those of a graph that is there already.
    pub fn of(graph: &Graph) -> Result<Self> {
        let mut names = HashMap::new();
        for operation in graph.operation_iter() {
            let name = operation.name().map_err(GraphError::Name)?.to_lowercase();
            // The scopes that it is in are taken too.
            let scopes = name.match_indices('/').map(|(end, _)| &name[..end]);
            names.extend(scopes.chain([&*name]).map(|name| (name.to_owned(), 1)));
        }
        Ok(Self(names))
    }

    /// Whether a node, variable or scope of this full name was made.
    pub fn is_taken(&self, full_name: &str) -> bool {
        self.0.contains_key(&full_name.to_lowercase())
    }

    /// `full_name`, which is taken from now on, with `_1`, `_2`... behind one that was taken before.
    pub fn unique(&mut self, full_name: String) -> String {
        let key = full_name.to_lowercase();
        let uses = self.0.entry(key.clone()).or_insert(0);
        *uses += 1;
        if *uses == 1 {
            return full_name;
        }
        let mut number = *uses - 1;
        while self.0.contains_key(&format!("{key}_{number}")) {
            number += 1;
        }
        let unique = format!("{full_name}_{number}");
        self.0.insert(key, number + 1);
        self.0.insert(unique.to_lowercase(), 1);
        unique
    }
}
