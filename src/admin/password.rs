//! What is wrong with a new password, in the words of its form.

use crate::accounts::{AccountsError, ConsoleError};
use crate::web::{Faults, Form, Texts};

/// The least of a password, in characters, as `accounts` has it.
const LEAST: usize = 12;

/// Looks at the fields `password` and `again`.
pub(super) fn check(t: Texts, form: &Form, faults: &mut Faults) {
    let password = form.get("password");
    if password.chars().count() < LEAST {
        faults.add("password", t.get("password-short"));
    } else if password != form.get("again") {
        faults.add("again", t.get("password-differs"));
    }
}

/// What the accounts say against a change, at its field.
pub(super) fn fault(t: Texts, error: &AccountsError, faults: &mut Faults) {
    let (field, text) = match error {
        AccountsError::Console(ConsoleError::Name(_)) => ("name", t.get("name-unusable")),
        AccountsError::Console(ConsoleError::Password(_)) => {
            ("password", t.get("password-unusable"))
        }
        AccountsError::Console(ConsoleError::Present) => ("present", t.get("password-wrong")),
        AccountsError::Console(ConsoleError::Code) => ("code", t.get("code-wrong")),
        AccountsError::Console(ConsoleError::Busy(_)) => ("", t.get("busy")),
        error => {
            tracing::error!(event = "console_change_failed", %error);
            ("", t.get("failed"))
        }
    };
    faults.add(field, text);
}
