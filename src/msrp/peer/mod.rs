//! A peer of MSRP on tokio: sockets, TLS, files, relays. The protocol is in the modules beside.
//!
//! An [`Endpoint`] listens and dials. Both sides of a session tell each other a path, by SIP or any
//! other way: [`Endpoint::offer`] makes ours, [`Offer::connect`] and [`Offer::wait`] take the peer's.
//! A [`Session`] sends messages, each a [`Sending`] to be watched or forgotten, and gives what comes:
//! short messages whole, long ones as an [`Incoming`] to be accepted into a [`Sink`] or denied.

mod block;
pub mod comedia;
mod command;
mod dial;
mod dump;
mod endpoint;
mod engine;
mod fingerprint;
mod inbound;
mod mailbox;
mod outbound;
mod outflow;
mod receiving;
mod registry;
mod relay;
mod sending;
mod session;
mod silence;
mod sink;
mod source;
#[cfg(feature = "msrp-srv")]
mod srv;
mod tls;
#[cfg(feature = "msrp-ws")]
mod websocket;
mod writer;

pub use dial::DialError;
pub use dump::{Direction, WireDump};
pub use endpoint::{Endpoint, EndpointOptions, Offer};
pub use fingerprint::{Fingerprint, FingerprintError, HashFunction};
pub use receiving::{Header, Incoming, ReceiveFailure, Received, Receiving};
pub use relay::{RelayAccount, RelayError, RelayWay, WayLost};
pub use sending::{SendEvent, SendFailure, Sending};
pub use session::{Event, OpenError, Outbound, Session, SessionHandle, SessionOptions, Whole};
pub use sink::{Sink, WriteAt};
pub use source::{ReadAt, Source};
pub use tls::{Identity, TlsError, Trust};
