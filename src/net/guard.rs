//! Who may ask how often, and who is not listened to for a while.
//!
//! Three independent bounds:
//!
//! - each source address has a token bucket; a request whose credentials prove valid gives its
//!   token and that of its challenge back, so that a whole campus behind one address never runs dry,
//!   and the address and port it came from has a bucket of its own from then on, so that strangers
//!   behind the same address cannot drown it; the bucket of an address is deeper by what all people
//!   who are at home there need to come back at once;
//! - each authenticated user has a bucket for messages, and another one for all other requests;
//! - failures to authenticate ban the pair of source and account. A source as a whole is refused
//!   after many more, and only for accounts that never authenticated from it. A place, an address
//!   with its port, from which the account signed in lately has a count of its own: a stranger
//!   behind the same address, or one who forges it, does not lock out who is there.
//!
//! An IPv6 source is its /64: that is what one subscriber has. Memory is bounded, and what has
//! become meaningless goes when room is needed or [`Guard::prune`] is called.

mod buckets;
mod failures;
mod floods;
mod homes;
mod recent;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use buckets::Buckets;
use failures::{Count, Failures, Pair};
pub use floods::Flood;
use floods::Floods;
use homes::Homes;
use recent::Recent;
pub use recent::{Failed, Why};

use crate::channel::{Residents, subscriber};
use crate::clock::{Clock, Tick, WallTime};
use crate::config;

/// Locks are split this many ways.
const SHARDS: usize = 16;

/// Room for pairs, by room for sources.
const PAIRS_PER_SOURCE: usize = 4;

/// Tokens of each person who is at home at an address: a request and the answer to its challenge.
const PER_PERSON: u64 = 2;

/// A success is remembered this long: longer than any binding lives without a refresh.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// A known pair is touched no more often than this; it saves writes on the hot path.
const TOUCH: Duration = Duration::from_secs(60);

/// The figures of the guard.
#[derive(Clone, Debug)]
pub struct GuardLimits {
    /// Requests per second and source.
    pub source_rate: u32,
    /// Requests that a source may send at once.
    pub source_burst: u32,
    /// Messages per second and user; the same for all his other requests together.
    pub message_rate: u32,
    /// Messages that a user may send at once, and so for his other requests.
    pub message_burst: u32,
    /// Failures of one account from one source within the window.
    pub failures_per_source_account: u32,
    /// Failures of one source within the window.
    pub failures_per_source: u32,
    /// The window.
    pub failure_window: Duration,
    /// How long a ban lasts.
    pub ban_time: Duration,
    /// Sources, users and pairs that are kept in mind, each.
    pub capacity: usize,
}

impl Default for GuardLimits {
    fn default() -> GuardLimits {
        GuardLimits {
            source_rate: 100,
            source_burst: 200,
            message_rate: 20,
            message_burst: 100,
            failures_per_source_account: 10,
            failures_per_source: 100,
            failure_window: Duration::from_secs(300),
            ban_time: Duration::from_secs(300),
            capacity: 200_000,
        }
    }
}

impl From<&config::Limits> for GuardLimits {
    fn from(configured: &config::Limits) -> GuardLimits {
        GuardLimits {
            source_rate: configured.source_rate,
            source_burst: configured.source_burst,
            message_rate: configured.message_rate,
            message_burst: configured.message_burst,
            failures_per_source_account: configured.failures_per_source_account,
            failures_per_source: configured.failures_per_source,
            failure_window: configured.failure_window,
            ban_time: configured.ban_time,
            ..GuardLimits::default()
        }
    }
}

/// One source, or one account from one source, that is refused for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The source: an IPv4 address, or the first of an IPv6 /64.
    pub source: IpAddr,
    /// The account; `None`: all accounts that never authenticated from there.
    pub account: Option<String>,
    /// When it ends.
    pub until: WallTime,
}

/// Whether credentials are to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look at them.
    Allowed,
    /// Answer 403 without looking, for so long.
    Refused(Duration),
}

/// Rates, failures and bans. Shared by all threads.
pub struct Guard {
    clock: Clock,
    limits: ArcSwap<GuardLimits>,
    hasher: RandomState,
    sources: Buckets,
    homes: Homes,
    floods: Floods,
    messages: Buckets,
    requests: Buckets,
    failures: Vec<Mutex<Failures>>,
    recent: Recent,
}

impl Guard {
    /// A guard that has seen nobody yet.
    #[must_use]
    pub fn new(limits: GuardLimits, clock: Clock) -> Guard {
        Guard {
            clock,
            sources: Buckets::new(limits.source_rate, limits.source_burst, limits.capacity),
            homes: Homes::new(limits.source_rate, limits.source_burst, limits.capacity),
            floods: Floods::default(),
            messages: Buckets::new(limits.message_rate, limits.message_burst, limits.capacity),
            requests: Buckets::new(limits.message_rate, limits.message_burst, limits.capacity),
            limits: ArcSwap::from_pointee(limits),
            hasher: RandomState::new(),
            failures: (0..SHARDS).map(|_| Mutex::default()).collect(),
            recent: Recent::default(),
        }
    }

    /// Takes a token of the source. `false`: drop the datagram in silence, or answer 503 on a
    /// stream.
    #[must_use]
    pub fn admit(&self, now: Tick, source: IpAddr) -> bool {
        let source = subscriber(source);
        let key = self.hasher.hash_one(source);
        self.sources.take(now, key).is_ok() || {
            let more = (self.people(source) as u64).saturating_mul(PER_PERSON);
            more > 0 && self.sources.take_deeper(now, key, more).is_ok()
        }
    }

    /// The same for a request from there; a place that somebody signed in from has tokens of its
    /// own for when strangers have used up those of its source.
    #[must_use]
    pub fn admit_from(&self, now: Tick, from: SocketAddr) -> bool {
        let admitted =
            self.admit(now, from.ip()) || self.homes.take(now, self.hasher.hash_one(from));
        self.noted(admitted, from)
    }

    /// Takes a token for a keep-alive from there, which no credentials give back: of the place first,
    /// so that devices which keep their flows alive take nothing from strangers behind their
    /// address.
    #[must_use]
    pub fn admit_keep_alive(&self, now: Tick, from: SocketAddr) -> bool {
        let admitted =
            self.homes.take(now, self.hasher.hash_one(from)) || self.admit(now, from.ip());
        self.noted(admitted, from)
    }

    fn noted(&self, admitted: bool, from: SocketAddr) -> bool {
        if !admitted {
            self.floods.note(subscriber(from.ip()));
        }
        admitted
    }

    /// Who was over the rate of his source since this gave anything last: once in ten seconds, and
    /// nothing in between. To be logged.
    #[must_use]
    pub fn floods(&self) -> Vec<Flood> {
        self.floods.take(self.clock.now())
    }

    /// Whether somebody signed in from that address and port lately.
    #[must_use]
    pub fn is_home(&self, now: Tick, from: SocketAddr) -> bool {
        self.homes.is_known(now, self.hasher.hash_one(from))
    }

    /// Credentials from there proved valid: the place is somebody's, and the tokens come back.
    pub fn proved(&self, now: Tick, from: SocketAddr, tokens: u32) {
        if !self.homes.proved(now, self.hasher.hash_one(from), tokens) {
            self.give_back(from.ip(), tokens);
        }
    }

    /// Somebody had signed in from there before this run of the server; from that very port too if
    /// it is one of datagrams, which may be the same still.
    pub fn remember(&self, now: Tick, from: SocketAddr, account: &str, is_datagrams: bool) {
        self.success(now, from, account);
        if is_datagrams {
            self.homes.proved(now, self.hasher.hash_one(from), 0);
        }
    }

    /// Gives tokens back to a source that sent valid credentials: one for the request, and one
    /// more if it answers a challenge.
    pub fn give_back(&self, source: IpAddr, tokens: u32) {
        self.sources.give_back(self.hasher.hash_one(subscriber(source)), tokens);
    }

    /// Takes a message token of an authenticated user.
    ///
    /// # Errors
    /// How long to wait for the next one, for `Retry-After`.
    pub fn admit_message(&self, now: Tick, user: &str) -> Result<(), Duration> {
        self.messages.take(now, self.hasher.hash_one(user))
    }

    /// Takes a token of an authenticated user for a request other than MESSAGE: each costs the
    /// server memory for as long as its transaction lives.
    ///
    /// # Errors
    /// How long to wait for the next one, for `Retry-After`.
    pub fn admit_request(&self, now: Tick, user: &str) -> Result<(), Duration> {
        self.requests.take(now, self.hasher.hash_one(user))
    }

    /// Takes a token of a dialog for a request that its route token vouches for. Who holds one is
    /// not asked for credentials and must not flood the other end with it.
    ///
    /// # Errors
    /// How long to wait for the next one, for `Retry-After`.
    pub fn admit_in_dialog(&self, now: Tick, call_id: &[u8]) -> Result<(), Duration> {
        // Hashed as bytes, and so never what a user's name gives.
        self.requests.take(now, self.hasher.hash_one(("dialog", call_id)))
    }

    /// Whether credentials for that account from there may be looked at.
    #[must_use]
    pub fn check(&self, now: Tick, from: SocketAddr, account: &str) -> Verdict {
        let (source, place) = (subscriber(from.ip()), self.place(from));
        let failures = self.failures_of(source);
        let Some(record) = failures.sources.get(&source) else { return Verdict::Allowed };
        let pair = record.accounts.get(account);
        let pair_until = pair.map_or(Tick::ZERO, |pair| pair.count_of(place).banned_until);
        let known = pair.is_some_and(|p| p.last_success.is_some());
        let source_until = if known { Tick::ZERO } else { record.count.banned_until };
        let until = pair_until.max(source_until);
        if until > now { Verdict::Refused(until.since(now)) } else { Verdict::Allowed }
    }

    /// Credentials were wrong. Returns the bans that this led to, to be logged and persisted. A
    /// missing or stale nonce is no failure.
    pub fn failure(&self, now: Tick, from: SocketAddr, account: &str) -> Vec<Ban> {
        let (source, place) = (subscriber(from.ip()), self.place(from));
        let limits = self.limits.load();
        let limits = &**limits;
        let mut failures = self.failures_of(source);
        failures.make_room(now, limits);
        let mut bans = Vec::new();
        let record = failures.sources.entry(source).or_default();
        record.last_seen = now;
        if record.count.fail(now, limits, limits.failures_per_source) {
            bans.push(self.ban(source, None, now, record.count.banned_until));
        }
        let mut added = false;
        let pair = record.accounts.entry(account.into()).or_insert_with(|| {
            added = true;
            Pair::default()
        });
        let count = pair.count_of_mut(place);
        if count.fail(now, limits, limits.failures_per_source_account) {
            bans.push(self.ban(source, Some(account), now, count.banned_until));
        }
        failures.pairs += usize::from(added);
        bans
    }

    /// Remembers for a while that somebody was not let in, for whoever helps him.
    pub fn note_failed(&self, from: SocketAddr, account: &str, why: Why, agent: Option<&[u8]>) {
        self.recent.note(self.clock.wall(), from, account, why, agent.unwrap_or_default());
    }

    /// When an account was not let in lately, the newest first.
    #[must_use]
    pub fn failed(&self, account: &str) -> Vec<Failed> {
        self.recent.of(account)
    }

    /// Failures within the window that have led to no ban yet: source, account, how many; those
    /// closest to a ban first, at most `most` of them.
    #[must_use]
    pub fn failing(&self, most: usize) -> Vec<(IpAddr, String, u32)> {
        let (now, limits) = (self.clock.now(), self.limits.load());
        let mut failing = Vec::new();
        for shard in &self.failures {
            for (&source, record) in &lock(shard).sources {
                for (account, pair) in &record.accounts {
                    let failed = pair.failed(now, &limits);
                    if failed > 0 && pair.banned_until() <= now {
                        failing.push((source, account.to_string(), failed));
                    }
                }
            }
        }
        failing.sort_by(|a, b| (b.2, a.0, &a.1).cmp(&(a.2, b.0, &b.1)));
        failing.truncate(most);
        failing
    }

    /// Credentials were right: the pair is at home, and its failures are forgotten.
    pub fn success(&self, now: Tick, from: SocketAddr, account: &str) {
        let (source, place) = (subscriber(from.ip()), self.place(from));
        let mut failures = self.failures_of(source);
        if let Some(record) = failures.sources.get_mut(&source)
            && let Some(pair) = record.accounts.get_mut(account)
        {
            pair.count_of_mut(place).failed = 0;
            pair.is_at(place);
            record.at_home += usize::from(pair.last_success.is_none());
            if pair.last_success.is_none_or(|last| now.since(last) >= TOUCH) {
                pair.last_success = Some(now);
                record.last_seen = now;
            }
            return;
        }
        failures.make_room(now, &self.limits.load());
        let record = failures.sources.entry(source).or_default();
        record.last_seen = now;
        record.at_home += 1;
        let pair = Pair::signed_in(now, place);
        record.accounts.insert(account.into(), pair);
        failures.pairs += 1;
    }

    /// The figures it goes by.
    #[must_use]
    pub fn limits(&self) -> arc_swap::Guard<Arc<GuardLimits>> {
        self.limits.load()
    }

    /// Goes by other figures of failures and bans from now on; rates and room stay.
    pub fn set(&self, limits: GuardLimits) {
        self.limits.store(Arc::new(limits));
    }

    /// All bans in force.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        let now = self.clock.now();
        let mut bans = Vec::new();
        for shard in &self.failures {
            let failures = lock(shard);
            for (&source, record) in &failures.sources {
                if record.count.banned_until > now {
                    bans.push(self.ban(source, None, now, record.count.banned_until));
                }
                for (account, pair) in &record.accounts {
                    if pair.banned_until() > now {
                        bans.push(self.ban(source, Some(account), now, pair.banned_until()));
                    }
                }
            }
        }
        bans.sort_by(|a, b| (a.source, &a.account).cmp(&(b.source, &b.account)));
        bans
    }

    /// Lifts the bans of a source, of an account, or of the pair; without either, all. Returns
    /// those that were in force.
    pub fn lift(&self, source: Option<IpAddr>, account: Option<&str>) -> Vec<Ban> {
        let now = self.clock.now();
        let wanted = source.map(subscriber);
        let mut lifted = Vec::new();
        for shard in &self.failures {
            let mut failures = lock(shard);
            for (&source, record) in &mut failures.sources {
                if wanted.is_some_and(|w| w != source) {
                    continue;
                }
                if account.is_none() {
                    if record.count.banned_until > now {
                        lifted.push(self.ban(source, None, now, record.count.banned_until));
                    }
                    record.count = Count::default();
                }
                for (name, pair) in &mut record.accounts {
                    if account.is_some_and(|a| a != &**name) {
                        continue;
                    }
                    if pair.banned_until() > now {
                        lifted.push(self.ban(source, Some(name), now, pair.banned_until()));
                    }
                    (pair.count, pair.at_home) = (Count::default(), Count::default());
                }
            }
        }
        lifted
    }

    /// Puts persisted bans back in force, as far as they still last.
    pub fn restore(&self, bans: &[Ban]) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        for ban in bans {
            // A clock that was set wrong must not ban for ever.
            let left = ban.until.since(wall).min(self.limits.load().ban_time);
            if left.is_zero() {
                continue;
            }
            let source = subscriber(ban.source);
            let mut failures = self.failures_of(source);
            failures.make_room(now, &self.limits.load());
            let record = failures.sources.entry(source).or_default();
            record.last_seen = now;
            let Some(account) = &ban.account else {
                record.count.banned_until = now + left;
                continue;
            };
            let mut added = false;
            let pair = record.accounts.entry(account.as_str().into()).or_insert_with(|| {
                added = true;
                Pair::default()
            });
            pair.count.banned_until = now + left;
            failures.pairs += usize::from(added);
        }
    }

    /// Forgets what has no meaning any more. Worth calling every minute or so.
    pub fn prune(&self) {
        let now = self.clock.now();
        self.sources.prune(now);
        self.homes.prune(now);
        self.messages.prune(now);
        self.requests.prune(now);
        for shard in &self.failures {
            lock(shard).prune(now, &self.limits.load());
        }
    }

    /// Entries in memory: sources and users with a bucket that is not full, places that somebody
    /// signed in from, and pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        let pairs: usize = self.failures.iter().map(|shard| lock(shard).pairs).sum();
        let users = self.messages.len() + self.requests.len();
        self.sources.len() + self.homes.len() + users + pairs
    }

    /// Whether nothing is kept in mind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place(&self, from: SocketAddr) -> u64 {
        self.hasher.hash_one(from)
    }

    fn failures_of(&self, source: IpAddr) -> MutexGuard<'_, Failures> {
        let index = self.hasher.hash_one(source) as usize % SHARDS;
        // The vector has SHARDS entries; the first stands in for an impossible other.
        lock(self.failures.get(index).unwrap_or(&self.failures[0]))
    }

    fn ban(&self, source: IpAddr, account: Option<&str>, now: Tick, until: Tick) -> Ban {
        Ban {
            source,
            account: account.map(str::to_owned),
            until: self.clock.wall() + until.since(now),
        }
    }
}

impl Residents for Guard {
    fn people(&self, source: IpAddr) -> usize {
        self.failures_of(source).sources.get(&source).map_or(0, |record| record.at_home)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
