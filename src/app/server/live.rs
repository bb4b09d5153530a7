//! What the server does for whoever administers it, and what of the configuration it puts in force
//! while it runs; [`crate::config::effect`] has the list.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::Server;
use crate::app::administration::{Inside, Live, Notifying};
use crate::app::watching::Watching;
use crate::app::{telemetry, watching};
use crate::config::{Config, Listener};
use crate::identity::UserName;
use crate::model::DeviceKey;
use crate::net;
use crate::operations::{
    BanView, Failure, Health, LdapStatus, ListenerStatus, MemoryStatus, Status,
};
use crate::page_mode::{self, Undelivered};
use crate::sip::subscription::EndReason;
use crate::store::{Mode, ReadOnlyReason, Store as _};
use crate::tls::Certificates;

/// Between the answer to whoever wants the server to start again and its end.
const BEFORE_RESTART: std::time::Duration = std::time::Duration::from_millis(300);

/// What page mode goes by.
pub(super) fn messages(config: &Config) -> page_mode::Settings {
    page_mode::Settings {
        retention: config.messages.retention,
        notification_retention: config.messages.notification_retention,
        max_held_per_user: config.messages.max_held_per_user as usize,
        max_held_per_sender: config.messages.held_per_sender() as usize,
        patience: config.messages.patience,
        max_body: usize::try_from(config.limits.pager_body_bytes).unwrap_or(usize::MAX),
    }
}

impl Server {
    /// Goes by another configuration, as far as that can be done while it runs.
    pub(super) fn go_by(&self, before: &Config, after: &Config) {
        let site = &self.site;
        // Bounds of bodies and documents were handed out at the start, and stay together.
        let mut after = after.clone();
        after.limits.pager_body_bytes = site.config.limits.pager_body_bytes;
        after.limits.publish_body_bytes = site.config.limits.publish_body_bytes;
        let after = &after;
        let own = self.own_addresses.clone();
        self.watching.registrar.set(watching::contacts(site, after, own));
        self.watching.presence.set(watching::publications(site, after));
        self.watching.subscriptions.set(watching::watchers(after));
        self.page_mode.set(messages(after));
        self.guard.set((&after.limits).into());
        let (was, is) = (&before.presence, &after.presence);
        if was.default_policy != is.default_policy || was.group_policy != is.group_policy {
            self.watching.subscriptions.watchers_changed(None);
        }
        if before.log.level != after.log.level
            && let Err(error) = telemetry::set_level(&after.log.level)
        {
            tracing::error!(event = "log_level", %error);
        }
        self.groups_checked.store(false, std::sync::atomic::Ordering::Relaxed);
        self.check_local_groups();
    }
}

impl Live for Server {
    fn describe(&self, status: &mut Status) {
        let count = |number: usize| number as u64;
        let identity = self.site.identity.state();
        let store = self.site.store.health();
        status.version = env!("CARGO_PKG_VERSION").to_owned();
        status.pid = std::process::id();
        status.domain = self.site.identity.domain().to_owned();
        status.public_name.clone_from(&self.site.config.public_name);
        status.data_dir.clone_from(&self.site.config.data_dir);
        status.started = self.started.to_string();
        status.uptime = self.site.clock.now().since(self.started_at).as_secs();
        status.workers = u32::try_from(self.egress.workers()).unwrap_or(u32::MAX);
        status.listeners = ListenerStatus {
            sip: self.addresses().iter().map(ToString::to_string).collect(),
            web: self
                .web()
                .iter()
                .flat_map(|web| web.addresses())
                .map(ToString::to_string)
                .collect(),
            metrics: self
                .metrics()
                .and_then(|web| web.addresses().first())
                .map(|at| at.address.to_string()),
            ..ListenerStatus::default()
        };
        status.bindings = count(self.watching.registrar.len());
        status.subscriptions = count(self.watching.subscriptions.len());
        status.publications = count(self.watching.presence.len());
        status.held_messages = count(self.page_mode.held().len());
        status.transactions = count(self.engine.transactions());
        status.connections = count(self.egress.counters().connections);
        status.bans = count(self.guard.bans().len());
        let proposal = self.site.identity.proposal();
        status.ldap = LdapStatus {
            state: identity.state.to_owned(),
            detail: identity.detail,
            held_people: proposal.map_or(0, |proposal| proposal.difference.counts.held),
        };
        status.store = match store.mode {
            Mode::Writable if store.space_is_low => Health {
                state: "ok".to_owned(),
                detail: Some("the volume is nearly full".to_owned()),
            },
            Mode::Writable => Health { state: "ok".to_owned(), detail: None },
            Mode::ReadOnly(reason) => Health {
                state: if reason == ReadOnlyReason::SyncFailed { "failed" } else { "read-only" }
                    .to_owned(),
                detail: Some(
                    match reason {
                        ReadOnlyReason::DiskFull => "the volume is full",
                        ReadOnlyReason::SyncFailed => "writing failed; restart after the cause",
                        ReadOnlyReason::Damaged => "the store is damaged; see the log",
                        ReadOnlyReason::Closed => "the store is being closed",
                    }
                    .to_owned(),
                ),
            },
        };
        status.tls = Some(self.certificates.status());
        let memory = self.engine.memory();
        status.memory = MemoryStatus {
            state: memory.pressure.name().to_owned(),
            used_bytes: memory.used,
            ceiling_bytes: memory.ceiling,
        };
        status.counters = self.counters();
    }

    fn contacts(&self, user: &UserName) -> Vec<String> {
        let now = self.site.clock.now();
        let Some(row) = self.watching.registrar.lookup(&self.aor(user)) else { return Vec::new() };
        row.live(now)
            .map(|binding| String::from_utf8_lossy(&binding.contact).into_owned())
            .collect()
    }

    fn registered(&self) -> HashSet<UserName> {
        let people = self.watching.registrar.people();
        let domain = self.site.identity.domain();
        let user = |aor: &str| aor.strip_suffix(domain)?.strip_suffix('@').map(UserName::canonical);
        people.iter().filter_map(|aor| user(aor)).collect()
    }

    fn departed(&self, user: &UserName) {
        let aor = self.aor(user);
        self.watching.subscriptions.end(&aor, None, EndReason::Rejected);
        self.watching.registrar.remove(&aor);
        self.watching.presence.remove(&aor);
    }

    fn unread(&self, user: &UserName) -> Vec<Undelivered> {
        self.page_mode.held().unread(&self.aor(user))
    }

    fn deleted(&self, user: &UserName, unread: Vec<Undelivered>) {
        let aor = self.aor(user);
        self.watching.subscriptions.end(&aor, None, EndReason::NoResource);
        self.watching.registrar.remove(&aor);
        self.watching.presence.remove(&aor);
        self.page_mode.held().purge(&aor);
        self.engine.report_undelivered(&unread);
    }

    fn device_revoked(&self, user: &UserName, device: &str) {
        let aor = self.aor(user);
        let device = DeviceKey::Credential(device.to_owned());
        self.watching.subscriptions.end(&aor, Some(&device), EndReason::Rejected);
        self.watching.registrar.remove_device(&aor, &device);
        self.watching.presence.remove_device(&aor, &device);
        self.page_mode.held().dismiss(&aor, &device);
    }

    fn bans(&self) -> Vec<BanView> {
        let view = |ban: net::guard::Ban| BanView {
            source: ban.source,
            user: ban.account,
            until: ban.until.to_string(),
        };
        self.guard.bans().into_iter().map(view).collect()
    }

    fn lift(&self, source: Option<IpAddr>, user: Option<&str>) -> u64 {
        self.guard.lift(source, user).len() as u64
    }

    fn web(&self) -> Vec<Listener> {
        self.web.get().map(|web| web.addresses().to_vec()).unwrap_or_default()
    }

    fn watching(&self) -> Result<Watching, Failure> {
        Ok(self.watching.clone())
    }

    fn certificates(&self) -> Result<Arc<Certificates>, Failure> {
        Ok(Arc::clone(&self.certificates))
    }

    fn inside(&self) -> Result<Inside, Failure> {
        Ok(Inside {
            watching: self.watching.clone(),
            page_mode: Arc::clone(&self.page_mode),
            guard: Arc::clone(&self.guard),
            engine: Arc::clone(&self.engine),
        })
    }

    fn settings_changed(&self, before: &Config, after: &Config) {
        self.go_by(before, after);
    }

    fn restart(&self) -> Result<(), Failure> {
        let refused = || Failure::refused("this server is not one that starts again");
        let again = Arc::clone(self.again.get().ok_or_else(refused)?);
        self.control.spawn(async move {
            // Whoever asked hears of it first.
            tokio::time::sleep(BEFORE_RESTART).await;
            again.notify_one();
        });
        Ok(())
    }

    fn notify(&self, notice: net::Notice) -> Notifying<'_> {
        Box::pin(async move { self.engine.send_notice(&notice).await })
    }

    fn count_notice(&self, application: &str, outcome: &'static str) {
        self.notices.count(application, outcome);
    }
}
