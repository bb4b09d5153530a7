//! Wrong sign-ins, counted for each source and for each account from it: who guesses waits, and
//! nobody else does. Apart from `net::guard`, whose bans concern SIP: who mistypes here keeps his
//! telephone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Wrong sign-ins of one account from one source, within the window.
const PER_ACCOUNT: u32 = 5;
/// Wrong sign-ins from one source.
const PER_SOURCE: u32 = 10;
/// After so long without another one it is forgotten.
const WINDOW: Duration = Duration::from_secs(300);
/// Sources and accounts that are counted at most; the one that was longest silent gives way.
const CAPACITY: usize = 16_384;

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Tick,
}

/// Counts wrong sign-ins.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<(IpAddr, Option<String>), Count>>);

impl Throttle {
    /// How long this account must wait from this source; `None` if it may try.
    pub(super) fn wait(&self, now: Tick, source: IpAddr, account: &str) -> Option<Duration> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = network(source);
        let over = |account: Option<String>, most| {
            let count = counts.get(&(source, account))?;
            let left = WINDOW.saturating_sub(now.since(count.last));
            (count.failures >= most && !left.is_zero()).then_some(left)
        };
        over(Some(account.to_owned()), PER_ACCOUNT).max(over(None, PER_SOURCE))
    }

    /// It was wrong.
    pub(super) fn failed(&self, now: Tick, source: IpAddr, account: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = network(source);
        for account in [None, Some(account.to_owned())] {
            let key = (source, account);
            if counts.len() >= CAPACITY && !counts.contains_key(&key) {
                make_room(&mut counts, now);
            }
            let count = counts.entry(key).or_insert(Count { failures: 0, last: now });
            if now.since(count.last) >= WINDOW {
                count.failures = 0;
            }
            count.failures = count.failures.saturating_add(1);
            count.last = now;
        }
    }

    /// It was right: the account's failures from there are forgotten, the source's others stay.
    pub(super) fn succeeded(&self, source: IpAddr, account: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = network(source);
        if let Some(own) = counts.remove(&(source, Some(account.to_owned())))
            && let Some(all) = counts.get_mut(&(source, None))
        {
            all.failures = all.failures.saturating_sub(own.failures);
        }
    }
}

fn make_room(counts: &mut HashMap<(IpAddr, Option<String>), Count>, now: Tick) {
    counts.retain(|_, count| now.since(count.last) < WINDOW);
    if counts.len() >= CAPACITY
        && let Some(oldest) =
            counts.iter().min_by_key(|(_, count)| count.last).map(|(key, _)| key.clone())
    {
        counts.remove(&oldest);
    }
}

/// One household of addresses: an IPv4 address, or a /64.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick::from_secs(1_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    // W23.
    #[test]
    fn who_guesses_waits_five_minutes_and_others_do_not() {
        let throttle = Throttle::default();
        let (guesser, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for n in 0..PER_SOURCE {
            assert_eq!(throttle.wait(NOW, guesser, &format!("name{n}")), None);
            throttle.failed(NOW, guesser, &format!("name{n}"));
        }
        assert_eq!(throttle.wait(NOW, guesser, "ana"), Some(WINDOW));
        assert_eq!(throttle.wait(NOW, other, "ana"), None);
        let later = Tick::from_secs(1_000 + WINDOW.as_secs());
        assert_eq!(throttle.wait(later, guesser, "ana"), None);
    }

    #[test]
    fn one_account_waits_earlier_than_its_whole_source() {
        let throttle = Throttle::default();
        let source = ip("2001:db8::1");
        for _ in 0..PER_ACCOUNT {
            throttle.failed(NOW, source, "ana");
        }
        // The next address of the same network is the same source.
        assert!(throttle.wait(NOW, ip("2001:db8::2"), "ana").is_some());
        assert_eq!(throttle.wait(NOW, source, "rui"), None);
        throttle.succeeded(source, "ana");
        assert_eq!(throttle.wait(NOW, source, "ana"), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..CAPACITY as u32 {
            throttle.failed(NOW, IpAddr::from(n.to_be_bytes()), "ana");
        }
        assert!(throttle.0.lock().unwrap().len() <= CAPACITY);
    }
}
