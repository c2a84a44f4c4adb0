//! The log: warnings and notices on stderr, more with -v, nothing with -q; `RUST_LOG` overrides.

use crate::cli::GlobalArgs;
use crate::commands::terminal;
use env_logger::{Builder, Env};
use log::{Level, LevelFilter};
use std::io::Write;

/// The crates whose notices are the user's; of others, only warnings are.
const OWN: [&str; 5] = ["tf_mnist", "tf_static_graph", "libtensorflow", "verified_fetch", "whole_files"];

/// Starts the log for the whole program.
pub fn start(options: &GlobalArgs) {
    let level = match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Info,
        (false, 1) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder.filter_level(LevelFilter::Warn);
    for own in OWN {
        builder.filter_module(own, level);
    }
    builder
        .parse_env(Env::default())
        .format(|out, record| {
            let message = record.args().to_string();
            let message = terminal::text(&message);
            match record.level() {
                Level::Info => writeln!(out, "{message}"),
                level => writeln!(out, "{}: {message}", level.as_str().to_lowercase()),
            }
        })
        .init();
}
