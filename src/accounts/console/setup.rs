//! Links that make an owner: the first one, or one for whoever lost access.
//!
//! There is one link at most; a newer one replaces it. It serves once, for half an hour. One that the
//! server makes at its start serves only while there is no owner. One that somebody asked for who may
//! open the data directory serves always: he could replace the store as well. It makes a new owner,
//! or gives an account that there is a new password, and the role of an owner if it has it not.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::codes::NewCode;
use super::{Accounts, AccountsError, Actor, ConsoleError, Principal, RecoveryCodes, passwords};
use crate::accounts::{ActorKind, Plan};
use crate::clock::WallTime;
use crate::entropy;
use crate::model::{ConsoleAccount, Record as _, Role, SetupLink};
use crate::store::{Commit, Table};
use crate::text::encode_base64url;

/// Where the link stands in table `Site`.
const LINK_KEY: &[u8] = b"setup_link";
/// Bytes of a token.
const TOKEN: usize = 32;
/// How long a link serves.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Whether the console has an owner, and whether a link serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupState {
    /// Whether there is an owner who can sign in.
    pub has_owner: bool,
    /// Until when a link serves, if there is one.
    pub until: Option<WallTime>,
}

impl Accounts {
    /// Makes the link's token, which is nowhere else, and says until when it serves. That somebody
    /// asked for one stands in the audit trail; that the server did at its start does not, because
    /// nothing is changed by it until it is used.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read or written.
    pub async fn make_setup_link(
        &self,
        actor: &Actor,
    ) -> Result<(Zeroizing<String>, WallTime), AccountsError> {
        let raw: Zeroizing<[u8; TOKEN]> = Zeroizing::new(entropy::bytes());
        let mut text = Vec::new();
        encode_base64url(&*raw, &mut text);
        let token = Zeroizing::new(String::from_utf8(text).unwrap_or_default());
        let until = self.now() + LIFETIME;
        let recovers = *actor != Actor::server();
        let link = SetupLink { digest: digest(&token), until, recovers };
        let commit = || Commit::new().put(Table::Site, LINK_KEY, link.encode());
        if recovers {
            let detail = format!("until {until}");
            self.perform(actor, "setup_link.make", "console", || {
                Ok(Plan { commit: commit(), detail: detail.clone(), value: () })
            })
            .await?;
        } else {
            let _one_at_a_time = self.order.lock().await;
            self.store.commit(commit()).await?;
        }
        self.console.links.notify_one();
        Ok((token, until))
    }

    fn setup_link(&self) -> Result<Option<(SetupLink, Vec<u8>)>, AccountsError> {
        let Some(bytes) = self.store.get(Table::Site, LINK_KEY)? else { return Ok(None) };
        match SetupLink::decode(&bytes) {
            Ok(link) => Ok(Some((link, bytes))),
            Err(_) => Err(AccountsError::Damaged("the set-up link".to_owned())),
        }
    }

    /// The link, if it serves now.
    fn serving_link(&self) -> Result<Option<(SetupLink, Vec<u8>)>, AccountsError> {
        let Some((link, bytes)) = self.setup_link()? else { return Ok(None) };
        let serves = self.now() < link.until && (link.recovers || !self.has_owner()?);
        Ok(serves.then_some((link, bytes)))
    }

    /// Whether there is an owner, and until when a link serves.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn setup_state(&self) -> Result<SetupState, AccountsError> {
        let until = self.serving_link()?.map(|(link, _)| link.until);
        Ok(SetupState { has_owner: self.has_owner()?, until })
    }

    /// Whether this is the token of the link that serves now.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn is_setup_token(&self, token: &str) -> Result<bool, AccountsError> {
        let link = self.serving_link()?;
        Ok(link.is_some_and(|(link, _)| bool::from(link.digest.ct_eq(&digest(token)))))
    }

    /// Waits until a link is made or used, from the last time that this was asked. For one that
    /// waits.
    pub async fn setup_link_changed(&self) {
        self.console.links.notified().await;
    }

    /// Makes an owner by a link, which is used up by it.
    ///
    /// # Errors
    /// [`ConsoleError`] if the link serves no longer, the name or the password cannot be one, or the
    /// code does not fit; the link serves on then.
    pub async fn set_up(
        &self,
        source: IpAddr,
        token: &str,
        name: &str,
        password: &str,
        code: Option<NewCode<'_>>,
    ) -> Result<(Principal, RecoveryCodes), AccountsError> {
        if !self.is_setup_token(token)? {
            self.note_refusal(name, source, "setup_link.use").await?;
            return Err(ConsoleError::Link.into());
        }
        let name = Accounts::console_name(name)?;
        passwords::check(password)?;
        let enrolled = code.map(|code| self.enrol(&name, code, self.now())).transpose()?;
        let hash = self.console.passwords.hash(password).await?;
        let given = digest(token);
        let key = ConsoleAccount::key(&name);
        let actor = Actor {
            name: name.to_string(),
            source: source.to_canonical().to_string(),
            role: Role::Owner,
            kind: ActorKind::Console,
        };
        let principal = self
            .perform(&actor, "console.set_up", &name, || {
                let link = self.serving_link()?;
                let Some((_, link)) =
                    link.filter(|(link, _)| bool::from(link.digest.ct_eq(&given)))
                else {
                    return Err(ConsoleError::Link.into());
                };
                let used = Commit::new()
                    .expect_equals(Table::Site, LINK_KEY, link)
                    .delete(Table::Site, LINK_KEY);
                let (commit, account, detail) = match self.console_row(&name)? {
                    Some((mut account, before)) => {
                        let detail = format!(
                            "by a link, {}{} before",
                            account.role,
                            if account.locked { ", locked" } else { "" }
                        );
                        account.role = Role::Owner;
                        account.locked = false;
                        account.password.clone_from(&hash);
                        account.sealed_totp = None;
                        account.recovery = Vec::new();
                        if let Some(enrolled) = &enrolled {
                            enrolled.enter(&mut account);
                        }
                        let commit = self.console_replace(&mut account, before);
                        (commit, account, detail)
                    }
                    None => {
                        self.check_room()?;
                        let mut account = self.console_draft(&name, Role::Owner, hash.clone());
                        if let Some(enrolled) = &enrolled {
                            enrolled.enter(&mut account);
                        }
                        let commit = Commit::new().expect_absent(Table::Console, &key).put(
                            Table::Console,
                            &key,
                            account.encode(),
                        );
                        (commit, account, "by a link".to_owned())
                    }
                };
                Ok(Plan { commit: commit.and(used), detail, value: Principal::of(&account) })
            })
            .await?;
        self.console.links.notify_one();
        Ok((principal, enrolled.map(|enrolled| enrolled.shown).unwrap_or_default()))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
