//! When requests are due: an open loop, so a slow server does not slow its load down.

use std::time::Duration;

use crate::clock::Tick;

/// A schedule of evenly spaced arrivals.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Tick,
    rate: f64,
    total: u64,
    issued: u64,
}

impl Pace {
    /// A schedule of `rate` arrivals a second from `start` on, for `length`.
    #[must_use]
    pub fn new(start: Tick, rate: f64, length: Duration) -> Pace {
        Pace { start, rate, total: (rate * length.as_secs_f64()).round() as u64, issued: 0 }
    }

    /// When the next arrival is due; [`Tick::NEVER`] after the last.
    #[must_use]
    pub fn next(&self) -> Tick {
        if self.issued >= self.total {
            return Tick::NEVER;
        }
        self.start + Duration::from_secs_f64(self.issued as f64 / self.rate)
    }

    /// Takes one arrival that is due: its number, from 0, and how late it is.
    pub fn take(&mut self, now: Tick) -> Option<(u64, Duration)> {
        let due = self.next();
        if due > now {
            return None;
        }
        self.issued += 1;
        Some((self.issued - 1, now.since(due)))
    }

    /// Whether every arrival was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.issued >= self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, WallTime};

    #[test]
    fn arrivals_come_on_schedule_however_late_they_are_asked_for() {
        let (clock, hands) = Clock::manual(WallTime::default());
        let start = clock.now() + Duration::from_millis(10);
        let mut pace = Pace::new(start, 400.0, Duration::from_secs(1));
        assert_eq!(pace.next(), start);
        assert_eq!(pace.take(clock.now()), None);
        hands.advance(Duration::from_millis(10));
        assert_eq!(pace.take(clock.now()), Some((0, Duration::ZERO)));
        assert_eq!(pace.next(), start + Duration::from_micros(2_500));
        assert_eq!(pace.take(clock.now()), None);
        hands.advance(Duration::from_millis(500));
        let late: Vec<_> = std::iter::from_fn(|| pace.take(clock.now())).collect();
        assert_eq!(late.len(), 200);
        assert_eq!(late[0], (1, Duration::from_micros(497_500)));
        assert!(!pace.is_over());
        hands.advance(Duration::from_secs(9));
        assert_eq!(std::iter::from_fn(|| pace.take(clock.now())).count(), 199);
        assert!(pace.is_over());
        assert_eq!(pace.next(), Tick::NEVER);
    }
}
