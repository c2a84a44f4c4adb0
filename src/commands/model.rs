//! The model that `evaluate` and `predict` use.

use super::cluster::{Place, Plan};
use super::options;
use super::tensorflow::{fastest_convolutions, load, onednn, session_config, with_replicas};
use crate::cli::{GlobalArgs, ModelArgs, ReplicaArgs};
use ::tensorflow::Graph;
use anyhow::Result;
use tf_mnist::classifier::{self, Classifier, ClassifierError, Location};
use tf_mnist::graph::Checkpoint;
use tf_mnist::model::Convolutions;
use tf_mnist::networks::Table;

/// Opens the model that was named, to be used.
///
/// # Errors
/// As [`load`]; there is no such network; a GPU is asked for and there is none; or it is no model.
pub fn classifier(global: &GlobalArgs, model: &ModelArgs) -> Result<Classifier> {
    let config = session_config(global, false)?;
    let network = check(model, false)?;
    let runtime = load(global, &config, onednn(global, false))?;
    let convolutions = fastest_convolutions(runtime, &config)?;
    Ok(Classifier::open(&model.path, network.as_ref(), &config.session_options()?, convolutions)?)
}

/// As [`classifier`], with replicas of the network as `args` and `plan` have them.
///
/// # Errors
/// As there; a worker is not there; or there are too few devices, or it is a SavedModel, for several.
pub fn replicated(
    global: &GlobalArgs,
    model: &ModelArgs,
    args: &ReplicaArgs,
    plan: Plan,
) -> Result<(Classifier, Place)> {
    let config = session_config(global, false)?;
    let config = match plan.has_workers() {
        true => config, // which they have is known later
        false => with_replicas(config, args.replicas.unwrap_or(1))?,
    };
    let network = check(model, plan.has_workers() || config.has_replicas())?;
    plan.prepare(global, &config, global.data_dir.as_deref())?;
    let runtime = load(global, &config, onednn(global, false))?;
    let place = plan.join(global, args, &config, args.replicas, false)?;
    let config = with_replicas(config, place.own_replicas())?;
    let open = |convolutions| {
        let session = |graph: &Graph| Ok(place.open(&config, graph)?);
        Classifier::open_on(&place.devices, &model.path, network.as_ref(), &session, convolutions)
    };
    let convolutions = match place.has_gpu() {
        true => Convolutions::TensorFlow,
        false => fastest_convolutions(runtime, &config)?,
    };
    let classifier = match open(convolutions).map_err(anyhow::Error::from) {
        Err(error) if convolutions == Convolutions::Own && place.lacks_ops(&error) => {
            open(Convolutions::TensorFlow).map_err(anyhow::Error::from)
        }
        opened => opened,
    };
    let classifier = classifier.map_err(|error| place.explained(error))?;
    Ok((classifier, place))
}

/// Finds out a slip in MODEL before anything is fetched; returns the network that was named.
fn check(model: &ModelArgs, is_replicated: bool) -> Result<Option<Table>> {
    let network = model.network.as_deref().map(options::find_network).transpose()?;
    match classifier::locate(&model.path)? {
        Location::Checkpoint(prefix) => {
            classifier::network_of(&Checkpoint::open(&prefix)?, network.as_ref())?;
        }
        Location::SavedModel(path) if is_replicated => {
            return Err(ClassifierError::OneDevice { path }.into());
        }
        Location::SavedModel(_) => {}
    }
    Ok(network)
}
