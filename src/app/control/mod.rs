//! The control socket: how the other commands talk to a running server.
//!
//! `<data_dir>/tagus.sock`, mode 0600, same user only. The client writes one JSON line with a
//! [`Request`], the server answers one JSON line with a [`Reply`] or a [`Failure`]; then the next.
//! The server hands each request to [`Operations`]. With no server running a command hands it to an
//! [`Operations`] over the store that it opened itself, so that there is one path for both.

use std::future::Future;
use std::pin::Pin;

use super::exit::Failure;

mod client;
mod message;
mod path;
mod server;

pub use client::{CallError, Client};
pub use message::{
    BanView, Device, DeviceSecret, Health, ImportReport, LdapStatus, ListenerStatus, MemoryStatus,
    PresenceView, Publication, Reply, Request, RowFailure, RulesDocument, RulesView, Status, User,
    WatcherView,
};
pub use server::{ControlError, Listener, serve};

/// A boxed future, so that [`Operations`] can be a trait object.
pub type Performing<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Performs requests: in the server over what it holds, else over an opened store.
pub trait Operations: Send + Sync {
    /// Performs one request.
    fn perform(&self, request: Request) -> Performing<'_>;
}

/// The longest request line. An import of tens of thousands of people fits.
pub const LONGEST_REQUEST: usize = 8 * 1024 * 1024;

/// The longest reply line that a client takes.
pub const LONGEST_REPLY: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
