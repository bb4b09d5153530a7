//! Settings of the configuration that the console stored. What they mean is `config`'s; here they are
//! kept, with the line of the audit trail that says what each was before.

use zeroize::Zeroizing;

use super::{Accounts, AccountsError, Actor, Plan};
use crate::model::{Record as _, SettingRow, SettingValue};
use crate::store::seal::KeyFile;
use crate::store::{Commit, Store, Table, rows};

/// Bytes of a value at most.
const LONGEST_VALUE: usize = 64 * 1024;
/// Characters of a value in a line of the audit trail.
const LONGEST_SHOWN: usize = 200;

/// A setting to be stored, or to be given up.
#[derive(Clone)]
pub struct SettingChange {
    /// The key of the configuration.
    pub key: String,
    /// What it is to say; `None` gives it up.
    pub value: Option<NewValue>,
    /// How the audit trail calls the value before, where nothing was stored.
    pub before: String,
}

/// What a setting is to say.
#[derive(Clone)]
pub enum NewValue {
    /// TOML.
    Plain(String),
    /// A secret, which is sealed.
    Secret(Zeroizing<String>),
}

impl std::fmt::Debug for SettingChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SettingChange").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Everything that is stored. Rows that cannot be read are left out and logged: the server starts
/// without them.
///
/// # Errors
/// If the store cannot be read.
pub fn stored_settings(store: &dyn Store) -> Result<Vec<SettingRow>, AccountsError> {
    let mut all = Vec::new();
    for row in rows(store, Table::Settings, b"") {
        match SettingRow::decode(&row?.1) {
            Ok(row) => all.push(row),
            Err(error) => {
                tracing::error!(event = "store.row_unreadable", table = "settings", %error);
            }
        }
    }
    Ok(all)
}

/// The secret of a row; `None`, with a line in the log, if it does not open.
#[must_use]
pub fn open_setting(key: &KeyFile, row: &SettingRow) -> Option<Zeroizing<String>> {
    let SettingValue::Sealed(sealed) = &row.value else { return None };
    let opened = key.open_sealed(&SettingRow::seal_context(&row.key), sealed);
    match opened.map(|plain| String::from_utf8(plain.to_vec()).map(Zeroizing::new)) {
        Ok(Ok(text)) => Some(text),
        Ok(Err(_)) => None,
        Err(error) => {
            tracing::error!(event = "setting.unusable", key = row.key, %error);
            None
        }
    }
}

impl Accounts {
    /// Stores settings, or gives them up, all or none.
    ///
    /// # Errors
    /// [`AccountsError`] if a value is too long, or the store does not take it.
    pub async fn store_settings(
        &self,
        actor: &Actor,
        changes: &[SettingChange],
    ) -> Result<(), AccountsError> {
        let too_long = |change: &SettingChange| match &change.value {
            Some(NewValue::Plain(text)) => text.len() > LONGEST_VALUE,
            Some(NewValue::Secret(text)) => text.len() > LONGEST_VALUE,
            None => false,
        };
        if changes.iter().any(too_long) {
            return Err(AccountsError::TooLong("value"));
        }
        let given_up = changes.iter().all(|change| change.value.is_none());
        let action = if given_up { "setting.reset" } else { "setting.set" };
        let subject = match changes {
            [one] => one.key.clone(),
            [first, ..] => section_of(&first.key, changes).to_owned(),
            [] => return Ok(()),
        };
        let now = self.now();
        self.perform(actor, action, &subject, || {
            let mut commit = Commit::new();
            let mut detail = Vec::new();
            for change in changes {
                let key = SettingRow::key(&change.key);
                let before = self.store.get(Table::Settings, &key)?;
                commit = match &before {
                    Some(bytes) => commit.expect_equals(Table::Settings, &key, bytes.clone()),
                    None => commit.expect_absent(Table::Settings, &key),
                };
                let was = match before.as_deref().map(SettingRow::decode) {
                    Some(Ok(row)) => shown(&row.value),
                    _ => short(&change.before),
                };
                let value = change.value.as_ref().map(|value| self.setting(&change.key, value));
                let becomes = value.as_ref().map_or_else(|| "as configured".to_owned(), shown);
                detail.push(format!("{}: {was} -> {becomes}", change.key));
                commit = match value {
                    Some(value) => {
                        let (key_text, by) = (change.key.clone(), actor.name.clone());
                        let row = SettingRow { key: key_text, value, by, at: now };
                        commit.put(Table::Settings, &key, row.encode())
                    }
                    None => commit.delete(Table::Settings, &key),
                };
            }
            Ok(Plan { commit, detail: detail.join("; "), value: () })
        })
        .await?;
        for change in changes {
            self.bus.publish(Table::Settings, &SettingRow::key(&change.key));
        }
        Ok(())
    }

    fn setting(&self, key: &str, value: &NewValue) -> SettingValue {
        match value {
            NewValue::Plain(text) => SettingValue::Plain(text.clone()),
            NewValue::Secret(text) => {
                let context = SettingRow::seal_context(key);
                SettingValue::Sealed(self.identity.seal(&context, text.as_bytes()))
            }
        }
    }
}

/// A value as the audit trail has it.
fn shown(value: &SettingValue) -> String {
    match value {
        SettingValue::Plain(text) => short(text),
        SettingValue::Sealed(_) => "(a secret)".to_owned(),
    }
}

fn short(text: &str) -> String {
    let text = super::local::visible(text);
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The longest section that all keys are in.
fn section_of<'a>(first: &'a str, changes: &[SettingChange]) -> &'a str {
    let mut section = first;
    while let Some((shorter, _)) = section.rsplit_once('.') {
        section = shorter;
        let within = |key: &str| key.strip_prefix(section).is_some_and(|r| r.starts_with('.'));
        if changes.iter().all(|change| within(&change.key)) {
            return section;
        }
    }
    "configuration"
}
