//! Rows of stored settings as a layer of the configuration.

use zeroize::Zeroizing;

use crate::accounts::open_setting;
use crate::config::{BIND_PASSWORD, LoadError, Loaded, Origin, Password, Stored, parse_toml};
use crate::model::{SettingRow, SettingValue};
use crate::operations::Failure;
use crate::store::seal::KeyFile;

/// What the rows say. Those that nobody can read are passed over.
#[must_use]
pub(super) fn layer(
    rows: &[SettingRow],
    open: impl Fn(&SettingRow) -> Option<Zeroizing<String>>,
) -> Stored {
    let mut stored = Stored::default();
    for row in rows {
        match &row.value {
            SettingValue::Plain(text) => match parse_toml(text) {
                Some(value) => stored.values.push((row.key.clone(), value)),
                None => tracing::error!(event = "setting.unreadable", key = row.key),
            },
            SettingValue::Sealed(_) if row.key == BIND_PASSWORD => {
                stored.bind_password = open(row).map(|text| Password::new(&text));
            }
            SettingValue::Sealed(_) => tracing::warn!(event = "setting.unknown", key = row.key),
        }
    }
    stored
}

/// The configuration with what is stored among its layers. A stored value that does not go with the
/// others, as after an upgrade or when the file was edited, must not keep the server from starting: it
/// is passed over, in the worst case with everything else that is stored.
///
/// # Errors
/// If the configuration is not valid without them either.
pub(super) fn laid_over(
    loaded: &Loaded,
    rows: &[SettingRow],
    key: &KeyFile,
) -> Result<Loaded, Failure> {
    let mut stored = layer(rows, |row| open_setting(key, row));
    let problems = match loaded.with(&stored) {
        Ok(loaded) => return Ok(loaded),
        Err(LoadError(problems)) => problems,
    };
    for problem in &problems {
        tracing::error!(event = "setting.passed_over", "{problem}");
    }
    stored.values.retain(|(key, _)| {
        !problems.iter().any(|wrong| wrong.origin == Origin::Console && wrong.key == *key)
    });
    loaded.with(&stored).or_else(|_| {
        tracing::error!(event = "settings.passed_over", "nothing that the console stored is used");
        loaded.with(&Stored::default()).map_err(Failure::usage)
    })
}
