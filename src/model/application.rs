//! Programs that tell people things, and people who do not want to be told.

use serde::{Deserialize, Serialize};

use super::{Record, join, prefix};
use crate::clock::WallTime;

/// What the user part of an application's address begins with. A slash is in nobody's name, so that no
/// person can have such an address, now or later.
const ADDRESS: &str = "app/";

/// A program that sends notices under a name of its own. Table `Applications`, key
/// [`Application::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// What it is called in its address: letters, digits and hyphens.
    pub name: String,
    /// What people read as the sender.
    pub title: String,
    /// How often it may send within a minute.
    pub per_minute: u32,
    /// How many notices one person gets of it within a minute.
    pub per_person: u32,
    /// The identifiers of its tokens.
    pub tokens: Vec<String>,
    /// When it was made.
    pub created: WallTime,
}

impl Record for Application {}

impl Application {
    /// The key of the row of the application `name`.
    #[must_use]
    pub fn key(name: &str) -> Vec<u8> {
        join(&[name.as_bytes()])
    }

    /// The user part of the address of the application `name`.
    #[must_use]
    pub fn user_part(name: &str) -> String {
        format!("{ADDRESS}{name}")
    }

    /// The name of the application whose address has this user part, if it is an application's.
    #[must_use]
    pub fn of_user_part(user: &str) -> Option<&str> {
        user.strip_prefix(ADDRESS)
    }
}

/// Somebody who does not want to hear from an application. Table `Mutes`, key [`Mute::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Who.
    pub user: String,
    /// The application.
    pub application: String,
    /// Since when.
    pub since: WallTime,
}

impl Record for Mute {}

impl Mute {
    /// The key of the row of `user` about `application`.
    #[must_use]
    pub fn key(user: &str, application: &str) -> Vec<u8> {
        join(&[user.as_bytes(), application.as_bytes()])
    }

    /// The prefix of all rows of `user`.
    #[must_use]
    pub fn prefix(user: &str) -> Vec<u8> {
        prefix(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What is stored is read by later releases.
    #[test]
    fn applications_and_wishes_keep_their_bytes() {
        let created = WallTime::from_unix_millis(1);
        let application = Application {
            name: "mail".to_owned(),
            title: "Mail".to_owned(),
            per_minute: 60,
            per_person: 10,
            tokens: vec!["ab".to_owned()],
            created,
        };
        assert_eq!(application.encode(), b"\x01\x04mail\x04Mail\x3c\x0a\x01\x02ab\x01");
        assert_eq!(Application::decode(&application.encode()), Ok(application));
        let (user, name) = ("ana".to_owned(), "mail".to_owned());
        let mute = Mute { user, application: name, since: created };
        assert_eq!(mute.encode(), b"\x01\x03ana\x04mail\x01");
        assert_eq!(Mute::decode(&mute.encode()), Ok(mute));
        assert!(Mute::key("ana", "mail").starts_with(&Mute::prefix("ana")));
    }

    #[test]
    fn no_name_of_a_person_is_an_address_of_an_application() {
        let address = Application::user_part("mail");
        assert_eq!(Application::of_user_part(&address), Some("mail"));
        assert_eq!(Application::of_user_part("application"), None);
        assert!(address.contains('/'));
    }
}
