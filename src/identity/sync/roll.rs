//! The directory's list as it was read last, kept over restarts, and what a new one changes in it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::Reading;
use crate::identity::Identity;
use crate::identity::ldap::Listing;
use crate::identity::name::UserName;
use crate::identity::number::numbers_in;
use crate::model::{DirectoryRow, Record as _, Standing};
use crate::store::{StoreError, Table, rows};

/// People by the directory's names.
pub(super) type People = HashMap<Box<str>, Listing>;

/// The list of people as it was read last.
#[derive(Debug, Default)]
pub(in crate::identity) struct KnownRoll {
    pub(super) people: People,
}

impl KnownRoll {
    pub(in crate::identity) fn get(&self, uid: &str) -> Option<&Listing> {
        self.people.get(uid)
    }

    pub(in crate::identity) fn len(&self) -> usize {
        self.people.len()
    }
}

/// Somebody whom the directory lists, for whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The directory's name.
    pub uid: Box<str>,
    /// What the list says.
    pub listing: Listing,
    /// Whether he was on the list before, and if so whether he was locked.
    pub before: Option<bool>,
}

/// What is different on the list of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListChanges {
    /// People who are new on it, or described in another way.
    pub listed: Vec<Listed>,
    /// Who is no longer on it, as it last had them.
    pub gone: Vec<Listed>,
}

impl ListChanges {
    /// What makes one list of the other.
    pub(super) fn between(before: &People, after: &People) -> ListChanges {
        let listed = after.iter().filter_map(|(uid, listing)| {
            let known = before.get(uid);
            (known != Some(listing)).then(|| Listed {
                uid: uid.clone(),
                listing: listing.clone(),
                before: known.map(|known| known.disabled),
            })
        });
        let gone = before.iter().filter(|(uid, _)| !after.contains_key(*uid));
        let gone = gone.map(|(uid, listing)| Listed {
            uid: uid.clone(),
            listing: listing.clone(),
            before: Some(listing.disabled),
        });
        ListChanges { listed: listed.collect(), gone: gone.collect() }
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.gone.is_empty()
    }
}

/// The list that a reading makes of the one before. A reading of some people leaves the others.
pub(super) fn merged(before: &People, read: &Reading, uids: &HashSet<Box<str>>) -> People {
    if read.asked.is_none() {
        return read.roll.people.clone();
    }
    let mut people = before.clone();
    people.retain(|uid, _| !uids.contains(uid));
    people.extend(read.roll.people.iter().map(|(uid, listing)| (uid.clone(), listing.clone())));
    people
}

impl Identity {
    pub(in crate::identity) fn known_roll(&self) -> Arc<KnownRoll> {
        Arc::clone(&self.roll.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_roll(&self, people: People) {
        let mut roll = self.roll.write().unwrap_or_else(PoisonError::into_inner);
        *roll = Arc::new(KnownRoll { people });
    }

    /// Whether somebody of that name is on the directory's list as it was read last, and not
    /// locked there.
    #[must_use]
    pub fn is_listed(&self, user: &str) -> bool {
        let name = self.canonical(user);
        let uid = self.uid_of(&name);
        uid.is_some_and(|uid| self.known_roll().get(uid).is_some_and(|person| !person.disabled))
    }

    /// What the directory's list says of somebody, as it was read last.
    #[must_use]
    pub fn listing(&self, user: &UserName) -> Option<Listing> {
        let uid = self.directory_name(user)?;
        self.known_roll().get(uid).cloned()
    }

    /// Calls `see` with everybody on the directory's list, as it was read last.
    pub fn each_listed(&self, mut see: impl FnMut(UserName, &Listing)) {
        for (uid, listing) in &self.known_roll().people {
            see(self.user_of(uid), listing);
        }
    }

    /// Whether there is a row of somebody here.
    #[must_use]
    pub fn has_row(&self, user: &UserName) -> bool {
        self.people.with(user, |person| person.is_some_and(|person| person.local.is_some()))
    }

    /// The user name of the directory's `uid`.
    #[must_use]
    pub fn user_of(&self, uid: &str) -> UserName {
        UserName::canonical(&self.settings.template.user_of(uid))
    }

    /// The directory's name for a user name, if there is a directory and it can have one.
    #[must_use]
    pub fn directory_name<'a>(&self, user: &'a str) -> Option<&'a str> {
        self.outlook().directory.as_ref().and_then(|_| self.uid_of(user))
    }

    /// Forgets the list.
    pub(in crate::identity) fn forget_roll(&self) {
        self.set_roll(People::new());
    }

    /// Takes the list that was kept.
    pub(in crate::identity) fn load_roll(&self) -> Result<(), StoreError> {
        if self.outlook().directory.is_none() {
            return Ok(());
        }
        let mut people = People::new();
        for row in rows(&*self.store, Table::DirectoryPeople, b"") {
            let Ok(row) = DirectoryRow::decode(&row?.1) else {
                tracing::warn!(event = "store.row_unreadable", table = "directory_people");
                continue;
            };
            if row.standing == Standing::Absent {
                continue;
            }
            let listing = Listing {
                id: row.id.map(String::into_boxed_str),
                disabled: row.standing == Standing::Disabled,
                name: row.name.into(),
                mail: row.mail.into(),
                numbers: numbers_in(&row.number),
                number: row.number.into(),
            };
            people.insert(row.uid.into(), listing);
        }
        if !people.is_empty() {
            self.take_numbers(&people);
            self.set_roll(people);
        }
        self.load_mark(self.known_roll().len() > 0)
    }
}
