//! What an administrator may ask of this server, and the answers: the one set of deeds behind the
//! command line, the console and the API.
//!
//! Here are the words alone. `app` performs them ([`Operations`]): in the server over what it holds,
//! or in a command over a store that nobody else has open.

use std::future::Future;
use std::pin::Pin;

use crate::accounts::Actor;

mod failure;
mod message;
mod secret;
#[cfg(test)]
mod tests;

pub use failure::{Exit, Failure};
pub use message::{
    BanView, Device, DeviceSecret, Health, ImportReport, LdapStatus, ListenerStatus, MemoryStatus,
    PresenceView, Publication, Reply, Request, RowFailure, RulesDocument, RulesView, Status, User,
    WatcherView,
};
pub use secret::Secret;

/// A boxed future, so that [`Operations`] can be a trait object.
pub type Performing<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;

/// Performs requests: in the server over what it holds, else over an opened store.
pub trait Operations: Send + Sync {
    /// Performs one request for whoever asks, who stands in the audit trail for what it changes.
    /// Whether he may is decided before.
    fn perform<'a>(&'a self, actor: &'a Actor, request: Request) -> Performing<'a>;
}
