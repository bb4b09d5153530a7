//! Device credentials: one password for each device, made here, shown once, revoked one by one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{Accounts, AccountsError, Actor, Plan};
use crate::entropy;
use crate::model::{Account, AlgorithmPolicy, DeviceCredential, Record as _};
use crate::store::{Commit, Table, rows};

/// Live devices of one account at most.
const MOST: usize = 20;
/// Bytes of a label at most.
const LONGEST_LABEL: usize = 128;
/// Milliseconds of the day within which a use is not written down again.
const DAY: u64 = 86_400_000;
/// Devices or tokens whose last use is remembered.
const MOST_REMEMBERED: usize = 100_000;

/// A new device with its password, which is nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret {
    /// Whose.
    pub user: String,
    /// The device's identifier.
    pub device: String,
    /// The Digest password, for `user` and `user@domain`.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceSecret({}, {})", self.user, self.device)
    }
}

/// When something was used last, in days or other spans, so that the store hears of it once a span.
#[derive(Debug, Default)]
pub(super) struct LastUsed(Mutex<HashMap<String, u64>>);

impl LastUsed {
    /// Whether this is its first use in that span.
    pub(super) fn is_first(&self, id: &str, span: u64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(id) == Some(&span) {
            return false;
        }
        if used.len() >= MOST_REMEMBERED {
            used.clear();
        }
        used.insert(id.to_owned(), span);
        true
    }
}

impl Accounts {
    /// Makes a credential for one device of a local account or of a person of the directory, who
    /// gets a row by it.
    ///
    /// # Errors
    /// [`AccountsError`] if there is nobody of that name, or the directory is needed and out of
    /// reach.
    pub async fn add_device(
        &self,
        actor: &Actor,
        user: &str,
        label: &str,
        md5_only: bool,
    ) -> Result<DeviceSecret, AccountsError> {
        let name = self.name(user)?;
        let label = super::local::visible(label);
        if label.len() > LONGEST_LABEL {
            return Err(AccountsError::TooLong("label"));
        }
        self.ensure_directory_row(&name).await?;
        let id = entropy::token(8);
        let secret = Zeroizing::new(entropy::token(16));
        let context = DeviceCredential::seal_context(&name, &id);
        let credential = DeviceCredential {
            id: id.clone(),
            user: name.to_string(),
            label,
            created: self.now(),
            last_used: None,
            revoked: None,
            expires_at: None,
            algorithm_policy: if md5_only {
                AlgorithmPolicy::Md5Only
            } else {
                AlgorithmPolicy::Configured
            },
            sealed_ha1s: self.identity.seal_password(&name, &context, &secret),
        };
        let key = DeviceCredential::key(&name, &id);
        self.perform(actor, "device.add", &name, || {
            let (_, account) = self.existing(&name)?;
            let live = self.devices(&name)?.iter().filter(|d| d.is_live(self.now())).count();
            if live >= MOST {
                return Err(AccountsError::TooManyDevices(name.to_string()));
            }
            let commit = Commit::new()
                // Nobody deleted the account, or gave its name to somebody else, meanwhile.
                .expect_equals(Table::Accounts, &Account::key(&name), account)
                .expect_absent(Table::Credentials, &key)
                .put(Table::Credentials, &key, credential.encode());
            Ok(Plan { commit, detail: format!("{id} {}", credential.label), value: () })
        })
        .await?;
        self.announce(&name)?;
        Ok(DeviceSecret { user: name.to_string(), device: id, secret })
    }

    /// Revokes a device credential: it proves nothing from here on.
    ///
    /// # Errors
    /// [`AccountsError::NoDevice`] if there is none, or it was revoked before.
    pub async fn revoke_device(
        &self,
        actor: &Actor,
        user: &str,
        device: &str,
    ) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        let key = DeviceCredential::key(&name, device);
        let none = || AccountsError::NoDevice { user: name.to_string(), device: device.to_owned() };
        self.perform(actor, "device.revoke", &name, || {
            let before = self.store.get(Table::Credentials, &key)?.ok_or_else(none)?;
            let mut credential = DeviceCredential::decode(&before).map_err(|_| none())?;
            if credential.revoked.is_some() {
                return Err(none());
            }
            credential.revoked = Some(self.now());
            // It will never verify anything again.
            credential.sealed_ha1s = Vec::new();
            let commit = Commit::new().expect_equals(Table::Credentials, &key, before).put(
                Table::Credentials,
                &key,
                credential.encode(),
            );
            Ok(Plan { commit, detail: device.to_owned(), value: () })
        })
        .await?;
        self.announce(&name)
    }

    /// A person's devices, the revoked ones included.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if they cannot be read.
    pub fn devices(&self, user: &str) -> Result<Vec<DeviceCredential>, AccountsError> {
        let name = self.name(user)?;
        let prefix = DeviceCredential::prefix(&name);
        let mut devices = Vec::new();
        for row in rows(&*self.store, Table::Credentials, &prefix) {
            devices.extend(DeviceCredential::decode(&row?.1).ok());
        }
        devices.sort_by_key(|device| device.created);
        Ok(devices)
    }

    /// Notes that a device signed in, to within a day. Never waits, and costs a look into a map
    /// for all but the first time a day.
    pub fn device_used(&self, user: &str, device: &str) {
        let now = self.now();
        if !self.used.is_first(device, now.unix_millis() / DAY) {
            return;
        }
        let name = self.identity.canonical(user);
        let key = DeviceCredential::key(&name, device);
        let Ok(Some(before)) = self.store.get(Table::Credentials, &key) else { return };
        let Ok(mut credential) = DeviceCredential::decode(&before) else { return };
        credential.last_used = Some(now);
        self.note_use(&name, now);
        // If it was revoked in this moment, that stands.
        let commit = Commit::new().expect_equals(Table::Credentials, &key, before).put(
            Table::Credentials,
            &key,
            credential.encode(),
        );
        self.store.commit_soon(commit);
    }

    /// Whether a device was made to be offered MD5 alone.
    #[must_use]
    pub fn is_md5_only(&self, user: &str, device: &str) -> bool {
        let key = DeviceCredential::key(&self.identity.canonical(user), device);
        let row = self.store.get(Table::Credentials, &key).ok().flatten();
        row.and_then(|row| DeviceCredential::decode(&row).ok())
            .is_some_and(|credential| credential.algorithm_policy == AlgorithmPolicy::Md5Only)
    }
}
