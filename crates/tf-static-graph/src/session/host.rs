//! What this machine brings along.

use serde::Serialize;
use std::fs;

/// This machine, as far as it matters to TensorFlow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The processor's name, where the system tells.
    pub processor: Option<String>,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Vector and matrix instruction sets, as Linux names them (`avx512_vnni`).
    pub instruction_sets: Vec<&'static str>,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        let kib = |memory: String| memory.strip_suffix("kB")?.trim().parse::<u64>().ok();
        let memory = told("/proc/meminfo", "MemTotal").and_then(kib);
        Self {
            processor: told("/proc/cpuinfo", "model name"),
            processors: processors(),
            memory_bytes: memory.and_then(|kib| kib.checked_mul(1024)),
            instruction_sets: instruction_sets(),
        }
    }

    /// Whether there are instructions that multiply bfloat16 numbers.
    pub fn computes_bf16(&self) -> bool {
        ["avx512_bf16", "bf16"].iter().any(|set| self.instruction_sets.contains(set))
    }
}

/// Processors that this process may be scheduled on, which is what TensorFlow counts; a container's quota is not.
pub(crate) fn processors() -> usize {
    #[cfg(target_os = "linux")]
    if let Ok(set) = rustix::thread::sched_getaffinity(None) {
        return usize::try_from(set.count()).unwrap_or(1).max(1);
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Those that TensorFlow or oneDNN have kernels for.
fn instruction_sets() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let sets = [
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
        ("avx512_vnni", std::is_x86_feature_detected!("avx512vnni")),
        ("avx512_bf16", std::is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let sets = [
        ("asimd", std::arch::is_aarch64_feature_detected!("neon")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let sets: [(&str, bool); 0] = [];
    sets.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
}

/// What Linux tells in a file of lines such as `model name : AMD EPYC 7B13`.
fn told(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().to_owned()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[test]
fn linux_tells_of_memory_and_processors() {
    let host = Host::this();
    assert!(host.memory_bytes.is_some_and(|bytes| bytes > 1 << 24), "{host:?}");
    assert!(host.processors >= 1 && host.processor != Some(String::new()), "{host:?}");
}
