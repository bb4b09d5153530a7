//! Applications that tell people things, their tokens, and who does not want to hear from them.

use zeroize::Zeroizing;

use super::local::visible;
use super::{Accounts, AccountsError, Actor, NewToken, Plan};
use crate::clock::WallTime;
use crate::model::{ApiToken, Application, Mute, Record as _, Role, Scope};
use crate::store::{Commit, Store, StoreError, Table, rows};

/// Applications at most.
const MOST: usize = 100;
/// Tokens of one at most.
const MOST_TOKENS: usize = 16;
/// Bytes of a name at most.
const LONGEST_NAME: usize = 32;
/// Bytes of a title at most: it stands in each of its messages.
const LONGEST_TITLE: usize = 64;
/// What a rate can be.
const RATES: std::ops::RangeInclusive<u32> = 1..=10_000;

/// The name of the sender of what administrators send; no application can have it.
pub const OF_ADMINISTRATORS: &str = "notice";

/// Why something about applications was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationError {
    /// None of that name.
    #[error("there is no application {0}")]
    None(String),
    /// The name is taken.
    #[error("there is an application {0} already")]
    Exists(String),
    /// None can be called so.
    #[error("{0:?} is not a name for an application: small letters, digits and hyphens, up to 32")]
    Name(String),
    /// A title is what people read.
    #[error("an application needs a title that people can read, of 64 bytes at most")]
    Title,
    /// A rate that is none.
    #[error("a rate is a number from 1 to 10000")]
    Rate,
    /// There is no room for more.
    #[error("there are as many {0} as there may be; remove one first")]
    TooMany(&'static str),
}

/// An application to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewApplication<'a> {
    /// What it is called in its address.
    pub name: &'a str,
    /// What people read as the sender.
    pub title: &'a str,
    /// How often it may send within a minute.
    pub per_minute: u32,
    /// How many notices one person gets of it within a minute.
    pub per_person: u32,
}

impl NewApplication<'_> {
    fn checked(&self, now: WallTime) -> Result<Application, ApplicationError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let name = self.name.trim();
        let is_name = (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(letter)
            && !name.starts_with('-')
            && name != OF_ADMINISTRATORS;
        if !is_name {
            return Err(ApplicationError::Name(self.name.to_owned()));
        }
        let title = visible(self.title);
        // It stands in quotes in a header.
        if title.is_empty() || title.len() > LONGEST_TITLE || title.contains(['"', '\\']) {
            return Err(ApplicationError::Title);
        }
        if !RATES.contains(&self.per_minute) || !RATES.contains(&self.per_person) {
            return Err(ApplicationError::Rate);
        }
        Ok(Application {
            name: name.to_owned(),
            title,
            per_minute: self.per_minute,
            per_person: self.per_person,
            tokens: Vec::new(),
            created: now,
        })
    }
}

impl Accounts {
    /// All applications, by name.
    ///
    /// # Errors
    /// [`AccountsError`] if they cannot be read.
    pub fn applications(&self) -> Result<Vec<Application>, AccountsError> {
        let mut all = Vec::new();
        for row in rows(&*self.store, Table::Applications, b"") {
            let damaged = |_| AccountsError::Damaged("an application".to_owned());
            all.push(Application::decode(&row?.1).map_err(damaged)?);
        }
        Ok(all)
    }

    /// One application, if there is one of that name.
    ///
    /// # Errors
    /// [`AccountsError`] if it cannot be read.
    pub fn application(&self, name: &str) -> Result<Option<Application>, AccountsError> {
        Ok(self.application_row(name)?.map(|(application, _)| application))
    }

    fn application_row(&self, name: &str) -> Result<Option<(Application, Vec<u8>)>, AccountsError> {
        let Some(bytes) = self.store.get(Table::Applications, &Application::key(name))? else {
            return Ok(None);
        };
        match Application::decode(&bytes) {
            Ok(application) => Ok(Some((application, bytes))),
            Err(_) => Err(AccountsError::Damaged(format!("the application {name}"))),
        }
    }

    fn existing_application(&self, name: &str) -> Result<(Application, Vec<u8>), AccountsError> {
        let row = self.application_row(name)?;
        row.ok_or_else(|| ApplicationError::None(name.to_owned()).into())
    }

    /// The application that a token speaks for, if it does for one.
    ///
    /// # Errors
    /// [`AccountsError`] if they cannot be read.
    pub fn application_of_token(&self, id: &str) -> Result<Option<Application>, AccountsError> {
        let all = self.applications()?;
        Ok(all.into_iter().find(|one| one.tokens.iter().any(|token| token == id)))
    }

    /// Makes an application.
    ///
    /// # Errors
    /// [`ApplicationError`] if there cannot be such a one.
    pub async fn add_application(
        &self,
        actor: &Actor,
        new: NewApplication<'_>,
    ) -> Result<Application, AccountsError> {
        let application = new.checked(self.now())?;
        let key = Application::key(&application.name);
        self.perform(actor, "application.add", &application.name, || {
            if self.store.get(Table::Applications, &key)?.is_some() {
                return Err(ApplicationError::Exists(application.name.clone()).into());
            }
            if self.store.count(Table::Applications) >= MOST as u64 {
                return Err(ApplicationError::TooMany("applications").into());
            }
            let commit = Commit::new().expect_absent(Table::Applications, &key).put(
                Table::Applications,
                &key,
                application.encode(),
            );
            Ok(Plan { commit, detail: described(&application), value: () })
        })
        .await?;
        Ok(application)
    }

    /// Gives an application another title and other rates.
    ///
    /// # Errors
    /// [`ApplicationError`] if there is none of that name, or it cannot be so.
    pub async fn set_application(
        &self,
        actor: &Actor,
        new: NewApplication<'_>,
    ) -> Result<Application, AccountsError> {
        let wanted = new.checked(self.now())?;
        let key = Application::key(&wanted.name);
        self.perform(actor, "application.set", &wanted.name, || {
            let (before, bytes) = self.existing_application(&wanted.name)?;
            let after =
                Application { tokens: before.tokens, created: before.created, ..wanted.clone() };
            let commit = Commit::new().expect_equals(Table::Applications, &key, bytes).put(
                Table::Applications,
                &key,
                after.encode(),
            );
            Ok(Plan { commit, detail: described(&after), value: after })
        })
        .await
    }

    /// Removes an application with its tokens, and what people said about it.
    ///
    /// # Errors
    /// [`ApplicationError::None`] if there is none of that name.
    pub async fn remove_application(&self, actor: &Actor, name: &str) -> Result<(), AccountsError> {
        self.perform(actor, "application.remove", name, || {
            let (application, bytes) = self.existing_application(name)?;
            let key = Application::key(name);
            let mut commit = Commit::new()
                .expect_equals(Table::Applications, &key, bytes)
                .delete(Table::Applications, &key);
            for token in self.tokens()? {
                if application.tokens.contains(&token.id) {
                    commit = commit.delete(Table::Tokens, &token.digest);
                }
            }
            for row in rows(&*self.store, Table::Mutes, b"") {
                let (key, row) = row?;
                if Mute::decode(&row).is_ok_and(|mute| mute.application == name) {
                    commit = commit.delete(Table::Mutes, &key);
                }
            }
            let detail = format!("{} tokens", application.tokens.len());
            Ok(Plan { commit, detail, value: () })
        })
        .await
    }

    /// Makes a token that speaks for an application and is good for nothing else; its text is shown
    /// this once.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such application, or the actor may make no token.
    pub async fn make_application_token(
        &self,
        actor: &Actor,
        name: &str,
        (expires_at, networks): (Option<WallTime>, &[String]),
    ) -> Result<(ApiToken, Zeroizing<String>), AccountsError> {
        let (application, _) = self.existing_application(name)?;
        let new = NewToken {
            name: &application.title,
            scopes: &[Scope::NotifySend],
            role: Role::Helpdesk,
            expires_at,
            networks,
        };
        let (token, text) = self.make_token(actor, new).await?;
        let bound = self
            .perform(actor, "application.token", name, || {
                let (mut application, bytes) = self.existing_application(name)?;
                // Those that were revoked since make room.
                let in_force = self.tokens()?;
                application.tokens.retain(|id| in_force.iter().any(|token| token.id == *id));
                if application.tokens.len() >= MOST_TOKENS {
                    return Err(ApplicationError::TooMany("tokens of an application").into());
                }
                application.tokens.push(token.id.clone());
                let key = Application::key(name);
                let commit = Commit::new().expect_equals(Table::Applications, &key, bytes).put(
                    Table::Applications,
                    &key,
                    application.encode(),
                );
                Ok(Plan { commit, detail: format!("token:{}", token.id), value: () })
            })
            .await;
        if let Err(error) = bound {
            // Bound to nothing it could speak for any.
            self.revoke_token(actor, &token.id).await?;
            return Err(error);
        }
        Ok((token, text))
    }

    /// Whether somebody does not want to hear from an application.
    ///
    /// # Errors
    /// [`AccountsError`] if that cannot be read.
    pub fn is_muted(&self, user: &str, application: &str) -> Result<bool, AccountsError> {
        Ok(self.store.get(Table::Mutes, &Mute::key(user, application))?.is_some())
    }

    /// What somebody does not want to hear from.
    ///
    /// # Errors
    /// [`AccountsError`] if that cannot be read.
    pub fn mutes(&self, user: &str) -> Result<Vec<Mute>, AccountsError> {
        let mut mutes = Vec::new();
        for row in rows(&*self.store, Table::Mutes, &Mute::prefix(user)) {
            mutes.extend(Mute::decode(&row?.1).ok());
        }
        Ok(mutes)
    }

    /// Somebody says himself whether he wants to hear from an application.
    ///
    /// # Errors
    /// [`AccountsError`] if the store does not take it.
    pub async fn mute(&self, user: &str, name: &str, muted: bool) -> Result<(), AccountsError> {
        self.existing_application(name)?;
        Ok(self.store.commit(self.muting(user, name, muted)).await?)
    }

    /// An administrator says it for him.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such application, or the store does not take it.
    pub async fn mute_for(
        &self,
        actor: &Actor,
        user: &str,
        (name, muted): (&str, bool),
    ) -> Result<(), AccountsError> {
        let user = self.name(user)?;
        let action = if muted { "notice.mute" } else { "notice.unmute" };
        self.perform(actor, action, &user, || {
            self.existing_application(name)?;
            let commit = self.muting(&user, name, muted);
            Ok(Plan { commit, detail: name.to_owned(), value: () })
        })
        .await
    }

    fn muting(&self, user: &str, application: &str, muted: bool) -> Commit {
        let key = Mute::key(user, application);
        if !muted {
            return Commit::new().delete(Table::Mutes, &key);
        }
        let mute =
            Mute { user: user.to_owned(), application: application.to_owned(), since: self.now() };
        Commit::new().put(Table::Mutes, &key, mute.encode())
    }
}

/// What removes what a person said about applications.
pub(super) fn erasure_of_mutes(store: &dyn Store, user: &str) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::Mutes, &Mute::prefix(user)) {
        commit = commit.delete(Table::Mutes, &row?.0);
    }
    Ok(commit)
}

fn described(application: &Application) -> String {
    let Application { title, per_minute, per_person, .. } = application;
    format!("{title}, {per_minute} a minute, {per_person} a minute to one person")
}
