//! What the server does when people go or their groups change.

use std::sync::atomic::Ordering;

use super::Server;
use crate::app::administration::Live;
use crate::clock::WallTime;
use crate::config::Source;
use crate::identity::{Affected, Departure, UserName, Watcher};

impl Server {
    /// Says which configured groups are not there, unless only the directory can tell.
    pub(super) fn check_local_groups(&self) {
        let loaded = self.site.loaded();
        let identity = &loaded.config.identity;
        if identity.source == Source::Local || identity.ldap.group_base_dn.is_empty() {
            self.check_groups();
        }
    }

    /// Says once which configured groups are not there.
    fn check_groups(&self) {
        let loaded = self.site.loaded();
        let config = &loaded.config;
        let policies = config.presence.group_policy.iter();
        let policies = policies.map(|policy| ("presence.group_policy", policy.group.as_str()));
        let admins = Some(("identity.ldap.admin_group", config.identity.ldap.admin_group.as_str()));
        let admins = admins.filter(|(_, group)| !group.is_empty());
        let configured = policies.chain(admins.filter(|_| config.identity.source == Source::Ldap));
        let identity = &self.site.identity;
        let mut unknown = Vec::new();
        for (key, group) in configured {
            match identity.has_group(group) {
                // Never read yet.
                None => return,
                Some(true) => {}
                Some(false) => unknown.push((key, group)),
            }
        }
        if self.groups_checked.swap(true, Ordering::Relaxed) {
            return;
        }
        for (key, group) in unknown {
            tracing::warn!(
                event = "config.unknown_group",
                key,
                group = %group.escape_debug(),
                "no group is called so, so nobody is in it"
            );
        }
    }
}

impl Watcher for Server {
    fn holders(&self) -> Vec<UserName> {
        let domain = self.site.identity.domain();
        let mut people = self.watching.registrar.people();
        people.extend(self.watching.subscriptions.people());
        people.extend(self.watching.presence.people());
        people
            .iter()
            .filter_map(|aor| aor.strip_suffix(domain)?.strip_suffix('@').map(UserName::canonical))
            .collect()
    }

    fn departed(&self, user: &UserName, why: Departure) {
        match why {
            // What is gone from the store already is told by whoever removed it.
            Departure::Deleted | Departure::Replaced => {
                let unread = Live::unread(self, user);
                Live::deleted(self, user, unread);
            }
            Departure::Locked | Departure::Disabled | Departure::Removed => {
                Live::departed(self, user);
            }
        }
        tracing::info!(event = "departed", user = %user, why = ?why);
    }

    fn regrouped(&self, whom: Affected<'_>) {
        // Nothing else asks who is in which group.
        if self.site.loaded().config.presence.group_policy.is_empty() {
            return;
        }
        let subscriptions = &self.watching.subscriptions;
        match whom {
            Affected::Everybody => subscriptions.watchers_changed(None),
            Affected::People(people) => {
                let aors = people.iter().map(|user| self.aor(user).into()).collect();
                subscriptions.watchers_changed(Some(&aors));
            }
        }
    }

    fn synced(&self, _at: WallTime) {
        if !self.groups_checked.load(Ordering::Relaxed) {
            self.check_groups();
        }
    }
}
