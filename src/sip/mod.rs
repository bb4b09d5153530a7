//! The SIP core (RFC 3261), sans-IO: no socket, no clock, no thread.

pub mod build;
pub mod dialog;
mod flow;
pub mod forward;
pub mod framer;
pub mod header;
pub mod locate;
pub mod method;
pub mod status;
pub mod stun;
pub mod subscription;
pub mod transaction;
pub mod uri;
pub mod wire;

pub use flow::{ConnectionId, Flow, Transport};
