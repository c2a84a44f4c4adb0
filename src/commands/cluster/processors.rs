//! This machine's processors, shared among the processes that a run has here. Left to the system, two that wait for each other
//! are often on one processor, in turn, while the next one idles.

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The numbers of the processors of each process; none where there are more processes than processors.
#[derive(Debug, Clone, Default)]
pub struct Shares(Vec<Vec<usize>>);

impl Shares {
    /// Of those that this process may use, for so many processes. Neighbours stay together.
    pub fn of(processes: u16) -> Self {
        Self::cut(&usable(), processes.into())
    }

    fn cut(processors: &[usize], processes: usize) -> Self {
        let begin = |process: usize| process * processors.len() / processes;
        match processors.len() < processes {
            true => Self::default(),
            false => {
                Self((0..processes).map(|own| processors[begin(own)..begin(own + 1)].to_vec()).collect())
            }
        }
    }

    /// Binds this thread, and what it starts from now on, to the share of process `number`.
    pub fn bind(&self, number: usize) {
        #[cfg(target_os = "linux")]
        if let Some(share) = self.0.get(number) {
            let mut set = CpuSet::new();
            share.iter().for_each(|&processor| set.set(processor));
            // Where the system forbids it, it is only slower.
            let _ = sched_setaffinity(None, &set);
        }
    }
}

#[cfg(target_os = "linux")]
fn usable() -> Vec<usize> {
    let set = sched_getaffinity(None);
    set.map_or_else(|_| Vec::new(), |set| (0..CpuSet::MAX_CPU).filter(|&number| set.is_set(number)).collect())
}

#[cfg(not(target_os = "linux"))]
fn usable() -> Vec<usize> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_is_one_process_s() {
        assert_eq!(Shares::cut(&[0, 1, 4, 5, 6], 2).0, [vec![0, 1], vec![4, 5, 6]]);
        assert_eq!(Shares::cut(&[2, 3], 2).0, [[2], [3]]);
        assert!(Shares::cut(&[2, 3], 3).0.is_empty());
    }
}
