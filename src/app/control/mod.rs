//! The control socket: how the other commands talk to a running server.
//!
//! `<data_dir>/tagus.sock`, mode 0600, same user only. The client writes one JSON line with a
//! [`Request`](crate::operations::Request), the server answers one JSON line with a
//! [`Reply`](crate::operations::Reply) or a [`Failure`](crate::operations::Failure); then the next.
//! The server hands each request to its [`Operations`](crate::operations::Operations). With no server
//! running a command hands it to one over the store that it opened itself, so that there is one path
//! for both.

mod client;
mod path;
mod server;

pub use client::{CallError, Client};
pub use server::{ControlError, Listener, serve};

/// The longest request line. An import of tens of thousands of people fits.
pub const LONGEST_REQUEST: usize = 8 * 1024 * 1024;

/// The longest reply line that a client takes.
pub const LONGEST_REPLY: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
