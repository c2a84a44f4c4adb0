//! `tf-mnist baseline`.

use super::options::Request;
use super::train;
use super::typed::Typed;
use crate::cli::{GlobalArgs, TrainingArgs};
use anyhow::Result;
use std::process::ExitCode;
use tf_mnist::model::Kind;
use tf_mnist::training::ModelConfig;

pub fn run(global: &GlobalArgs, args: &TrainingArgs, typed: &[Typed]) -> Result<ExitCode> {
    let request = Request {
        kind: Kind::Baseline,
        model: ModelConfig::Baseline,
        default_epochs: 10,
        default_learning_rate: 0.001,
    };
    train::run(global, args, &request, typed)
}
