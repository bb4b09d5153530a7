//! Subscriptions (RFC 6665): who watches what, and what each is told when.
//!
//! The table holds them all in memory; those that do not hang on a connection are also stored and
//! come back at the start, with numbers that never go back and everything to tell anew. The one
//! package yet is `reg` (RFC 3680), of a person's own devices, for that person alone.

mod index;
mod package;
mod registration;
mod request;
mod stored;
mod table;

pub use package::{EventHeader, Package};
pub use request::{Granted, Notify, Refusal, Settings, SubscribeRequest};
pub use stored::erasure;
pub use table::Subscriptions;

#[cfg(test)]
mod tests;
