//! The built-in networks, and graphs of them.
use std::path::Path;
use tf_mnist::model::{BuildOptions, Network, Towers};
use tf_mnist::networks::{self, Table};

/// The built-in table of this name.
pub fn table(name: &str) -> Table {
    networks::find(Path::new(name)).unwrap()
}

/// `optimized` with other dropout rates behind the pool and behind fc1.
pub fn optimized_dropping(pool: f32, fc: f32) -> Table {
    let mut table = table("optimized");
    assert!(table.set_dropout("pool3", pool) && table.set_dropout("fc1", fc));
    table
}

/// The graph of a table.
pub fn build(table: &Table, seed: Option<u64>, towers: Towers) -> Network {
    let options = BuildOptions { seed, towers, ..BuildOptions::default() };
    Network::build(table, &options).unwrap()
}
