//! The realm: settled at the first start, because every HA1 is made for it.

use super::AccountsError;
use crate::identity::REALM_KEY;
use crate::store::{Commit, CommitError, Store, Table};

/// The realm of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenRealm {
    /// The realm of all challenges.
    pub realm: String,
    /// The configuration now names another one, which cannot be had without making every password
    /// anew.
    pub differs: bool,
}

/// The realm of the store; at the first start the configured one, or else the domain.
///
/// # Errors
/// [`AccountsError`] if the store cannot be read or written.
pub fn freeze_realm(
    store: &dyn Store,
    configured: &str,
    domain: &str,
) -> Result<FrozenRealm, AccountsError> {
    let wanted = if configured.is_empty() { domain.to_lowercase() } else { configured.to_owned() };
    let frozen = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| AccountsError::Damaged("the realm".to_owned()))
    };
    let realm = match store.get(Table::Site, REALM_KEY)? {
        Some(bytes) => frozen(bytes)?,
        None => {
            let commit = Commit::new().expect_absent(Table::Site, REALM_KEY).put(
                Table::Site,
                REALM_KEY,
                wanted.as_bytes(),
            );
            match store.commit_blocking(commit) {
                Ok(()) => wanted.clone(),
                Err(CommitError::Conflict) => {
                    frozen(store.get(Table::Site, REALM_KEY)?.unwrap_or_default())?
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    let differs = !configured.is_empty() && configured != realm;
    Ok(FrozenRealm { realm, differs })
}
