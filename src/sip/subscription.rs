//! A subscription on the notifier's side (RFC 6665 s4.2): when a NOTIFY is due and what its
//! Subscription-State says. What it tells is the package's business, sending is the shell's.
//!
//! ```text
//!             a change, or a SUBSCRIBE            final answer, something new meanwhile
//!   Idle ---------------------------> Due -> InFlight -------------------------------> Due
//!     ^                                          | final answer
//!     '------------------------------------------'
//!   its time runs out, it is ended: one NOTIFY more, `terminated`; then it is over
//! ```
//!
//! One NOTIFY is under way at a time, so they arrive in the order of their numbers. Only changes are
//! paced: the first goes at once, those within the interval after it go together when it ends.

use std::time::Duration;

use crate::clock::Tick;
use crate::text;

/// Why a subscription ended (RFC 6665 s4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its time ran out, or its subscriber ended it.
    Timeout,
    /// The subscriber may try again at once.
    Deactivated,
    /// The subscriber may not subscribe any more.
    Rejected,
    /// What it watched is no more.
    NoResource,
}

impl EndReason {
    /// The value of the `reason` parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EndReason::Timeout => "timeout",
            EndReason::Deactivated => "deactivated",
            EndReason::Rejected => "rejected",
            EndReason::NoResource => "noresource",
        }
    }
}

/// What goes into Subscription-State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyState {
    /// `active`, with the seconds that are left.
    Active(u64),
    /// `pending`, with the seconds that are left: nobody has decided whether it may be.
    Pending(u64),
    /// `terminated`, and why.
    Terminated(EndReason),
}

impl NotifyState {
    /// The value of Subscription-State.
    #[must_use]
    pub fn value(self) -> Vec<u8> {
        let mut value = Vec::with_capacity(32);
        match self {
            NotifyState::Active(left) => {
                value.extend_from_slice(b"active;expires=");
                text::write_number(seconds(left).into(), &mut value);
            }
            NotifyState::Pending(left) => {
                value.extend_from_slice(b"pending;expires=");
                text::write_number(seconds(left).into(), &mut value);
            }
            NotifyState::Terminated(reason) => {
                value.extend_from_slice(b"terminated;reason=");
                value.extend_from_slice(reason.name().as_bytes());
            }
        }
        value
    }
}

/// Expires has 32 bits (RFC 3261 s20.19).
fn seconds(left: u64) -> u32 {
    u32::try_from(left).unwrap_or(u32::MAX)
}

impl std::fmt::Display for NotifyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.value()))
    }
}

/// What became of a NOTIFY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A final response of this status.
    Answered(u16),
    /// No answer, or no way to send it. `reachable`: over a stream that still stands.
    Lost {
        /// Whether trying once more may help.
        reachable: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    /// At the end of the interval.
    Paced,
    /// At once.
    Now,
}

/// One subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    expires: Tick,
    interval: Duration,
    /// No paced NOTIFY before this.
    rests_until: Tick,
    wanted: Wanted,
    in_flight: Option<NotifyState>,
    ending: Option<EndReason>,
    pending: bool,
    retried: bool,
    /// NOTIFYs in a row that were not taken.
    failures: u8,
    over: bool,
}

/// So many NOTIFYs that were not taken, one after the other, end a subscription: whoever is there
/// did not ask for it, or cannot read it.
const MOST_FAILURES: u8 = 3;

impl Subscription {
    /// A subscription until `expires`; its first NOTIFY is due at once (RFC 6665 s4.2.1.2). One
    /// that expires at once is a fetch. `interval` is the least time between two NOTIFYs of
    /// changes.
    #[must_use]
    pub fn new(expires: Tick, interval: Duration) -> Subscription {
        Subscription {
            expires,
            interval,
            rests_until: Tick::ZERO,
            wanted: Wanted::Now,
            in_flight: None,
            ending: None,
            pending: false,
            retried: false,
            failures: 0,
            over: false,
        }
    }

    /// A SUBSCRIBE within it: it lasts until `expires`, and all is told anew at once (s4.2.1.2).
    pub fn refresh(&mut self, expires: Tick) {
        self.expires = expires;
        self.wanted = Wanted::Now;
    }

    /// Sets whether it waits for somebody's decision (s4.1.3). Whoever changes that has it told with
    /// [`Subscription::urge`].
    pub fn set_pending(&mut self, pending: bool) {
        self.pending = pending;
    }

    /// There is something to tell that does not wait for the end of the interval.
    pub fn urge(&mut self) {
        self.wanted = Wanted::Now;
    }

    /// What it watches has changed.
    pub fn changed(&mut self) {
        self.wanted = self.wanted.max(Wanted::Paced);
    }

    /// The next NOTIFY that is due of a change may go out at `at` at the earliest.
    pub fn rest_until(&mut self, at: Tick) {
        self.rests_until = at;
        self.wanted = Wanted::Paced;
    }

    /// It ends, with a last NOTIFY.
    pub fn end(&mut self, reason: EndReason) {
        self.ending.get_or_insert(reason);
        self.wanted = Wanted::Now;
    }

    /// Whether it is over, and can be forgotten.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether it will tell nothing more but its end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.is_some() || self.over
    }

    /// Why it ends, if it does.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        self.ending
    }

    /// When it ends by itself.
    #[must_use]
    pub fn expires(&self) -> Tick {
        self.expires
    }

    /// When [`Subscription::poll`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        if self.over || self.in_flight.is_some() {
            // The answer, or its absence, is the next thing that happens.
            return Tick::NEVER;
        }
        match self.wanted {
            Wanted::Now => Tick::ZERO,
            Wanted::Paced => self.rests_until.min(self.expires),
            Wanted::Nothing => self.expires,
        }
    }

    /// The NOTIFY that is due at `now`, which the caller must send, or say with
    /// [`Subscription::unchanged`] that it would tell nothing.
    pub fn poll(&mut self, now: Tick) -> Option<NotifyState> {
        if self.deadline() > now {
            return None;
        }
        if self.expires <= now {
            self.ending.get_or_insert(EndReason::Timeout);
        }
        let state = match self.ending {
            Some(reason) => NotifyState::Terminated(reason),
            None if self.pending => NotifyState::Pending(self.expires.since(now).as_secs()),
            None => NotifyState::Active(self.expires.since(now).as_secs()),
        };
        self.in_flight = Some(state);
        self.wanted = Wanted::Nothing;
        self.rests_until = now + self.interval;
        Some(state)
    }

    /// The change that was due is none that this subscriber needs to hear of.
    pub fn unchanged(&mut self) {
        self.in_flight = None;
        self.rests_until = Tick::ZERO;
    }

    /// The NOTIFY under way did not leave, for want of room here: it is due again at `at`. One that
    /// tells the end is given up.
    pub fn put_off(&mut self, at: Tick) {
        match self.in_flight.take() {
            None => {}
            Some(NotifyState::Terminated(_)) => self.over = true,
            Some(_) => {
                self.rests_until = at;
                self.wanted = Wanted::Paced;
            }
        }
    }

    /// What became of the NOTIFY under way. `true` if all must be told with the next one, which is
    /// due at the end of the interval where this one was answered, else at once.
    ///
    /// A response that RFC 6665 s4.2.2 and RFC 5057 s5 name ends it, and so does any other failure
    /// the third time in a row; silence ends it unless a stream stands, over which it is tried once
    /// more.
    pub fn settle(&mut self, outcome: Outcome) -> bool {
        let Some(sent) = self.in_flight.take() else { return false };
        let failed = match outcome {
            Outcome::Answered(200..=299) => {
                self.retried = false;
                self.failures = 0;
                false
            }
            Outcome::Answered(status) if ends_subscription(status) => {
                self.over = true;
                false
            }
            // It did not take this one; it may take the next, and is not left with what it knew.
            Outcome::Answered(_) => {
                self.failures += 1;
                self.wanted = self.wanted.max(Wanted::Paced);
                self.over = self.failures >= MOST_FAILURES;
                !self.over
            }
            Outcome::Lost { reachable: true } if !self.retried => {
                self.retried = true;
                self.wanted = Wanted::Now;
                true
            }
            Outcome::Lost { .. } => {
                self.over = true;
                false
            }
        };
        if matches!(sent, NotifyState::Terminated(_)) && self.wanted != Wanted::Now {
            self.over = true;
        }
        failed
    }
}

/// Responses to NOTIFY that end the subscription or its dialog (RFC 6665 s4.2.2, RFC 5057 s5.1).
const fn ends_subscription(status: u16) -> bool {
    matches!(status, 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_secs(5);
    const OK: Outcome = Outcome::Answered(200);

    fn at(seconds: u64) -> Tick {
        Tick::from_secs(seconds)
    }

    /// One of an hour whose first NOTIFY was answered.
    fn settled() -> Subscription {
        let mut subscription = Subscription::new(at(3_600), INTERVAL);
        assert_eq!(subscription.poll(at(0)), Some(NotifyState::Active(3_600)));
        assert!(!subscription.settle(OK));
        subscription
    }

    // RFC 6665 s4.2.1.2
    #[test]
    fn the_first_notify_is_due_at_once() {
        let mut subscription = Subscription::new(at(3_600), INTERVAL);
        assert_eq!(subscription.deadline(), Tick::ZERO);
        assert_eq!(subscription.poll(at(0)).unwrap().to_string(), "active;expires=3600");
        assert_eq!(subscription.deadline(), Tick::NEVER);
    }

    // RFC 6665 s4.4.3
    #[test]
    fn a_fetch_is_one_notify_and_over() {
        let mut subscription = Subscription::new(at(9), INTERVAL);
        let state = subscription.poll(at(9)).unwrap();
        assert_eq!(state.to_string(), "terminated;reason=timeout");
        subscription.settle(OK);
        assert!(subscription.is_over());
    }

    // RFC 3680 s4.10: at most one every five seconds
    #[test]
    fn changes_within_the_interval_go_together_at_its_end() {
        let mut subscription = settled();
        subscription.changed();
        assert_eq!(subscription.poll(at(3)), None);
        subscription.changed();
        assert_eq!(subscription.deadline(), at(5));
        assert!(subscription.poll(at(5)).is_some());
        subscription.settle(OK);
        assert_eq!(subscription.poll(at(100)), None);
        subscription.changed();
        assert!(subscription.poll(at(100)).is_some(), "the first one after a rest goes at once");
    }

    // RFC 6665 s4.2.2: what we had no room for is no failure of the subscriber's
    #[test]
    fn a_notify_that_could_not_leave_is_due_again_and_counts_as_no_failure() {
        let mut subscription = settled();
        for round in 0..u64::from(MOST_FAILURES) + 1 {
            subscription.changed();
            assert!(subscription.poll(at(100 + round)).is_some());
            subscription.put_off(at(101 + round));
            assert_eq!(subscription.deadline(), at(101 + round));
        }
        assert!(!subscription.is_over());
        subscription.end(EndReason::Rejected);
        assert!(subscription.poll(at(200)).is_some());
        subscription.put_off(at(201));
        assert!(subscription.is_over(), "who is not told asks, and is told 481");
    }

    #[test]
    fn what_changes_while_a_notify_is_under_way_is_told_after_it() {
        let mut subscription = settled();
        subscription.changed();
        assert!(subscription.poll(at(10)).is_some());
        subscription.changed();
        assert_eq!(subscription.poll(at(20)), None);
        subscription.settle(OK);
        assert!(subscription.poll(at(20)).is_some());
    }

    // RFC 6665 s4.2.1.2: answers to a SUBSCRIBE are not paced
    #[test]
    fn a_refresh_is_answered_at_once() {
        let mut subscription = settled();
        subscription.refresh(at(7_200));
        assert_eq!(subscription.poll(at(1)), Some(NotifyState::Active(7_199)));
    }

    // RFC 6665 s4.2.3
    #[test]
    fn its_time_runs_out_with_a_last_notify() {
        let mut subscription = settled();
        assert_eq!(subscription.deadline(), at(3_600));
        let state = subscription.poll(at(3_600)).unwrap();
        assert_eq!(state, NotifyState::Terminated(EndReason::Timeout));
        subscription.settle(OK);
        assert!(subscription.is_over());
    }

    // RFC 6665 s4.2.2, RFC 5057 s5.1
    #[test]
    fn a_481_ends_it_and_a_500_does_not() {
        for (status, ends) in [(481, true), (404, true), (489, true), (500, false), (503, false)] {
            let mut subscription = settled();
            subscription.changed();
            subscription.poll(at(10)).unwrap();
            let tell_all = subscription.settle(Outcome::Answered(status));
            assert_eq!(subscription.is_over(), ends, "{status}");
            assert_eq!(tell_all, !ends, "{status}");
        }
    }

    // RFC 6665 s4.2.2: who did not take a state is not left with the one before
    #[test]
    fn what_was_not_taken_is_told_again_at_the_end_of_the_interval() {
        let mut subscription = settled();
        subscription.changed();
        assert!(subscription.poll(at(10)).is_some());
        for seconds in [15, 20] {
            assert!(subscription.settle(Outcome::Answered(503)));
            assert_eq!(subscription.poll(at(seconds - 1)), None);
            assert!(subscription.poll(at(seconds)).is_some());
        }
        assert!(!subscription.settle(Outcome::Answered(503)));
        assert!(subscription.is_over());
        assert_eq!(subscription.poll(at(25)), None);
    }

    // RFC 6665 s4.1.3, s4.2.1.3
    #[test]
    fn one_that_nobody_decided_about_is_pending_and_a_decision_is_told_at_once() {
        let mut subscription = Subscription::new(at(3_600), INTERVAL);
        subscription.set_pending(true);
        assert_eq!(subscription.poll(at(0)).unwrap().to_string(), "pending;expires=3600");
        subscription.settle(OK);
        subscription.set_pending(false);
        subscription.urge();
        assert_eq!(subscription.poll(at(1)).unwrap().to_string(), "active;expires=3599");
    }

    #[test]
    fn three_failures_in_a_row_end_it_and_two_do_not() {
        let mut subscription = settled();
        for (answers, ends) in [(&[500, 500, 200][..], false), (&[500, 503, 400], true)] {
            for status in answers {
                subscription.urge();
                subscription.poll(at(10)).unwrap();
                subscription.settle(Outcome::Answered(*status));
            }
            assert_eq!(subscription.is_over(), ends, "{answers:?}");
        }
    }

    // Decision 18c
    #[test]
    fn silence_ends_it_unless_a_stream_stands_and_then_once_more() {
        let mut subscription = settled();
        subscription.changed();
        subscription.poll(at(10)).unwrap();
        assert!(!subscription.settle(Outcome::Lost { reachable: false }));
        assert!(subscription.is_over());
        let mut subscription = settled();
        subscription.changed();
        subscription.poll(at(10)).unwrap();
        assert!(subscription.settle(Outcome::Lost { reachable: true }));
        assert!(subscription.poll(at(42)).is_some());
        subscription.settle(Outcome::Lost { reachable: true });
        assert!(subscription.is_over());
    }

    proptest! {
        // RFC 6665 s4.2.2
        #[test]
        fn one_notify_at_a_time_and_nothing_after_the_last(
            steps in proptest::collection::vec((0_u8..6, 0_u64..30), 0..60),
        ) {
            let mut subscription = Subscription::new(at(100), INTERVAL);
            let (mut now, mut in_flight, mut unseen) = (0, false, true);
            for (step, seconds) in steps {
                now += seconds;
                let ended = subscription.is_over();
                match step {
                    0 => { subscription.changed(); unseen = true; }
                    1 => subscription.refresh(at(now + 100)),
                    2 if now > 150 => subscription.end(EndReason::Rejected),
                    3 if in_flight => {
                        subscription.settle(OK);
                        in_flight = false;
                    }
                    4 if in_flight => {
                        subscription.settle(Outcome::Answered(503));
                        in_flight = false;
                        unseen = true;
                    }
                    _ => {}
                }
                if let Some(_state) = subscription.poll(at(now)) {
                    prop_assert!(!in_flight && !ended);
                    in_flight = true;
                    unseen = false;
                }
            }
            // What is left to tell is told when its turn comes.
            if in_flight {
                subscription.settle(OK);
            }
            if unseen && !subscription.is_over() {
                prop_assert!(subscription.poll(at(now + 100)).is_some());
            }
        }
    }
}
