//! What of the configuration the server puts in force while it runs. [`crate::config::effect`] has the
//! list.

use super::Server;
use crate::app::{telemetry, watching};
use crate::config::Config;
use crate::page_mode;

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
