//! Servers that did not answer lately (RFC 3263 s4.3).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Candidate;
use crate::clock::Tick;
use crate::sip::Transport;

/// Servers remembered at most.
const MOST: usize = 1_024;
/// How long a server that could not be reached is left for last.
const REST: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that is believed (RFC 3261 s21.5.4 has no bound).
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Remembers who failed. A server at rest is not forgotten, only tried after the others.
#[derive(Debug, Default)]
pub struct Failures {
    pub(super) until: HashMap<(Transport, SocketAddr), Tick>,
}

impl Failures {
    /// A server could not be reached, stayed silent, or answered 503; `retry_after` is what it
    /// said itself.
    pub fn failed(
        &mut self,
        now: Tick,
        transport: Transport,
        address: SocketAddr,
        retry_after: Option<Duration>,
    ) {
        if self.until.len() >= MOST {
            self.until.retain(|_, until| *until > now);
        }
        let key = (transport, address);
        if self.until.len() < MOST || self.until.contains_key(&key) {
            let rest = retry_after.unwrap_or(REST).min(LONGEST_REST);
            self.until.insert(key, now + rest);
        }
    }

    /// A server answered.
    pub fn answered(&mut self, transport: Transport, address: SocketAddr) {
        self.until.remove(&(transport, address));
    }

    /// Whether nothing is remembered, so that nothing has to be looked up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    /// Whether a server is at rest.
    #[must_use]
    pub fn is_resting(&self, now: Tick, transport: Transport, address: SocketAddr) -> bool {
        self.until.get(&(transport, address)).is_some_and(|until| *until > now)
    }

    /// Puts those at rest behind the others and changes their order in nothing else.
    pub fn arrange(&self, now: Tick, candidates: &mut [Candidate]) {
        if !self.is_empty() {
            candidates.sort_by_key(|one| self.is_resting(now, one.transport, one.address));
        }
    }
}
