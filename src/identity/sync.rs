//! Keeps watch over the directory: its connection, its list of people and its groups.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Identity;
use super::ldap::{DirectoryError, Found, Listing, Membership, Places, Roll, Wanted};
use super::name::UserName;
use super::number::Numbers;
use super::person::{Fact, Local, Person, Standing};
use crate::clock::{Tick, WallTime};
use crate::model::{SyncOutcome, SyncRun};

mod decide;
mod difference;
mod guard;
mod plan;
mod roll;
mod runs;
#[cfg(test)]
mod tests;

pub use decide::ProposalError;
pub use difference::{Difference, MOST_NAMED, Mention, Proposal};
pub use roll::{ListChanges, Listed};

pub(super) use decide::Readings;
pub(super) use roll::KnownRoll;

use plan::{Out, Plan};
use roll::People;

/// Between two looks at the connection: a directory that is gone shows within 5 s.
const LOOK_EVERY: Duration = Duration::from_millis(2_500);
/// Between two tries to read the list while that fails.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Between two readings that nobody planned, because something said otherwise than the list.
const DOUBT_EVERY: Duration = Duration::from_secs(5);

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

    /// The list of people is another one now.
    fn listed(&self, changes: &ListChanges) {
        let _ = changes;
    }

    /// A reading of the directory ended, well or not, and is worth keeping
    /// ([`Identity::sync_runs_row`]).
    fn sync_ended(&self) {}

    /// The directory's list was read.
    fn synced(&self, at: WallTime) {
        let _ = at;
    }
}

/// Looks after the directory until the identity layer is dropped
/// or another directory is looked after: this is the one of that `number`.
pub(super) async fn supervise(identity: Weak<Identity>, number: u64) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_sync = Tick::ZERO;
    let mut last_sync = Tick::ZERO;
    let Some(bell) = identity.upgrade().map(|identity| Arc::clone(&identity.readings.bell)) else {
        return;
    };
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = bell.notified() => {}
        }
        let Some(identity) = identity.upgrade() else { return };
        if identity.supervised.load(Ordering::Relaxed) != number {
            return;
        }
        let Some(directory) = identity.directory() else { return };
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
        let doubted = now.since(last_sync) >= DOUBT_EVERY
            && identity.readings.doubt.swap(false, Ordering::Relaxed);
        if reachable && (was_down || doubted || now >= next_sync) {
            let interval = directory.settings().sync_interval;
            last_sync = now;
            let again = match identity.sync_now().await {
                Ok(_) if !identity.readings.groups_stay.load(Ordering::Relaxed) => interval,
                _ => interval.min(TRY_AGAIN),
            };
            next_sync = now + again;
        }
    }
}

impl Identity {
    /// Reads the directory's list of people and its groups, and puts out who is no longer on the
    /// list, unless they are too many at once ([`Identity::proposal`]).
    ///
    /// # Errors
    /// [`DirectoryError`] if it could not be read to its end; then nothing changes.
    pub async fn sync_now(&self) -> Result<SyncRun, DirectoryError> {
        self.sync_with("server", None).await
    }

    /// The same, because somebody asked for it.
    ///
    /// # Errors
    /// As [`Identity::sync_now`].
    pub async fn sync_by(&self, by: &str) -> Result<SyncRun, DirectoryError> {
        self.sync_with(by, None).await
    }

    /// The same, with the people whose departure an administrator has approved.
    async fn sync_with(
        &self,
        by: &str,
        approved: Option<HashSet<Box<str>>>,
    ) -> Result<SyncRun, DirectoryError> {
        let _one = self.readings.one.lock().await;
        let (began, at) = (self.clock.now(), self.clock.wall());
        let mut run = SyncRun {
            first: at,
            last: at,
            times: 1,
            took_ms: 0,
            by: by.to_owned(),
            outcome: SyncOutcome::Failed,
            people: self.known_roll().len() as u64,
            counts: crate::model::SyncCounts::default(),
            trouble: String::new(),
        };
        let asked = self.directory();
        let outcome = self.read_list(began).await;
        let outcome = match outcome {
            Err(error) => {
                run.trouble = format!("the list of people: {error}");
                self.readings.set_fresh(None);
                Err(error)
            }
            Ok(None) => return Ok(run),
            Ok(Some(mut reading)) => {
                reading.groups = self.read_groups(&reading.roll, &reading.places).await;
                // Another directory meanwhile: what this one says is no longer asked.
                if !asked.is_some_and(|asked| self.is_current(&asked)) {
                    return Err(DirectoryError::Doubtful);
                }
                self.take(reading, approved.as_ref(), &mut run);
                self.readings.set_fresh(Some(began));
                Ok(())
            }
        };
        let took = self.clock.now().since(began).as_millis();
        run.took_ms = u64::try_from(took).unwrap_or(u64::MAX);
        if self.readings.runs.add(run.clone()) {
            for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
                watcher.sync_ended();
            }
        }
        outcome.map(|()| run)
    }

    /// Reads the list, or where the directory shows none to its end, asks about everybody who is known
    /// here. `None` without a directory.
    async fn read_list(&self, began: Tick) -> Result<Option<Reading>, DirectoryError> {
        let Some(directory) = self.directory() else { return Ok(None) };
        let asked = Arc::clone(&directory);
        // On its own task: the library's parsers of controls can panic.
        let listing = self.runtime.spawn(async move { directory.list().await });
        let outcome = listing
            .await
            .unwrap_or_else(|error| Err(DirectoryError::Connection(error.to_string())));
        if !self.is_current(&asked) {
            return Err(DirectoryError::Doubtful);
        }
        let trouble = match &outcome {
            Err(DirectoryError::Answer(error)) => Some(format!(
                "the list of people cannot be read ({error}), so each person who was here is \
                 asked about alone; let bind_dn read more entries in one paged search"
            )),
            Err(error) => Some(format!("the list of people: {error}")),
            Ok(_) => None,
        };
        match outcome {
            Err(DirectoryError::Answer(_)) => {
                self.note_trouble(trouble.clone());
                let reading = self.roll_of_known(began).await?;
                Ok(Some(Reading { trouble, ..reading }))
            }
            Err(error) => {
                self.note_trouble(trouble);
                Err(error)
            }
            Ok((roll, places)) => {
                let (asked, groups) = (None, None);
                Ok(Some(Reading { roll, places, began, asked, groups, trouble }))
            }
        }
    }

    /// What is wrong with the list of people.
    fn note_trouble(&self, trouble: Option<String>) {
        let mut known = self.sync_error.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| known.as_ref() != Some(*trouble)) {
            tracing::warn!(event = "directory.list", trouble = %trouble);
        }
        *known = trouble;
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
            let (Some(directory), Some(uid)) = (self.directory(), self.uid_of(name)) else {
                continue;
            };
            let (entry, disabled) = match directory.find(uid, Wanted::Everything).await? {
                Found::Absent => continue,
                Found::Present(entry) => (entry, false),
                Found::Disabled(entry) => (entry, true),
            };
            places.add(&entry.dn, &[uid]);
            let listing = Listing {
                id: entry.id.map(String::into_boxed_str),
                disabled,
                name: entry.display_name.into(),
                mail: entry.mail.into(),
                number: entry.number.into(),
                numbers: entry.numbers,
            };
            roll.people.insert(uid.into(), listing);
        }
        Ok(Reading { roll, places, began, asked: Some(names), groups: None, trouble: None })
    }

    /// Takes over what was read, but for the people who are held.
    fn take(&self, mut reading: Reading, approved: Option<&HashSet<Box<str>>>, run: &mut SyncRun) {
        let now = self.clock.now();
        let before = self.known_roll();
        let mut plan = self.plan(&reading, &before, now);
        let held = self.held_of(&reading, &plan, approved);
        let difference = self.difference(&plan, &before.people, &held);
        run.people = plan.next.len() as u64;
        run.counts = difference.counts;
        let was_held = self.readings.held();
        let is_partial = reading.asked.is_some();
        let trouble = self.take_held(held, &difference).or_else(|| reading.trouble.take());
        run.trouble = trouble.clone().unwrap_or_default();
        self.note_trouble(trouble);
        let held = self.readings.held();
        if was_held.people != held.people {
            let (people, known) = (held.people.len(), plan.known);
            tracing::warn!(event = "directory.held", people, known);
        }
        for uid in held.people.keys() {
            self.hold(uid, &before.people, &mut plan);
        }
        self.put_out(plan.out.values(), now);
        let gone = plan.out.iter().filter(|(uid, out)| {
            out.why != Departure::Disabled
                && approved.is_none_or(|approved| !approved.contains(*uid))
        });
        let mut recent = self.readings.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.add(now, gone.count());
        drop(recent);
        let groups = reading.groups.take();
        self.take_list(&before.people, plan);
        let is_taken = groups.is_some_and(|mut groups| {
            self.keep_groups(held.people.keys(), &mut groups);
            self.take_groups(groups)
        });
        let groups_stay = self.has_groups() && !is_taken;
        self.readings.groups_stay.store(groups_stay, Ordering::Relaxed);
        if run.trouble.is_empty() && groups_stay {
            run.trouble = self.groups.trouble().unwrap_or_default();
        }
        if held.people.values().all(|why| *why == Departure::Disabled) {
            self.readings.set_anew(false);
        }
        let whole = held.people.is_empty() && !groups_stay && !is_partial;
        run.outcome = if whole { SyncOutcome::Applied } else { SyncOutcome::Partly };
        let wall = self.clock.wall();
        self.last_sync.store(wall.unix_millis(), Ordering::Relaxed);
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.synced(wall);
        }
    }

    /// Lets somebody stay as he was: on the list, and asked about anew if an answer said otherwise.
    fn hold(&self, uid: &str, before: &People, plan: &mut Plan) {
        if let Some(known) = before.get(uid) {
            plan.next.insert(uid.into(), known.clone());
        }
        let Some(out) = plan.out.remove(uid) else { return };
        self.people.change(&out.name, |person| {
            let person = person?;
            let fact = person.fact.clone().filter(|fact| fact.is_present());
            let stays = person.local.is_some() || fact.is_some();
            stays.then(|| Person::new(&out.name, &self.domain, person.local.clone(), fact))
        });
    }

    /// Puts people out.
    fn put_out<'a>(&self, out: impl Iterator<Item = &'a Out>, now: Tick) {
        for Out { name, why, .. } in out.filter(|out| out.here) {
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
    }

    /// Takes over the list itself, and who is back by it.
    fn take_list(&self, before: &People, plan: Plan) {
        let Plan { next, back, .. } = plan;
        self.take_numbers(&next);
        let changes = ListChanges::between(before, &next);
        self.set_roll(next);
        if !changes.is_empty() {
            for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
                watcher.listed(&changes);
            }
        }
        for name in &back {
            self.people.change(name, |person| {
                let local = person?.local.clone();
                local.is_some().then(|| Person::new(name, &self.domain, local, None))
            });
            for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
                watcher.returned(name);
            }
        }
    }

    /// The telephone numbers of a list; nobody who is locked has one.
    fn take_numbers(&self, people: &People) {
        let directory = self.directory();
        if directory.is_none_or(|directory| directory.settings().attribute_number.is_empty()) {
            return;
        }
        let numbers = people.iter().map(|(uid, person)| {
            let name = self.user_of(uid);
            let numbers = if person.disabled { Numbers::new() } else { person.numbers.clone() };
            (name, numbers)
        });
        self.numbers.set_directory(numbers.collect::<HashMap<_, _>>(), true);
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
        let outlook = self.outlook();
        let cache = &outlook.cache;
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
    /// Why it is not of everybody.
    trouble: Option<String>,
    /// When it was begun: what was learnt of somebody since is newer.
    began: Tick,
    /// Those who were asked about, where it is not of everybody.
    asked: Option<HashSet<UserName>>,
}

impl Reading {
    /// Whether an absence from the list means that somebody is out.
    fn covers(&self, name: &UserName, fact: Option<&Fact>) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.contains(name)) && self.precedes(fact)
    }

    /// Whether what was learnt of somebody is older.
    fn precedes(&self, fact: Option<&Fact>) -> bool {
        fact.is_none_or(|fact| fact.at < self.began)
    }
}
