//! From the global options to an open TensorFlow and the settings of its sessions.

use super::{download_bar, failure, quiet};
use crate::cli::GlobalArgs;
use anyhow::{Context, Result};
use tf_mnist::kernels;
use tf_mnist::model::Convolutions;
use tf_mnist::runtime::{self, Gpu, Options, Runtime};
use tf_mnist::session::{Device, SessionConfig, SessionError};

/// The session settings that the options ask for. `reproducible` fixes threads and the graph optimizer.
///
/// # Errors
/// A usage error: no such device, or options that contradict each other.
pub fn session_config(global: &GlobalArgs, reproducible: bool) -> Result<SessionConfig> {
    if global.gpu_memory_limit == Some(0) {
        return Err(failure::usage(
            "--gpu-memory-limit 0 leaves no memory; leave it out to let memory grow as needed",
        ));
    }
    let base = if reproducible { SessionConfig::reproducible() } else { SessionConfig::default() };
    for (option, threads) in
        [("--intra-op-threads", global.intra_op_threads), ("--inter-op-threads", global.inter_op_threads)]
    {
        if reproducible && threads.is_some_and(|threads| threads != 1) {
            return Err(failure::usage(format!("--reproducible runs on one thread; leave out {option}")));
        }
    }
    if reproducible && global.device.requires_gpu() {
        return Err(failure::usage("--reproducible runs on the CPU; leave out --device gpu"));
    }
    Ok(SessionConfig {
        device: if reproducible { Device::Cpu } else { global.device },
        intra_op_threads: global.intra_op_threads.unwrap_or(base.intra_op_threads),
        inter_op_threads: global.inter_op_threads.unwrap_or(base.inter_op_threads),
        gpu_memory_limit_mib: global.gpu_memory_limit,
        ..base
    })
}

/// The settings for so many replicas.
///
/// # Errors
/// A usage error: several, and one GPU that is named.
pub fn with_replicas(config: SessionConfig, replicas: u16) -> Result<SessionConfig> {
    match config.device {
        Device::Gpu(Some(number)) if replicas > 1 => Err(failure::usage(format!(
            "--device gpu:{number} is one GPU; {replicas} replicas need --device gpu, auto or cpu"
        ))),
        _ => Ok(SessionConfig { replicas, ..config }),
    }
}

/// Whether oneDNN's kernels are to be on, as far as the options say.
pub fn onednn(global: &GlobalArgs, reproducible: bool) -> Option<bool> {
    (global.no_onednn || reproducible).then_some(false)
}

/// Opens TensorFlow, installing it first if need be.
pub fn load(global: &GlobalArgs, config: &SessionConfig, onednn: Option<bool>) -> Result<&'static Runtime> {
    let options = Options {
        cache: tf_mnist::CACHE,
        gpu: match config.device {
            Device::Auto => Gpu::Auto,
            Device::Cpu => Gpu::Unwanted,
            Device::Gpu(_) => Gpu::Required,
        },
        onednn,
        verbose: global.verbose > 0,
        hold: if global.verbose > 0 { None } else { Some(quiet::hold) },
    };
    // SAFETY: every subcommand opens TensorFlow before it does anything that starts a thread, so there is but this one;
    // those that show how a download is doing have ended by then, and read the environment through `std::env`.
    let loaded = unsafe { runtime::load_with_environment(&options, &download_bar::progress(global)) };
    loaded.context("cannot run TensorFlow")
}

/// That the device of the user's is not there; [`super::advice`] says what helps.
pub fn no_gpu(error: SessionError) -> anyhow::Error {
    let option = match &error {
        SessionError::NoGpu { wanted, .. } => format!("--device {wanted}"),
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(option)
}

/// Our own convolutions where the processor and TensorFlow's library take them and a session of these settings runs on the
/// CPU, else TensorFlow's. Whether there are any for a network, [`has_own_kernels`](tf_mnist::model::has_own_kernels) tells.
///
/// # Errors
/// A GPU is required and there is none, no session can be opened, or the environment names instructions that there are not.
pub fn fastest_convolutions(runtime: &Runtime, config: &SessionConfig) -> Result<Convolutions> {
    if config.uses_gpu(runtime).map_err(no_gpu)? {
        return Ok(Convolutions::TensorFlow);
    }
    Ok(match kernels::load(&runtime.library, config.threads().intra_op) {
        Ok(()) => Convolutions::Own,
        Err(error @ kernels::Unavailable::Instructions { .. }) => return Err(error.into()),
        Err(reason) => {
            log::debug!("no kernels of our own: {reason}");
            Convolutions::TensorFlow
        }
    })
}

/// Opens TensorFlow, to use a network in sessions of the settings that it returns.
pub fn open(global: &GlobalArgs) -> Result<(&'static Runtime, SessionConfig)> {
    let config = session_config(global, false)?;
    let runtime = load(global, &config, onednn(global, false))?;
    Ok((runtime, config))
}
