//! The domain and the realm: settled at the first start, because every address and every HA1 is
//! made for them.

use super::AccountsError;
use crate::identity::{DOMAIN_KEY, REALM_KEY};
use crate::store::{Commit, CommitError, Store, Table};

/// The domain that the people of a store have their addresses in; `None` before the first start.
///
/// # Errors
/// [`AccountsError`] if it cannot be read.
pub fn frozen_domain(store: &dyn Store) -> Result<Option<String>, AccountsError> {
    let Some(bytes) = store.get(Table::Site, DOMAIN_KEY)? else { return Ok(None) };
    let domain = String::from_utf8(bytes);
    domain.map(Some).map_err(|_| AccountsError::Damaged("the domain".to_owned()))
}

/// The domain of the store; at the first start `domain`. One that is not `configured` but follows
/// from the machine gives way to the one of the store. A configured one replaces it as long as
/// nobody has an address in it.
///
/// # Errors
/// [`AccountsError::OtherDomain`] if a different one is configured while there are accounts;
/// otherwise if the store cannot be read or written.
pub fn freeze_domain(
    store: &dyn Store,
    domain: &str,
    configured: bool,
) -> Result<String, AccountsError> {
    let domain = domain.to_lowercase();
    let Some(bytes) = store.get(Table::Site, DOMAIN_KEY)? else {
        let commit = Commit::new().expect_absent(Table::Site, DOMAIN_KEY).put(
            Table::Site,
            DOMAIN_KEY,
            domain.as_bytes(),
        );
        store.commit_blocking(commit)?;
        return Ok(domain);
    };
    let frozen = String::from_utf8(bytes.clone())
        .map_err(|_| AccountsError::Damaged("the domain".to_owned()))?;
    if frozen == domain || !configured {
        return Ok(frozen);
    }
    for table in [Table::Accounts, Table::Credentials, Table::HeldMessages] {
        if store.count(table) > 0 {
            return Err(AccountsError::OtherDomain { frozen, configured: domain });
        }
    }
    let mut commit = Commit::new().expect_equals(Table::Site, DOMAIN_KEY, bytes.clone()).put(
        Table::Site,
        DOMAIN_KEY,
        domain.as_bytes(),
    );
    // A realm that only followed the domain follows it again.
    if store.get(Table::Site, REALM_KEY)?.is_some_and(|realm| realm == bytes) {
        commit = commit.delete(Table::Site, REALM_KEY);
    }
    store.commit_blocking(commit)?;
    Ok(domain)
}

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
