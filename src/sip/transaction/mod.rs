//! The transaction layer (RFC 3261 s17, RFC 6026, RFC 4320), sans-IO.
//!
//! A [`Table`] takes what was extracted from messages and the present [`Tick`](crate::clock::Tick), and tells what to
//! send and whom to tell. It builds no message: it keeps the bytes that the user gave it and hands
//! them out again. Send first what a call returns, then look at the next message.
//!
//! The user of a server transaction:
//! - [`Table::receive_request`] says whether a request is new, repeated, an ACK or a CANCEL.
//! - [`Table::respond`] for each response. A non-INVITE's [`ServerId`] is over when the final
//!   response was passed; an INVITE's is over with [`TimerOutput::ServerGone`] or
//!   [`TimerOutput::ServerFailed`]. One whose user stays silent ends with `ServerGone`.
//!
//! The user of a client transaction (a proxy's response context, a user agent) is named by its
//! [`Owner`], which comes back with each event:
//! - [`Table::start_client`], then the user sends the request itself.
//! - [`Table::receive_response`]: only [`Matched::Pass`] concerns the user. A non-INVITE is over
//!   with its final response ([`ClientResponse::ended`]), an INVITE with
//!   [`TimerOutput::ClientGone`]; either with [`TimerOutput::ClientTimedOut`] or
//!   [`Table::transport_failed`].
//!
//! A response that matches nothing is dropped, never forwarded (RFC 6026 s6, RFC 4320 s4.2).
//!
//! Machines: [`server_non_invite`], [`server_invite`], [`client_non_invite`], [`client_invite`].

mod client_invite;
mod client_non_invite;
mod clients;
mod key;
mod linger;
mod merged;
mod server_invite;
mod server_non_invite;
mod servers;
mod siphash;
mod slab;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod timing;

use bytes::Bytes;

use super::Flow;
use slab::Name;

pub use key::{Legacy, MAGIC_COOKIE, ServerKeyParts, has_magic_cookie};
pub use merged::MergedRequests;
pub use table::{Counts, Table};
pub use timing::{Bounds, Timing};

/// A message as sent.
pub type Packet = Bytes;

/// Names a server transaction of one [`Table`]; never names a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(Name);

impl ServerId {
    /// Names none: of what no request brought.
    pub const NONE: ServerId = ServerId(Name { index: u32::MAX, serial: u32::MAX });
}

/// Names a client transaction of one [`Table`]; never names a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Name);

/// Both kinds of name fit a number, as users like to keep in an [`Owner`].
macro_rules! number {
    ($id:ident) => {
        impl $id {
            /// The name as a number.
            #[must_use]
            pub const fn to_bits(self) -> u64 {
                ((self.0.index as u64) << 32) | self.0.serial as u64
            }

            /// The name back from its number. A number that was never a name finds nothing.
            #[must_use]
            pub const fn from_bits(bits: u64) -> $id {
                $id(Name { index: (bits >> 32) as u32, serial: bits as u32 })
            }
        }
    };
}
number!(ServerId);
number!(ClientId);

/// Whom the events of a client transaction concern; the table only hands it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub u64, pub u64);

/// What a received request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The first of its transaction: to be processed and answered.
    New(ServerId),
    /// Seen before: send this if there is something, and be done.
    Retransmission(Option<(Flow, Packet)>),
    /// An ACK that was the transaction's own: be done.
    AckAbsorbed,
    /// An ACK for a 2xx: the user's to pass on. It opens no transaction; the INVITE's is named if
    /// the ACK shares its branch (RFC 2543 clients, RFC 6026 s6).
    Ack(Option<ServerId>),
    /// A CANCEL: a transaction of its own, never challenged.
    Cancel {
        /// The CANCEL's own transaction, to be answered at once.
        id: ServerId,
        /// What it cancels.
        target: CancelTarget,
    },
    /// As many transactions stand as may: answer 503 without one, or drop.
    Full,
}

/// What a CANCEL means (RFC 3261 s9.2, s16.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelTarget {
    /// Nothing that is known: 481.
    Nothing,
    /// An INVITE without a final response: 200, cancel its branches, and in the end 487 to it.
    Pending(ServerId),
    /// An answered INVITE, or another method: 200, and no effect.
    Unaffected,
}

/// Why a response may not be sent. None of these changes the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// Nobody waits any more, or the final response was sent (RFC 4320 s4.2).
    #[error("the transaction is over")]
    Ended,
    /// A second final response to an INVITE, or a provisional one after it.
    #[error("the transaction has its final response")]
    Answered,
    /// Only 100 may precede the final response to a non-INVITE (RFC 4320 s4.1).
    #[error("a non-INVITE request gets no provisional response but 100")]
    Provisional,
    /// Over an unreliable transport a 100 to a non-INVITE has to wait (RFC 4320 s4.1).
    #[error("a 100 over an unreliable transport comes too early")]
    TooEarly,
    /// A non-INVITE is never answered with 408 (RFC 4320 s4.2).
    #[error("a non-INVITE request is never answered with 408")]
    RequestTimeout,
    /// Not a status code.
    #[error("a status code lies between 100 and 699")]
    Status,
}

/// Why a client transaction could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// As many transactions stand as may.
    #[error("too many transactions")]
    Full,
    /// The branch is in use with this method.
    #[error("the branch is in use")]
    Duplicate,
    /// An ACK is sent without a transaction (RFC 3261 s17.1).
    #[error("an ACK has no client transaction")]
    Ack,
}

/// What a received response is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched {
    /// No transaction's: drop it.
    Stray,
    /// Seen before, or out of place: send the ACK if there is one, and be done.
    Absorbed(Option<(Flow, Packet)>),
    /// The user's.
    Pass(ClientResponse),
}

/// A response that concerns the user of a client transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientResponse {
    /// The transaction.
    pub id: ClientId,
    /// Its user.
    pub owner: Owner,
    /// The transaction is over for the user: the final response to a non-INVITE.
    pub ended: bool,
    /// A non-2xx final to an INVITE: build the ACK from this INVITE (`build::ack_for`), give it to
    /// [`Table::acknowledged`] and send it on this flow (RFC 3261 s17.1.1.2). The flow is the
    /// INVITE's.
    pub build_ack: Option<(Flow, Packet)>,
    /// A CANCEL waited for this provisional response: build it from this INVITE
    /// (`build::cancel_for`), start a client transaction for it, and send it on this flow.
    pub send_cancel: Option<(Flow, Packet)>,
}

/// What the wish to cancel an INVITE leads to (RFC 3261 s9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// Build the CANCEL from this INVITE (`build::cancel_for`), start a client transaction for it,
    /// and send it on this flow. Without a final response the INVITE times out after 64*T1.
    Send(Flow, Packet),
    /// No provisional response yet: [`ClientResponse::send_cancel`] will tell.
    WhenProvisional,
    /// Answered, cancelled before, not an INVITE, or over.
    Pointless,
}

/// What came of time passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerOutput {
    /// A retransmission.
    Send(Flow, Packet),
    /// The user is silent and a 100 is due: pass one to [`Table::respond`] (RFC 3261 s17.2.1 for
    /// INVITE, RFC 4320 s4.1 for all others).
    NeedTrying(ServerId),
    /// No ACK came for a non-2xx final (Timer H). The transaction is over.
    ServerFailed(ServerId),
    /// The transaction is over (Timers I, L), or its user never answered.
    ServerGone(ServerId),
    /// No response in time (Timers B, F, or after a CANCEL): as if 408 had come. The transaction
    /// is over.
    ClientTimedOut(ClientId, Owner),
    /// A forwarded INVITE stayed provisional for too long (Timer C): a proxy cancels it. Without a
    /// final response it times out after 64*T1.
    TimerC(ClientId, Owner),
    /// An answered INVITE transaction is over (Timers D, M).
    ClientGone(ClientId, Owner),
    /// The connection that the request went out on has ended. The transaction is over.
    ClientDisconnected(ClientId, Owner),
}
