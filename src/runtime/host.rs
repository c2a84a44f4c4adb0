//! What this machine brings along.

use serde::Serialize;
use std::fs;

/// Instruction sets that TensorFlow or oneDNN have kernels for, as Linux names them.
const INSTRUCTION_SETS: [&str; 14] = [
    "avx",
    "avx2",
    "fma",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "i8mm",
    "bf16",
];

/// This machine, as far as it matters to TensorFlow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
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
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let about = read("/proc/cpuinfo");
        Self {
            processors: processors(),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
            instruction_sets: if about.is_empty() {
                detected()
            } else {
                listed(&about)
            },
        }
    }

    /// Whether there are instructions that multiply bfloat16 numbers.
    pub fn computes_bf16(&self) -> bool {
        ["avx512_bf16", "amx_bf16", "bf16"]
            .iter()
            .any(|set| self.instruction_sets.contains(set))
    }
}

/// Processors that this process may be scheduled on, which is what TensorFlow counts; a container's quota is not.
pub(super) fn processors() -> usize {
    #[cfg(target_os = "linux")]
    if let Ok(set) = rustix::thread::sched_getaffinity(None) {
        return usize::try_from(set.count()).unwrap_or(1).max(1);
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether TensorFlow's usual builds run here at all; on others they end the process with a message of their own.
pub(super) fn has_avx() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

/// From /proc/cpuinfo, which lists only what the kernel lets programs use: `flags` on x86-64, `Features` on aarch64.
fn listed(about: &str) -> Vec<&'static str> {
    let flags: Vec<&str> = about
        .lines()
        .find_map(|line| {
            let (name, flags) = line.split_once(':')?;
            ["flags", "Features"].contains(&name.trim()).then_some(flags)
        })
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    INSTRUCTION_SETS
        .into_iter()
        .filter(|name| flags.contains(name))
        .collect()
}

/// From the processor itself, where there is no /proc.
fn detected() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [
        ("asimd", std::arch::is_aarch64_feature_detected!("neon")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found = [];
    found
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

/// From the line `MemTotal:  24607172 kB` of /proc/meminfo.
fn memory_bytes(about: &str) -> Option<u64> {
    let line = about.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_lists() {
        let x86 =
            "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma avx512f amx_tile avx512_vnni\n\nflags\t: none";
        assert_eq!(
            listed(x86),
            ["avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile"]
        );
        assert_eq!(
            listed("Features\t: fp asimd i8mm bf16"),
            ["asimd", "i8mm", "bf16"]
        );
        assert!(listed("").is_empty());
        assert_eq!(
            memory_bytes("MemTotal:       24607172 kB\nMemFree: 1 kB"),
            Some(24_607_172 * 1024)
        );
        assert_eq!(memory_bytes(""), None);
    }

    #[test]
    fn this_machine_has_a_processor() {
        assert!(Host::this().processors >= 1);
    }
}
