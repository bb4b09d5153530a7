//! Wrong sign-ins, counted for each source and for each account from it: who guesses waits, and
//! nobody else does. Apart from `net::guard`, whose bans concern SIP: who mistypes here keeps his
//! telephone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Wrong sign-ins of one account from one source, within the window.
const PER_ACCOUNT: u32 = 5;
/// Wrong sign-ins from one source.
const PER_SOURCE: u32 = 10;
/// How long whoever tries too many at once waits: until some of them are looked at.
const A_MOMENT: Duration = Duration::from_secs(1);
/// After so long without another one it is forgotten.
const WINDOW: Duration = Duration::from_secs(300);
/// Sources and accounts that are counted at most; the one that was longest silent gives way.
const CAPACITY: usize = 16_384;

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    /// Those that are being looked at.
    trying: u32,
    last: Tick,
}

type Counts = HashMap<(IpAddr, Option<String>), Count>;

/// Counts wrong sign-ins.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Counts>);

/// A sign-in that is being looked at. Until that is known it counts as a wrong one: else whoever sends
/// many at once would try them all before the first was counted.
pub(super) struct Trying<'a> {
    throttle: &'a Throttle,
    keys: [(IpAddr, Option<String>); 2],
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        let mut counts = self.throttle.locked();
        for key in &self.keys {
            if let Some(count) = counts.get_mut(key) {
                count.trying = count.trying.saturating_sub(1);
            }
        }
    }
}

impl Throttle {
    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to look at a sign-in, or says how long this account must wait from this source.
    pub(super) fn begin(
        &self,
        now: Tick,
        source: IpAddr,
        account: &str,
    ) -> Result<Trying<'_>, Duration> {
        let mut counts = self.locked();
        let keys = keys(source, account);
        let over = |key: &(IpAddr, Option<String>)| {
            let count = counts.get(key)?;
            let most = if key.1.is_some() { PER_ACCOUNT } else { PER_SOURCE };
            let left = WINDOW.saturating_sub(now.since(count.last));
            let failures = if left.is_zero() { 0 } else { count.failures };
            let wait = if failures >= most { left } else { A_MOMENT };
            (failures + count.trying >= most).then_some(wait)
        };
        if let Some(wait) = keys.iter().filter_map(over).max() {
            return Err(wait);
        }
        for key in &keys {
            entry(&mut counts, key, now).trying += 1;
        }
        Ok(Trying { throttle: self, keys })
    }

    /// It was wrong.
    pub(super) fn failed(&self, now: Tick, source: IpAddr, account: &str) {
        let mut counts = self.locked();
        for key in keys(source, account) {
            let count = entry(&mut counts, &key, now);
            if now.since(count.last) >= WINDOW {
                count.failures = 0;
            }
            count.failures = count.failures.saturating_add(1);
            count.last = now;
        }
    }

    /// It was right: the account's failures from there are forgotten, the source's others stay.
    pub(super) fn succeeded(&self, source: IpAddr, account: &str) {
        let mut counts = self.locked();
        let [all, own] = keys(source, account);
        let forgotten = counts.get_mut(&own).map(|own| std::mem::take(&mut own.failures));
        if let Some(all) = counts.get_mut(&all) {
            all.failures = all.failures.saturating_sub(forgotten.unwrap_or_default());
        }
    }
}

/// What is counted of a sign-in: all of its source, and those of the account from there.
fn keys(source: IpAddr, account: &str) -> [(IpAddr, Option<String>); 2] {
    let source = network(source);
    [(source, None), (source, Some(account.to_owned()))]
}

fn entry<'a>(counts: &'a mut Counts, key: &(IpAddr, Option<String>), now: Tick) -> &'a mut Count {
    if counts.len() >= CAPACITY && !counts.contains_key(key) {
        make_room(counts, now);
    }
    counts.entry(key.clone()).or_insert(Count { failures: 0, trying: 0, last: now })
}

fn make_room(counts: &mut Counts, now: Tick) {
    counts.retain(|_, count| count.trying > 0 || now.since(count.last) < WINDOW);
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

    impl Throttle {
        fn wait(&self, now: Tick, source: IpAddr, account: &str) -> Option<Duration> {
            self.begin(now, source, account).err()
        }
    }

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

    // W23, T27: many at once are no more tries than one after the other.
    #[test]
    fn whoever_guesses_many_at_once_tries_no_more_of_them() {
        let throttle = &Throttle::default();
        let (guesser, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let names: Vec<String> = (0..50).map(|n| format!("name{n}")).collect();
        let tries = |source| names.iter().filter_map(move |n| throttle.begin(NOW, source, n).ok());
        let mut open: Vec<Trying<'_>> = tries(guesser).collect();
        assert_eq!(open.len(), PER_SOURCE as usize);
        assert_eq!(throttle.wait(NOW, guesser, "ana"), Some(A_MOMENT));
        assert_eq!(throttle.wait(NOW, other, "ana"), None);
        // One that is looked at makes room for another one.
        open.pop();
        assert_eq!(throttle.wait(NOW, guesser, "ana"), None);
        drop(open);
        let same: Vec<_> = (0..50).filter_map(|_| throttle.begin(NOW, other, "ana").ok()).collect();
        assert_eq!(same.len(), PER_ACCOUNT as usize);
        throttle.failed(NOW, other, "ana");
        drop(same);
        let rest: Vec<_> = (0..50).filter_map(|_| throttle.begin(NOW, other, "ana").ok()).collect();
        assert_eq!(rest.len(), PER_ACCOUNT as usize - 1);
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
