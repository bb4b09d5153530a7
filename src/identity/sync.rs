//! Keeps watch over the directory: its connection, its list of people and its groups.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Identity;
use super::ldap::{DirectoryError, Found, Listing, Membership, Places, Roll, Wanted};
use super::name::UserName;
use super::number::Numbers;
use super::person::{Fact, Local, Person, Standing, is_same_person};
use crate::clock::{Tick, WallTime};

/// Between two looks at the connection: a directory that is gone shows within 5 s.
const LOOK_EVERY: Duration = Duration::from_millis(2_500);
/// Between two tries to read the list while that fails.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// From so many people on, half of them gone at once is taken for a mistake in the directory until
/// the next reading says the same; so with memberships in groups.
pub(super) const CROWD: usize = 20;

/// Why somebody is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Locked by an administrator here.
    Locked,
    /// Deleted by an administrator here.
    Deleted,
    /// Locked in the directory.
    Disabled,
    /// No longer in the directory.
    Removed,
    /// The name belongs to another person now.
    Replaced,
}

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affected<'a> {
    /// Whoever there is.
    Everybody,
    /// These alone.
    People(&'a [UserName]),
}

/// Somebody who acts when people come and go.
pub trait Watcher: Send + Sync {
    /// People who hold something now that they must not keep when they are out, as bindings.
    /// They are looked at in each reading of the directory's list, also those who left while this
    /// server did not run.
    fn holders(&self) -> Vec<UserName> {
        Vec::new()
    }

    /// Somebody is out: registrations and whatever else he holds end now.
    fn departed(&self, user: &UserName, why: Departure);

    /// Somebody whom the directory had locked or lost is in again.
    fn returned(&self, user: &UserName) {
        let _ = user;
    }

    /// Groups of people are others now.
    fn regrouped(&self, whom: Affected<'_>) {
        let _ = whom;
    }

    /// What the directory says of groups is not what it said before, for whoever keeps it
    /// ([`Identity::groups_row`]).
    fn groups_read(&self) {}

    /// The directory's list was read.
    fn synced(&self, at: WallTime) {
        let _ = at;
    }
}

/// The list of people as it was read last.
#[derive(Debug, Default)]
pub(super) struct KnownRoll {
    roll: Roll,
    /// Whether it was ever read.
    read: bool,
}

impl KnownRoll {
    pub(super) fn get(&self, uid: &str) -> Option<&Listing> {
        self.roll.people.get(uid)
    }

    pub(super) fn len(&self) -> usize {
        self.roll.people.len()
    }
}

/// What a reading of the directory's list brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// People on the list, the locked ones included.
    pub people: usize,
    /// People on the list who are locked.
    pub disabled: usize,
    /// People who were in and are out now.
    pub departed: usize,
    /// Half of all people or more were gone at once: nothing was done yet. The next reading
    /// decides.
    pub suspicious: bool,
    /// The groups could not be read, or are not believed yet: they stay as they were.
    pub groups_stay: bool,
}

/// Looks after the directory until the identity layer is dropped.
pub(super) async fn supervise(identity: Weak<Identity>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_sync = Tick::ZERO;
    loop {
        looks.tick().await;
        let Some(identity) = identity.upgrade() else { return };
        let Some(directory) = identity.directory.as_ref() else { return };
        let now = identity.clock.now();
        let health = directory.health();
        let quiet = health.last_contact.is_none_or(|last| now.since(last) >= LOOK_EVERY);
        let may_probe = directory.probe_is_due();
        let mut reachable = !health.resting;
        if may_probe && (quiet || !health.reachable || directory.has_lost_session().await) {
            reachable = directory.probe().await.is_ok();
        }
        identity.forget_old(now);
        // A directory that is there again is read at once: who was locked meanwhile is out.
        let was_down = !health.reachable && reachable;
        if reachable && (was_down || now >= next_sync) {
            let interval = directory.settings().sync_interval;
            let again = match identity.sync_now().await {
                Ok(report) if !report.suspicious && !report.groups_stay => interval,
                _ => interval.min(TRY_AGAIN),
            };
            next_sync = now + again;
        }
    }
}

impl Identity {
    pub(super) fn known_roll(&self) -> Arc<KnownRoll> {
        Arc::clone(&self.roll.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the directory's list of people and its groups, and puts out who is no longer on the list.
    ///
    /// # Errors
    /// [`DirectoryError`] if it could not be read to its end; then nothing changes.
    pub async fn sync_now(&self) -> Result<SyncReport, DirectoryError> {
        let Some(directory) = self.directory.as_ref().map(Arc::clone) else {
            return Ok(SyncReport::default());
        };
        let began = self.clock.now();
        // On its own task: the library's parsers of controls can panic.
        let listing = self.runtime.spawn(async move { directory.list().await });
        let outcome = listing
            .await
            .unwrap_or_else(|error| Err(DirectoryError::Connection(error.to_string())));
        let trouble = match &outcome {
            Err(DirectoryError::Answer(error)) => Some(format!(
                "the list of people cannot be read ({error}), so each person who was here is \
                 asked about alone; let bind_dn read more entries in one paged search"
            )),
            Err(error) => Some(format!("the list of people: {error}")),
            Ok(_) => None,
        };
        {
            let mut known = self.sync_error.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(trouble) =
                trouble.as_ref().filter(|trouble| known.as_ref() != Some(*trouble))
            {
                tracing::warn!(event = "directory.list", trouble = %trouble);
            }
            *known = trouble;
        }
        let mut reading = match outcome {
            Err(DirectoryError::Answer(_)) => self.roll_of_known(began).await?,
            outcome => {
                let (roll, places) = outcome?;
                Reading { roll, places, began, asked: None, groups: None }
            }
        };
        reading.groups = self.read_groups(&reading.roll, &reading.places).await;
        Ok(self.apply(reading))
    }

    /// A list of those alone who are known here, asked for one by one: whoever is out must be out
    /// also where the directory lets nobody read its whole list.
    async fn roll_of_known(&self, began: Tick) -> Result<Reading, DirectoryError> {
        let (mut roll, mut places) = (Roll::default(), Places::default());
        let mut names: HashSet<UserName> = self
            .people
            .names(|person| {
                let of_directory =
                    person.local.as_ref().is_none_or(|local| local.is_of_directory());
                of_directory && (person.local.is_some() || person.fact.is_some())
            })
            .into_iter()
            .collect();
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            names.extend(watcher.holders());
        }
        names.retain(|name| {
            self.people.with(name, |person| {
                let local = person.and_then(|person| person.local.as_deref());
                local.is_none_or(Local::is_of_directory)
            })
        });
        for name in &names {
            let (Some(directory), Some(uid)) = (self.directory.as_ref(), self.uid_of(name)) else {
                continue;
            };
            let (entry, disabled) = match directory.find(uid, Wanted::Everything).await? {
                Found::Absent => continue,
                Found::Present(entry) => (entry, false),
                Found::Disabled(entry) => (entry, true),
            };
            places.add(&entry.dn, &[uid]);
            let (id, numbers) = (entry.id.map(String::into_boxed_str), entry.numbers);
            roll.people.insert(uid.into(), Listing { id, disabled, numbers });
        }
        Ok(Reading { roll, places, began, asked: Some(names), groups: None })
    }

    /// Whether somebody of that name is on the directory's list as it was read last, and not
    /// locked there.
    #[must_use]
    pub fn is_listed(&self, user: &str) -> bool {
        let name = self.canonical(user);
        let uid = self.uid_of(&name);
        uid.is_some_and(|uid| self.known_roll().get(uid).is_some_and(|person| !person.disabled))
    }

    /// Takes over a list.
    fn apply(&self, reading: Reading) -> SyncReport {
        let now = self.clock.now();
        let roll = &reading.roll;
        let mut report = SyncReport {
            people: roll.people.len(),
            disabled: roll.people.values().filter(|listing| listing.disabled).count(),
            ..SyncReport::default()
        };
        let departures = self.departures(&reading, now);
        let before = self.known_roll();
        let known = if before.read { before.len() } else { departures.considered };
        let missing = before
            .roll
            .people
            .keys()
            .filter(|uid| roll.people.get(*uid).is_none_or(|listing| listing.disabled))
            .count()
            .max(departures.out.len());
        let suspicious = known >= CROWD && missing * 2 > known
            || roll.people.is_empty() && departures.considered > 0;
        let mut trouble = self.sync_error.lock().unwrap_or_else(PoisonError::into_inner);
        let confirmed = std::mem::replace(
            &mut *self.suspicion.lock().unwrap_or_else(PoisonError::into_inner),
            suspicious,
        );
        if suspicious && !confirmed {
            let text = format!("{missing} of {known} people are gone from the list at once");
            tracing::warn!(event = "directory.suspicious", missing, known);
            *trouble = Some(text);
            report.suspicious = true;
            return report;
        }
        drop(trouble);
        self.take_over(reading, departures, now, &mut report);
        report
    }

    /// Compares a list with everybody who is known here.
    fn departures(&self, reading: &Reading, now: Tick) -> Changes {
        let mut changes = Changes::default();
        let people = &reading.roll.people;
        let listing = |name: &UserName| self.uid_of(name).and_then(|uid| people.get(uid));
        self.people.each(|name, person| {
            let local = person.local.as_deref();
            if local.is_some_and(|local| !local.is_of_directory()) {
                return;
            }
            if !reading.covers(name, person.fact.as_deref()) {
                return;
            }
            let standing = person.fact.as_ref().map(|fact| fact.standing);
            let was_in = match (standing, local) {
                (Some(standing), _) => standing == Standing::Present,
                (None, Some(local)) => !local.directory_locked,
                (None, None) => return,
            };
            changes.considered += usize::from(was_in);
            let known_id = person.fact.as_ref().and_then(|fact| fact.id());
            let why = match listing(name) {
                None => Some(Departure::Removed),
                Some(listing) if listing.disabled => Some(Departure::Disabled),
                Some(listing) => {
                    let id = listing.id.as_deref();
                    let same_row = local.is_none_or(|local| is_same_person(local, id));
                    let same_fact = known_id.is_none() || id.is_none() || known_id == id;
                    (!same_row || !same_fact).then_some(Departure::Replaced)
                }
            };
            match why {
                Some(why) if was_in => changes.out.push((name.clone(), why)),
                Some(_) => {}
                None if was_in => {
                    if let Some(fact) = &person.fact {
                        fact.see(now);
                    }
                    if local.is_some_and(|local| local.directory_locked) {
                        changes.back.push(name.clone());
                    }
                }
                None => changes.back.push(name.clone()),
            }
        });
        let seen: HashSet<&UserName> = changes.out.iter().map(|(name, _)| name).collect();
        let mut left = Vec::new();
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for name in watcher.holders() {
                let is_local = self.people.with(&name, |person| {
                    let local = person.and_then(|person| person.local.as_deref());
                    local.is_some_and(|local| !local.is_of_directory() && !local.disabled)
                });
                let is_covered = self.people.with(&name, |person| {
                    reading.covers(&name, person.and_then(|person| person.fact.as_deref()))
                });
                if is_local || !is_covered || seen.contains(&name) {
                    continue;
                }
                changes.considered += 1;
                match listing(&name) {
                    None => left.push((name, Departure::Removed)),
                    Some(listing) if listing.disabled => left.push((name, Departure::Disabled)),
                    Some(_) => {}
                }
            }
        }
        drop(seen);
        changes.out.append(&mut left);
        changes
    }

    fn take_over(
        &self,
        mut reading: Reading,
        changes: Changes,
        now: Tick,
        report: &mut SyncReport,
    ) {
        let groups = reading.groups.take();
        let whole = reading.asked.is_none();
        self.take_numbers(&reading.roll, whole);
        let known = Arc::new(KnownRoll { roll: reading.roll, read: whole });
        *self.roll.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        let wall = self.clock.wall();
        self.last_sync.store(wall.unix_millis(), Ordering::Relaxed);
        for (name, why) in &changes.out {
            self.people.change(name, |person| {
                let local = person?.local.clone();
                let standing = match why {
                    // Whoever comes with that name is asked about anew; the row was another's.
                    Departure::Replaced => return None,
                    Departure::Disabled | Departure::Locked => Standing::Disabled,
                    Departure::Removed | Departure::Deleted => Standing::Absent,
                };
                let fact = Arc::new(Fact::new(standing, None, None, now));
                Some(Person::new(name, &self.domain, local, Some(fact)))
            });
            self.tell_departed(name, *why);
        }
        report.departed = changes.out.len();
        for name in &changes.back {
            self.people.change(name, |person| {
                let local = person?.local.clone();
                local.is_some().then(|| Person::new(name, &self.domain, local, None))
            });
            for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
                watcher.returned(name);
            }
        }
        let is_taken = groups.is_some_and(|groups| self.take_groups(groups));
        report.groups_stay = self.group_directory().is_some() && !is_taken;
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.synced(wall);
        }
    }

    /// The telephone numbers of a list; nobody who is locked has one.
    fn take_numbers(&self, roll: &Roll, whole: bool) {
        let directory = self.directory.as_ref();
        if directory.is_none_or(|directory| directory.settings().attribute_number.is_empty()) {
            return;
        }
        let numbers = roll.people.iter().map(|(uid, person)| {
            let name = UserName::canonical(&self.settings.template.user_of(uid));
            let numbers = if person.disabled { Numbers::new() } else { person.numbers.clone() };
            (name, numbers)
        });
        self.numbers.set_directory(numbers.collect(), whole);
    }

    pub(super) fn tell_departed(&self, name: &UserName, why: Departure) {
        tracing::info!(event = "person.departed", user = %name.escape_debug(), why = ?why);
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.departed(name, why);
        }
    }

    /// Forgets names that are nobody's and people who were not asked about for longer than they
    /// could serve.
    fn forget_old(&self, now: Tick) {
        let cache = &self.settings.cache;
        let is_old = |person: &Person| {
            person.is_cached_only()
                && person.fact.as_ref().is_some_and(|fact| {
                    let most = if fact.is_present() { cache.grace } else { cache.negative_ttl };
                    now.since(fact.at) > most
                })
        };
        for name in self.people.names(is_old) {
            self.people.change(&name, |person| {
                let person = person?;
                let stays = (!is_old(person)).then(|| person.fact.clone());
                stays.map(|fact| Person::new(&name, &self.domain, person.local.clone(), fact))
            });
        }
    }
}

/// A list, and what it can say anything about.
#[derive(Debug)]
struct Reading {
    roll: Roll,
    places: Places,
    groups: Option<Membership>,
    /// When it was begun: what was learnt of somebody since is newer.
    began: Tick,
    /// Those who were asked about, where it is not of everybody.
    asked: Option<HashSet<UserName>>,
}

impl Reading {
    /// Whether an absence from the list means that somebody is out.
    fn covers(&self, name: &UserName, fact: Option<&Fact>) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.contains(name))
            && fact.is_none_or(|fact| fact.at < self.began)
    }
}

/// What a list changes.
#[derive(Debug, Default)]
struct Changes {
    out: Vec<(UserName, Departure)>,
    back: Vec<UserName>,
    /// People who were in before.
    considered: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever signs in while a list is read, or is not on a list of some alone, is not out.
    #[test]
    fn a_list_says_nothing_of_who_came_after_it_was_begun_or_was_not_asked_about() {
        let [ana, rui] = ["ana", "rui"].map(UserName::canonical);
        let tick = |seconds| Tick::ZERO + Duration::from_secs(seconds);
        let fact = |at| Fact::new(Standing::Present, None, None, at);
        let whole = Reading {
            roll: Roll::default(),
            places: Places::default(),
            groups: None,
            began: tick(10),
            asked: None,
        };
        assert!(whole.covers(&ana, None));
        assert!(whole.covers(&ana, Some(&fact(tick(9)))));
        assert!(!whole.covers(&ana, Some(&fact(tick(11)))));
        let part = Reading { asked: Some([ana.clone()].into()), ..whole };
        assert!(part.covers(&ana, None));
        assert!(!part.covers(&rui, None));
    }
}
