//! The non-INVITE client transaction (RFC 3261 s17.1.2, figure 6).
//!
//! ```text
//!                      | request from TU, sent
//!                      V
//!     Timer E:   +------------+  Timer F or transport error: tell TU
//!     send again |   Trying   |--------------------------------------+
//!                +------------+                                      |
//!            1xx |     | 200-699                                     |
//!          to TU |     | to TU                                       |
//!                V     |                                             |
//!     Timer E:   +------------+  Timer F or transport error: tell TU |
//!     send again | Proceeding |------------------------------------->|
//!     1xx: to TU +------------+                                      |
//!        200-699 |     | (from Trying too)                           |
//!          to TU |     |                                             |
//!                V     V                                             |
//!                +------------+                                      |
//!     response:  | Completed  |                                      |
//!     absorb     +------------+                                      |
//!                      | Timer K                                     |
//!                      V                                             V
//!                +-------------------------------------------------------+
//!                |                      Terminated                       |
//!                +-------------------------------------------------------+
//! ```
//!
//! `Completed` is not kept here: what is left of an answered transaction is its key, for T4 over
//! unreliable transports ([`linger`](super::linger)).

use std::time::Duration;

use crate::clock::Tick;

use super::Timing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trying,
    Proceeding,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) state: State,
    /// Timer E; never over reliable transports.
    again_at: Tick,
    interval: Duration,
    /// Timer F.
    ends_at: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Pass it on.
    Provisional,
    /// Pass it on: Completed.
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Not yet.
    Nothing,
    /// Timer E.
    Retransmit,
    /// Timer F.
    TimedOut,
}

impl Machine {
    pub(super) fn new(now: Tick, timing: &Timing, reliable: bool) -> Machine {
        Machine {
            state: State::Trying,
            again_at: if reliable { Tick::NEVER } else { now + timing.t1 },
            interval: timing.t1,
            ends_at: now + timing.timeout(),
        }
    }

    pub(super) fn deadline(&self) -> Tick {
        self.again_at.min(self.ends_at)
    }

    pub(super) fn response(&mut self, status: u16) -> Answered {
        if status < 200 {
            self.state = State::Proceeding;
            Answered::Provisional
        } else {
            Answered::Final
        }
    }

    pub(super) fn timer(&mut self, now: Tick, timing: &Timing) -> Fired {
        if now >= self.ends_at {
            return Fired::TimedOut;
        }
        if now < self.again_at {
            return Fired::Nothing;
        }
        self.interval = match self.state {
            State::Trying => self.interval.saturating_mul(2).min(timing.t2),
            State::Proceeding => timing.t2,
        };
        self.again_at = now + self.interval;
        Fired::Retransmit
    }
}
