//! Who of the console is told by a message of what goes wrong, and what was told.

use super::{Accounts, AccountsError, Actor, ActorKind, ConsoleError, is_owner};
use crate::accounts::Plan;
use crate::identity::Existence;
use crate::model::{AlertKind, AlertMarks, AlertSettings, Record as _};
use crate::store::{Commit, Table, rows};

impl Accounts {
    /// What alerts an account of the console gets.
    ///
    /// # Errors
    /// If the row cannot be read.
    pub fn alert_settings(&self, account: &str) -> Result<Option<AlertSettings>, AccountsError> {
        let row = self.store.get(Table::Alerts, &AlertSettings::key(account))?;
        let damaged = |_| AccountsError::Damaged(format!("the alerts of {account}"));
        row.map(|row| AlertSettings::decode(&row).map_err(damaged)).transpose()
    }

    /// Changes what alerts the actor gets himself; without a person, or without a kind, none.
    ///
    /// # Errors
    /// [`AccountsError::NoAccount`] if there is no such person to be written to;
    /// [`ConsoleError::NoAccount`] if the actor is none of the console's own accounts.
    pub async fn set_alerts(
        &self,
        actor: &Actor,
        person: &str,
        kinds: &[AlertKind],
        language: &str,
    ) -> Result<(), AccountsError> {
        if actor.kind != ActorKind::Console {
            return Err(ConsoleError::NoAccount(actor.name.clone()).into());
        }
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let person = if person.trim().is_empty() { None } else { Some(self.name(person)?) };
        if let Some(person) = &person {
            match self.identity.exists(person).await {
                Existence::Local | Existence::Directory => {}
                Existence::Unavailable { retry_after } => {
                    return Err(AccountsError::Unavailable(retry_after));
                }
                Existence::Unknown | Existence::MustWait => {
                    return Err(AccountsError::NoAccount(person.to_string()));
                }
            }
        }
        let key = AlertSettings::key(&actor.name);
        self.perform(actor, "alert.set", &actor.name, || {
            let (commit, detail) = match person.as_ref().filter(|_| !kinds.is_empty()) {
                None => (Commit::new().delete(Table::Alerts, &key), "none".to_owned()),
                Some(person) => {
                    let words: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                    let detail = format!("{} to {person}", words.join(", "));
                    let settings = AlertSettings {
                        account: actor.name.clone(),
                        person: person.to_string(),
                        kinds: kinds.clone(),
                        language: language.chars().take(8).collect(),
                    };
                    (Commit::new().put(Table::Alerts, &key, settings.encode()), detail)
                }
            };
            Ok(Plan { commit, detail, value: () })
        })
        .await
    }

    /// Everybody who gets alerts: owners who may sign in. A row that cannot be read is left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn alerted(&self) -> Result<Vec<AlertSettings>, AccountsError> {
        let mut alerted = Vec::new();
        for row in rows(&*self.store, Table::Alerts, &AlertSettings::key("")) {
            let Ok(settings) = AlertSettings::decode(&row?.1) else { continue };
            if self.console_account(&settings.account).is_ok_and(|account| is_owner(&account)) {
                alerted.push(settings);
            }
        }
        Ok(alerted)
    }

    /// What people were told of last; nothing where that cannot be read.
    #[must_use]
    pub fn alert_marks(&self) -> AlertMarks {
        let row = self.store.get(Table::Alerts, AlertMarks::KEY).ok().flatten();
        row.and_then(|row| AlertMarks::decode(&row).ok()).unwrap_or_default()
    }

    /// Keeps what people were told of.
    pub fn keep_alert_marks(&self, marks: &AlertMarks) {
        self.store.commit_soon(Commit::new().put(Table::Alerts, AlertMarks::KEY, marks.encode()));
    }
}
