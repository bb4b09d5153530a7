//! Bans: made by whoever counts failures, kept over a restart, listed and lifted by people.

use super::{Accounts, AccountsError, Actor, Plan};
use crate::model::{Ban, Record as _};
use crate::store::{Commit, Table, rows};

impl Accounts {
    /// Keeps a ban over a restart, and drops those that have ended. Never waits.
    pub fn record_ban(&self, ban: &Ban) {
        let key = Ban::key(&ban.source, ban.account.as_deref());
        let mut commit = Commit::new().put(Table::Bans, &key, ban.encode());
        let ended = |row: &[u8]| Ban::decode(row).map_or(true, |ban| ban.until <= self.now());
        if let Ok(page) = self.store.scan(Table::Bans, b"", None, 64) {
            for (old, row) in page.iter().filter(|(old, _)| *old != key) {
                if ended(row) {
                    commit = commit.delete(Table::Bans, old);
                }
            }
        }
        self.store.commit_soon(commit);
        tracing::warn!(
            event = "ban",
            source = %ban.source,
            account = %ban.account.as_deref().unwrap_or("*").escape_debug(),
            failures = ban.failures,
            until = %ban.until,
        );
    }

    /// Bans in force.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if they cannot be read.
    pub fn bans(&self) -> Result<Vec<Ban>, AccountsError> {
        let now = self.now();
        let mut bans = Vec::new();
        for row in rows(&*self.store, Table::Bans, b"") {
            bans.extend(Ban::decode(&row?.1).ok().filter(|ban| now < ban.until));
        }
        Ok(bans)
    }

    /// Lifts the bans of a source, of an account, of both together, or all; returns them, for
    /// whoever counts failures to forget them too.
    ///
    /// # Errors
    /// [`AccountsError`] if the store does not take it.
    pub async fn lift_bans(
        &self,
        actor: &Actor,
        source: Option<&str>,
        account: Option<&str>,
    ) -> Result<Vec<Ban>, AccountsError> {
        let account = account.map(|user| self.identity.canonical(user));
        let subject = format!("{} {}", source.unwrap_or("*"), account.as_deref().unwrap_or("*"));
        self.perform(actor, "ban.lift", &subject, || {
            let mut commit = Commit::new();
            let mut lifted = Vec::new();
            for row in rows(&*self.store, Table::Bans, b"") {
                let (key, row) = row?;
                let Ok(ban) = Ban::decode(&row) else { continue };
                let of_source = source.is_none_or(|source| source == ban.source);
                let of_account =
                    account.as_deref().is_none_or(|user| ban.account.as_deref() == Some(user));
                if of_source && of_account {
                    commit = commit.delete(Table::Bans, &key);
                    lifted.push(ban);
                }
            }
            Ok(Plan { commit, detail: format!("{} bans", lifted.len()), value: lifted })
        })
        .await
    }
}
