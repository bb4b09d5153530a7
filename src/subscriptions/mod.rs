//! Subscriptions (RFC 6665): who watches what, and what each is told when.
//!
//! The table holds them all in memory; they are also stored and come back at the start, with numbers
//! that never go back and everything to tell anew. Packages are `reg` (RFC 3680) of a person's own
//! devices, `presence` (RFC 3856), and `presence.winfo` (RFC 3857) of who watches a person's
//! presence. What there is to see is asked of [`crate::presence`] when a NOTIFY is due, once for all
//! watchers who see the same.

mod adrift;
mod changes;
mod index;
mod package;
mod registration;
mod request;
mod stored;
mod table;
mod told;
mod view;
mod waiting;
mod watchers;

pub use package::{EventHeader, Package};
pub use request::{Granted, Notify, OneTuple, Refusal, Settings, SubscribeRequest};
pub use stored::{count_start, erasure};
pub use table::{Attendance, Subscriptions};

#[cfg(test)]
mod tests;
