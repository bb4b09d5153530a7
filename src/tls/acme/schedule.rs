//! When a certificate is asked for.

use std::time::Duration;

use crate::clock::{Tick, WallTime};
use crate::tls::Description;

/// The wait after the first failure; it doubles. An authority that counts failures per hour and
/// name is not annoyed by it.
const FIRST_WAIT: Duration = Duration::from_secs(600);
const LONGEST_WAIT: Duration = Duration::from_secs(12 * 3600);

/// The calendar is looked at as often: somebody may set it.
const LOOK: Duration = Duration::from_secs(3600);

/// When a certificate is renewed: after two thirds of its life.
pub(super) fn renewal(description: &Description) -> WallTime {
    let life = description.not_after.since(description.not_before);
    description.not_before + life * 2 / 3
}

/// Failures, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    failures: u32,
    not_before: Tick,
}

impl Schedule {
    /// How long to wait now; zero is the time to ask. `renewal`: of the certificate that is there.
    pub(super) fn wait(&self, renewal: Option<WallTime>, now: Tick, wall: WallTime) -> Duration {
        let until_renewal = renewal.map_or(Duration::ZERO, |renewal| renewal.since(wall));
        until_renewal.min(LOOK).max(self.not_before.since(now))
    }

    /// Counts a failure, and returns how long it is until the next attempt.
    pub(super) fn failed(&mut self, now: Tick) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + wait;
        wait
    }

    /// Somebody has put right what was wrong.
    pub(super) fn forget(&mut self) {
        *self = Schedule::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn day(day: u64) -> WallTime {
        WallTime::from_unix_secs(day * DAY)
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
        let description = Description {
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            sip_domains: Vec::new(),
            not_before: day(100),
            not_after: day(190),
            fingerprint: String::new(),
        };
        let renewal = renewal(&description);
        assert_eq!(renewal, day(160));
        let schedule = Schedule::default();
        assert_eq!(schedule.wait(Some(renewal), Tick::ZERO, day(120)), LOOK);
        let soon = WallTime::from_unix_secs(160 * DAY - 60);
        assert_eq!(schedule.wait(Some(renewal), Tick::ZERO, soon), Duration::from_secs(60));
        assert_eq!(schedule.wait(Some(renewal), Tick::ZERO, day(160)), Duration::ZERO);
        assert_eq!(schedule.wait(Some(renewal), Tick::ZERO, day(170)), Duration::ZERO);
    }

    #[test]
    fn without_a_certificate_it_is_asked_for_at_once() {
        assert_eq!(Schedule::default().wait(None, Tick::ZERO, day(1)), Duration::ZERO);
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_half_a_day() {
        let mut schedule = Schedule::default();
        let minutes: Vec<u64> =
            (0..9).map(|_| schedule.failed(Tick::ZERO).as_secs() / 60).collect();
        assert_eq!(minutes, [10, 20, 40, 80, 160, 320, 640, 720, 720]);
        // A renewal that is due waits too.
        assert_eq!(schedule.wait(Some(day(1)), Tick::ZERO, day(2)), LONGEST_WAIT);
        assert_eq!(schedule.wait(None, Tick::ZERO + LONGEST_WAIT, day(2)), Duration::ZERO);
        schedule.forget();
        assert_eq!(schedule.wait(None, Tick::ZERO, day(2)), Duration::ZERO);
    }
}
