//! The audit trail: who did what, each line chained to the one before.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::local::visible;
use super::{Accounts, AccountsError, Actor};
use crate::clock::WallTime;
use crate::model::{AuditEntry, DecodeError, Record as _};
use crate::store::{Commit, CommitError, Store, Table, rows};

/// Lines that one question looks at: one that fits little is answered in parts.
const MOST_LOOKED_AT: usize = 5_000;
/// Lines of one page at most.
const LARGEST_PAGE: usize = 1_000;
/// Lines about refusals of one minute: more would let strangers fill the disk.
const REFUSALS_A_MINUTE: u32 = 30;
/// Characters of a stranger's name in a line.
const LONGEST_NAME: usize = 64;
/// Characters of whom or what a line is about.
const LONGEST_SUBJECT: usize = 256;
/// Characters of what a line says in words.
const LONGEST_DETAIL: usize = 16 * 1024;

/// What a line of the trail says.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// What was done, as `device.revoke`.
    pub action: &'a str,
    /// To whom or what.
    pub subject: &'a str,
    /// In words, secrets left out.
    pub detail: &'a str,
}

/// Puts a line into the trail of a store that nobody else writes to. Blocks until it is durable.
///
/// # Errors
/// If the store cannot be read or written.
pub fn note_in(
    store: &dyn Store,
    at: WallTime,
    actor: &Actor,
    deed: Deed<'_>,
) -> Result<(), AccountsError> {
    Ok(store.commit_blocking(with_line(store, Commit::new(), at, actor, deed)?)?)
}

/// A change together with its line, which must be the next one when it is made.
pub(super) fn with_line(
    store: &dyn Store,
    commit: Commit,
    at: WallTime,
    actor: &Actor,
    deed: Deed<'_>,
) -> Result<Commit, AccountsError> {
    let by = (actor.name.as_str(), actor.source.as_str());
    line(store, commit, at, by, deed, true)
}

fn line(
    store: &dyn Store,
    commit: Commit,
    at: WallTime,
    (actor, source): (&str, &str),
    deed: Deed<'_>,
    done: bool,
) -> Result<Commit, AccountsError> {
    let (sequence, previous) = end_of(store)?;
    let entry = AuditEntry {
        sequence,
        at,
        actor: actor.to_owned(),
        source: source.to_owned(),
        action: deed.action.to_owned(),
        subject: told(deed.subject, LONGEST_SUBJECT),
        detail: told(deed.detail, LONGEST_DETAIL),
        done,
        previous,
    };
    let key = AuditEntry::key(sequence);
    Ok(commit.expect_absent(Table::Audit, &key).put(Table::Audit, &key, entry.encode()))
}

/// A text as a line of the trail has it, wherever it comes from: nothing in it begins another line or
/// steers who reads it, and it is not without end.
fn told(text: &str, most: usize) -> String {
    let mut text = visible(text);
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The number of the next line and the digest of the last one. Lines are counted without gaps, so
/// the count finds the last one.
fn end_of(store: &dyn Store) -> Result<(u64, [u8; 32]), AccountsError> {
    let count = store.count(Table::Audit);
    if count == 0 {
        return Ok((1, [0; 32]));
    }
    let damaged = || AccountsError::Damaged(format!("audit entry {count}"));
    let bytes = store.get(Table::Audit, &AuditEntry::key(count))?.ok_or_else(damaged)?;
    let last = AuditEntry::decode(&bytes).map_err(|_| damaged())?;
    Ok((count.saturating_add(1), last.digest()))
}

/// Which lines are wanted; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// Whose deeds.
    pub actor: Option<String>,
    /// The deed, or with a full stop at the end all that begin so: `user.`
    pub action: Option<String>,
    /// To whom or what.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<WallTime>,
    /// Before.
    pub until: Option<WallTime>,
}

impl TrailFilter {
    fn lets_pass(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        let is_action = self.action.as_deref().is_none_or(|wanted| {
            wanted == entry.action || wanted.ends_with('.') && entry.action.starts_with(wanted)
        });
        is_action
            && is(&self.actor, &entry.actor)
            && is(&self.subject, &entry.subject)
            && self.since.is_none_or(|since| since <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// A page of the trail, the newest line first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailPage {
    /// The lines.
    pub entries: Vec<AuditEntry>,
    /// Where to go on; `None` at the end of the trail. A page may hold little and not be the last:
    /// no more lines are looked at for one than a certain number.
    pub next: Option<u64>,
}

/// What a walk along the chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailReport {
    /// Lines that follow one another.
    pub lines: u64,
    /// [`AuditEntry::digest`] of the last of them: who writes it down elsewhere can tell later
    /// whether the trail was cut off behind it, which the chain alone does not show.
    pub digest: [u8; 32],
    /// The first line that is not what was written, and why.
    pub broken: Option<(u64, String)>,
}

/// How many refusals were written down this minute.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<(u64, u32)>);

impl Refusals {
    /// Counts one; how many of the minutes before were not written, if this one is to be.
    fn count(&self, minute: u64) -> Option<u32> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = 0;
        if counted.0 != minute {
            left_out = counted.1.saturating_sub(REFUSALS_A_MINUTE);
            *counted = (minute, 0);
        }
        counted.1 = counted.1.saturating_add(1);
        (counted.1 <= REFUSALS_A_MINUTE).then_some(left_out)
    }
}

impl Accounts {
    /// Puts a line into the trail for something that changes no row here, and waits until it is
    /// durable.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn note(&self, actor: &Actor, deed: Deed<'_>) -> Result<(), AccountsError> {
        let _one_at_a_time = self.order.lock().await;
        let commit = with_line(&*self.store, Commit::new(), self.now(), actor, deed)?;
        Ok(self.store.commit(commit).await?)
    }

    /// Puts a line into the trail for something that was refused, as a sign-in or a deed beyond
    /// somebody's rights: 30 a minute, and how many more there were in the next one.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn note_refusal(
        &self,
        name: &str,
        source: IpAddr,
        action: &str,
    ) -> Result<(), AccountsError> {
        let name: String = visible(name).chars().take(LONGEST_NAME).collect();
        let source = source.to_canonical().to_string();
        let deed = Deed { action, subject: &name, detail: "" };
        self.refusal((&name, &source), deed).await
    }

    /// The same for somebody who asks for more than his role permits.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn note_denial(&self, actor: &Actor, action: &str) -> Result<(), AccountsError> {
        let deed = Deed { action, subject: "", detail: actor.role.name() };
        self.refusal((&actor.name, &actor.source), deed).await
    }

    /// The same for a page of the console, by its path.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn note_denied_page(&self, actor: &Actor, path: &str) -> Result<(), AccountsError> {
        let subject: String = visible(path).chars().take(LONGEST_NAME).collect();
        let deed = Deed { action: "console.page", subject: &subject, detail: actor.role.name() };
        self.refusal((&actor.name, &actor.source), deed).await
    }

    async fn refusal(&self, by: (&str, &str), deed: Deed<'_>) -> Result<(), AccountsError> {
        let now = self.now();
        let minute = now.unix_millis() / 60_000;
        let Some(left_out) = self.console.refusals.count(minute) else { return Ok(()) };
        let detail = match left_out {
            0 => deed.detail.to_owned(),
            _ => format!("{} ({left_out} refusals before were not written down)", deed.detail),
        };
        let deed = Deed { detail: detail.trim_start(), ..deed };
        let _one_at_a_time = self.order.lock().await;
        let commit = line(&*self.store, Commit::new(), now, by, deed, false)?;
        match self.store.commit(commit).await {
            // What is refused is refused, whether it can be written down or not.
            Err(CommitError::ReadOnly) => {
                let (action, subject) = (deed.action, deed.subject);
                tracing::warn!(event = "refused", action, subject, source = by.1, "not written");
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// The audit trail from an entry's number on.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if it cannot be read.
    pub fn trail(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, AccountsError> {
        let after = from.checked_sub(1).map(AuditEntry::key);
        let rows = self.store.scan(Table::Audit, b"", after.as_deref(), limit)?;
        let entry = |row: &[u8]| {
            AuditEntry::decode(row).map_err(|_| AccountsError::Damaged("the audit trail".into()))
        };
        rows.iter().map(|(_, row)| entry(row)).collect()
    }

    /// Lines before the one of the number `before`, or from the end, the newest first.
    ///
    /// # Errors
    /// [`AccountsError`] if a line cannot be read.
    pub fn trail_before(
        &self,
        before: Option<u64>,
        limit: usize,
        filter: &TrailFilter,
    ) -> Result<TrailPage, AccountsError> {
        let end = self.store.count(Table::Audit).saturating_add(1);
        let mut at = before.unwrap_or(end).min(end);
        let limit = limit.clamp(1, LARGEST_PAGE);
        let mut entries = Vec::new();
        for _ in 0..MOST_LOOKED_AT {
            if at <= 1 || entries.len() == limit {
                break;
            }
            at -= 1;
            let damaged = || AccountsError::Damaged(format!("audit entry {at}"));
            let row = self.store.get(Table::Audit, &AuditEntry::key(at))?.ok_or_else(damaged)?;
            let entry = AuditEntry::decode(&row).map_err(|_| damaged())?;
            if filter.lets_pass(&entry) {
                entries.push(entry);
            }
        }
        Ok(TrailPage { entries, next: (at > 1).then_some(at) })
    }

    /// Walks along the whole chain. Blocks.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if a row cannot be read; what it says is found, no error.
    pub fn verify_trail(&self) -> Result<TrailReport, AccountsError> {
        let mut report = TrailReport::default();
        for row in rows(&*self.store, Table::Audit, b"") {
            let (key, bytes) = row?;
            let number = report.lines.saturating_add(1);
            let trouble = match AuditEntry::decode(&bytes) {
                _ if key != AuditEntry::key(number) => "it is missing".to_owned(),
                Err(DecodeError::Version(version)) => {
                    format!("a later release wrote it (version {version})")
                }
                Err(_) => "it cannot be read".to_owned(),
                Ok(entry) if entry.sequence != number => {
                    format!("it is the line {} in another place", entry.sequence)
                }
                Ok(entry) if entry.previous != report.digest => {
                    "the line before it is not the one that it was written after".to_owned()
                }
                Ok(entry) => {
                    report.lines = number;
                    report.digest = entry.digest();
                    continue;
                }
            };
            report.broken = Some((number, trouble));
            break;
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
