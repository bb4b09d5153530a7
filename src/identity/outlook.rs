//! What of the identity layer can be another while it runs: the directory, the cache's times, who
//! administers. It is replaced as a whole; whoever began with the one before notices ([`is_current`]).
//!
//! [`is_current`]: Identity::is_current

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, atomic::Ordering};

use super::person::Person;
use super::{Affected, Identity, IdentityError, Settings, ldap, sync};
use crate::config;

/// The parts that are replaced together.
#[derive(Debug)]
pub(super) struct Outlook {
    /// `None`: local accounts only.
    pub(super) directory: Option<Arc<ldap::Directory>>,
    /// The group whose members administer; empty is none.
    pub(super) admin_group: String,
    pub(super) cache: config::Cache,
}

impl Outlook {
    /// Of settings. Nothing is contacted yet.
    pub(super) fn new(
        settings: &Settings,
        clock: &crate::clock::Clock,
    ) -> Result<Outlook, ldap::SettingsError> {
        let directory = settings.directory.clone();
        let directory = directory.map(|directory| ldap::Directory::new(directory, clock.clone()));
        Ok(Outlook {
            directory: directory.transpose()?.map(Arc::new),
            admin_group: settings.admin_group.clone(),
            cache: settings.cache.clone(),
        })
    }
}

/// Other settings, found to be usable and not in force yet ([`Identity::prepare`]).
#[derive(Debug)]
pub struct Prepared {
    settings: Settings,
    outlook: Outlook,
}

impl Identity {
    pub(super) fn outlook(&self) -> arc_swap::Guard<Arc<Outlook>> {
        self.outlook.load()
    }

    /// The directory that is in use.
    pub(super) fn directory(&self) -> Option<Arc<ldap::Directory>> {
        self.outlook().directory.clone()
    }

    /// Whether this directory is still the one that is in use: what another one said no longer counts.
    pub(super) fn is_current(&self, directory: &Arc<ldap::Directory>) -> bool {
        self.outlook().directory.as_ref().is_some_and(|current| Arc::ptr_eq(current, directory))
    }

    /// Looks whether other settings can work, before anybody stores them. The domain, the aliases, the
    /// realm and the template of addresses stay what they were at the start.
    ///
    /// # Errors
    /// [`ldap::SettingsError`] if they cannot.
    pub fn prepare(&self, settings: Settings) -> Result<Prepared, ldap::SettingsError> {
        let outlook = Outlook::new(&settings, &self.clock)?;
        Ok(Prepared { settings, outlook })
    }

    /// Puts other settings in force. A directory that is another one than before is read at once; what
    /// was known of its people counts on until then if it finds them in the same way.
    ///
    /// # Errors
    /// [`IdentityError`] if the store cannot be read.
    pub fn switch(&self, prepared: Prepared) -> Result<(), IdentityError> {
        let Prepared { settings, outlook } = prepared;
        self.offers.set(&settings);
        self.people.set_capacity(settings.cache.capacity);
        let before = self.outlook.load_full();
        let found_so = before.directory.as_ref().map(|directory| directory.settings().clone());
        if found_so == settings.directory {
            let directory = before.directory.clone();
            self.outlook.store(Arc::new(Outlook { directory, ..outlook }));
            return Ok(());
        }
        let same = match (&found_so, &settings.directory) {
            (Some(before), Some(after)) => before.finds_as(after),
            _ => false,
        };
        let has_directory = outlook.directory.is_some();
        self.outlook.store(Arc::new(outlook));
        if !same {
            self.forget_facts();
        }
        *self.sync_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if has_directory {
            self.load_roll()?;
            self.load_groups()?;
        } else {
            self.forget_list();
        }
        let number = self.supervised.fetch_add(1, Ordering::Relaxed) + 1;
        if has_directory && let Some(me) = self.me.get() {
            self.runtime.spawn(sync::supervise(me.clone(), number));
        }
        self.tell_regrouped(Affected::Everybody);
        Ok(())
    }

    /// Forgets what a directory said of anybody.
    fn forget_facts(&self) {
        for name in self.people.names(|person| person.fact.is_some()) {
            self.people.change(&name, |person| {
                let local = person?.local.clone();
                local.is_some().then(|| Person::new(&name, &self.domain, local, None))
            });
        }
    }

    /// Forgets the list of a directory that is no longer asked; the store keeps it.
    fn forget_list(&self) {
        self.numbers.set_directory(HashMap::new(), true);
        self.forget_roll();
        self.groups.forget();
    }
}
