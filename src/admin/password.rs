//! What is wrong with a new password, in the words of its form.

use crate::accounts::{AccountsError, ConsoleError};
use crate::web::{Faults, Form, Texts};

/// The least of a password, in characters, as `accounts` has it.
const LEAST: usize = 12;

/// What a password that is made here is made of: nothing that looks like something else.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of it, of five bits each, in groups that are easy to read out.
const GROUPS: [usize; 4] = [5; 4];

/// A password of 100 bits.
pub(super) fn generated() -> String {
    let group = |length: &usize| -> String {
        let letter = |_| char::from(LETTERS[crate::entropy::below(32) as usize]);
        (0..*length).map(letter).collect()
    };
    GROUPS.iter().map(group).collect::<Vec<_>>().join("-")
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_made_here_is_long_and_another_each_time() {
        let one = generated();
        assert_eq!(one.len(), 23, "{one}");
        assert!(one.chars().count() >= LEAST);
        assert_ne!(one, generated());
    }
}
