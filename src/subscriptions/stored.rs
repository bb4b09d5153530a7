//! Subscriptions as the store has them: written soon after they change, read at the start, and for a
//! share in another service's commit.

use std::sync::Arc;
use std::time::Duration;

use super::index::{Entry, Inner, Known};
use super::package::Package;
use super::table::Subscriptions;
use super::waiting::Wait;
use crate::clock::{Tick, WallTime};
use crate::entropy;
use crate::model::{DeviceKey, Record as _, SubscriptionRow, WaitingRow};
use crate::payload::pres_rules::Handling;
use crate::sip::dialog::{Dialog, Names};
use crate::sip::subscription::{EndReason, Subscription};
use crate::store::{Commit, Store, StoreError, Table, rows};

/// CSeq numbers and versions that one write to the store reserves. The next block is reserved when
/// half of it is used: the write takes up to 100 ms, and what is sent meanwhile must be reserved too.
const BLOCK: u32 = 4_096;

/// How often the server has started on this store.
const STARTS_KEY: &[u8] = b"subscriptions.starts";

/// What came back from the store is told within this time, not all at once.
const RETURN_SPREAD: Duration = Duration::from_secs(30);

/// Counts one more start of the server. It must be durable before [`Subscriptions::open`], whose first
/// NOTIFYs leave before the numbers that they use are stored: a start that follows within that time
/// begins above them.
///
/// # Errors
///
/// If the store cannot be read.
pub fn count_start(store: &dyn Store) -> Result<Commit, StoreError> {
    let starts = starts(store)?.saturating_add(1);
    Ok(Commit::new().put(Table::Site, STARTS_KEY, starts.to_string().into_bytes()))
}

pub(super) fn starts(store: &dyn Store) -> Result<u32, StoreError> {
    let Some(row) = store.get(Table::Site, STARTS_KEY)? else { return Ok(0) };
    let text = std::str::from_utf8(&row).ok();
    text.and_then(|text| text.parse().ok()).ok_or(StoreError::Damaged(Table::Site))
}

impl Subscriptions {
    /// Takes over what the store holds.
    pub(super) fn load(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        for row in rows(&*self.store, Table::Subscriptions, &[]) {
            let (key, value) = row?;
            let row = SubscriptionRow::decode(&value).ok();
            match row.and_then(|row| self.restored(inner, row, now, wall)) {
                Some(entry) => {
                    inner.insert(entry);
                }
                None => {
                    tracing::error!(event = "subscription_row_unreadable", key = %String::from_utf8_lossy(&key).escape_debug());
                }
            }
        }
        for row in rows(&*self.store, Table::WaitingWatchers, &[]) {
            let (key, value) = row?;
            let Ok(row) = WaitingRow::decode(&value) else {
                tracing::error!(event = "waiting_row_unreadable", key = %String::from_utf8_lossy(&key).escape_debug());
                continue;
            };
            // The answer may have come while no server ran.
            let handling = self.presence.authorise(&row.resource, &row.watcher).handling;
            if handling != Handling::Confirm {
                self.forget_wait(&row.resource, &row.watcher);
                continue;
            }
            let (resource, watcher) = (inner.shared(&row.resource), inner.shared(&row.watcher));
            let wait = Wait { id: inner.next_id(), watcher, since: row.since, until: row.until };
            if let Some(over) = inner.waiting.add(
                Arc::clone(&resource),
                wait,
                self.settings.load().waiting_per_user,
            ) {
                self.forget_wait(&resource, &over.watcher);
            }
        }
        Ok(())
    }

    fn restored(
        &self,
        inner: &Inner,
        row: SubscriptionRow,
        now: Tick,
        wall: WallTime,
    ) -> Option<Entry> {
        let package = Package::named(row.event.as_bytes())?;
        let longest = Duration::from_secs(self.settings.load().max_expires.into());
        let expires = now + row.expires_at.since(wall).min(longest);
        let mut subscription = Subscription::new(expires, self.settings.load().interval);
        let access = self.access(package, &row.resource, &row.watcher);
        // Decided since it was told last: with another configuration, by hand, or just before the end.
        if access.handling == Handling::Block {
            subscription.end(EndReason::Rejected);
        }
        let spread = u64::try_from(RETURN_SPREAD.as_millis()).unwrap_or(u64::MAX);
        subscription.rest_until(now + Duration::from_millis(entropy::below(spread)));
        let adrift = row.bound.then(|| now + self.settings.load().return_time);
        // What starts since then have used and may not have stored.
        let unsure = self.starts.saturating_sub(row.starts).saturating_mul(BLOCK);
        let (cseq, version) =
            (row.reserved_cseq.saturating_add(unsure), row.reserved_version.saturating_add(unsure));
        let names = Names {
            call_id: &row.call_id,
            local_tag: &row.local_tag,
            remote_tag: &row.remote_tag,
            local: &row.local,
            remote: &row.remote,
            target: &row.target,
            route: &row.route,
        };
        let mut entry = Entry {
            resource: inner.shared(&row.resource),
            watcher: inner.shared(&row.watcher),
            package,
            one_tuple: row.one_tuple,
            bound: row.bound,
            stored: true,
            announced: true,
            event_id: row.event_id.map(Into::into),
            device: row.device,
            dialog: Arc::new(Dialog::of(&names, cseq, row.remote_cseq)),
            deadline: adrift.unwrap_or_else(|| subscription.deadline()),
            subscription,
            flow: row.flow,
            adrift,
            since: row.since,
            version,
            reserved_cseq: cseq,
            reserved_version: version,
            known: Known::Nothing,
            access,
        };
        entry.set_state();
        entry.deadline = entry.next_deadline();
        Some(entry)
    }

    /// Stores a subscription, with the next block of numbers reserved.
    pub(super) fn keep(&self, entry: &mut Entry) {
        entry.stored = true;
        entry.reserved_cseq = entry.dialog.local_cseq.saturating_add(BLOCK);
        entry.reserved_version = entry.version.saturating_add(BLOCK);
        let left = entry.subscription.expires().since(self.clock.now());
        let names = entry.dialog.names();
        let row = SubscriptionRow {
            resource: entry.resource.to_string(),
            watcher: entry.watcher.to_string(),
            event: entry.package.name().to_owned(),
            event_id: entry.event_id.as_deref().map(str::to_owned),
            device: entry.device.clone(),
            flow: entry.flow,
            bound: entry.bound,
            one_tuple: entry.one_tuple,
            since: entry.since,
            call_id: names.call_id.to_vec(),
            local_tag: names.local_tag.to_owned(),
            remote_tag: names.remote_tag.to_vec(),
            local: names.local.to_vec(),
            remote: names.remote.to_vec(),
            target: names.target.to_vec(),
            route: names.route.to_vec(),
            remote_cseq: entry.dialog.remote_cseq,
            reserved_cseq: entry.reserved_cseq,
            reserved_version: entry.reserved_version,
            expires_at: self.clock.wall() + left,
            starts: self.starts,
        };
        let key = SubscriptionRow::key(&entry.resource, entry.dialog.local_tag());
        self.store.commit_soon(Commit::new().put(Table::Subscriptions, &key, row.encode()));
    }

    /// Stores a subscription anew if the numbers that are reserved for it run out.
    pub(super) fn keep_ahead(&self, entry: &mut Entry) {
        let runs_out = |used: u32, reserved: u32| used.saturating_add(BLOCK / 2) > reserved;
        let is_short = runs_out(entry.dialog.local_cseq, entry.reserved_cseq)
            || runs_out(entry.version, entry.reserved_version);
        if is_short && entry.stored {
            self.keep(entry);
        }
    }

    pub(super) fn forget(&self, entry: &mut Entry) {
        if !std::mem::take(&mut entry.stored) {
            return;
        }
        let key = SubscriptionRow::key(&entry.resource, entry.dialog.local_tag());
        self.store.commit_soon(Commit::new().delete(Table::Subscriptions, &key));
    }

    pub(super) fn keep_wait(&self, resource: &str, wait: &Wait) {
        let row = WaitingRow {
            resource: resource.to_owned(),
            watcher: wait.watcher.to_string(),
            since: wait.since,
            until: wait.until,
        };
        let key = WaitingRow::key(resource, &wait.watcher);
        self.store.commit_soon(Commit::new().put(Table::WaitingWatchers, &key, row.encode()));
    }

    pub(super) fn forget_wait(&self, resource: &str, watcher: &str) {
        let key = WaitingRow::key(resource, watcher);
        self.store.commit_soon(Commit::new().delete(Table::WaitingWatchers, &key));
    }
}

/// What ends the stored subscriptions of a person: all of his own and those to him, with who waits
/// for his answer and what he waits for; or his own by one device. A [`Subscriptions`] over the same
/// store is to be told by [`Subscriptions::end`].
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure(
    store: &dyn Store,
    aor: &str,
    device: Option<&DeviceKey>,
) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::Subscriptions, &[]) {
        let (key, value) = row?;
        let concerned = SubscriptionRow::decode(&value).is_ok_and(|row| match device {
            None => row.resource == aor || row.watcher == aor,
            Some(_) => row.watcher == aor && row.device.as_ref() == device,
        });
        if concerned {
            commit = commit.delete(Table::Subscriptions, &key);
        }
    }
    if device.is_some() {
        return Ok(commit);
    }
    for row in rows(store, Table::WaitingWatchers, &[]) {
        let (key, value) = row?;
        if WaitingRow::decode(&value).is_ok_and(|row| row.resource == aor || row.watcher == aor) {
            commit = commit.delete(Table::WaitingWatchers, &key);
        }
    }
    Ok(commit)
}
