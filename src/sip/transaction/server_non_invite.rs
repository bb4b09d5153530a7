//! The non-INVITE server transaction (RFC 3261 s17.2.2, figure 8; RFC 4320).
//!
//! ```text
//!                      | request received, pass to TU
//!                      V
//!                +------------+  request: discard
//!                |   Trying   |  3.5 s without an answer: ask TU for a 100
//!                +------------+
//!        100 from TU |     | 200-699 from TU
//!        send it     |     | send it
//!                    V     |
//!                +------------+ request: send the 100 again
//!                | Proceeding | 100 from TU: send it
//!                +------------+
//!    200-699 from TU |     |  (from Trying too)
//!    send it         |     |
//!                    V     |         64*T1 without a final answer
//!                +------------+      (from Trying and Proceeding)
//!     request:   | Completed  |----------------+
//!     send final +------------+                |
//!     again          | Timer J                 |
//!                    V                         V
//!                +-------------------------------+
//!                |          Terminated           |
//!                +-------------------------------+
//! ```
//!
//! `Completed` is not kept here: an answered transaction needs its key, its flow and its response,
//! and no timer of its own ([`linger`](super::linger)). Over a reliable transport Timer J is zero
//! and nothing is kept at all.
//!
//! RFC 4320: no provisional response but 100; over an unreliable transport no 100 before a client's
//! Timer E has reached T2, and one asked for at that moment over any; never a 408; and nothing at
//! all once 64*T1 have passed, when nobody waits any more. A response that cannot be sent does not
//! end the transaction (RFC 6026 s8.8).

use crate::clock::Tick;

use super::{RespondError, Timing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trying,
    Proceeding,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) state: State,
    reliable: bool,
    /// When a 100 is owed; until then forbidden over unreliable transports.
    trying_at: Tick,
    trying_asked: bool,
    ends_at: Tick,
}

/// What a response from the user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// A 100: send it and send it again for a retransmission.
    Provisional,
    /// The final response: Completed.
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Not yet.
    Nothing,
    /// The user owes a 100.
    NeedTrying,
    /// Nobody waits any more.
    Ended,
}

impl Machine {
    pub(super) fn new(now: Tick, timing: &Timing, reliable: bool) -> Machine {
        Machine {
            state: State::Trying,
            reliable,
            trying_at: now + timing.non_invite_trying(),
            trying_asked: false,
            ends_at: now + timing.timeout(),
        }
    }

    pub(super) fn deadline(&self) -> Tick {
        if self.state == State::Trying && !self.trying_asked {
            self.trying_at.min(self.ends_at)
        } else {
            self.ends_at
        }
    }

    /// Whether a retransmission is answered with the last response.
    pub(super) fn repeats(&self) -> bool {
        self.state == State::Proceeding
    }

    pub(super) fn answer(&mut self, now: Tick, status: u16) -> Result<Answered, RespondError> {
        if now >= self.ends_at {
            return Err(RespondError::Ended);
        }
        match status {
            100 if !self.reliable && now < self.trying_at => Err(RespondError::TooEarly),
            100 => {
                self.state = State::Proceeding;
                Ok(Answered::Provisional)
            }
            101..=199 => Err(RespondError::Provisional),
            408 => Err(RespondError::RequestTimeout),
            200..=699 => Ok(Answered::Final),
            _ => Err(RespondError::Status),
        }
    }

    pub(super) fn timer(&mut self, now: Tick) -> Fired {
        if now >= self.ends_at {
            Fired::Ended
        } else if self.state == State::Trying && !self.trying_asked && now >= self.trying_at {
            self.trying_asked = true;
            Fired::NeedTrying
        } else {
            Fired::Nothing
        }
    }
}
