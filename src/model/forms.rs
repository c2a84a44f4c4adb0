//! The forms in which a network is built.

use super::own_kernels::{self, own_kernels_normalize};
use super::part::Step;
use super::rewrites;
use crate::graph::{Mode, Precision};
use crate::networks::Table;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a network is built from its variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Towers {
    /// Op for op as Python's front end builds it: the same bits.
    #[default]
    AsPublished,
    /// Fewer and cheaper ops for the same function.
    Fast {
        /// What the convolutions are computed in.
        precision: Precision,
        /// Whose convolutions they are.
        convolutions: Convolutions,
    },
}

/// Whose convolutions a network is built of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convolutions {
    /// TensorFlow's, on any device.
    #[default]
    TensorFlow,
    /// Those of [`crate::kernels`], on the CPU, for networks that begin as they are written for; TensorFlow's for others.
    /// They have to be [loaded](crate::kernels::load) before. With [`Precision::Bf16`] training rounds factors, and so
    /// does a network of one tower where it validates; one with batch norms is float32 in use.
    Own,
}

/// Which logits accuracy is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccuracyOn {
    /// Behind the last batch norm, as the loss and Y_proba are.
    #[default]
    LogitsBatchNorm,
    /// Before it: a slip of the published program, which costs up to half a point early on.
    Logits,
}

/// How a graph is built of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// Seed of start values and dropout; without one TensorFlow draws start values of its own.
    pub seed: Option<u64>,
    /// How the towers are built.
    pub towers: Towers,
    /// Which logits accuracy is measured on.
    pub accuracy_on: AccuracyOn,
    /// Whether batch norms of several replicas train by mean and variance over the rows of all of them, by TensorFlow's
    /// ops, rather than each by its own.
    pub sync_batch_norm: bool,
}

impl fmt::Display for Convolutions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TensorFlow => "TensorFlow's convolutions",
            Self::Own => "convolutions of tf-mnist's own",
        })
    }
}

impl Towers {
    pub(super) fn precision(self) -> Precision {
        match self {
            Self::AsPublished => Precision::F32,
            Self::Fast { precision, .. } => precision,
        }
    }

    /// What becomes of a network's parts in training; its batch norms may be those of all replicas.
    pub(super) fn in_training(self, table: &Table, steps: &[Step], is_synchronized: bool) -> Vec<Step> {
        if !is_synchronized {
            return self.rewritten(table, steps, Mode::Training);
        }
        let towers = match self {
            // Ops of our own know nothing of other replicas.
            Self::Fast { precision, .. } if own_kernels_normalize(table) => {
                Self::Fast { precision, convolutions: Convolutions::TensorFlow }
            }
            towers => towers,
        };
        rewrites::synchronize(towers.rewritten(table, steps, Mode::Training))
    }

    fn rewritten(self, table: &Table, steps: &[Step], mode: Mode) -> Vec<Step> {
        let Self::Fast { precision, convolutions } = self else {
            return steps.to_vec();
        };
        let own = match convolutions {
            Convolutions::Own => own_kernels::by_own_kernels(table, steps, precision, mode),
            Convolutions::TensorFlow => None,
        };
        rewrites::pool_first(own.unwrap_or_else(|| steps.to_vec()))
    }

    /// What becomes of them in use.
    pub(super) fn in_use(self, table: &Table, steps: &[Step]) -> Vec<Step> {
        match self {
            Self::AsPublished => steps.to_vec(),
            Self::Fast { .. } => rewrites::fold_norms(self.rewritten(table, steps, Mode::Inference)),
        }
    }
}
