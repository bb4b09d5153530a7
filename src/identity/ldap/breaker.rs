//! Stops asking a directory that does not answer.
//!
//! ```text
//!            5 failures in a row              a probe succeeds
//!   closed ──────────────────────▶ open ──────────────────────▶ closed
//! ```

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// Between two probes while it is open.
const PROBE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    next_probe: Option<Tick>,
}

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

impl Breaker {
    /// Whether a caller may ask.
    ///
    /// # Errors
    /// How long to wait while it is open, one second at least.
    pub(super) fn admit(&self, now: Tick) -> Result<(), Duration> {
        match self.lock().next_probe {
            None => Ok(()),
            Some(probe) => Err(probe.since(now).max(Duration::from_secs(1))),
        }
    }

    pub(super) fn probe_is_due(&self, now: Tick) -> bool {
        self.lock().next_probe.is_none_or(|probe| now >= probe)
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().next_probe.is_some()
    }

    /// An operation was answered; whether this closed the breaker.
    pub(super) fn succeeded(&self) -> bool {
        let mut state = self.lock();
        state.failures = 0;
        state.next_probe.take().is_some()
    }

    /// An operation failed; whether this opened the breaker.
    pub(super) fn failed(&self, now: Tick) -> bool {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES {
            return false;
        }
        state.next_probe.replace(now + PROBE_EVERY).is_none()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let breaker = Breaker::default();
        let now = Tick::from_secs(1);
        for _ in 0..4 {
            assert!(!breaker.failed(now));
        }
        assert!(!breaker.succeeded());
        for _ in 0..4 {
            assert!(!breaker.failed(now));
            assert_eq!(breaker.admit(now), Ok(()));
        }
        assert!(breaker.failed(now));
        assert_eq!(breaker.admit(Tick::from_secs(4)), Err(Duration::from_secs(7)));
        assert_eq!(breaker.admit(Tick::from_secs(60)), Err(Duration::from_secs(1)));
        assert!(!breaker.failed(Tick::from_secs(11)));
        assert!(breaker.is_open());
        assert!(breaker.succeeded());
        assert_eq!(breaker.admit(now), Ok(()));
    }
}
