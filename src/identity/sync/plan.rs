//! What a list means for everybody who is known here: who would be out, who is back.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use super::difference::is_another;
use super::roll::{self, KnownRoll, People};
use super::{Departure, Reading};
use crate::clock::Tick;
use crate::identity::Identity;
use crate::identity::ldap::Listing;
use crate::identity::name::UserName;
use crate::identity::person::{Local, Person, Standing, is_same_person};

/// Somebody who would be out.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) name: UserName,
    pub(super) why: Departure,
    /// Whether there is anything here to end: a row, an answer of the directory, a registration.
    pub(super) here: bool,
}

/// What a list changes.
#[derive(Debug)]
pub(super) struct Plan {
    /// The list from here on, if nobody is held.
    pub(super) next: People,
    pub(super) out: HashMap<Box<str>, Out>,
    pub(super) back: Vec<UserName>,
    /// People of the directory who were in before.
    pub(super) known: usize,
}

impl Plan {
    /// Who would be out, and why.
    pub(super) fn departures(&self) -> HashMap<Box<str>, Departure> {
        self.out.iter().map(|(uid, out)| (uid.clone(), out.why)).collect()
    }
}

impl Identity {
    /// Compares a list with everybody who is known here: those of the list before, those with a row
    /// or an answer of the directory, and those who hold something.
    pub(super) fn plan(&self, reading: &Reading, before: &KnownRoll, now: Tick) -> Plan {
        let asked: HashSet<Box<str>> = reading
            .asked
            .iter()
            .flatten()
            .filter_map(|name| self.uid_of(name).map(Box::from))
            .collect();
        let next = roll::merged(&before.people, reading, &asked);
        let mut plan = Plan { next, out: HashMap::new(), back: Vec::new(), known: 0 };
        let is_covered = |uid: &str| reading.asked.is_none() || asked.contains(uid);
        let mut newer = Vec::new();
        for (uid, known) in &before.people {
            if known.disabled || !is_covered(uid) {
                continue;
            }
            let name = self.user_of(uid);
            let (is_local, is_newer) = self.people.with(&name, |person| {
                let local = person.and_then(|person| person.local.as_deref());
                let fact = person.and_then(|person| person.fact.as_deref());
                (local.is_some_and(|local| !local.is_of_directory()), !reading.precedes(fact))
            });
            if is_local {
                continue;
            }
            plan.known += 1;
            if is_newer {
                newer.push((uid, known));
                continue;
            }
            if let Some(why) = departure(known, plan.next.get(uid)) {
                plan.out.insert(uid.clone(), Out { name, why, here: false });
            }
        }
        for (uid, known) in newer {
            // What was learnt of him since the reading began counts, and the next reading looks.
            if departure(known, plan.next.get(uid)).is_some() {
                plan.next.insert(uid.clone(), known.clone());
            }
        }
        self.plan_people(reading, before, &mut plan, now);
        self.plan_holders(reading, &mut plan);
        plan
    }

    /// Those with a row or an answer of the directory.
    fn plan_people(&self, reading: &Reading, before: &KnownRoll, plan: &mut Plan, now: Tick) {
        self.people.each(|name, person| {
            let local = person.local.as_deref();
            if local.is_some_and(|local| !local.is_of_directory())
                || !reading.covers(name, person.fact.as_deref())
            {
                return;
            }
            let Some(uid) = self.uid_of(name) else { return };
            let Some(was_in) = was_in(person) else { return };
            let was_listed = before.get(uid).is_some_and(|known| !known.disabled);
            if was_in && !was_listed {
                plan.known += 1;
            }
            let listing = plan.next.get(uid);
            match why_out(person, listing) {
                Some(why) if was_in || was_listed => {
                    let out = Out { name: name.clone(), why, here: true };
                    plan.out.insert(uid.into(), out);
                }
                Some(_) => {}
                None if was_in => {
                    if let Some(fact) = &person.fact {
                        fact.see(now);
                    }
                    if local.is_some_and(|local| local.directory_locked) {
                        plan.back.push(name.clone());
                    }
                }
                None => plan.back.push(name.clone()),
            }
        });
    }

    /// Those who hold something now, also if they left while this server did not run.
    fn plan_holders(&self, reading: &Reading, plan: &mut Plan) {
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for name in watcher.holders() {
                let Some(uid) = self.uid_of(&name) else { continue };
                if let Some(out) = plan.out.get_mut(uid) {
                    out.here = true;
                    continue;
                }
                let (is_local, is_covered) = self.people.with(&name, |person| {
                    let local = person.and_then(|person| person.local.as_deref());
                    let fact = person.and_then(|person| person.fact.as_deref());
                    (
                        local.is_some_and(|local| !local.is_of_directory() && !local.disabled),
                        reading.covers(&name, fact),
                    )
                });
                if is_local || !is_covered {
                    continue;
                }
                let why = match plan.next.get(uid) {
                    None => Departure::Removed,
                    Some(listing) if listing.disabled => Departure::Disabled,
                    Some(_) => continue,
                };
                plan.known += 1;
                plan.out.insert(uid.into(), Out { name, why, here: true });
            }
        }
    }
}

/// Whether somebody was in, by what the directory said when it was asked, else by the row.
fn was_in(person: &Person) -> Option<bool> {
    match (&person.fact, &person.local) {
        (Some(fact), _) => Some(fact.standing == Standing::Present),
        (None, Some(local)) => Some(!local.directory_locked),
        (None, None) => None,
    }
}

/// Why a list puts out somebody whom the one before had.
fn departure(known: &Listing, listing: Option<&Listing>) -> Option<Departure> {
    match listing {
        None => Some(Departure::Removed),
        Some(listing) if listing.disabled => Some(Departure::Disabled),
        Some(listing) => is_another(known, listing).then_some(Departure::Replaced),
    }
}

/// Why a list puts out somebody with a row or an answer of the directory.
fn why_out(person: &Person, listing: Option<&Listing>) -> Option<Departure> {
    let Some(listing) = listing else { return Some(Departure::Removed) };
    if listing.disabled {
        return Some(Departure::Disabled);
    }
    let id = listing.id.as_deref();
    let same_row = person.local.as_deref().is_none_or(|local: &Local| is_same_person(local, id));
    let known_id = person.fact.as_ref().and_then(|fact| fact.id());
    let same_fact = known_id.is_none() || id.is_none() || known_id == id;
    (!same_row || !same_fact).then_some(Departure::Replaced)
}
