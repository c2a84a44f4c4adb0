//! When a failed transfer is tried again, and after how long.

use std::time::Duration;

/// How long a client waits and how often it tries again.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence of a server before the connection is given up.
    pub stall_timeout: Duration,
    /// Fewest bytes in one `stall_timeout`; a server that drips more slowly counts as silent.
    pub least_bytes_per_stall: u64,
    /// How often in a row a transient failure is tried again without one new byte in between.
    pub retries: u32,
    /// How often in all, so that a server that breaks off after every byte is left alone at last.
    pub total_retries: u32,
    /// The first pause; each further one without new bytes is twice as long.
    pub first_pause: Duration,
    /// The longest pause, and the longest that a server's `Retry-After` is obeyed; one that asks for more has failed.
    pub longest_pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            least_bytes_per_stall: 16 * 1024,
            retries: 4,
            total_retries: 30,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// What a failure says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// It would fail again.
    GiveUp,
    /// Hardly a passing trouble: one quick try more.
    Once,
    /// A passing trouble; `after` is what the server asked for.
    BackOff { after: Option<Duration> },
}

/// Counts failures of one transfer.
#[derive(Debug)]
pub(super) struct Retries<'a> {
    policy: &'a Policy,
    in_a_row: u32,
    total: u32,
}

impl<'a> Retries<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            in_a_row: 0,
            total: 0,
        }
    }

    /// The pause before the next try, or `None` to give up. `progressed` says that this try brought new bytes.
    pub(super) fn pause(&mut self, advice: Advice, progressed: bool) -> Option<Duration> {
        if progressed {
            self.in_a_row = 0;
        }
        let doubled = 2u32.saturating_pow(self.in_a_row);
        self.in_a_row += 1;
        self.total += 1;
        let policy = self.policy;
        let left = self.total <= policy.total_retries && self.in_a_row <= policy.retries;
        match advice {
            Advice::Once if left && self.in_a_row == 1 => Some(policy.first_pause.min(QUICK)),
            Advice::BackOff { after } if left => {
                let backoff = policy
                    .first_pause
                    .saturating_mul(doubled)
                    .min(policy.longest_pause);
                match after {
                    Some(after) if after > policy.longest_pause => None,
                    Some(after) => Some(after.max(backoff)),
                    None => Some(backoff),
                }
            }
            _ => None,
        }
    }
}

const QUICK: Duration = Duration::from_millis(200);

/// A `Retry-After` in seconds. Its other form, a date, is rare and needs two clocks that agree: left to the back-off.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK_OFF: Advice = Advice::BackOff { after: None };

    #[test]
    fn pauses_double_until_retries_run_out() {
        let policy = Policy {
            longest_pause: Duration::from_millis(1500),
            ..Policy::default()
        };
        let mut retries = Retries::new(&policy);
        let pauses: Vec<_> = std::iter::from_fn(|| retries.pause(BACK_OFF, false)).collect();
        assert_eq!(pauses, [500, 1000, 1500, 1500].map(Duration::from_millis));
    }

    #[test]
    fn new_bytes_start_the_count_afresh_but_not_for_ever() {
        let policy = Policy {
            total_retries: 7,
            ..Policy::default()
        };
        let mut retries = Retries::new(&policy);
        let pauses: Vec<_> = std::iter::from_fn(|| retries.pause(BACK_OFF, true)).collect();
        assert_eq!(pauses, [policy.first_pause; 7]);
    }

    #[test]
    fn what_hardly_passes_is_tried_once_more_and_quickly() {
        let policy = Policy::default();
        let mut retries = Retries::new(&policy);
        assert_eq!(retries.pause(Advice::Once, false), Some(QUICK));
        assert_eq!(retries.pause(Advice::Once, false), None);
        assert_eq!(Retries::new(&policy).pause(Advice::GiveUp, false), None);
    }

    #[test]
    fn obeys_retry_after_within_reason() {
        let policy = Policy::default();
        let mut retries = Retries::new(&policy);
        let mut ask = |after| retries.pause(Advice::BackOff { after }, false);
        assert_eq!(ask(retry_after(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(ask(retry_after("3600")), None);
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(retry_after("99999999999999999999"), None);
    }
}
