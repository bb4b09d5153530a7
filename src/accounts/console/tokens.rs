//! Tokens of the API: made by administrators, for a closed list of uses, worth no more than whoever
//! made them is now.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::manage::may_manage;
use super::{Accounts, AccountsError, Actor, ActorKind, ConsoleError, codes};
use crate::accounts::Plan;
use crate::accounts::local::visible;
use crate::clock::WallTime;
use crate::config::Network;
use crate::entropy;
use crate::model::{ApiToken, Maker, Record as _, Role, Scope};
use crate::store::{Commit, Table, rows};

/// Leads a token, so that one that lies about is recognised.
const PREFIX: &str = "tagus_";
/// Characters after it, of five bits each.
const CHARACTERS: usize = 40;
/// Tokens at most.
const MOST: usize = 500;
/// Bytes of a name at most.
const LONGEST_NAME: usize = 128;
/// Source networks of one token at most.
const MOST_NETWORKS: usize = 32;
/// Milliseconds within which a use is not written down again.
const MINUTE: u64 = 60_000;

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// What its maker calls it.
    pub name: &'a str,
    /// What it may be used for.
    pub scopes: &'a [Scope],
    /// What it may do at most.
    pub role: Role,
    /// When it ends by itself.
    pub expires_at: Option<WallTime>,
    /// Addresses and networks that it is taken from; none: from everywhere.
    pub networks: &'a [String],
}

/// Whoever showed a token that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's identifier.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// What it may do: no more than its maker may now.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

impl Bearer {
    /// Him as somebody who asks for changes from an address.
    #[must_use]
    pub fn actor(&self, source: IpAddr) -> Actor {
        Actor {
            name: format!("token:{}", self.id),
            source: source.to_canonical().to_string(),
            role: self.role,
            kind: ActorKind::Token,
        }
    }
}

impl Accounts {
    /// Makes a token; its text is shown this once.
    ///
    /// # Errors
    /// [`ConsoleError`] if the actor may not, or the token could do nothing.
    pub async fn make_token(
        &self,
        actor: &Actor,
        new: NewToken<'_>,
    ) -> Result<(ApiToken, Zeroizing<String>), AccountsError> {
        let (maker, maker_name) = match actor.kind {
            ActorKind::Token => return Err(ConsoleError::TokenOfToken.into()),
            ActorKind::Machine => (Maker::Machine, actor.name.clone()),
            ActorKind::Console => (Maker::Console, actor.name.clone()),
            ActorKind::Directory => (Maker::Directory, actor.name.clone()),
        };
        may_manage(actor, new.role)?;
        let now = self.now();
        let name = visible(new.name);
        if name.len() > LONGEST_NAME {
            return Err(AccountsError::TooLong("name"));
        }
        if new.scopes.is_empty() {
            return Err(ConsoleError::NoScope.into());
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(ConsoleError::Ended.into());
        }
        if new.networks.len() > MOST_NETWORKS {
            return Err(AccountsError::TooLong("list of networks"));
        }
        let network = |text: &String| match text.parse::<Network>() {
            Ok(network) => Ok(network.to_string()),
            Err(_) => Err(ConsoleError::Network(text.clone())),
        };
        let networks = new.networks.iter().map(network).collect::<Result<_, _>>()?;
        let mut scopes = new.scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let text = token();
        let token = ApiToken {
            digest: digest(&text),
            id: entropy::token(6),
            name,
            scopes,
            role: new.role,
            maker,
            maker_name,
            created: now,
            expires_at: new.expires_at,
            networks,
            last_used: None,
        };
        let words: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let detail = format!("{}, {}, {}", token.name, token.role, words.join(" "));
        self.perform(actor, "token.make", &token.id, || {
            if self.store.count(Table::Tokens) >= MOST as u64 {
                return Err(ConsoleError::TooMany("tokens").into());
            }
            // Whoever makes it was not removed meanwhile, with what he had made.
            if !self.maker_stands(&token)? {
                return Err(ConsoleError::Rights(new.role.max(Role::Admin)).into());
            }
            let commit = Commit::new().expect_absent(Table::Tokens, &token.digest).put(
                Table::Tokens,
                &token.digest,
                token.encode(),
            );
            Ok(Plan { commit, detail: detail.clone(), value: () })
        })
        .await?;
        Ok((token, text))
    }

    fn maker_stands(&self, token: &ApiToken) -> Result<bool, AccountsError> {
        Ok(self.role_of_maker(token)?.is_some())
    }

    /// What a token's maker may do now; `None` if he may nothing.
    fn role_of_maker(&self, token: &ApiToken) -> Result<Option<Role>, AccountsError> {
        Ok(match token.maker {
            Maker::Machine => Some(Role::Owner),
            Maker::Console => self
                .console_row(&token.maker_name)?
                .filter(|(account, _)| !account.locked)
                .map(|(account, _)| account.role),
            Maker::Directory => (self.console_row(&token.maker_name)?.is_none()
                && self.identity.administers(&token.maker_name))
            .then_some(Role::Admin),
        })
    }

    /// Whether an actor could still ask for what he asked for a while ago: he is there, not locked, and
    /// has that role or a higher one.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn stands(&self, actor: &Actor) -> Result<bool, AccountsError> {
        let role = match (actor.kind, actor.name.strip_prefix("token:")) {
            (ActorKind::Machine, _) => return Ok(true),
            (ActorKind::Console, _) => self
                .console_row(&actor.name)?
                .filter(|(account, _)| !account.locked)
                .map(|(account, _)| account.role),
            (ActorKind::Directory, _) => (self.console_row(&actor.name)?.is_none()
                && self.identity.administers(&actor.name))
            .then_some(Role::Admin),
            (ActorKind::Token, id) => {
                let token = self.tokens()?.into_iter().find(|token| Some(&*token.id) == id);
                let token = token.filter(|one| one.expires_at.is_none_or(|end| self.now() < end));
                match token {
                    Some(token) => self.role_of_maker(&token)?.map(|role| role.min(token.role)),
                    None => None,
                }
            }
        };
        Ok(role.is_some_and(|role| role >= actor.role))
    }

    /// All tokens, by the time when they were made.
    ///
    /// # Errors
    /// [`AccountsError`] if they cannot be read.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, AccountsError> {
        let mut tokens = Vec::new();
        for row in rows(&*self.store, Table::Tokens, b"") {
            let damaged = |_| AccountsError::Damaged("a token".to_owned());
            tokens.push(ApiToken::decode(&row?.1).map_err(damaged)?);
        }
        tokens.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        Ok(tokens)
    }

    /// Ends a token: one's own, or one of a role that the actor manages.
    ///
    /// # Errors
    /// [`ConsoleError::NoToken`] if there is none of that identifier.
    pub async fn revoke_token(&self, actor: &Actor, id: &str) -> Result<(), AccountsError> {
        self.perform(actor, "token.revoke", id, || {
            let token = self.tokens()?.into_iter().find(|token| token.id == id);
            let token = token.ok_or_else(|| ConsoleError::NoToken(id.to_owned()))?;
            let kind = match token.maker {
                Maker::Machine => ActorKind::Machine,
                Maker::Console => ActorKind::Console,
                Maker::Directory => ActorKind::Directory,
            };
            if (actor.kind, &actor.name) != (kind, &token.maker_name) {
                may_manage(actor, token.role)?;
            }
            // Whatever was written meanwhile was that it is used.
            let commit = Commit::new().delete(Table::Tokens, &token.digest);
            Ok(Plan { commit, detail: token.name, value: () })
        })
        .await
    }

    /// Who shows this token from this address; `None` if it is not in force there, and nobody is told
    /// why. Costs a look into the store or two, and a commit once a minute that nobody waits for.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn bearer(&self, text: &str, source: IpAddr) -> Result<Option<Bearer>, AccountsError> {
        if text.len() != PREFIX.len() + CHARACTERS || !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let digest = digest(text);
        let Some(bytes) = self.store.get(Table::Tokens, &digest)? else { return Ok(None) };
        let damaged = |_| AccountsError::Damaged("a token".to_owned());
        let token = ApiToken::decode(&bytes).map_err(damaged)?;
        let now = self.now();
        let is_from = |network: &String| {
            network.parse::<Network>().is_ok_and(|network| network.contains(source))
        };
        let serves = bool::from(token.digest.ct_eq(&digest))
            && token.expires_at.is_none_or(|end| now < end)
            && (token.networks.is_empty() || token.networks.iter().any(is_from));
        if !serves {
            return Ok(None);
        }
        let Some(role) = self.role_of_maker(&token)? else { return Ok(None) };
        if self.console.tokens_used.is_first(&token.id, now.unix_millis() / MINUTE) {
            let used = ApiToken { last_used: Some(now), ..token.clone() };
            // If it was revoked in this moment, that stands.
            self.store.commit_soon(Commit::new().expect_equals(Table::Tokens, &digest, bytes).put(
                Table::Tokens,
                &digest,
                used.encode(),
            ));
        }
        Ok(Some(Bearer {
            id: token.id,
            name: token.name,
            role: role.min(token.role),
            scopes: token.scopes,
        }))
    }
}

fn token() -> Zeroizing<String> {
    let raw: Zeroizing<[u8; CHARACTERS]> = Zeroizing::new(entropy::bytes());
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + CHARACTERS));
    text.push_str(PREFIX);
    text.extend(raw.iter().map(|byte| char::from(codes::letter(*byte))));
    text
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
