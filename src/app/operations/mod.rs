//! temporary
use super::control::DeviceSecret;
use super::control::{BanView, Operations, Performing, Reply, Request, Status};
use super::exit::Failure;
use super::secret::Secret;
use super::site::Site;
use crate::accounts::{Actor, NewAccount};
use crate::identity::UserName;
use std::net::IpAddr;
use std::sync::Arc;
pub trait Live: Send + Sync {
    fn describe(&self, status: &mut Status);
    fn contacts(&self, user: &UserName) -> Vec<String>;
    fn departed(&self, user: &UserName);
    fn deleted(&self, user: &UserName);
    fn device_revoked(&self, user: &UserName, device: &str);
    fn bans(&self) -> Vec<BanView>;
    fn lift(&self, source: Option<IpAddr>, user: Option<&str>) -> u64;
}
pub struct Administration {
    site: Arc<Site>,
    live: Option<Arc<dyn Live>>,
}
impl Administration {
    pub fn new(site: Arc<Site>, live: Option<Arc<dyn Live>>) -> Administration {
        Administration { site, live }
    }
}
impl Operations for Administration {
    fn perform(&self, request: Request) -> Performing<'_> {
        Box::pin(async move {
            let actor = Actor::socket();
            match request {
                Request::Status => {
                    let mut s = Status::default();
                    if let Some(l) = &self.live {
                        l.describe(&mut s);
                    }
                    s.accounts = self.site.accounts.count();
                    Ok(Reply::Status(Box::new(s)))
                }
                Request::UserAdd { user, name, mail, password } => {
                    self.site
                        .accounts
                        .add_local(
                            &actor,
                            NewAccount {
                                user: &user,
                                display_name: name.as_deref().unwrap_or_default(),
                                mail: mail.as_deref().unwrap_or_default(),
                                password: password.as_ref().map(Secret::expose),
                                ..NewAccount::default()
                            },
                        )
                        .await
                        .map_err(Failure::failed)?;
                    Ok(Reply::User(Box::default()))
                }
                Request::DeviceAdd { user, label, md5_only } => {
                    let d = self
                        .site
                        .accounts
                        .add_device(&actor, &user, &label, md5_only)
                        .await
                        .map_err(Failure::failed)?;
                    Ok(Reply::DeviceSecret(DeviceSecret {
                        user: d.user,
                        device: d.device,
                        secret: Secret::new(d.secret.to_string()),
                    }))
                }
                Request::UserImport { csv } => {
                    let r = self
                        .site
                        .accounts
                        .import_csv(&actor, csv.expose())
                        .await
                        .map_err(Failure::failed)?;
                    Ok(Reply::Imported(super::control::ImportReport {
                        added: r.added,
                        failed: vec![],
                    }))
                }
                _ => Err(Failure::failed("not yet")),
            }
        })
    }
}
