//! Subscriptions as the store has them: for a share in another service's commit, and for a command
//! that works while no server runs.

use crate::model::{DeviceKey, Record as _, SubscriptionRow};
use crate::store::{Commit, Store, StoreError, Table, rows};

/// What ends the stored subscriptions to an address-of-record, all or those of one device. A
/// [`super::Subscriptions`] over the same store is to be told by [`super::Subscriptions::end`].
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure(
    store: &dyn Store,
    resource: &str,
    device: Option<&DeviceKey>,
) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::Subscriptions, &SubscriptionRow::prefix(resource)) {
        let (key, value) = row?;
        let concerned = device.is_none_or(|device| {
            SubscriptionRow::decode(&value).map_or(true, |row| row.device.as_ref() == Some(device))
        });
        if concerned {
            commit = commit.delete(Table::Subscriptions, &key);
        }
    }
    Ok(commit)
}
