//! Networks of several replicas: on one device, or on as many devices of this machine's processors.
use crate::{bits, fetch, run_target, train_step};
use std::collections::BTreeMap;
use tensorflow::{Session, SessionOptions, Tensor};
use tf_mnist::model::{BuildOptions, Network, Towers};
use tf_mnist::networks::Table;
use tf_mnist::session::SessionConfig;

/// Where replicas run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    OneDevice,
    Devices,
}

/// So many devices.
pub fn devices(replicas: u16, place: Place) -> Vec<String> {
    let number = |replica| if place == Place::Devices { replica } else { 0 };
    (0..replicas).map(|replica| format!("/device:CPU:{}", number(replica))).collect()
}

/// The graph of a table with so many replicas; of one, that of before.
pub fn build(table: &Table, replicas: u16, place: Place, towers: Towers) -> Network {
    Network::build_on(&devices(replicas, place), table, &build_options(towers)).unwrap()
}

/// As [`build`], with batch norms by the rows of all replicas.
pub fn build_synchronized(table: &Table, replicas: u16, place: Place, towers: Towers) -> Network {
    let options = BuildOptions { sync_batch_norm: true, ..build_options(towers) };
    Network::build_on(&devices(replicas, place), table, &options).unwrap()
}

fn build_options(towers: Towers) -> BuildOptions {
    BuildOptions { seed: Some(1), towers, ..BuildOptions::default() }
}

/// One thread, no graph optimizer, that many devices.
pub fn options(replicas: u16, place: Place) -> SessionOptions {
    let replicas = if place == Place::Devices { replicas } else { 1 };
    SessionConfig { replicas, ..SessionConfig::reproducible() }.session_options().unwrap()
}

/// A network of replicas with its start values, in a session.
pub struct Replicated {
    pub network: Network,
    pub session: Session,
}

impl Replicated {
    pub fn new(table: &Table, replicas: u16, place: Place, towers: Towers) -> Self {
        crate::load_reproducible();
        Self::open(build(table, replicas, place, towers), replicas, place)
    }

    /// With batch norms by the rows of all replicas.
    pub fn synchronized(table: &Table, replicas: u16, place: Place, towers: Towers) -> Self {
        crate::load_reproducible();
        Self::open(build_synchronized(table, replicas, place, towers), replicas, place)
    }

    fn open(network: Network, replicas: u16, place: Place) -> Self {
        let session = Session::new(&options(replicas, place), &network.graph.graph()).unwrap();
        run_target(&session, &network.initialize);
        Self { network, session }
    }

    /// A step of training on these images, `[rows, pixels]`; returns the loss before it.
    pub fn train(&self, images: &[f32], labels: &[i32], step: i64) -> f32 {
        let rows = labels.len() as u64;
        let images =
            Tensor::new(&[rows, images.len() as u64 / rows]).with_values(images).expect("whole images");
        let labels = Tensor::new(&[rows]).with_values(labels).expect("a label a row");
        train_step(&self.session, &self.network, &crate::Feeds { images, labels }, step)
    }

    /// The values of all variables, by name.
    pub fn values(&self) -> BTreeMap<String, Vec<f32>> {
        let variables = self.network.graph.variables();
        let value = |variable: &tf_mnist::graph::Variable| fetch(&self.session, variable.read(), &[]);
        variables.iter().map(|variable| (variable.name().to_owned(), value(variable))).collect()
    }

    /// Their bits.
    pub fn value_bits(&self) -> BTreeMap<String, Vec<u32>> {
        self.values().into_iter().map(|(name, values)| (name, bits(&values))).collect()
    }
}
