//! The INVITE server transaction (RFC 3261 s17.2.1; figure 7 as replaced by RFC 6026 s8.6).
//!
//! ```text
//!                       | INVITE received, pass to TU
//!                       V
//!     INVITE:     +------------+  101-199 from TU: send
//!     last 1xx    | Proceeding |  200 ms without an answer: ask TU for a 100
//!     again       +------------+  transport error: stay
//!     300-699 from TU |     | 2xx from TU
//!     send it         |     | send it
//!                     V     +------------------+
//!     INVITE,   +-----------+                  V
//!     Timer G:  | Completed |            +-----------+  INVITE: absorb
//!     send it   +-----------+            | Accepted  |  ACK: pass to TU
//!     again       |      | ACK           +-----------+  2xx from TU: send
//!                 |      V                     |
//!        Timer H  |  +-----------+             | Timer L
//!        tell TU  |  | Confirmed | INVITE,     |
//!                 |  +-----------+ ACK: absorb |
//!                 |      | Timer I             |
//!                 V      V                     V
//!              +-----------------------------------+
//!              |            Terminated             |
//!              +-----------------------------------+
//! ```
//!
//! A response that cannot be sent leaves the state as it is (RFC 6026 s7.1). A user that says
//! nothing for [`Timing::invite_patience`] is given up.

use std::time::Duration;

use crate::clock::Tick;

use super::{RespondError, Timing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) state: State,
    /// Whether a CANCEL came before the final response.
    pub(super) cancelled: bool,
    reliable: bool,
    /// Proceeding: when a 100 is owed. Completed: Timer G.
    acts_at: Tick,
    interval: Duration,
    ends_at: Tick,
}

/// What a response from the user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Send it, and again for a retransmission.
    Provisional,
    /// Send it, and keep it: Completed.
    Refused,
    /// Send it; its retransmissions are the user's: Accepted.
    Accepted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acked {
    /// The transaction's own ACK, or one too many.
    Absorbed,
    /// An ACK for a 2xx.
    ToUser,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Not yet.
    Nothing,
    /// The user owes a 100.
    NeedTrying,
    /// Timer G.
    Retransmit,
    /// Timer H: no ACK came.
    Failed,
    /// Timer I or L, or a user that never answered.
    Ended,
}

impl Machine {
    pub(super) fn new(now: Tick, timing: &Timing, reliable: bool) -> Machine {
        Machine {
            state: State::Proceeding,
            cancelled: false,
            reliable,
            acts_at: now + timing.invite_trying,
            interval: timing.t1,
            ends_at: now + timing.invite_patience,
        }
    }

    pub(super) fn deadline(&self) -> Tick {
        self.acts_at.min(self.ends_at)
    }

    /// Whether a retransmitted INVITE is answered with the last response.
    pub(super) fn repeats(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }

    pub(super) fn answer(
        &mut self,
        now: Tick,
        timing: &Timing,
        status: u16,
    ) -> Result<Answered, RespondError> {
        match (self.state, status) {
            (_, ..100 | 700..) => Err(RespondError::Status),
            (State::Proceeding, 100..=199) => {
                self.acts_at = Tick::NEVER;
                self.ends_at = now + timing.invite_patience;
                Ok(Answered::Provisional)
            }
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.acts_at = Tick::NEVER;
                self.ends_at = now + timing.timeout();
                Ok(Answered::Accepted)
            }
            (State::Proceeding, _) => {
                self.state = State::Completed;
                self.acts_at = if self.reliable { Tick::NEVER } else { now + timing.t1 };
                self.ends_at = now + timing.timeout();
                Ok(Answered::Refused)
            }
            (State::Accepted, 200..=299) => Ok(Answered::Accepted),
            _ => Err(RespondError::Answered),
        }
    }

    pub(super) fn ack(&mut self, now: Tick, timing: &Timing) -> Acked {
        match self.state {
            State::Accepted => Acked::ToUser,
            State::Completed => {
                self.state = State::Confirmed;
                self.acts_at = Tick::NEVER;
                self.ends_at = if self.reliable { now } else { now + timing.t4 };
                Acked::Absorbed
            }
            State::Proceeding | State::Confirmed => Acked::Absorbed,
        }
    }

    pub(super) fn timer(&mut self, now: Tick, timing: &Timing) -> Fired {
        if now >= self.ends_at {
            return match self.state {
                State::Completed => Fired::Failed,
                State::Proceeding | State::Confirmed | State::Accepted => Fired::Ended,
            };
        }
        if now < self.acts_at {
            return Fired::Nothing;
        }
        match self.state {
            State::Proceeding => {
                self.acts_at = Tick::NEVER;
                Fired::NeedTrying
            }
            State::Completed => {
                self.interval = self.interval.saturating_mul(2).min(timing.t2);
                self.acts_at = now + self.interval;
                Fired::Retransmit
            }
            State::Confirmed | State::Accepted => {
                self.acts_at = Tick::NEVER;
                Fired::Nothing
            }
        }
    }
}
