//! The model that `evaluate` and `predict` use.

use super::options;
use super::tensorflow::{fastest_convolutions, open};
use crate::cli::{GlobalArgs, ModelArgs};
use anyhow::Result;
use tf_mnist::classifier::{self, Classifier, Location};
use tf_mnist::graph::Checkpoint;

/// Opens the model that was named, to be used.
///
/// # Errors
/// As [`open`]; there is no such network; a GPU is asked for and there is none; or it is no model.
pub fn classifier(global: &GlobalArgs, model: &ModelArgs) -> Result<Classifier> {
    let network = model.network.as_deref().map(options::find_network).transpose()?;
    // A slip in MODEL is found out before anything is fetched.
    if let Location::Checkpoint(prefix) = classifier::locate(&model.path)? {
        classifier::network_of(&Checkpoint::open(&prefix)?, network.as_ref())?;
    }
    let (runtime, config) = open(global)?;
    let convolutions = fastest_convolutions(runtime, &config)?;
    let options = config.session_options()?;
    Ok(Classifier::open(&model.path, network.as_ref(), &options, convolutions)?)
}
