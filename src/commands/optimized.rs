//! `tf-mnist optimized`.

use super::options::Request;
use super::train;
use super::typed::Typed;
use crate::cli::{self, GlobalArgs, OptimizedArgs};
use anyhow::Result;
use std::process::ExitCode;
use tf_mnist::model::{AccuracyOn, Kind};
use tf_mnist::training::{ModelConfig, ValidationMode};

pub fn run(global: &GlobalArgs, args: &OptimizedArgs, typed: &[Typed]) -> Result<ExitCode> {
    let model = ModelConfig::Optimized {
        patience: args.patience,
        validate_every: args.validate_every,
        pool_dropout: args.pool_dropout,
        fc_dropout: args.fc_dropout,
        accuracy_on: match args.accuracy_on {
            cli::AccuracyOn::LogitsBatchNorm => AccuracyOn::LogitsBatchNorm,
            cli::AccuracyOn::Logits => AccuracyOn::Logits,
        },
        validation: match args.validation {
            cli::Validation::Full => ValidationMode::Full,
            cli::Validation::Bounded => ValidationMode::Bounded,
        },
    };
    let request = Request {
        kind: Kind::Optimized,
        model,
        default_epochs: 20,
        default_learning_rate: 0.01,
    };
    train::run(global, &args.training, &request, typed)
}
