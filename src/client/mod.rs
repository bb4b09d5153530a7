//! A scriptable SIP user agent: for people, for tests, and for the resident person of the demo.
//!
//! [`agent`] is the protocol, sans-IO; [`carrier`] is what lies between it and a stream, [`link`]
//! has the sockets; [`session`] puts the two together.
//! [`register`](register::register), [`message`](message::message), [`listen`](listen::listen),
//! [`publish`](publish::publish) and [`watch`](watch::watch) are what the commands of these names do,
//! [`echo`] is the resident.

pub mod account;
pub mod agent;
pub mod bench;
pub mod carrier;
pub mod echo;
pub mod link;
pub mod listen;
pub mod message;
pub mod msrp;
pub mod notice;
pub mod publish;
pub mod register;
pub mod session;
#[cfg(test)]
mod tests;
pub mod watch;

use std::time::Duration;

use account::TargetError;
use agent::{Cause, Outcome};
use link::LinkError;

pub use notice::Notice;

/// Takes what is told while a command runs.
pub type Tell<'a> = dyn FnMut(Notice) + 'a;

/// Why the client did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No way to the server.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Nobody can be written to there.
    #[error("{address:?} is no address to write to: {error}")]
    Target {
        /// What was given.
        address: String,
        /// What is wrong with it.
        error: TargetError,
    },
    /// The credentials, or whoever they are of, were refused.
    #[error("refused: {} {}", .0.status, .0.reason)]
    Refused(Outcome),
    /// Nothing that was sent arrives.
    #[error("the server cannot be reached: {}", .0.reason)]
    Unreachable(Outcome),
    /// Nobody answered in time.
    #[error("no answer within {} s", .0.elapsed.as_secs())]
    Timeout(Outcome),
    /// The answer says no.
    #[error("{} {}", .0.status, .0.reason)]
    Failed(Outcome),
    /// No reply came.
    #[error("no reply within {} s", .0.as_secs_f64())]
    NoReply(Duration),
    /// The connection has ended.
    #[error("the connection to the server has ended: {0}")]
    Disconnected(String),
    /// Told to stop before it was done.
    #[error("stopped before it was done")]
    Stopped,
}

impl From<Outcome> for ClientError {
    fn from(outcome: Outcome) -> ClientError {
        match outcome.cause {
            Cause::Transport => ClientError::Unreachable(outcome),
            Cause::Timeout => ClientError::Timeout(outcome),
            Cause::Answer if outcome.is_refusal() => ClientError::Refused(outcome),
            Cause::Answer | Cause::TooLarge => ClientError::Failed(outcome),
        }
    }
}
