//! What the other commands ask for, performed: by the running server over its control socket, or
//! by the command itself over a store that nobody else has open.

use std::collections::HashSet;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::site::Site;
use super::watching::Watching;
use crate::accounts::{AccountChange, Actor, NewAccount};
use crate::config::{Config, Listener};
use crate::documents;
use crate::identity::UserName;
use crate::model::{self, Account, AccountKind, AlgorithmPolicy, DeviceCredential, DeviceKey};
use crate::net::{Notice, Taken};
use crate::operations::{
    BanView, Device, DeviceSecret, Failure, Operations, Performing, Reply, Request, Secret, Status,
    User, permit,
};
use crate::page_mode::{self, Undelivered};
use crate::presence as presence_service;
use crate::registrar;
use crate::store::{Commit, Store as _};
use crate::subscriptions;
use crate::tls::Certificates;

pub(super) mod archive;
mod certificates;
mod console;
mod dns;
mod history;
mod jobs;
mod live;
mod notice;
mod people;
mod person;
mod presence;
mod refusal;
mod sending;
mod settings;
#[cfg(test)]
mod tests;
mod trial;

pub use history::Measured;
pub use live::Inside;
pub(super) use refusal::refused;

/// Accounts of one page of a list at most.
const LARGEST_PAGE: u32 = 10_000;

/// What only a running server knows and does.
pub trait Live: Measured {
    /// Fills in what is known of the running server.
    fn describe(&self, status: &mut Status);
    /// The contacts of a person.
    fn contacts(&self, user: &UserName) -> Vec<String>;
    /// Everybody who has any.
    fn registered(&self) -> HashSet<UserName>;
    /// An account was locked out: its registrations end.
    fn departed(&self, user: &UserName);
    /// What is held for a person and nobody has had.
    fn unread(&self, user: &UserName) -> Vec<Undelivered>;
    /// An account is gone: its registrations and messages end, and the senders of those that were
    /// `unread` are told if they asked to be.
    fn deleted(&self, user: &UserName, unread: Vec<Undelivered>);
    /// A device credential was revoked: the device's registrations end.
    fn device_revoked(&self, user: &UserName, device: &str);
    /// Bans in force.
    fn bans(&self) -> Vec<BanView>;
    /// Lifts bans, and says how many were in force.
    fn lift(&self, source: Option<IpAddr>, user: Option<&str>) -> u64;
    /// Where browsers are answered.
    fn web(&self) -> Vec<Listener>;
    /// Who is where, what people publish, and who watches.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be had.
    fn watching(&self) -> Result<Watching, Failure>;
    /// The certificates that are served.
    ///
    /// # Errors
    /// A [`Failure`] if there are none.
    fn certificates(&self) -> Result<Arc<Certificates>, Failure>;
    /// What it holds in memory.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be had.
    fn inside(&self) -> Result<Inside, Failure> {
        Err(live::not_running())
    }
    /// The configuration is another one: what can be in force at once is from here on.
    fn settings_changed(&self, before: &Config, after: &Config);
    /// Ends soon, and starts again.
    ///
    /// # Errors
    /// A [`Failure`] if this server is of a kind that does not.
    fn restart(&self) -> Result<(), Failure>;
    /// Keeps a notice and offers it to the devices that are here.
    fn notify(&self, notice: Notice) -> Notifying<'_>;
    /// Counts what became of a notice.
    fn count_notice(&self, application: &str, outcome: &'static str);
}

/// A notice on its way.
pub type Notifying<'a> = Pin<Box<dyn Future<Output = Taken> + Send + 'a>>;

/// Performs requests over an open store, and with a running server's help where there is one. What is
/// cloned of it is the same one.
#[derive(Clone)]
pub struct Administration {
    site: Arc<Site>,
    live: Option<Arc<dyn Live>>,
    jobs: Arc<jobs::Jobs>,
    dns: Arc<dns::Checked>,
    /// One change of the configuration at a time.
    configuring: Arc<tokio::sync::Mutex<()>>,
    trials: Arc<trial::Trials>,
    notices: Arc<sending::Notices>,
}

impl Administration {
    /// Over what `site` holds; `live` is the running server.
    #[must_use]
    pub fn new(site: Arc<Site>, live: Option<Arc<dyn Live>>) -> Administration {
        Administration {
            site,
            live,
            jobs: Arc::default(),
            dns: Arc::default(),
            configuring: Arc::default(),
            trials: Arc::default(),
            notices: Arc::default(),
        }
    }

    async fn perform_one(&self, actor: &Actor, request: Request) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        if let Err(failure) = permit(actor, &request) {
            accounts.note_denial(actor, request.rule().deed).await.map_err(refused)?;
            return Err(failure);
        }
        match request {
            Request::Status => self.status(),
            Request::UserAdd { user, name, mail, number, groups, password } => {
                let new = NewAccount {
                    user: &user,
                    display_name: name.as_deref().unwrap_or_default(),
                    mail: mail.as_deref().unwrap_or_default(),
                    number: number.as_deref().unwrap_or_default(),
                    groups: &groups,
                    password: password.as_ref().map(Secret::expose),
                };
                let account = accounts.add_local(actor, new).await.map_err(refused)?;
                Ok(Reply::User(Box::new(self.view(account))))
            }
            Request::UserEdit { user, name, mail, number, groups } => {
                let change = AccountChange {
                    display_name: name.as_deref(),
                    mail: mail.as_deref(),
                    number: number.as_deref(),
                    groups: groups.as_deref(),
                };
                let edit = accounts.edit_local(actor, &user, change);
                edit.await.map_err(refused).map(|()| Reply::Done)
            }
            Request::UserList { after, limit } => {
                let limit = limit.clamp(1, LARGEST_PAGE) as usize;
                let page = accounts.list(after.as_deref(), limit).map_err(refused)?;
                Ok(Reply::Users(page.into_iter().map(|account| self.view(account)).collect()))
            }
            Request::UserShow { user } => self.show(&user),
            Request::UserPassword { user, password } => {
                let set = accounts.set_password(actor, &user, password.expose());
                set.await.map_err(refused).map(|()| Reply::Done)
            }
            Request::UserNumber { user, number } => {
                let set = accounts.set_number(actor, &user, &number);
                set.await.map_err(refused).map(|()| Reply::Done)
            }
            Request::UserDisable { user } => {
                accounts.disable(actor, &user).await.map_err(refused)?;
                match &self.live {
                    Some(live) => live.departed(&self.name(&user)),
                    None => {
                        let aor = self.aor(&user);
                        let watching = self.erasure_of_watching(&aor)?;
                        self.commit(registrar::erasure(&aor).and(watching)).await?;
                    }
                }
                Ok(Reply::Done)
            }
            Request::UserEnable { user } => {
                accounts.enable(actor, &user).await.map_err(refused).map(|()| Reply::Done)
            }
            Request::UserDelete { user } => self.delete(actor, &user).await,
            Request::UserImport { csv, existing, dry_run } => {
                self.import(actor, &csv, existing, dry_run).await
            }
            Request::UserExport { after } => {
                let part = accounts.export_csv(after.as_deref(), people::PART);
                let (csv, next) = part.map_err(refused)?;
                Ok(Reply::Exported { csv, next })
            }
            Request::PeopleFind(query) => self.find_people(&query),
            Request::GroupList => Ok(self.groups()),
            Request::DirectoryShow => Ok(Reply::Directory(Box::new(self.directory()))),
            Request::DirectoryPreview => self.preview().await,
            Request::DirectorySync => self.sync(actor).await,
            Request::DirectoryApply { proposal } => self.apply(actor, proposal).await,
            Request::DirectoryDismiss { proposal } => self.dismiss(actor, proposal).await,
            Request::DeviceAdd { user, label, md5_only } => {
                let made = accounts.add_device(actor, &user, &label, md5_only).await;
                let made = made.map_err(refused)?;
                Ok(Reply::DeviceSecret(DeviceSecret {
                    user: made.user,
                    device: made.device,
                    secret: Secret::new(made.secret.to_string()),
                }))
            }
            Request::DeviceList { user } => {
                accounts.show(&user).map_err(refused)?;
                let devices = accounts.devices(&user).map_err(refused)?;
                Ok(Reply::Devices(devices.into_iter().map(device).collect()))
            }
            Request::DeviceRevoke { user, device } => {
                accounts.revoke_device(actor, &user, &device).await.map_err(refused)?;
                match &self.live {
                    Some(live) => live.device_revoked(&self.name(&user), &device),
                    None => self.forget_device(&user, device).await?,
                }
                Ok(Reply::Done)
            }
            Request::PresenceShow { user } => self.presence(&user).await,
            Request::PresenceWatchers { user } => self.watchers(&user).await,
            Request::RulesShow { user } => self.rules(&user).await,
            Request::RulesSet { user, document } => self.set_rules(actor, &user, &document).await,
            Request::BanList => self.bans().map(Reply::Bans),
            Request::BanLift { source, user } => self.lift(actor, source, user.as_deref()).await,
            Request::Export { path } => archive::export(&self.site, actor, path).await,
            Request::Import { path } if self.live.is_none() => {
                archive::import(&self.site, path).await
            }
            Request::Import { .. } => Err(Failure::refused(
                "a server runs on this data directory; stop it, and import into an empty one: \
                 tagus --data-dir NEW import FILE",
            )),
            Request::SetupLink => self.setup_link(actor).await,
            Request::Live(request) => self.live(actor, request).await,
            Request::Jobs(request) => self.job(actor, request).await,
            Request::Notice(request) => self.notice(actor, request).await,
            Request::Trial(request) => self.trial(actor, request).await,
            Request::Certificates(request) => self.certificates(actor, request).await,
            Request::Dns(request) => self.dns(request).await,
            Request::Setting(request) => self.setting(actor, request).await,
            Request::Console(request) => self.console(actor, request).await,
            Request::Token(request) => self.token(actor, request).await,
            Request::Audit(request) => self.audit(request).await,
            Request::History(request) => self.history(&request),
            Request::Alert(request) => self.alert(actor, request).await,
        }
    }

    fn name(&self, user: &str) -> UserName {
        self.site.identity.canonical(user.trim())
    }

    fn aor(&self, user: &str) -> String {
        format!("{}@{}", self.name(user), self.site.identity.domain())
    }

    fn status(&self) -> Result<Reply, Failure> {
        let live = self.live.as_ref().ok_or_else(|| Failure::unreachable("no server runs"))?;
        let mut status = Status::default();
        live.describe(&mut status);
        status.accounts = self.site.accounts.count();
        status.md5_only_accounts = self.site.identity.only_md5() as u64;
        Ok(Reply::Status(Box::new(status)))
    }

    fn show(&self, user: &str) -> Result<Reply, Failure> {
        let account = self.site.accounts.show(user).map_err(refused)?;
        let name = self.name(user);
        let aor = self.aor(user);
        let devices = self.site.accounts.devices(user).map_err(refused)?;
        let mut view = self.view(account);
        view.devices = devices.into_iter().map(device).collect();
        view.bindings = match &self.live {
            Some(live) => live.contacts(&name),
            None => registrar::stored_contacts(&*self.site.store, &aor, self.site.clock.wall())
                .map_err(Failure::failed)?,
        };
        let now = self.site.clock.wall();
        let held = page_mode::held_for(&*self.site.store, &aor, now).map_err(Failure::failed)?;
        view.held_messages = Some(held);
        Ok(Reply::User(Box::new(view)))
    }

    async fn commit(&self, commit: Commit) -> Result<(), Failure> {
        self.site.store.commit(commit).await.map_err(Failure::failed)
    }

    /// What ends a person's subscriptions and publications.
    fn erasure_of_watching(&self, aor: &str) -> Result<Commit, Failure> {
        let store = &*self.site.store;
        let watching = subscriptions::erasure(store, aor, None).map_err(Failure::failed)?;
        Ok(watching.and(presence_service::erasure(store, aor).map_err(Failure::failed)?))
    }

    /// Ends the stored bindings, publications and subscriptions of a device, and its share of held
    /// messages.
    async fn forget_device(&self, user: &str, device: String) -> Result<(), Failure> {
        let aor = self.aor(user);
        let device = DeviceKey::Credential(device);
        let held = page_mode::erasure_of_device(&*self.site.store, &aor, &device)
            .map_err(Failure::failed)?;
        let watching = subscriptions::erasure(&*self.site.store, &aor, Some(&device))
            .map_err(Failure::failed)?;
        let share = registrar::erasure_of_device(&*self.site.store, &aor, &device)
            .map_err(Failure::failed)?
            .and(held)
            .and(watching)
            .and(presence_service::erasure_of_device(&aor, &device));
        if share.is_empty() { Ok(()) } else { self.commit(share).await }
    }

    /// Removes the account and what other services keep of it in one commit, also where a server
    /// runs and then forgets what it has in memory: a crash in between leaves nothing behind for
    /// whoever is given the name next.
    async fn delete(&self, actor: &Actor, user: &str) -> Result<Reply, Failure> {
        let aor = self.aor(user);
        let held = page_mode::erasure(&*self.site.store, &aor).map_err(Failure::failed)?;
        let documents = documents::erasure(&*self.site.store, &aor).map_err(Failure::failed)?;
        let watching = self.erasure_of_watching(&aor)?;
        let also = registrar::erasure(&aor).and(held).and(watching).and(documents);
        let name = self.name(user);
        let unread = self.live.as_ref().map(|live| live.unread(&name)).unwrap_or_default();
        self.site.accounts.delete(actor, user, also).await.map_err(refused)?;
        if let Some(live) = &self.live {
            live.deleted(&name, unread);
        }
        Ok(Reply::Done)
    }

    fn bans(&self) -> Result<Vec<BanView>, Failure> {
        if let Some(live) = &self.live {
            return Ok(live.bans());
        }
        let stored = self.site.accounts.bans().map_err(refused)?;
        let view = |ban: model::Ban| {
            let source = ban.source.parse().ok()?;
            Some(BanView { source, user: ban.account, until: ban.until.to_string() })
        };
        Ok(stored.into_iter().filter_map(view).collect())
    }

    async fn lift(
        &self,
        actor: &Actor,
        source: Option<IpAddr>,
        user: Option<&str>,
    ) -> Result<Reply, Failure> {
        // A ban of this moment is not in the store yet. What a failing store means is said below.
        let _ = self.site.store.flush().await;
        let text = source.map(|source| source.to_canonical().to_string());
        let accounts = &self.site.accounts;
        let stored = accounts.lift_bans(actor, text.as_deref(), user).await.map_err(refused)?;
        let name = user.map(|user| self.name(user));
        let live = self
            .live
            .as_ref()
            .map_or(0, |live| live.lift(source, name.as_ref().map(UserName::as_str)));
        Ok(Reply::Count(live.max(stored.len() as u64)))
    }

    fn view(&self, account: Account) -> User {
        let identity = &self.site.identity;
        let groups = identity.groups(&account.user);
        let groups = groups.map(|all| all.iter().map(ToString::to_string).collect());
        User {
            address: format!("{}@{}", account.user, identity.domain()),
            user: account.user,
            name: account.display_name,
            mail: account.mail,
            groups: groups.unwrap_or(account.groups),
            number: account.number,
            kind: match account.kind {
                AccountKind::Local => "local",
                AccountKind::Directory => "directory",
            }
            .to_owned(),
            disabled: account.disabled || account.directory_locked,
            created: account.created.to_string(),
            ..User::default()
        }
    }
}

impl Operations for Administration {
    fn perform<'a>(&'a self, actor: &'a Actor, request: Request) -> Performing<'a> {
        Box::pin(self.perform_one(actor, request))
    }
}

fn device(credential: DeviceCredential) -> Device {
    Device {
        device: credential.id,
        name: credential.label,
        created: credential.created.to_string(),
        last_used: credential.last_used.map(|at| at.to_string()),
        revoked: credential.revoked.is_some(),
        md5_only: credential.algorithm_policy == AlgorithmPolicy::Md5Only,
    }
}
