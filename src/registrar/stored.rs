//! Rows as the store has them: for a share in another service's commit, and for a command that
//! works while no server runs.

use super::gruu::same_instance;
use crate::clock::WallTime;
use crate::model::{BindingRow, DeviceKey, Record as _};
use crate::sip::Flow;
use crate::store::{Commit, Store, StoreError, Table};

/// What ends every binding of an address-of-record and forgets its devices, in the commit that
/// removes or locks the person. A [`super::Registrar`] over the same store is to be told by
/// [`super::Registrar::remove`].
#[must_use]
pub fn erasure(aor: &str) -> Commit {
    Commit::new().delete(Table::Bindings, &BindingRow::key(aor))
}

/// What ends the bindings of one device and forgets it; nothing if there is none.
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure_of_device(
    store: &dyn Store,
    aor: &str,
    device: &DeviceKey,
) -> Result<Commit, StoreError> {
    let key = BindingRow::key(aor);
    let Some(before) = store.get(Table::Bindings, &key)? else { return Ok(Commit::new()) };
    let Ok(mut row) = BindingRow::decode(&before) else { return Ok(Commit::new()) };
    let count = row.bindings.len() + row.seen.len();
    let gone: Vec<String> = row
        .bindings
        .iter()
        .filter(|binding| binding.device == *device)
        .filter_map(|binding| binding.instance.clone())
        .collect();
    row.instances.retain(|instance| !gone.iter().any(|gone| same_instance(gone, instance)));
    row.bindings.retain(|binding| binding.device != *device);
    row.seen.retain(|seen| seen.device != *device);
    if row.bindings.len() + row.seen.len() == count {
        return Ok(Commit::new());
    }
    let commit = Commit::new().expect_equals(Table::Bindings, &key, before);
    Ok(if row.bindings.is_empty() && row.seen.is_empty() && row.instances.is_empty() {
        commit.delete(Table::Bindings, &key)
    } else {
        commit.put(Table::Bindings, &key, row.encode())
    })
}

/// Where people were registered from when the row was written, and who: those on a connection that is
/// gone as well. Rows that do not decode are left out.
///
/// # Errors
///
/// If the store cannot be read.
pub fn stored_homes(
    store: &dyn Store,
    mut home: impl FnMut(&Flow, &str),
) -> Result<(), StoreError> {
    const PAGE: usize = 1_000;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(Table::Bindings, &[], after.as_deref(), PAGE)?;
        for row in page.iter().filter_map(|(_, row)| BindingRow::decode(row).ok()) {
            for binding in &row.bindings {
                home(&binding.flow, &row.aor);
            }
        }
        if page.len() < PAGE {
            return Ok(());
        }
        after = page.into_iter().next_back().map(|(key, _)| key);
    }
}

/// The contacts that a server started now would take over: those that hung on a connection ended
/// with it.
///
/// # Errors
///
/// If the store cannot be read.
pub fn stored_contacts(
    store: &dyn Store,
    aor: &str,
    now: WallTime,
) -> Result<Vec<String>, StoreError> {
    let Some(row) = store.get(Table::Bindings, &BindingRow::key(aor))? else {
        return Ok(Vec::new());
    };
    let bindings = BindingRow::decode(&row).map(|row| row.bindings).unwrap_or_default();
    Ok(bindings
        .into_iter()
        .filter(|binding| !binding.connection_bound && binding.expires_at > now)
        .map(|binding| binding.contact_uri)
        .collect())
}
