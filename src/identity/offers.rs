//! Which Digest algorithms a request is offered (RFC 8760 s2.3).
//!
//! The order is that of the configuration, best first. Some clients stumble over the first
//! challenge that they do not know, so a request is offered MD5 alone if its User-Agent is known
//! for that, or if the same client (source address, User-Agent and From) was challenged with
//! SHA-256 several times and never brought an answer that proved right. Nothing here depends on
//! whether an account exists.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use smallvec::SmallVec;

use super::Settings;
use crate::clock::Tick;
use crate::config::SecretFormat;
use crate::http_digest::Algorithm;

/// Algorithms, best first.
pub type Algorithms = SmallVec<[Algorithm; 2]>;

/// Challenges with SHA-256 without a right answer, after which MD5 alone is offered.
const PATIENCE: u8 = 3;
/// How long a client's failure is remembered.
const MEMORY: Duration = Duration::from_secs(24 * 3600);
/// Clients remembered in each half of the table; a full half pushes the older one out.
const HALF: usize = 16_384;

/// What a client shows of itself before it has proved anything.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Source address of the request.
    pub source: IpAddr,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The user part of From, as it was sent.
    pub from: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Client {
    /// Challenged with SHA-256 so many times without a right answer.
    unanswered: u8,
    since: Tick,
}

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<u64, Client>,
    old: HashMap<u64, Client>,
}

impl Halves {
    fn get(&self, key: u64, now: Tick) -> Option<Client> {
        let client = self.young.get(&key).or_else(|| self.old.get(&key))?;
        (now.since(client.since) < MEMORY).then_some(*client)
    }

    fn put(&mut self, key: u64, client: Client) {
        if self.young.len() >= HALF && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, client);
    }
}

/// What is configured.
#[derive(Debug)]
struct Rules {
    algorithms: Algorithms,
    /// Whether there are people of whom there is no other hash than SHA-256's.
    needs_sha256: bool,
    /// In lower case; a User-Agent that begins so is offered MD5 alone.
    md5_only_agents: Vec<String>,
    /// In lower case; requests from these people are offered MD5 alone.
    md5_only_people: Vec<String>,
}

impl Rules {
    /// `configured`, or if it is empty both.
    fn new(configured: &[Algorithm], md5_only_agents: &[String]) -> Rules {
        let mut algorithms = Algorithms::new();
        for &algorithm in configured {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        if algorithms.is_empty() {
            algorithms.extend([Algorithm::Sha256, Algorithm::Md5]);
        }
        Rules {
            algorithms,
            needs_sha256: false,
            md5_only_agents: md5_only_agents
                .iter()
                .filter(|agent| !agent.is_empty())
                .map(|agent| agent.to_ascii_lowercase())
                .collect(),
            md5_only_people: Vec::new(),
        }
    }

    fn knows_agent(&self, asker: &Asker<'_>) -> bool {
        let Some(agent) = asker.user_agent else { return false };
        self.md5_only_agents.iter().any(|known| {
            agent
                .get(..known.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes()))
        })
    }

    fn knows_person(&self, asker: &Asker<'_>) -> bool {
        self.md5_only_people.iter().any(|known| asker.from.eq_ignore_ascii_case(known.as_bytes()))
    }
}

/// Decides what is offered, and learns.
#[derive(Debug)]
pub struct Offers {
    rules: ArcSwap<Rules>,
    /// Accounts of whose password there is no other hash than MD5's.
    md5_accounts: AtomicUsize,
    keys: RandomState,
    learned: Mutex<Halves>,
}

impl Offers {
    /// Offers `configured` (if it is empty: both), and MD5 alone to the agents.
    #[must_use]
    pub fn new(configured: &[Algorithm], md5_only_agents: &[String]) -> Offers {
        Offers {
            rules: ArcSwap::from_pointee(Rules::new(configured, md5_only_agents)),
            md5_accounts: AtomicUsize::new(0),
            keys: RandomState::new(),
            learned: Mutex::default(),
        }
    }

    /// Offers what these settings say from now on. Requests whose From names somebody of
    /// `md5_only_people` are offered MD5 alone, whether or not there are such people; where the
    /// directory has SHA-256 HA1s, MD5 alone would lock its people out.
    pub(super) fn set(&self, settings: &Settings) {
        let secret = settings.directory.as_ref().and_then(|directory| directory.secret.as_ref());
        let people = settings.md5_only_people.iter().map(|user| user.to_ascii_lowercase());
        self.rules.store(Arc::new(Rules {
            needs_sha256: secret.is_some_and(|secret| secret.format == SecretFormat::Ha1Sha256),
            md5_only_people: people.collect(),
            ..Rules::new(&settings.algorithms, &settings.md5_only_agents)
        }));
    }

    /// There is one account more, or one less, that was taken over from another server with the
    /// MD5 HA1 alone. While there are any, MD5 alone is offered: to everybody, because what is
    /// offered must not tell who has an account.
    pub(super) fn count_md5_account(&self, more: bool) {
        let (before, alone) = if more {
            (self.md5_accounts.fetch_add(1, Ordering::Relaxed), true)
        } else {
            (self.md5_accounts.fetch_sub(1, Ordering::Relaxed) - 1, false)
        };
        if before == 0 {
            tracing::info!(event = "digest.md5_alone", alone);
        }
    }

    /// How many such accounts there are.
    pub(super) fn md5_accounts(&self) -> usize {
        self.md5_accounts.load(Ordering::Relaxed)
    }

    /// What a request is offered, best first; never empty.
    #[must_use]
    pub fn offers(&self, asker: &Asker<'_>, now: Tick) -> Algorithms {
        let rules = self.rules.load();
        let both = rules.algorithms.len() > 1;
        let alone = self.md5_accounts() > 0 && !rules.needs_sha256;
        let known = || rules.knows_agent(asker) || rules.knows_person(asker);
        if both && (alone || known() || self.has_failed(asker, now)) {
            return Algorithms::from_slice(&[Algorithm::Md5]);
        }
        rules.algorithms.clone()
    }

    /// To be told when a request without right credentials is challenged with these algorithms.
    pub fn challenged(&self, asker: &Asker<'_>, offered: &[Algorithm], now: Tick) {
        if offered.len() < 2 {
            return;
        }
        let key = self.key(asker);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let before = learned.get(key, now).map_or(0, |client| client.unanswered);
        learned.put(key, Client { unanswered: before.saturating_add(1), since: now });
    }

    /// To be told when an answer proved right: with SHA-256 the client has shown that it can, and
    /// with MD5 that it chose among both.
    pub fn proved(&self, asker: &Asker<'_>, now: Tick) {
        let key = self.key(asker);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was pinned to MD5 stays so: it works.
        if learned.get(key, now).is_some_and(|client| client.unanswered < PATIENCE) {
            learned.young.remove(&key);
            learned.old.remove(&key);
        }
    }

    /// Offers MD5 alone to this client from now on: it signed in with a device that was made for
    /// that.
    pub fn pin(&self, asker: &Asker<'_>, now: Tick) {
        let key = self.key(asker);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.put(key, Client { unanswered: PATIENCE, since: now });
    }

    fn has_failed(&self, asker: &Asker<'_>, now: Tick) -> bool {
        let key = self.key(asker);
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.get(key, now).is_some_and(|client| client.unanswered >= PATIENCE)
    }

    fn key(&self, asker: &Asker<'_>) -> u64 {
        self.keys.hash_one((asker.source, asker.user_agent, asker.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    fn offers() -> Offers {
        Offers::new(&BOTH, &["baresip".to_owned()])
    }

    fn asker<'a>(agent: &'a str, from: &'a str) -> Asker<'a> {
        let source = "192.0.2.1".parse().unwrap();
        Asker { source, user_agent: Some(agent.as_bytes()), from: from.as_bytes() }
    }

    /// RFC 8760 s2.3: most preferred first.
    #[test]
    fn the_configured_order_is_offered() {
        let asker = asker("Linphone", "alice");
        assert_eq!(offers().offers(&asker, Tick::ZERO).as_slice(), &BOTH);
        let md5 = Offers::new(&[Algorithm::Md5], &[]);
        assert_eq!(md5.offers(&asker, Tick::ZERO).as_slice(), &[Algorithm::Md5]);
        assert_eq!(Offers::new(&[], &[]).offers(&asker, Tick::ZERO).len(), 2);
    }

    #[test]
    fn an_agent_known_to_fail_is_offered_md5_alone() {
        for agent in ["baresip", "Baresip v3.1 (x86_64/Linux)"] {
            let offered = offers().offers(&asker(agent, "alice"), Tick::ZERO);
            assert_eq!(offered.as_slice(), &[Algorithm::Md5], "{agent}");
        }
        let none = Asker { user_agent: None, ..asker("", "alice") };
        assert_eq!(offers().offers(&none, Tick::ZERO).len(), 2);
        assert_eq!(offers().offers(&asker("my baresip", "a"), Tick::ZERO).len(), 2);
    }

    #[test]
    fn a_client_that_never_answers_sha_256_is_offered_md5_alone() {
        let offers = offers();
        let now = Tick::from_secs(1);
        let (quiet, other) = (asker("Old Phone", "alice"), asker("Old Phone", "bob"));
        for _ in 0..3 {
            assert_eq!(offers.offers(&quiet, now).len(), 2);
            offers.challenged(&quiet, &BOTH, now);
        }
        assert_eq!(offers.offers(&quiet, now).as_slice(), &[Algorithm::Md5]);
        assert_eq!(offers.offers(&other, now).len(), 2);
        // It goes on to work with MD5 and stays there.
        offers.challenged(&quiet, &[Algorithm::Md5], now);
        offers.proved(&quiet, now);
        assert_eq!(offers.offers(&quiet, now).as_slice(), &[Algorithm::Md5]);
        // A day later it may have been updated.
        assert_eq!(offers.offers(&quiet, now + MEMORY).len(), 2);
    }

    /// While an account has only MD5, MD5 is offered; to everybody alike.
    #[test]
    fn one_account_with_md5_alone_makes_it_the_offer_to_everybody() {
        let offers = offers();
        let anybody = asker("pjsua", "alice");
        offers.count_md5_account(true);
        assert_eq!(offers.offers(&anybody, Tick::ZERO).as_slice(), &[Algorithm::Md5]);
        offers.count_md5_account(true);
        offers.count_md5_account(false);
        assert_eq!(offers.offers(&anybody, Tick::ZERO).as_slice(), &[Algorithm::Md5]);
        offers.count_md5_account(false);
        assert_eq!(offers.offers(&anybody, Tick::ZERO).as_slice(), &BOTH);
        let ldap = crate::config::Ldap {
            secret_attribute: "ha1".to_owned(),
            secret_format: SecretFormat::Ha1Sha256,
            ..crate::config::Ldap::default()
        };
        let directory = crate::identity::ldap::Settings::try_from(&ldap).ok();
        offers.set(&Settings { directory, ..Settings::local("campus.test") });
        offers.count_md5_account(true);
        assert_eq!(offers.offers(&anybody, Tick::ZERO).as_slice(), &BOTH);
    }

    #[test]
    fn a_client_that_answers_keeps_both() {
        let offers = offers();
        let client = asker("pjsua", "alice");
        for second in 0..20 {
            let now = Tick::from_secs(second);
            assert_eq!(offers.offers(&client, now).len(), 2);
            offers.challenged(&client, &BOTH, now);
            offers.proved(&client, now);
        }
    }

    #[test]
    fn what_is_learned_is_bounded() {
        let offers = offers();
        for number in 0..100_000u32 {
            let from = number.to_string();
            offers.challenged(&asker("flood", &from), &BOTH, Tick::ZERO);
        }
        let learned = offers.learned.lock().unwrap();
        assert!(learned.young.len() + learned.old.len() <= 2 * HALF);
    }
}
