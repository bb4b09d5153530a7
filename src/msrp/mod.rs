//! MSRP, the Message Session Relay Protocol (RFC 4975), and the client's side of its relays
//! (RFC 4976): a library that stands alone, by the feature `msrp`.
//!
//! The core has no socket, no clock and no thread. Read it in this order:
//!
//! 1. [`uri`], [`ident`], [`head`], [`framer`], [`wire`]: what goes over the wire, read in place
//!    and never held.
//! 2. [`granularity`], [`content`], [`message`], [`session`], [`resume`]: what an application says
//!    and is told.
//! 3. [`connection`]: sessions, messages, responses, reports and turns of one connection.
//! 4. [`raw`]: the same wire without all that, for whoever wants each request and response.
//! 5. [`auth`]: how a client signs in to its relays.

pub mod auth;
mod collision;
pub mod connection;
pub mod content;
pub mod framer;
pub mod granularity;
pub mod head;
pub mod ident;
mod incoming;
pub mod message;
mod outgoing;
pub mod peer;
mod queue;
pub mod ranges;
pub mod raw;
pub mod resume;
pub mod session;
mod transactions;
pub mod uri;
pub mod wire;

pub use connection::{Connection, ConnectionError, Options, Request, Transmit};
pub use content::Accept;
pub use granularity::Granularity;
pub use head::FailureReport;
pub use message::{
    Announced, Arrival, By, Content, Failure, IncomingId, Message, Notice, OutgoingId, Priority,
    Response, SendError,
};
pub use resume::{IncomingState, OutgoingState};
pub use session::{ConnectionKey, Directory, Matching, Refusal, SessionId, Setup};
pub use transactions::PATIENCE;
pub use uri::{Path, Uri};
