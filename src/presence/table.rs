//! The table of all publications: PUBLISH in, documents and decisions out, the store behind.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use smallvec::SmallVec;

use super::compose::{self, DeviceTag, Publication, Registered};
use super::device;
use super::person::{Entry, Person};
use super::policy::{self, Circumstances, Decision, NoLists, Watcher};
use super::publication::{PublishRequest, Published, Refusal, Settings};
use super::rules::{Kept, Rules};
use crate::clock::{Clock, Tick, WallTime};
use crate::documents::{self, Documents};
use crate::entropy;
use crate::model::DeviceKey;
use crate::payload::pidf::{self, Composed, Summary};
use crate::payload::pres_rules::Handling;
use crate::registrar::{self, Registrar, Row};
use crate::sip::uri::Uri;
use crate::store::{Store, StoreError};

/// Writers of different people seldom meet on one of these.
const STRIPES: usize = 256;

/// Bytes of randomness in an entity tag: none is ever given twice (RFC 3903 s6 step 6).
const ETAG_BYTES: usize = 12;

/// Hears of everything that may change what watchers see, once it is in force. Called without any
/// lock of ours; whoever hears it reads what there is then.
pub trait Observer: Send + Sync {
    /// Something of this person is another way now.
    fn presence_changed(&self, aor: &str);
    /// Who may see what of this person may have changed.
    fn rules_changed(&self, aor: &str);
}

/// Gives the groups that a watcher is in, by address-of-record; `None` while nobody knows.
pub type Groups = dyn Fn(&str) -> Option<Vec<Arc<str>>> + Send + Sync;

/// What the service is made of.
pub struct Parts {
    /// House rules, to begin with.
    pub settings: Settings,
    /// Time.
    pub clock: Clock,
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Who is registered.
    pub registrar: Arc<Registrar>,
    /// People's own documents.
    pub documents: Arc<Documents>,
    /// Who is in which group.
    pub groups: Box<Groups>,
    /// What names of devices are hidden with.
    pub key: [u8; 32],
}

/// Holds and changes all publications. The only writer of
/// [`crate::store::Table::Publications`].
pub struct Presence {
    pub(super) parts: Parts,
    settings: ArcSwap<Settings>,
    people: papaya::HashMap<Box<str>, Arc<Person>>,
    pub(super) rules: Rules,
    stripes: Vec<Mutex<()>>,
    stripe_of: RandomState,
    /// People of whom something ends.
    pub(super) due: Mutex<BTreeSet<(Tick, Box<str>)>>,
    count: AtomicUsize,
    observer: OnceLock<Arc<dyn Observer>>,
    pub(super) bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// A publication, for people to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicationView {
    /// The device.
    pub device: DeviceKey,
    /// What the document says in short.
    pub summary: Summary,
    /// When its contents were set.
    pub changed: WallTime,
    /// How long it lasts.
    pub left: Duration,
}

impl Presence {
    /// A service that starts from what the store holds. What belongs to a device that is not there
    /// any more has its grace from now on.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. Rows that do not decode are left out and logged.
    pub fn open(parts: Parts) -> Result<Presence, StoreError> {
        let presence = Presence {
            settings: ArcSwap::from_pointee(parts.settings.clone()),
            parts,
            people: papaya::HashMap::new(),
            rules: Rules::default(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            stripe_of: RandomState::new(),
            due: Mutex::default(),
            count: AtomicUsize::new(0),
            observer: OnceLock::new(),
            bell: OnceLock::new(),
        };
        presence.load()?;
        Ok(presence)
    }

    /// Goes by other rules from now on; the domains and what documents may have stay. Whoever watches
    /// is told by whoever calls this.
    pub fn set(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Sets who hears of changes; the first one stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    /// How many publications there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nobody publishes anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The least expiry that is granted, seconds.
    #[must_use]
    pub fn min_expires(&self) -> u32 {
        self.settings.load().min_expires
    }

    /// The people of whom something is published.
    #[must_use]
    pub fn people(&self) -> Vec<Box<str>> {
        self.people.pin().keys().cloned().collect()
    }

    /// Carries out a PUBLISH (RFC 3903 s6 steps 3 to 6), as a whole or not at all. Requests for
    /// one person queue behind each other.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn publish(&self, request: &PublishRequest<'_>) -> Result<Published, Refusal> {
        let now = self.parts.clock.now();
        let said = match request.etag {
            Some(etag) => Some(self.said(request.aor, etag, now).ok_or(Refusal::NoMatch)?),
            None => None,
        };
        let expires = self.grant(request.expires)?;
        let document = match request.body {
            None if request.etag.is_none() => return Err(Refusal::Nothing),
            None => None,
            Some(body) => Some(match said {
                // The same words again have been read.
                Some((document, before)) if *before == *body => (document, body),
                _ => (self.read(request, body)?, body),
            }),
        };
        let guard = self.lock(request.aor);
        let before = self.person(request.aor);
        let mut person = before.as_deref().cloned().unwrap_or_default();
        person.entries.retain(|entry| entry.ends() > now);
        // What ran out and was not swept yet: nobody else will tell of it.
        let ended = before.as_deref().is_some_and(|b| b.entries.len() > person.entries.len());
        let place = match request.etag {
            Some(etag) => Some(person.find(etag, now).ok_or(Refusal::NoMatch)?),
            // A device that publishes anew has lost what it knew of the publication before.
            None => person.entries.iter().position(|entry| entry.device == request.device),
        };
        if place.is_none() && person.entries.len() >= self.parts.settings.per_person {
            return Err(Refusal::TooMany);
        }
        if let Some((document, _)) = &document
            && person.size_without(place) + document.size() > self.parts.settings.bytes_per_person
        {
            return Err(Refusal::TooMuch);
        }
        let etag = entropy::token(ETAG_BYTES);
        let until = now + Duration::from_secs(expires.into());
        let mut news = true;
        match (place, document) {
            (Some(place), _) if expires == 0 => {
                person.entries.remove(place);
            }
            // Nothing is kept of a request with 0 (s6 step 5).
            (None, _) if expires == 0 => news = false,
            (Some(place), document) => {
                let known = person.entries.iter().any(|entry| entry.device == request.device);
                if let Some(entry) = person.entries.get_mut(place) {
                    entry.etag = etag.as_str().into();
                    entry.expires = until;
                    // It published before it registered; now it is known which one it is.
                    let adopted = !known && !entry.bound && entry.device == DeviceKey::Anonymous;
                    if adopted {
                        entry.device = request.device.clone();
                        entry.publication.device = self.tag(request.aor, &request.device);
                    }
                    // The same words again are a refresh, even where a device repeats them.
                    news = match document {
                        Some((document, body)) if *entry.body != *body => {
                            entry.publication.document = document;
                            entry.publication.changed = self.parts.clock.wall();
                            entry.body = Bytes::copy_from_slice(body);
                            true
                        }
                        _ => adopted,
                    };
                }
            }
            (None, Some((document, body))) => person.entries.push(Entry {
                etag: etag.as_str().into(),
                publication: Publication {
                    device: self.tag(request.aor, &request.device),
                    document,
                    changed: self.parts.clock.wall(),
                },
                device: request.device.clone(),
                body: Bytes::copy_from_slice(body),
                expires: until,
                bound: false,
                grace: None,
            }),
            // Refused above.
            (None, None) => return Err(Refusal::Nothing),
        }
        news |= ended;
        let contacts = self.parts.registrar.lookup(request.aor).unwrap_or_default();
        for entry in &mut person.entries {
            entry.settle(&contacts, now, self.settings.load().grace);
        }
        let resphered = news && self.changes_sphere(request.aor, before.as_deref(), &person);
        self.put(request.aor, before.as_deref(), person);
        drop(guard);
        if news {
            self.tell(request.aor, resphered);
        }
        Ok(Published { etag, expires })
    }

    /// What was published under an entity tag.
    fn said(&self, aor: &str, etag: &str, now: Tick) -> Option<(Arc<pidf::Document>, Bytes)> {
        let person = self.person(aor)?;
        let entry = person.entries.get(person.find(etag, now)?)?;
        Some((Arc::clone(&entry.publication.document), entry.body.clone()))
    }

    /// Decision 18b: never longer than asked.
    fn grant(&self, wished: Option<u32>) -> Result<u32, Refusal> {
        let settings = self.settings.load();
        let wished = wished.unwrap_or(settings.default_expires);
        if wished > 0 && wished < settings.min_expires {
            return Err(Refusal::TooBrief);
        }
        Ok(wished.min(settings.max_expires))
    }

    fn read(
        &self,
        request: &PublishRequest<'_>,
        body: &[u8],
    ) -> Result<Arc<pidf::Document>, Refusal> {
        let document = pidf::read_within(body, &self.parts.settings.publication)?;
        let user = user_of(request.aor);
        // By whatever name the request found the person, a number for one, so may the document.
        let is_called_so = || {
            let called = Uri::parse(request.uri).ok().and_then(|uri| uri.canonical_aor());
            called.is_some_and(|aor| document.is_of(user_of(&aor), &[host_of(&aor)]))
        };
        if document.is_of(user, &self.domains()) || is_called_so() {
            return Ok(Arc::new(document));
        }
        Err(Refusal::NotYours)
    }

    /// What all of a person's devices make together now.
    #[must_use]
    pub fn compose(&self, aor: &str) -> Composed {
        let now = self.parts.clock.now();
        let person = self.person(aor);
        let publications: SmallVec<[Publication; 4]> = person
            .iter()
            .flat_map(|person| &person.entries)
            .filter(|entry| entry.ends() > now)
            .map(|entry| entry.publication.clone())
            .collect();
        let kept = self.kept(aor);
        let row = self.parts.registrar.lookup(aor).unwrap_or_default();
        let entity = entity(aor);
        compose::compose(&compose::Parts {
            entity: &entity,
            publications: &publications,
            hard_state: kept.hard_state.as_ref(),
            registered: &self.registered(aor, &row, now, person.as_deref()),
        })
    }

    /// What it would be without any device.
    #[must_use]
    pub fn absent(aor: &str) -> Composed {
        let (publications, hard_state, registered) = (&[][..], None, &[][..]);
        compose::compose(&compose::Parts {
            entity: &entity(aor),
            publications,
            hard_state,
            registered,
        })
    }

    /// The devices that have a contact, each once.
    fn registered(
        &self,
        aor: &str,
        row: &Row,
        now: Tick,
        person: Option<&Person>,
    ) -> SmallVec<[Registered; 4]> {
        let mut devices: SmallVec<[&DeviceKey; 4]> = SmallVec::new();
        let mut registered = SmallVec::new();
        for binding in row.live(now) {
            if devices.contains(&&binding.device) {
                continue;
            }
            devices.push(&binding.device);
            // The tag is made by a hash, and a device that published has its own already.
            let published = person
                .and_then(|person| person.entries.iter().find(|e| e.device == binding.device));
            registered.push(Registered {
                device: published.map_or_else(
                    || self.tag(aor, &binding.device),
                    |entry| entry.publication.device,
                ),
                q: binding.q,
            });
        }
        registered
    }

    /// Reads what the person's documents say, unless that is known: whoever is about to ask with a
    /// lock of his own held does not wait for them then.
    pub fn prepare(&self, owner: &str) {
        self.kept(owner);
    }

    /// What `watcher` may see of `owner`; both are addresses-of-record.
    #[must_use]
    pub fn authorise(&self, owner: &str, watcher: &str) -> Decision {
        let kept = self.kept(owner);
        let domains = self.domains();
        let person = |aor| Watcher { user: user_of(aor), domains: &domains };
        let published = self.person(owner);
        let sphere = published.as_deref().and_then(sphere);
        let circumstances = Circumstances { now: self.parts.clock.wall(), sphere, lists: &NoLists };
        let default = if kept.damaged { Handling::Confirm } else { self.default_for(watcher) };
        let watcher = person(watcher);
        policy::evaluate(&person(owner), Some(&watcher), &kept.rules, &circumstances, default)
    }

    /// What a watcher gets whom no rule names (decision 15).
    fn default_for(&self, watcher: &str) -> Handling {
        let settings = self.settings.load();
        if settings.group_policy.is_empty() {
            return settings.default_policy;
        }
        // As with rules that cannot be read: nobody knows what they would say.
        let Some(groups) = (self.parts.groups)(watcher) else { return Handling::Confirm };
        let named = settings
            .group_policy
            .iter()
            .find(|policy| groups.iter().any(|group| is_same_group(group, &policy.group)));
        named.map_or(settings.default_policy, |policy| policy.handling)
    }

    /// The publications of a person, for people to look at.
    #[must_use]
    pub fn publications(&self, aor: &str) -> Vec<PublicationView> {
        let now = self.parts.clock.now();
        let person = self.person(aor).unwrap_or_default();
        let live = person.entries.iter().filter(|entry| entry.ends() > now);
        live.map(|entry| PublicationView {
            device: entry.device.clone(),
            summary: entry.publication.document.summary(),
            changed: entry.publication.changed,
            left: entry.ends().since(now),
        })
        .collect()
    }

    /// Takes back everything that was published of a person, who may not be here any more, and
    /// forgets what the person's documents said: they may be gone as well.
    pub fn remove(&self, aor: &str) {
        let guard = self.lock(aor);
        self.rules.forget(aor);
        drop(guard);
        self.change(aor, |person| person.entries.clear());
    }

    /// Takes back what one device published.
    pub fn remove_device(&self, aor: &str, device: &DeviceKey) {
        self.change(aor, |person| person.entries.retain(|entry| entry.device != *device));
    }

    /// Takes entries away, and tells if there were any.
    pub(super) fn change(&self, aor: &str, change: impl FnOnce(&mut Person)) {
        let guard = self.lock(aor);
        let Some(before) = self.person(aor) else { return };
        let mut person = (*before).clone();
        change(&mut person);
        let news = person.entries.len() != before.entries.len();
        let resphered = news && self.changes_sphere(aor, Some(&before), &person);
        self.put(aor, Some(&before), person);
        drop(guard);
        if news {
            self.tell(aor, resphered);
        }
    }

    fn changes_sphere(&self, aor: &str, before: Option<&Person>, after: &Person) -> bool {
        let minds = self.rules.get(aor).is_some_and(|kept| kept.minds_sphere);
        minds && before.and_then(sphere) != sphere(after)
    }

    pub(super) fn tell(&self, aor: &str, rules: bool) {
        let Some(observer) = self.observer.get() else { return };
        if rules {
            observer.rules_changed(aor);
        }
        observer.presence_changed(aor);
    }

    /// Keeps a person in memory and, soon, on disk. The caller holds the stripe.
    pub(super) fn put(&self, aor: &str, before: Option<&Person>, person: Person) {
        match before {
            Some(before) => self.store_changes(aor, before, &person),
            None => self.store_changes(aor, &Person::default(), &person),
        }
        self.hold(aor, before, person);
    }

    /// Keeps a person in memory.
    pub(super) fn hold(&self, aor: &str, before: Option<&Person>, mut person: Person) {
        let (old, new) = (before.map_or(0, |before| before.entries.len()), person.entries.len());
        self.count.fetch_add(new, Ordering::Relaxed);
        self.count.fetch_sub(old, Ordering::Relaxed);
        let (next, noted) = (person.next_end(), before.and_then(|before| before.due));
        // A time that is too early does no harm: `sweep` looks, and notes the right one. So who
        // refreshes in time moves nothing.
        let now = self.parts.clock.now();
        person.due = noted.filter(|at| *at > now && next.is_some_and(|next| *at <= next));
        if person.due.is_none() {
            person.due = next;
            let mut due = self.due();
            let first = due.first().map(|(at, _)| *at);
            if let Some(at) = noted {
                due.remove(&(at, aor.into()));
            }
            if let Some(at) = next {
                due.insert((at, aor.into()));
            }
            drop(due);
            if next.is_some_and(|at| first.is_none_or(|first| at < first)) {
                self.hurry();
            }
        }
        let people = self.people.pin();
        if person.entries.is_empty() {
            people.remove(aor);
        } else {
            people.insert(aor.into(), Arc::new(person));
        }
    }

    fn person(&self, aor: &str) -> Option<Arc<Person>> {
        self.people.pin().get(aor).cloned()
    }

    fn kept(&self, aor: &str) -> Arc<Kept> {
        if let Some(kept) = self.rules.get(aor) {
            return kept;
        }
        let _guard = self.lock(aor);
        match self.rules.get(aor) {
            Some(kept) => kept,
            None => {
                let before = self.rules.next_review();
                let kept = self.rules.load(&self.parts, aor);
                if self.rules.next_review() != before {
                    self.hurry();
                }
                kept
            }
        }
    }

    pub(super) fn tag(&self, aor: &str, device: &DeviceKey) -> DeviceTag {
        device::tag(&self.parts.key, aor, device)
    }

    fn domains(&self) -> SmallVec<[&str; 4]> {
        self.parts.settings.domains.iter().map(String::as_str).collect()
    }

    pub(super) fn lock(&self, aor: &str) -> MutexGuard<'_, ()> {
        let stripe = (self.stripe_of.hash_one(aor) as usize) % self.stripes.len();
        // A poisoned stripe guards no data of its own: people are replaced as a whole.
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The person as documents name him.
pub(crate) fn entity(aor: &str) -> String {
    format!("sip:{aor}")
}

fn user_of(aor: &str) -> &str {
    aor.rsplit_once('@').map_or(aor, |(user, _)| user)
}

/// Names of groups are the same in any case (RFC 4519 s2.3).
fn is_same_group(one: &str, other: &str) -> bool {
    let one = one.chars().flat_map(char::to_lowercase);
    one.eq(other.chars().flat_map(char::to_lowercase))
}

fn host_of(aor: &str) -> &str {
    aor.rsplit_once('@').map_or("", |(_, host)| host)
}

fn sphere(person: &Person) -> Option<&str> {
    policy::sphere(person.entries.iter().map(|entry| &*entry.publication.document))
}

/// Whoever tells the watchers hears it from the registrar as well.
impl registrar::Observer for Presence {
    fn changed(&self, aor: &str, _before: Option<&Row>, after: &Row) {
        let now = self.parts.clock.now();
        let settled =
            |person: &Person| person.entries.iter().all(|entry| entry.is_settled(after, now));
        if self.person(aor).is_none_or(|person| settled(&person)) {
            return;
        }
        let _guard = self.lock(aor);
        let Some(before) = self.person(aor) else { return };
        let mut person = (*before).clone();
        for entry in &mut person.entries {
            entry.settle(after, now, self.settings.load().grace);
        }
        self.put(aor, Some(&before), person);
    }
}

impl documents::Observer for Presence {
    fn changed(&self, owner: &str, _auid: &str) {
        let guard = self.lock(owner);
        self.rules.forget(owner);
        drop(guard);
        self.tell(owner, true);
    }
}
