//! Load for a SIP server: registrations, and messages and calls between the generator's own people.
//!
//! The load is an open loop: requests leave on schedule, whether or not answers come, so a slow
//! server shows. The generator shares its machine with the server that it measures, so it is
//! cheap: plain threads, few sockets, batches, no allocation a message.
//!
//! [`run`] plays it. Inside: `crowd` (the people of one thread: bytes and ticks in, bytes out),
//! `template` and `login` (what they write), `dialog` (what a call keeps), `datagrams` and `streams` (sockets), `worker` (a
//! thread), `conductor` (phases), `tally` and [`report`] (results); [`idle`] (connections that do nothing).

use std::net::SocketAddr;
use std::time::Duration;

use super::carrier::Way;
use crate::http_digest::Algorithm;

mod ceiling;
mod conductor;
mod crowd;
mod datagrams;
mod dialog;
pub mod histogram;
pub mod idle;
mod login;
mod outbox;
pub mod pace;
pub mod people;
pub mod process;
pub mod report;
mod streams;
pub mod tally;
mod template;
#[cfg(test)]
mod tests;
mod worker;

pub use ceiling::{Ceiling, find_ceiling};
pub use conductor::{Progress, Tell, run};
use people::Person;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// REGISTER (RFC 3261 s10).
    Register,
    /// MESSAGE from each person to the next (RFC 3428).
    Message,
    /// A call from each person to the next: INVITE, 180, 200, ACK, BYE (RFC 3261 s13, s15).
    Invite,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// So many requests a second in all.
    Rate(f64),
    /// Each person sends one each so often, spread evenly.
    Interval(Duration),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is measured.
    pub kind: Kind,
    /// The server.
    pub server: SocketAddr,
    /// The SIP domain.
    pub domain: String,
    /// Who is played.
    pub people: Vec<Person>,
    /// TCP instead of UDP.
    pub way: Way,
    /// How often.
    pub load: Load,
    /// How long.
    pub duration: Duration,
    /// The expiry that registrations ask for, in seconds.
    pub expires: u32,
    /// Threads of the generator.
    pub threads: usize,
    /// UDP sockets in all; a server with several sockets on one port is given packets by these.
    pub sockets: usize,
    /// TCP connections in all; people share them beyond that.
    pub connections: usize,
    /// Whether a nonce is answered again and again, as real clients do (RFC 7616 s3.6).
    pub reuse_nonce: bool,
    /// The algorithm to answer with where there is a choice.
    pub algorithm: Option<Algorithm>,
    /// Whether everybody registers before REGISTERs are measured; always so for the rest.
    pub warm: bool,
    /// How many registrations wait for an answer at once before anything is measured.
    pub window: usize,
    /// The least length of a message's body.
    pub body_bytes: usize,
    /// How long a call lasts between its ACK and its BYE.
    pub hold: Duration,
    /// The server's process; its CPU and memory are told.
    pub pid: Option<u32>,
    /// The directory's process; its CPU is told.
    pub directory_pid: Option<u32>,
}

impl Options {
    /// Requests a second in all.
    #[must_use]
    pub fn rate(&self) -> f64 {
        match self.load {
            Load::Rate(rate) => rate,
            Load::Interval(interval) => self.people.len() as f64 / interval.as_secs_f64(),
        }
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A pattern without a place for the number.
    #[error("{0:?} needs a place for the number, such as {{}} or {{:05}}")]
    Pattern(String),
    /// A name that does not go into a URI as it is.
    #[error("{0:?} is no user name for a load test")]
    User(String),
    /// The file with the people.
    #[error("{0}: {1}")]
    File(String, String),
    /// Numbers that make no load.
    #[error("{0}")]
    Options(&'static str),
    /// Sockets or threads.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The first registrations or messages, before the measurement, failed.
    #[error("{failed} of {all} people failed to begin; the last answer was {answer}")]
    SetUp {
        /// How many failed.
        failed: usize,
        /// Of how many.
        all: usize,
        /// The last failing status, in words.
        answer: String,
    },
    /// A process that does not exist.
    #[error("there is no process {0}")]
    Process(u32),
    /// A thread ended early.
    #[error("a thread of the generator ended early")]
    Thread,
}
