//! One person as kept in memory, and what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ldap::DirectoryError;
use super::name::UserName;
use super::query::retry_after;
use super::verifiers::{Secret, Verifier, Verifiers};
use super::{Existence, Identity, Lookup};
use crate::clock::Tick;
use crate::model::AccountKind;

/// What the store says about a person.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) kind: AccountKind,
    pub(super) disabled: bool,
    pub(super) directory_locked: bool,
    pub(super) directory_id: Option<Box<str>>,
    /// Groups of the row.
    pub(super) groups: Box<[Arc<str>]>,
    /// Whether the own password is known by its MD5 HA1 alone.
    pub(super) only_md5: bool,
    pub(super) passwords: Vec<Verifier>,
}

impl Local {
    /// A row that only goes with a person of the directory.
    pub(super) fn is_of_directory(&self) -> bool {
        self.kind == AccountKind::Directory
    }
}

/// How a person stands in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Present,
    Disabled,
    Absent,
}

/// A person as the directory describes him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPerson {
    /// Where the entry stands.
    pub dn: String,
    /// The permanent identifier.
    pub id: Option<String>,
    /// The name that people read.
    pub display_name: String,
    /// Mail address; empty if unknown.
    pub mail: String,
    /// Telephone extension; empty if unknown.
    pub number: String,
}

/// What the directory said about a person when it was asked.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) standing: Standing,
    pub(super) person: Option<Box<DirectoryPerson>>,
    pub(super) secret: Option<Secret>,
    /// When it was asked.
    pub(super) at: Tick,
    /// When the person was last seen there, also by a listing: microseconds of a [`Tick`].
    seen: AtomicU64,
}

impl Fact {
    pub(super) fn new(
        standing: Standing,
        person: Option<Box<DirectoryPerson>>,
        secret: Option<Secret>,
        at: Tick,
    ) -> Fact {
        Fact { standing, person, secret, at, seen: AtomicU64::new(at.as_micros()) }
    }

    pub(super) const fn is_present(&self) -> bool {
        matches!(self.standing, Standing::Present)
    }

    /// The person, unless absent or locked.
    pub(super) fn person(&self) -> Option<DirectoryPerson> {
        self.person.as_deref().filter(|_| self.is_present()).cloned()
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.person.as_ref().and_then(|person| person.id.as_deref())
    }

    pub(super) fn see(&self, now: Tick) {
        self.seen.store(now.as_micros(), Ordering::Relaxed);
    }

    fn seen(&self) -> Tick {
        Tick::from_micros(self.seen.load(Ordering::Relaxed))
    }
}

/// Everything about one person. Replaced as a whole, so that readers need no lock.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) local: Option<Arc<Local>>,
    pub(super) fact: Option<Arc<Fact>>,
    verifiers: Arc<Verifiers>,
}

impl Person {
    pub(super) fn new(
        name: &UserName,
        domain: &Arc<str>,
        local: Option<Arc<Local>>,
        fact: Option<Arc<Fact>>,
    ) -> Person {
        let passwords = passwords(local.as_deref(), fact.as_deref());
        let verifiers = Verifiers::new(name.clone(), Arc::clone(domain), passwords);
        Person { local, fact, verifiers: Arc::new(verifiers) }
    }

    /// Whether the account, or the directory as far as it was heard last, keeps this person out.
    pub(super) fn is_locked_out(&self) -> bool {
        let by_row = |local: &Local| local.disabled || local.directory_locked;
        let by_fact = |fact: &Fact| matches!(fact.standing, Standing::Disabled);
        self.local.as_deref().is_some_and(by_row) || self.fact.as_deref().is_some_and(by_fact)
    }

    /// Whether nothing but the directory's answer is kept.
    pub(super) const fn is_cached_only(&self) -> bool {
        self.local.is_none()
    }
}

/// Device credentials of the store and the secret of the directory, as far as they are the same
/// person's: a name that the directory gave to somebody else takes no credentials along.
fn passwords(local: Option<&Local>, fact: Option<&Fact>) -> Vec<Verifier> {
    let mut passwords = Vec::new();
    if let Some(local) = local
        && (!local.is_of_directory() || fact.is_none_or(|fact| is_same_person(local, fact.id())))
    {
        passwords.extend(local.passwords.iter().cloned());
    }
    let is_local = local.is_some_and(|local| !local.is_of_directory());
    if let Some(secret) = fact.filter(|_| !is_local).and_then(|fact| fact.secret.clone()) {
        passwords.push(Verifier { device: None, secret });
    }
    passwords
}

/// Whether a row belongs to the entry with this identifier. Where either has none there is nothing
/// to tell them apart by.
pub(super) fn is_same_person(local: &Local, id: Option<&str>) -> bool {
    match (local.directory_id.as_deref(), id) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    }
}

impl Identity {
    /// What is known about a name now.
    pub(super) fn judge(&self, name: &str, person: Option<&Arc<Person>>, now: Tick) -> Lookup {
        let local = person.and_then(|person| person.local.as_deref());
        if let (Some(person), Some(local)) = (person, local) {
            if local.disabled {
                return Lookup::Disabled;
            }
            if !local.is_of_directory() {
                return Lookup::Known(Arc::clone(&person.verifiers));
            }
        }
        let outlook = self.outlook();
        let Some(directory) = outlook.directory.as_ref().filter(|_| self.uid_of(name).is_some())
        else {
            return Lookup::Unknown;
        };
        let cache = &outlook.cache;
        let fact = person.and_then(|person| person.fact.as_deref()).filter(|_| cache.enabled);
        if let (Some(person), Some(fact)) = (person, fact) {
            let age = now.since(fact.at);
            match fact.standing {
                Standing::Present if age < cache.ttl => {
                    // People at work are asked about again before they have to wait for it.
                    if age > cache.ttl / 2 && directory.resting().is_none() {
                        self.ask_soon(person.verifiers.user());
                    }
                    self.hit();
                    return Lookup::Known(Arc::clone(&person.verifiers));
                }
                Standing::Disabled if age < cache.negative_ttl => {
                    self.hit();
                    return Lookup::Disabled;
                }
                Standing::Absent if age < cache.negative_ttl => {
                    self.hit();
                    return Lookup::Unknown;
                }
                _ => {}
            }
        }
        match directory.resting() {
            None => Lookup::MustWait,
            Some(retry_after) => self.judge_by_grace(person, now, retry_after),
        }
    }

    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// The directory is out of reach: what was known of the person serves for the grace period.
    fn judge_by_grace(
        &self,
        person: Option<&Arc<Person>>,
        now: Tick,
        retry_after: Duration,
    ) -> Lookup {
        let outlook = self.outlook();
        let cache = &outlook.cache;
        let unavailable = Lookup::Unavailable { retry_after };
        let Some(person) = person.filter(|_| cache.enabled) else { return unavailable };
        let serves = match (&person.fact, &person.local) {
            (Some(fact), _) => match fact.standing {
                Standing::Present => now.since(fact.seen()) < cache.grace,
                Standing::Disabled => return Lookup::Disabled,
                Standing::Absent => false,
            },
            // Never asked about since the start; the row says what the last listing said.
            (None, Some(local)) if local.directory_locked => return Lookup::Disabled,
            (None, Some(_)) => {
                let last = self.last_sync.load(Ordering::Relaxed);
                let age = self.clock.earliest_wall().unix_millis().saturating_sub(last);
                last > 0 && Duration::from_millis(age) < cache.grace && !person.verifiers.is_empty()
            }
            (None, None) => false,
        };
        if !serves {
            return unavailable;
        }
        self.served_by_grace.fetch_add(1, Ordering::Relaxed);
        Lookup::Known(Arc::clone(&person.verifiers))
    }

    /// The directory was asked and answered.
    pub(super) fn judge_fact(&self, name: &UserName, fact: &Arc<Fact>) -> Lookup {
        match fact.standing {
            Standing::Absent => Lookup::Unknown,
            Standing::Disabled => Lookup::Disabled,
            Standing::Present => {
                let (local, kept) = self.people.with(name, |person| {
                    let kept = person.filter(|person| {
                        person.fact.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, fact))
                    });
                    let local = person.and_then(|person| person.local.clone());
                    (local, kept.map(|person| Arc::clone(&person.verifiers)))
                });
                match (&local, kept) {
                    (Some(local), _) if local.disabled => Lookup::Disabled,
                    (_, Some(verifiers)) => Lookup::Known(verifiers),
                    // Not cached: the cache is off, or full.
                    (_, None) => {
                        let fact = Some(Arc::clone(fact));
                        let person = Person::new(name, &self.domain, local, fact);
                        Lookup::Known(person.verifiers)
                    }
                }
            }
        }
    }

    /// The directory was asked and gave no answer.
    pub(super) fn judge_outage(&self, name: &UserName, error: &DirectoryError) -> Lookup {
        let now = self.clock.now();
        self.people.with(name, |person| self.judge_by_grace(person, now, retry_after(error)))
    }

    /// Whether a name is ours to receive messages.
    pub(super) fn judge_existence(
        &self,
        name: &str,
        person: Option<&Arc<Person>>,
        now: Tick,
    ) -> Existence {
        let local = person.and_then(|person| person.local.as_deref());
        match local {
            Some(local) if local.disabled => return Existence::Unknown,
            Some(local) if !local.is_of_directory() => return Existence::Local,
            _ => {}
        }
        let outlook = self.outlook();
        let Some((directory, uid)) = outlook.directory.as_ref().zip(self.uid_of(name)) else {
            return Existence::Unknown;
        };
        let cache = &outlook.cache;
        if let Some(fact) = person.and_then(|person| person.fact.as_deref()) {
            let age = now.since(fact.at);
            match fact.standing {
                Standing::Present if age < cache.ttl => return Existence::Directory,
                Standing::Disabled | Standing::Absent if age < cache.negative_ttl => {
                    return Existence::Unknown;
                }
                _ => {}
            }
        }
        let roll = self.known_roll();
        if let Some(listing) = roll.get(uid) {
            return if listing.disabled { Existence::Unknown } else { Existence::Directory };
        }
        match directory.resting() {
            None => Existence::MustWait,
            Some(_) if local.is_some_and(|l| !l.directory_locked) => Existence::Directory,
            Some(retry_after) => Existence::Unavailable { retry_after },
        }
    }
}
