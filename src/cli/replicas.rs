//! Where replicas run.

use super::values::{FILE, duration, place, step_duration};
use clap::{Args, value_parser};
use std::time::Duration;
use tf_mnist::model::MAX_REPLICAS;
use tf_mnist::session::cluster::Address;

/// The options by which other processes take part, one of them at most.
pub const OTHERS: &str = "others";

/// On which devices, processes and machines a network is trained or evaluated.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Replicas")]
pub struct ReplicaArgs {
    /// Replicas of the network in all, which share the rows of a step: on GPUs 0 to N-1 or, without a GPU or with
    /// --device cpu, on N devices that share the processors; batch norm takes each part by itself, unless
    /// --sync-batch-norm [default: 1; with --processes or --cluster one a process, with --workers one and theirs]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=i64::from(MAX_REPLICAS)), allow_negative_numbers = true)]
    pub replicas: Option<u16>,
    /// Share the work with these processes, where `tf-mnist worker` runs; only for networks that nobody else can reach
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',', group = OTHERS)]
    pub workers: Vec<Address>,
    /// Where the workers reach this process [default: this machine as workers elsewhere see it, at a free port]
    #[arg(long, value_name = "HOST:PORT", requires = "workers")]
    pub address: Option<Address>,
    /// Take this process's part in a cluster as Keras and Kubeflow describe it, in the environment variable TF_CONFIG or a
    /// JSON file: the chief trains, the others work for it, until it has been gone for --wait
    #[arg(long, value_name = "TF_CONFIG|FILE", value_parser = place(FILE), group = OTHERS)]
    pub cluster: Option<std::path::PathBuf>,
    /// Try it out on this machine: so many processes in all, on a network of their own that nobody else can reach
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(2..=64), allow_negative_numbers = true, group = OTHERS)]
    pub processes: Option<u16>,
    /// Where the system gives --processes no network of their own, take this machine's, open to whoever reaches it
    #[arg(long, requires = "processes")]
    pub trust_network: bool,
    /// When a worker that gives no sign of life counts as lost: 500ms, 10s, 2m; without a unit, seconds
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, allow_hyphen_values = true, requires = OTHERS)]
    pub peer_timeout: Duration,
    /// The most that a step, or a chunk evaluated, may take with workers; 100ms at the least
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = step_duration, allow_hyphen_values = true, requires = OTHERS)]
    pub step_timeout: Duration,
    /// How long workers are waited for, at the start and when one was lost
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, allow_hyphen_values = true, requires = OTHERS)]
    pub wait: Duration,
}

/// A process that works for others.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Port to listen at, on every interface; 0: any that is free, which is printed
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub port: u16,
    /// Replicas here: on GPUs 0 to N-1 or, without a GPU or with --device cpu, on N devices that share the processors
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=i64::from(MAX_REPLICAS)), allow_negative_numbers = true)]
    pub replicas: u16,
    /// For runs with --reproducible: one thread, no oneDNN
    #[arg(long)]
    pub reproducible: bool,
    /// End with the process that started this one, which holds the other end of standard input
    #[arg(long, hide = true)]
    pub with_parent: bool,
}
