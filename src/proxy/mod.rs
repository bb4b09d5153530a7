//! The proxy core (RFC 3261 s16): what to do with the answers of a forked request.
//!
//! Retransmitting is the transaction layer's. What is left, and decided here without sockets or
//! clocks, is where a request goes ([`targets`], and [`Routes`] for those that are for nobody of
//! ours), which of several answers goes upstream, and when
//! ([`Fork`]), and how requests within a dialog find their way back through here
//! ([`RouteTokens`]).

mod fork;
mod route;
mod targets;
mod token;

pub use fork::{Answer, Fork, Verdict};
pub use route::{Route, Routes, patience};
pub use targets::{Target, TargetSet, instance_targets, next_group, targets};
pub use token::{End, Party, Reached, RouteToken, RouteTokens, SHORTEST_TOKEN};

/// A loop shows when a request comes back with the same next steps ahead of it (RFC 3261 s16.6
/// step 8, RFC 5393 s4.2): the hash covers all that decides where we would send it.
///
/// The result is eight characters of lower-case hexadecimal per 32 bits, to be put in the branch.
#[must_use]
pub fn loop_hash(key: u64, request_uri: &[u8], routes: &[u8], call_id: &[u8]) -> u64 {
    // FNV-1a over length-prefixed parts: not a secret, only a fingerprint of our own branch; the
    // key keeps others from choosing collisions.
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ key;
    for part in [request_uri, routes, call_id] {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
            hash ^= u64::from(*byte);
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
