//! The queue as the store has it: for a share in another service's commit, and for a command that
//! works while no server runs.

use crate::clock::WallTime;
use crate::model::{DeviceKey, HeldState, Record as _, held_prefix};
use crate::store::{Commit, Store, StoreError, Table, rows};

/// What removes everything held for a person, in the commit that removes the person: whoever is
/// given the name next reads none of it. A [`super::Held`] over the same store is to be told by
/// [`super::Held::purge`].
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure(store: &dyn Store, aor: &str) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::HeldCursors, &held_prefix(aor)) {
        let (key, _) = row?;
        commit = commit.delete(Table::HeldMessages, &key).delete(Table::HeldCursors, &key);
    }
    Ok(commit)
}

/// How many messages wait for a person at `now`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn held_for(store: &dyn Store, aor: &str, now: WallTime) -> Result<u64, StoreError> {
    let mut count = 0;
    for row in rows(store, Table::HeldCursors, &held_prefix(aor)) {
        let waits = HeldState::decode(&row?.1).is_ok_and(|state| state.expires_at > now);
        count += u64::from(waits);
    }
    Ok(count)
}

/// What takes a device that will not come back out of everything that waits for it, where no server
/// runs; what [`super::Held::dismiss`] does where one does.
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure_of_device(
    store: &dyn Store,
    aor: &str,
    device: &DeviceKey,
) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::HeldCursors, &held_prefix(aor)) {
        let (key, value) = row?;
        let Ok(mut state) = HeldState::decode(&value) else { continue };
        if !state.pending.contains(device) {
            continue;
        }
        state.pending.retain(|other| other != device);
        commit = if state.pending.is_empty() && !state.unclaimed {
            commit.delete(Table::HeldMessages, &key).delete(Table::HeldCursors, &key)
        } else {
            commit.put(Table::HeldCursors, &key, state.encode())
        };
    }
    Ok(commit)
}
