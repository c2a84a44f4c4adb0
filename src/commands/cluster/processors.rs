//! This machine's processors, shared among the processes that a run has here. Left to the system, two that wait for each other
//! are often on one processor, in turn, while the next one idles.

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The numbers of the processors of each process; none where they cannot be shared evenly: replicas with other numbers of
/// threads may compute other bits.
#[derive(Debug, Clone, Default)]
pub struct Shares(Vec<Vec<usize>>);

impl Shares {
    /// Of those that this process may use, for so many processes.
    pub fn of(processes: u16) -> Self {
        Self::cut(&usable(), processes.into())
    }

    fn cut(processors: &[usize], processes: usize) -> Self {
        match processors.len() / processes {
            own if own > 0 && own * processes == processors.len() => {
                Self(processors.chunks(own).map(<[usize]>::to_vec).collect())
            }
            _ => Self::default(),
        }
    }

    /// Binds this thread, and what it starts from now on, to the share of process `number`.
    pub fn bind(&self, number: usize) {
        #[cfg(target_os = "linux")]
        if let Some(share) = self.0.get(number) {
            let mut set = CpuSet::new();
            share.iter().for_each(|&processor| set.set(processor));
            if let Err(error) = sched_setaffinity(None, &set) {
                log::debug!("process {number} is not bound to processors {share:?}: {error}"); // it is slower
            }
        }
    }
}

fn usable() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(set) = sched_getaffinity(None) {
        return (0..CpuSet::MAX_CPU).filter(|&number| set.is_set(number)).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_as_many_processors_or_all_have_all() {
        assert_eq!(Shares::cut(&[0, 1, 4, 5, 6, 9], 3).0, [[0, 1], [4, 5], [6, 9]]);
        assert_eq!(Shares::cut(&[2, 3], 2).0, [[2], [3]]);
        for (processors, processes) in [(&[0, 1, 2][..], 2), (&[2, 3], 3), (&[], 2)] {
            assert!(Shares::cut(processors, processes).0.is_empty(), "{processors:?}");
        }
    }
}
