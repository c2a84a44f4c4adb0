//! The model that `evaluate` and `predict` use.

use super::options;
use super::tensorflow::{fastest_convolutions, load, no_gpu, onednn, session_config, with_replicas};
use crate::cli::{GlobalArgs, ModelArgs};
use anyhow::Result;
use tf_mnist::classifier::{self, Classifier, ClassifierError, Location};
use tf_mnist::graph::Checkpoint;
use tf_mnist::session::replica_devices;

/// Opens the model that was named, to be used.
///
/// # Errors
/// As [`load`]; there is no such network; a GPU is asked for and there is none; or it is no model.
pub fn classifier(global: &GlobalArgs, model: &ModelArgs) -> Result<Classifier> {
    replicated(global, model, 1)
}

/// As [`classifier`], with so many replicas of the network.
///
/// # Errors
/// As there; or there are too few GPUs, or it is a SavedModel, for several.
pub fn replicated(global: &GlobalArgs, model: &ModelArgs, replicas: u16) -> Result<Classifier> {
    let config = with_replicas(session_config(global, false)?, replicas)?;
    let network = model.network.as_deref().map(options::find_network).transpose()?;
    // A slip in MODEL is found out before anything is fetched.
    match classifier::locate(&model.path)? {
        Location::Checkpoint(prefix) => {
            classifier::network_of(&Checkpoint::open(&prefix)?, network.as_ref())?;
        }
        Location::SavedModel(path) if replicas > 1 => {
            return Err(ClassifierError::OneDevice { path }.into());
        }
        Location::SavedModel(_) => {}
    }
    let runtime = load(global, &config, onednn(global, false))?;
    let convolutions = fastest_convolutions(runtime, &config)?;
    let options = config.session_options()?;
    let devices = replica_devices(&config).map_err(no_gpu)?;
    Ok(Classifier::open_on(&devices, &model.path, network.as_ref(), &options, convolutions)?)
}
