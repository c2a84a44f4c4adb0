//! `tf-mnist runtime`: which TensorFlow is used, how it was found, its devices and threads.

use super::{output, tensorflow, terminal};
use crate::cli::GlobalArgs;
use anyhow::Result;
use serde::Serialize;
use std::fmt::Write;
use tf_mnist::kernels;
use tf_mnist::model::Convolutions;
use tf_mnist::runtime::Runtime;
use tf_mnist::session::{DeviceInfo, Host, SessionConfig, Threads, devices};

pub fn run(global: &GlobalArgs, json: bool) -> Result<()> {
    let (runtime, config) = tensorflow::open(global)?;
    let report = Report {
        runtime,
        devices: devices(&config).map_err(tensorflow::no_gpu)?,
        convolutions: tensorflow::fastest_convolutions(runtime, &config)?,
        threads: config.threads(),
        session: &config,
        host: Host::this(),
    };
    output::report(&report, json, Report::table)
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
        let kernels = match (self.convolutions, kernels::instructions()) {
            (Convolutions::Own, Some(set)) => {
                format!("tf-mnist's own for convolutions ({set}), TensorFlow's for the rest")
            }
            _ => "TensorFlow's alone".to_owned(),
        };
        let threads =
            format!("{} inside an operation, {} operations at once", threads.intra_op, threads.inter_op);
        let sets = match host.instruction_sets.is_empty() {
            true => "no vector instructions known".to_owned(),
            false => host.instruction_sets.join(", "),
        };
        let processor = host.processor.as_deref().unwrap_or("of unknown name");
        let mut text = format!("TensorFlow {}, {}\n\n", runtime.version, runtime.found_by);
        for (name, value) in [
            ("library", terminal::name(&runtime.library)),
            ("oneDNN", if runtime.onednn { "on" } else { "off" }.to_owned()),
            ("kernels", kernels),
            ("threads", threads),
            ("processors", format!("{} {processor} ({sets})", host.processors)),
        ] {
            let _ = writeln!(text, "  {name:<13}{value}"); // writing to a string cannot fail
        }
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

#[allow(clippy::cast_precision_loss)] // to one decimal
fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
