//! Who was over the rate of his source, so that the log has a line of it and not one for each packet.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use crate::clock::Tick;

/// Sources that are named at a time; a flood with forged sources has as many as it likes.
const MOST_NAMED: usize = 32;

/// One line for each source in this time.
const EVERY: Duration = Duration::from_secs(10);

/// Requests that were refused for the rate of their source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flood {
    /// The source: an IPv4 address, or the first of an IPv6 /64. `None`: all that are not named.
    pub source: Option<IpAddr>,
    /// How many requests and keep-alives were refused.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub(super) struct Floods(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    told: Tick,
    named: HashMap<IpAddr, u64>,
    others: u64,
}

impl Floods {
    pub(super) fn note(&self, source: IpAddr) {
        let mut tally = lock(&self.0);
        let is_full = tally.named.len() >= MOST_NAMED;
        match tally.named.get_mut(&source) {
            Some(refused) => *refused += 1,
            None if is_full => tally.others += 1,
            None => {
                tally.named.insert(source, 1);
            }
        }
    }

    /// What came together since it was told last; nothing if that was not long ago.
    pub(super) fn take(&self, now: Tick) -> Vec<Flood> {
        let mut tally = lock(&self.0);
        if tally.named.is_empty() || now.since(tally.told) < EVERY {
            return Vec::new();
        }
        let Tally { named, others, .. } =
            std::mem::replace(&mut *tally, Tally { told: now, ..Tally::default() });
        let others = (others > 0).then_some(Flood { source: None, refused: others });
        let named =
            named.into_iter().map(|(source, refused)| Flood { source: Some(source), refused });
        named.chain(others).collect()
    }
}
