//! Who is in which group: those of the row that is kept here, and those of the directory as it was read
//! last.
//!
//! A reading that fails, or from which half of it all is gone, changes nothing; the one after it is
//! believed. What was read is kept in the store as well, so that a server that starts while the
//! directory is away knows it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::FutureExt as _;

use super::ldap::{Directory, DirectoryError, GroupSet, Membership, Places, Roll};
use super::name::{UserName, fold};
use super::rows::GROUPS_KEY;
use super::{Affected, Identity};
use crate::model::{GroupsRow, Record as _};
use crate::store::{StoreError, Table};

/// From so many memberships on, half of them gone at once is taken for a mistake in the directory until
/// the next reading says the same.
const CROWD: usize = 20;

/// The groups of the directory.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Nothing until the first reading ever.
    known: RwLock<Option<Arc<Membership>>>,
    trouble: Mutex<Option<String>>,
    /// Whether the last reading was one that was not believed.
    doubted: AtomicBool,
    /// Names in rows, each once in memory.
    names: Mutex<HashSet<Arc<str>>>,
}

impl Groups {
    fn known(&self) -> Option<Arc<Membership>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, membership: Membership) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(membership));
    }

    /// Forgets what was read.
    pub(super) fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.note(None);
        self.doubted.store(false, Ordering::Relaxed);
    }

    /// What is wrong with the groups.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| known.as_ref() != Some(*trouble)) {
            tracing::warn!(event = "directory.groups", trouble = %trouble);
        }
        *known = trouble;
    }

    /// The groups of a row.
    pub(super) fn of_row(&self, groups: &[String]) -> Box<[Arc<str>]> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = |group: &String| {
            if let Some(known) = names.get(group.as_str()) {
                return Arc::clone(known);
            }
            if names.len() == names.capacity() {
                names.retain(|name| Arc::strong_count(name) > 1);
            }
            let name: Arc<str> = Arc::from(group.as_str());
            names.insert(Arc::clone(&name));
            name
        };
        groups.iter().map(shared).collect()
    }
}

impl Identity {
    /// The names of the groups of a person, by user name or `user@domain`: those of the row that is
    /// kept here, and for people of the directory those of the directory. `None` while nobody knows:
    /// the directory's groups were never read.
    #[must_use]
    pub fn groups(&self, user: &str) -> Option<Vec<Arc<str>>> {
        let name = fold(self.local_part(user));
        let (mut groups, is_local) = self.people.with(&name, |person| {
            let local = person.and_then(|person| person.local.as_deref());
            local.map_or((Vec::new(), false), |local| {
                (local.groups.to_vec(), !local.is_of_directory())
            })
        });
        // A local account is another person than the one of that name in the directory.
        let Some(uid) = self.uid_of(&name).filter(|_| !is_local && self.has_groups()) else {
            return Some(groups);
        };
        let known = self.groups.known()?;
        for group in known.people.get(uid).map_or(&[][..], |set| &**set) {
            if !groups.contains(group) {
                groups.push(Arc::clone(group));
            }
        }
        Some(groups)
    }

    /// Whether the members of a group of the directory administer (`identity.ldap.admin_group`).
    #[must_use]
    pub fn has_administrators(&self) -> bool {
        !self.outlook().admin_group.is_empty() && self.has_groups()
    }

    /// Whether somebody is a person of the directory who is not locked and in that group. Groups of
    /// rows that are kept here do not count, so that whoever writes those makes no administrators; nor
    /// does a local account, which is another person.
    #[must_use]
    pub fn administers(&self, user: &str) -> bool {
        if !self.has_administrators() {
            return false;
        }
        let name = fold(self.local_part(user));
        let is_out = self.people.with(&name, |person| {
            let local = person.and_then(|person| person.local.as_deref());
            person.is_some_and(|person| person.is_locked_out())
                || local.is_some_and(|local| !local.is_of_directory())
        });
        let Some(uid) = self.uid_of(&name).filter(|_| !is_out) else { return false };
        let is_listed_as_locked = self.known_roll().get(uid).is_some_and(|person| person.disabled);
        let Some(known) = self.groups.known().filter(|_| !is_listed_as_locked) else {
            return false;
        };
        let outlook = self.outlook();
        let wanted = fold(&outlook.admin_group);
        known.people.get(uid).is_some_and(|set| set.iter().any(|group| fold(group) == wanted))
    }

    /// Whether there is a group of that name, in whatever case. `None` while nobody knows.
    #[must_use]
    pub fn has_group(&self, name: &str) -> Option<bool> {
        let wanted = fold(name);
        let mut found = false;
        self.people.each(|_, person| {
            let rows = person.local.iter().flat_map(|local| &local.groups);
            found = found || rows.into_iter().any(|group| fold(group) == wanted);
        });
        if found || !self.has_groups() {
            return Some(found);
        }
        self.groups.known().map(|known| known.names.iter().any(|group| fold(group) == wanted))
    }

    /// Who is in a group of that name, in whatever case.
    #[must_use]
    pub fn members(&self, group: &str) -> HashSet<UserName> {
        let wanted = fold(group).into_owned();
        let is_wanted = |group: &Arc<str>| fold(group) == wanted;
        let mut members = HashSet::new();
        self.people.each(|user, person| {
            let local = person.local.as_deref();
            if local.is_some_and(|local| local.groups.iter().any(is_wanted)) {
                members.insert(user.clone());
            }
        });
        let known = self.group_directory().and_then(|_| self.groups.known());
        for (uid, set) in known.iter().flat_map(|known| &known.people) {
            if !set.iter().any(is_wanted) {
                continue;
            }
            let user = self.user_of(uid);
            let is_local = self.people.with(&user, |person| {
                let local = person.and_then(|person| person.local.as_deref());
                local.is_some_and(|local| !local.is_of_directory())
            });
            // A local account is another person.
            if !is_local {
                members.insert(user);
            }
        }
        members
    }

    /// All groups, in the order of their names, with how many have them in their rows here and how
    /// many in the directory.
    #[must_use]
    pub fn all_groups(&self) -> Vec<(String, u64, u64)> {
        // Each spelling is counted by itself first: people are many, and spellings are few.
        let mut spelt: BTreeMap<Arc<str>, (u64, u64)> = BTreeMap::new();
        let mut count = |name: &Arc<str>, here: u64, there: u64| {
            let group = spelt.entry(Arc::clone(name)).or_default();
            group.0 += here;
            group.1 += there;
        };
        let known = self.group_directory().and_then(|_| self.groups.known());
        if let Some(known) = &known {
            for name in &known.names {
                count(name, 0, 0);
            }
            for name in known.people.values().flat_map(|set| set.iter()) {
                count(name, 0, 1);
            }
        }
        self.people.each(|_, person| {
            for name in person.local.iter().flat_map(|local| &local.groups) {
                count(name, 1, 0);
            }
        });
        let mut all: BTreeMap<String, (String, u64, u64)> = BTreeMap::new();
        // The directory's spelling goes before others.
        let first = known.iter().flat_map(|known| &known.names);
        for name in first.chain(spelt.keys()) {
            let group = all.entry(fold(name).into_owned());
            group.or_insert_with(|| (name.to_string(), 0, 0));
        }
        for (name, (here, there)) in &spelt {
            if let Some(group) = all.get_mut(&*fold(name)) {
                group.1 += here;
                group.2 += there;
            }
        }
        all.into_values().collect()
    }

    /// The directory's groups as they were read last, to be kept under [`GROUPS_KEY`]; `None` if they
    /// never were.
    #[must_use]
    pub fn groups_row(&self) -> Option<GroupsRow> {
        self.groups.known().map(|known| row_of(&known))
    }

    /// The directory, if its groups are read.
    fn group_directory(&self) -> Option<Arc<Directory>> {
        self.directory().filter(|directory| directory.settings().has_groups())
    }

    /// Whether there is a directory whose groups are read.
    pub(super) fn has_groups(&self) -> bool {
        let outlook = self.outlook();
        outlook.directory.as_ref().is_some_and(|directory| directory.settings().has_groups())
    }

    /// Takes what was kept.
    pub(super) fn load_groups(&self) -> Result<(), StoreError> {
        let row = self
            .group_directory()
            .and_then(|_| self.store.get(Table::Site, GROUPS_KEY).transpose());
        let Some(row) = row.transpose()? else { return Ok(()) };
        match GroupsRow::decode(&row) {
            Ok(row) => self.groups.set(membership_of(row)),
            Err(_) => tracing::warn!(event = "store.row_unreadable", table = "site"),
        }
        Ok(())
    }

    /// Reads who is in which group, if there are groups; `None` also if that fails, which is noted.
    pub(super) async fn read_groups(&self, roll: &Roll, places: &Places) -> Option<Membership> {
        let directory = self.group_directory()?;
        // The library's parsers of controls can panic.
        let reading = AssertUnwindSafe(directory.groups(roll, places)).catch_unwind();
        let outcome = reading.await.unwrap_or_else(|_| {
            Err(DirectoryError::Connection("its answer cannot be read".to_owned()))
        });
        match outcome {
            Ok(membership) => Some(membership),
            Err(error) => {
                self.groups.note(Some(format!("the groups cannot be read: {error}")));
                None
            }
        }
    }

    /// Lets people who stay in although they are not listed stay in their groups.
    pub(super) fn keep_groups<'a>(
        &self,
        held: impl Iterator<Item = &'a Box<str>>,
        membership: &mut Membership,
    ) {
        let Some(known) = self.groups.known() else { return };
        let mut names: HashSet<Arc<str>> = HashSet::new();
        for uid in held {
            let Some(set) = known.people.get(uid) else { continue };
            membership.people.entry(uid.clone()).or_insert_with(|| Arc::clone(set));
            names.extend(set.iter().cloned());
        }
        let new: Vec<Arc<str>> =
            names.into_iter().filter(|name| !membership.names.contains(name)).collect();
        membership.names.extend(new);
        membership.names.sort_unstable();
    }

    /// Takes over what was read, and tells whose groups are others now; `false` if it is not believed
    /// yet.
    pub(super) fn take_groups(&self, membership: Membership) -> bool {
        let before = self.groups.known();
        let (had, lost) = before.as_deref().map_or((0, 0), |before| losses(before, &membership));
        let all_gone = had > 0 && lost == had;
        let doubtful = all_gone || had >= CROWD && lost * 2 > had;
        if doubtful && !self.groups.doubted.swap(doubtful, Ordering::Relaxed) {
            let text = format!("{lost} of {had} memberships in groups are gone at once");
            self.groups.note(Some(text));
            return false;
        }
        self.groups.doubted.store(doubtful, Ordering::Relaxed);
        self.groups.note(membership.cut.then(|| {
            "groups are nested too deeply: not all of whom they contain are found".to_owned()
        }));
        if before.as_deref() == Some(&membership) {
            return true;
        }
        let changed: Option<Vec<UserName>> = before.as_deref().map(|before| {
            let uids = differing(before, &membership);
            uids.map(|uid| UserName::canonical(&self.settings.template.user_of(uid))).collect()
        });
        tracing::info!(
            event = "directory.groups_read",
            groups = membership.names.len(),
            people = membership.people.len(),
            changed = changed.as_ref().map_or(membership.people.len(), Vec::len),
        );
        self.groups.set(membership);
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.groups_read();
        }
        match &changed {
            // Also whoever is in no group: until now nobody could say.
            None => self.tell_regrouped(Affected::Everybody),
            Some(changed) if changed.is_empty() => {}
            Some(changed) => self.tell_regrouped(Affected::People(changed)),
        }
        true
    }

    pub(super) fn tell_regrouped(&self, whom: Affected<'_>) {
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.regrouped(whom);
        }
    }
}

/// How many memberships there were, and how many of them are gone.
fn losses(before: &Membership, after: &Membership) -> (usize, usize) {
    let (mut had, mut lost) = (0, 0);
    for (uid, set) in &before.people {
        had += set.len();
        match after.people.get(uid) {
            Some(now) if now == set => {}
            Some(now) => lost += set.iter().filter(|group| !now.contains(group)).count(),
            None => lost += set.len(),
        }
    }
    (had, lost)
}

/// The people whose groups differ.
fn differing<'a>(before: &'a Membership, after: &'a Membership) -> impl Iterator<Item = &'a str> {
    let gone = before.people.keys().filter(|uid| !after.people.contains_key(*uid));
    let others = after.people.iter().filter(|(uid, set)| before.people.get(*uid) != Some(*set));
    gone.chain(others.map(|(uid, _)| uid)).map(|uid| &**uid)
}

fn row_of(membership: &Membership) -> GroupsRow {
    let place = |name: &Arc<str>| {
        membership.names.binary_search(name).ok().and_then(|place| u32::try_from(place).ok())
    };
    let mut row = GroupsRow {
        names: membership.names.iter().map(ToString::to_string).collect(),
        ..GroupsRow::default()
    };
    let mut places: HashMap<&GroupSet, u32> = HashMap::new();
    for (uid, set) in &membership.people {
        let index = *places.entry(set).or_insert_with(|| {
            row.sets.push(set.iter().filter_map(place).collect());
            u32::try_from(row.sets.len() - 1).unwrap_or(u32::MAX)
        });
        row.people.push((uid.to_string(), index));
    }
    row
}

fn membership_of(row: GroupsRow) -> Membership {
    let names: Vec<Arc<str>> = row.names.into_iter().map(Arc::from).collect();
    let set = |places: &Vec<u32>| -> GroupSet {
        places.iter().filter_map(|place| names.get(*place as usize).cloned()).collect()
    };
    let sets: Vec<GroupSet> = row.sets.iter().map(set).collect();
    let people = row.people.into_iter().filter_map(|(uid, place)| {
        let set = sets.get(place as usize).filter(|set| !set.is_empty())?;
        Some((uid.into_boxed_str(), Arc::clone(set)))
    });
    Membership { people: people.collect(), names, cut: false }
}

#[cfg(test)]
mod tests;
