//! Everybody whom this server knows of, to be looked for: accounts, and the people of the directory as
//! its list said last, whether it answers now or not.
//!
//! ```text
//!   rows of accounts ──┐
//!   devices ───────────┼──▶ one entry a person ──▶ in the order of names ──▶ pages
//!   directory's list ──┘
//! ```
//!
//! Held in memory, made of the store at the first question, and changed one person at a time. A search
//! looks at everybody in turn: at fifty thousand that is quicker than it would pay to index.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Accounts, AccountsError};
use crate::clock::WallTime;
use crate::identity::ldap::Listing;
use crate::identity::{ListChanges, Listed, UserName};
use crate::model::{Account, DeviceCredential, DirectoryRow, Record as _, Standing};
use crate::store::{Commit, StoreError, Table, rows};

mod entry;
mod fold;
mod search;
#[cfg(test)]
mod tests;

pub use entry::{Origin, State};
pub use fold::fold;
pub use search::{LARGEST_PAGE, MOST_COUNTED, Page, Person, Query, Question};

use entry::{ByName, Entry, OfDirectory};

/// Rows of one commit.
const BATCH: usize = 1000;

/// The index, once it was asked for.
#[derive(Debug, Default)]
pub(super) struct People(RwLock<Option<Index>>);

/// The device credentials of somebody.
#[derive(Clone, Copy, Debug, Default)]
struct Devices {
    live: u32,
    last_used: Option<WallTime>,
}

impl Devices {
    fn add(&mut self, device: &DeviceCredential, now: WallTime) {
        self.live += u32::from(device.is_live(now));
        self.last_used = self.last_used.max(device.last_used);
    }
}

/// Everybody.
#[derive(Debug, Default)]
struct Index {
    by_user: HashMap<UserName, Arc<Entry>>,
    by_name: BTreeSet<ByName>,
    /// Who is no longer in the directory; of the others its list is in memory already.
    absent: HashMap<UserName, DirectoryRow>,
}

impl Index {
    /// Puts an entry in the place of the one that there was.
    fn put(&mut self, user: &UserName, entry: Option<Entry>) {
        if let Some(before) = self.by_user.remove(user) {
            self.by_name.remove(&ByName(before));
        }
        if let Some(entry) = entry.map(Arc::new) {
            self.by_user.insert(user.clone(), Arc::clone(&entry));
            self.by_name.insert(ByName(entry));
        }
    }
}

fn of_listing(listing: &Listing) -> OfDirectory<'_> {
    OfDirectory {
        name: &listing.name,
        mail: &listing.mail,
        number: &listing.number,
        disabled: listing.disabled,
        absent_since: None,
    }
}

fn of_row(row: &DirectoryRow) -> OfDirectory<'_> {
    OfDirectory {
        name: &row.name,
        mail: &row.mail,
        number: &row.number,
        disabled: row.standing == Standing::Disabled,
        absent_since: (row.standing == Standing::Absent).then_some(row.since),
    }
}

impl Accounts {
    /// Finds people: a page of them, in the order of their names.
    ///
    /// # Errors
    /// [`AccountsError::Cursor`] if `after` is no cursor, [`AccountsError::Store`] if the store
    /// cannot be read.
    pub fn find_people(&self, query: &Query<'_>) -> Result<Page, AccountsError> {
        self.index_people()?;
        let index = self.people.0.read().unwrap_or_else(PoisonError::into_inner);
        index.as_ref().map_or_else(|| Ok(Page::default()), |index| index.search(query))
    }

    /// One person, as he would be found.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if the store cannot be read.
    pub fn person(&self, user: &UserName) -> Result<Option<Person>, AccountsError> {
        self.index_people()?;
        let index = self.people.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = index.as_ref().and_then(|index| index.by_user.get(user));
        Ok(entry.map(|entry| search::shown(entry)))
    }

    /// Makes the index, if it was not made yet, so that the first question need not wait for it.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if the store cannot be read.
    pub fn index_people(&self) -> Result<(), AccountsError> {
        if self.people.0.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        // Held while the store is read: what changes meanwhile is put in afterwards.
        let mut slot = self.people.0.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(self.read_index()?);
        }
        Ok(())
    }

    fn read_index(&self) -> Result<Index, StoreError> {
        let now = self.now();
        let mut index = Index::default();
        let mut devices: HashMap<String, Devices> = HashMap::new();
        for row in rows(&*self.store, Table::Credentials, b"") {
            if let Ok(device) = DeviceCredential::decode(&row?.1) {
                devices.entry(device.user.clone()).or_default().add(&device, now);
            }
        }
        for row in rows(&*self.store, Table::DirectoryPeople, b"") {
            let Ok(row) = DirectoryRow::decode(&row?.1) else { continue };
            let user = self.identity.user_of(&row.uid);
            // Of the others the list is in memory, and newer. Without a directory nobody is of it.
            if self.identity.directory_name(&user).is_none()
                || self.identity.listing(&user).is_some()
            {
                continue;
            }
            let since = if row.standing == Standing::Absent { row.since } else { now };
            let row = DirectoryRow { standing: Standing::Absent, since, ..row };
            index.absent.insert(user, row);
        }
        for row in rows(&*self.store, Table::Accounts, b"") {
            let Ok(account) = Account::decode(&row?.1) else { continue };
            let user = UserName::canonical(&account.user);
            let devices = devices.get(&account.user).copied().unwrap_or_default();
            self.put_entry(&mut index, &user, Some(&account), devices);
        }
        self.identity.each_listed(|user, listing| {
            if !index.by_user.contains_key(&user) {
                let entry = Entry::new(user.clone(), None, Some(&of_listing(listing)), 0);
                index.put(&user, entry);
            }
        });
        let absent: Vec<UserName> = index.absent.keys().cloned().collect();
        for user in absent {
            if !index.by_user.contains_key(&user) {
                self.put_entry(&mut index, &user, None, Devices::default());
            }
        }
        Ok(index)
    }

    fn put_entry(
        &self,
        index: &mut Index,
        user: &UserName,
        account: Option<&Account>,
        devices: Devices,
    ) {
        let listing = self.identity.listing(user);
        let row = index.absent.get(user).filter(|_| listing.is_none());
        let directory = listing.as_ref().map(of_listing).or_else(|| row.map(of_row));
        let entry = Entry::new(user.clone(), account, directory.as_ref(), devices.live);
        if let (Some(entry), Some(at)) = (&entry, devices.last_used) {
            entry.note_use(at);
        }
        index.put(user, entry);
    }

    /// One of a person's devices was used.
    pub(super) fn note_use(&self, user: &UserName, at: WallTime) {
        let index = self.people.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = index.as_ref().and_then(|index| index.by_user.get(user)) {
            entry.note_use(at);
        }
    }

    /// Reads one person's rows again, after they changed.
    pub(super) fn index_person(&self, user: &UserName) -> Result<(), AccountsError> {
        let mut slot = self.people.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = slot.as_mut() else { return Ok(()) };
        self.read_person(index, user)
    }

    fn read_person(&self, index: &mut Index, user: &UserName) -> Result<(), AccountsError> {
        let account = self.row(user)?.map(|(account, _)| account);
        let now = self.now();
        let mut devices = Devices::default();
        if account.is_some() {
            for row in rows(&*self.store, Table::Credentials, &DeviceCredential::prefix(user)) {
                if let Ok(device) = DeviceCredential::decode(&row?.1) {
                    devices.add(&device, now);
                }
            }
        }
        self.put_entry(index, user, account.as_ref(), devices);
        Ok(())
    }

    /// Takes over what is different on the directory's list, into the index and the store.
    pub(super) fn take_list(&self, changes: &ListChanges) {
        let now = self.now();
        let mut written = Vec::with_capacity(changes.listed.len() + changes.gone.len());
        written.extend(changes.listed.iter().map(|listed| self.listed_row(listed, now)));
        written.extend(changes.gone.iter().map(|gone| {
            let row = row_of(gone, Standing::Absent, now);
            tracing::debug!(event = "directory.absent", user = %row.uid.escape_debug());
            row
        }));
        for batch in written.chunks(BATCH) {
            let commit = batch.iter().fold(Commit::new(), |commit, row| {
                commit.put(Table::DirectoryPeople, &DirectoryRow::key(&row.uid), row.encode())
            });
            self.store.commit_soon(commit);
        }
        let mut slot = self.people.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = slot.as_mut() else { return };
        for row in written {
            let user = self.identity.user_of(&row.uid);
            if row.standing == Standing::Absent {
                index.absent.insert(user.clone(), row);
            } else {
                index.absent.remove(&user);
            }
            if !self.identity.has_row(&user) {
                self.put_entry(index, &user, None, Devices::default());
            } else if let Err(error) = self.read_person(index, &user) {
                tracing::error!(event = "accounts.not_read", error = %error);
            }
        }
    }

    /// The row of somebody on the list. How long he stands so is kept from the row before.
    fn listed_row(&self, listed: &Listed, now: WallTime) -> DirectoryRow {
        let standing = if listed.listing.disabled { Standing::Disabled } else { Standing::Present };
        let stays = listed.before == Some(listed.listing.disabled);
        let before = stays
            .then(|| self.store.get(Table::DirectoryPeople, &DirectoryRow::key(&listed.uid)).ok())
            .flatten()
            .flatten();
        let before = before.and_then(|row| DirectoryRow::decode(&row).ok());
        let since = before.filter(|row| row.standing == standing).map_or(now, |row| row.since);
        row_of(listed, standing, since)
    }
}

fn row_of(listed: &Listed, standing: Standing, since: WallTime) -> DirectoryRow {
    let Listing { id, name, mail, number, .. } = &listed.listing;
    DirectoryRow {
        uid: listed.uid.to_string(),
        id: id.as_deref().map(str::to_owned),
        name: name.to_string(),
        mail: mail.to_string(),
        number: number.to_string(),
        standing,
        since,
    }
}
