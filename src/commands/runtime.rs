//! `tf-mnist runtime`: which TensorFlow is used, how it was found, its devices and threads.

use super::{output, tensorflow, terminal};
use crate::cli::{GlobalArgs, JsonArgs};
use anyhow::Result;
use serde::Serialize;
use std::fmt::Write;
use tf_mnist::kernels;
use tf_mnist::model::Convolutions;
use tf_mnist::runtime::Runtime;
use tf_mnist::session::{DeviceInfo, Host, SessionConfig, Threads, devices};

/// # Errors
/// TensorFlow cannot be had, it has no such device, or stdout cannot be written.
pub fn run(global: &GlobalArgs, args: &JsonArgs) -> Result<()> {
    let (runtime, config) = tensorflow::open(global)?;
    let report = Report {
        runtime,
        devices: devices(&config).map_err(tensorflow::no_gpu)?,
        convolutions: tensorflow::fastest_convolutions(runtime, &config)?,
        threads: config.threads(),
        session: &config,
        host: Host::this(),
    };
    output::report(&report, args.json, Report::table)
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    runtime: &'a Runtime,
    devices: Vec<DeviceInfo>,
    /// Whose convolutions networks are built of.
    convolutions: Convolutions,
    threads: Threads,
    session: &'a SessionConfig,
    host: Host,
}

impl Report<'_> {
    fn table(&self) -> String {
        let Self { runtime, threads, host, .. } = self;
        let mut text = format!("TensorFlow {}, {}\n\n", runtime.version, runtime.found_by);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<13}{value}"); // writing to a string cannot fail
        };
        line("library", &terminal::name(&runtime.library));
        line("oneDNN", if runtime.onednn { "on" } else { "off" });
        match (self.convolutions, kernels::instructions()) {
            (Convolutions::Own, Some(set)) => {
                line(
                    "kernels",
                    &format!("tf-mnist's own for convolutions ({set}), TensorFlow's for the rest"),
                );
            }
            _ => line("kernels", "TensorFlow's alone"),
        }
        line(
            "threads",
            &format!("{} inside an operation, {} operations at once", threads.intra_op, threads.inter_op),
        );
        let processor = host.processor.as_deref().unwrap_or("of unknown name");
        line("processors", &format!("{} {processor} ({})", host.processors, joined(&host.instruction_sets)));
        text.push('\n');
        let _ = writeln!(text, "  {:<13}memory", "device");
        for device in &self.devices {
            // TensorFlow takes what it needs of the machine's memory.
            let memory = device.memory_bytes.or(host.memory_bytes);
            let _ =
                writeln!(text, "  {:<13}{}", device.name, memory.map_or_else(|| "-".to_owned(), gibibytes));
        }
        text
    }
}

fn joined(names: &[&str]) -> String {
    if names.is_empty() { "no vector instructions known".to_owned() } else { names.join(", ") }
}

#[allow(clippy::cast_precision_loss)] // to one decimal
fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
