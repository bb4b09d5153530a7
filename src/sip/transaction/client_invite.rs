//! The INVITE client transaction (RFC 3261 s17.1.1; figure 5 as replaced by RFC 6026 s8.4), with
//! cancelling (RFC 3261 s9.1) and a proxy's Timer C (s16.6 step 11, s16.8).
//!
//! ```text
//!                      | INVITE from TU, sent
//!                      V
//!     Timer A:   +------------+  Timer B or transport error: tell TU
//!     send again |  Calling   |---------------------------------------+
//!                +------------+                                       |
//!          1xx to TU |  |  | 2xx to TU                                |
//!                    |  |  +----------------------+                   |
//!                    V  |                         |                   |
//!      1xx:      +------------+   2xx to TU       |                   |
//!      to TU     | Proceeding |------------------>|                   |
//!      Timer C:  +------------+                   |                   |
//!      tell TU       |  |  | 64*T1 after CANCEL or Timer C: tell TU   |
//!            300-699 |  |  +----------------------|------------------>|
//!    ACK sent, to TU |  |                         V                   |
//!                    V  V                   +------------+            |
//!     300-699:   +------------+             |  Accepted  | 2xx: to TU |
//!     ACK again  | Completed  |             +------------+            |
//!                +------------+                   | Timer M           |
//!            Timer D |  | transport error         |                   |
//!                    V  V tell TU                 V                   V
//!                +-------------------------------------------------------+
//!                |                      Terminated                       |
//!                +-------------------------------------------------------+
//! ```

use std::time::Duration;

use crate::clock::Tick;

use super::Timing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// How far cancelling has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelling {
    No,
    /// Wanted, but no provisional response has allowed the CANCEL yet.
    Wanted,
    /// Sent: 64*T1 are left for a final response.
    Done,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) state: State,
    reliable: bool,
    cancelling: Cancelling,
    /// Timer A; never over reliable transports.
    again_at: Tick,
    interval: Duration,
    /// Timer C, from the start of the transaction or the last 101-199.
    timer_c_at: Tick,
    /// Timers B, D, M, or the end of waiting after a CANCEL.
    ends_at: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Pass it on.
    Provisional {
        /// And send the CANCEL that was waiting for it.
        send_cancel: bool,
    },
    /// Pass it on.
    Accepted,
    /// Pass it on and acknowledge it.
    Refused,
    /// A repeated final: acknowledge it again.
    Repeated,
    /// Nothing to do.
    Ignored,
}

/// What becomes of the wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    Send,
    WhenProvisional,
    Pointless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Not yet.
    Nothing,
    /// Timer A.
    Retransmit,
    /// Timer C.
    TimerC,
    /// Timer B, or no final response after a CANCEL.
    TimedOut,
    /// Timer D or M.
    Ended,
}

impl Machine {
    pub(super) fn new(now: Tick, timing: &Timing, reliable: bool) -> Machine {
        Machine {
            state: State::Calling,
            reliable,
            cancelling: Cancelling::No,
            again_at: if reliable { Tick::NEVER } else { now + timing.t1 },
            interval: timing.t1,
            timer_c_at: now + timing.timer_c,
            ends_at: now + timing.timeout(),
        }
    }

    pub(super) fn awaits_final(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    pub(super) fn deadline(&self) -> Tick {
        match self.state {
            State::Calling => self.again_at.min(self.ends_at),
            State::Proceeding => self.timer_c_at.min(self.ends_at),
            State::Completed | State::Accepted => self.ends_at,
        }
    }

    pub(super) fn response(&mut self, now: Tick, timing: &Timing, status: u16) -> Answered {
        match (self.state, status) {
            (State::Calling | State::Proceeding, ..200) => self.provisional(now, timing, status),
            (State::Calling | State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.ends_at = now + timing.timeout();
                Answered::Accepted
            }
            (State::Calling | State::Proceeding, _) => {
                self.state = State::Completed;
                self.ends_at = if self.reliable { now } else { now + timing.timer_d };
                Answered::Refused
            }
            (State::Completed, 300..) => Answered::Repeated,
            (State::Accepted, 200..=299) => Answered::Accepted,
            (State::Completed | State::Accepted, _) => Answered::Ignored,
        }
    }

    fn provisional(&mut self, now: Tick, timing: &Timing, status: u16) -> Answered {
        if self.state == State::Calling {
            self.state = State::Proceeding;
            self.ends_at = Tick::NEVER;
        }
        // RFC 3261 s16.7 step 2: each provisional but 100 starts Timer C afresh, until it has fired
        // or a CANCEL was sent.
        if status > 100 && self.ends_at == Tick::NEVER {
            self.timer_c_at = now + timing.timer_c;
        }
        let send_cancel = self.cancelling == Cancelling::Wanted;
        if send_cancel {
            self.give_up(now, timing);
        }
        Answered::Provisional { send_cancel }
    }

    /// RFC 3261 s9.1: without a final response within 64*T1 of the CANCEL the transaction is over.
    fn give_up(&mut self, now: Tick, timing: &Timing) {
        self.cancelling = Cancelling::Done;
        self.timer_c_at = Tick::NEVER;
        self.ends_at = now + timing.timeout();
    }

    pub(super) fn cancel(&mut self, now: Tick, timing: &Timing) -> Cancelled {
        match (self.state, self.cancelling) {
            (State::Calling, _) => {
                self.cancelling = Cancelling::Wanted;
                Cancelled::WhenProvisional
            }
            (State::Proceeding, Cancelling::No | Cancelling::Wanted) => {
                self.give_up(now, timing);
                Cancelled::Send
            }
            _ => Cancelled::Pointless,
        }
    }

    pub(super) fn timer(&mut self, now: Tick, timing: &Timing) -> Fired {
        if now >= self.ends_at {
            return match self.state {
                State::Calling | State::Proceeding => Fired::TimedOut,
                State::Completed | State::Accepted => Fired::Ended,
            };
        }
        match self.state {
            State::Calling if now >= self.again_at => {
                self.interval = self.interval.saturating_mul(2);
                self.again_at = now + self.interval;
                Fired::Retransmit
            }
            State::Proceeding if now >= self.timer_c_at => {
                self.timer_c_at = Tick::NEVER;
                self.ends_at = now + timing.timeout();
                Fired::TimerC
            }
            _ => Fired::Nothing,
        }
    }
}
