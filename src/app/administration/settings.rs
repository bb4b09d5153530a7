//! The configuration: shown, tried, changed.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Administration, refused};
use crate::accounts::{Actor, ActorKind, Deed, NewValue, stored_settings};
use crate::app::stored;
use crate::config::{BIND_PASSWORD, Effect, LoadError, Loaded, Origin, Problem, Stored, effect};
use crate::identity::Prepared;
use crate::model::{SettingRow, SettingValue};
use crate::operations::{
    ChangedSetting, Failure, Reply, SettingChange, SettingDifference, SettingEffect,
    SettingProblem, SettingRequest, SettingView, StoredView,
};
use crate::store::{Store as _, Table};

/// Keys that are changed in one go at most.
const MOST_CHANGES: usize = 500;

/// Where the password of the service account goes. It is typed again when one of these changes: else
/// whoever may change settings could have it sent to a server of his own.
const PLACE: [&str; 6] = [
    "identity.ldap.urls",
    "identity.ldap.start_tls",
    "identity.ldap.ca_file",
    "identity.ldap.ca_pem",
    "identity.ldap.bind_dn",
    "identity.ldap.bind_password_file",
];

/// What changes come to.
struct Plan {
    /// What is stored, or given up.
    rows: Vec<crate::accounts::SettingChange>,
    /// The configuration that they make.
    next: Option<(Loaded, Prepared)>,
    difference: SettingDifference,
}

impl Administration {
    pub(super) async fn setting(
        &self,
        actor: &Actor,
        request: SettingRequest,
    ) -> Result<Reply, Failure> {
        match request {
            SettingRequest::Show { prefix } => self.show_settings(&prefix).map(Reply::Settings),
            SettingRequest::Preview { changes } => {
                let plan = self.plan_settings(actor, &changes)?;
                Ok(Reply::SettingDifference(Box::new(plan.difference)))
            }
            SettingRequest::Apply { changes } => self.apply_settings(actor, &changes).await,
            SettingRequest::Restart => {
                let no_server = || Failure::unreachable("no server runs");
                let live = self.live.as_ref().ok_or_else(no_server)?;
                let deed = Deed { action: "server.restart", subject: "", detail: "" };
                self.site.accounts.note(actor, deed).await.map_err(refused)?;
                live.restart()?;
                Ok(Reply::Done)
            }
            SettingRequest::Reset { keys } => {
                let given_up = |key| SettingChange { key, value: None };
                let changes: Vec<SettingChange> = keys.into_iter().map(given_up).collect();
                self.apply_settings(actor, &changes).await
            }
        }
    }

    fn show_settings(&self, prefix: &str) -> Result<Vec<SettingView>, Failure> {
        let loaded = self.site.loaded();
        let rows = stored_settings(&*self.site.store).map_err(refused)?;
        let rows: BTreeMap<&str, &SettingRow> =
            rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let at_start = Loaded::from(self.site.config.as_ref().clone()).settings();
        let mut views: Vec<SettingView> = Vec::new();
        for (key, setting) in loaded.settings() {
            if !key.starts_with(prefix) {
                continue;
            }
            let settled = key == "domain" && setting.origin == "default";
            let is_settled = key == "domain" && self.has_people();
            let changes = if is_settled { SettingEffect::Settled } else { effect_of(&key) };
            let in_force = at_start.get(&key).filter(|start| {
                changes == SettingEffect::NextStart && start.value != setting.value
            });
            views.push(SettingView {
                value: setting.value.to_string(),
                default: loaded.default(&key).map(|value| value.to_string()).unwrap_or_default(),
                origin: if settled { "store" } else { setting.origin }.to_owned(),
                source: setting.source,
                effect: changes,
                changeable: changes != SettingEffect::Settled && !is_above(&loaded, &key),
                secret: false,
                in_force: in_force.map(|start| start.value.to_string()),
                stored: rows.get(key.as_str()).map(|row| stored_view(row)),
                key,
            });
        }
        if BIND_PASSWORD.starts_with(prefix) {
            let has_password = loaded.config.identity.ldap.bind_password.is_some();
            views.push(SettingView {
                key: BIND_PASSWORD.to_owned(),
                origin: if has_password { "console" } else { "default" }.to_owned(),
                changeable: !is_above(&loaded, "identity.ldap.bind_password_file"),
                secret: true,
                stored: rows.get(BIND_PASSWORD).map(|row| stored_view(row)),
                ..SettingView::default()
            });
            views.sort_by(|one, other| one.key.cmp(&other.key));
        }
        if views.is_empty() {
            return Err(Failure::not_found(format!("no key begins with {prefix:?}")));
        }
        Ok(views)
    }

    /// Changes settings: checked, stored, in force.
    async fn apply_settings(
        &self,
        actor: &Actor,
        changes: &[SettingChange],
    ) -> Result<Reply, Failure> {
        let _one_at_a_time = self.configuring.lock().await;
        let Plan { rows, next, difference } = self.plan_settings(actor, changes)?;
        let Some((next, identity)) = next.filter(|_| difference.problems.is_empty()) else {
            let problems = difference.problems.iter().map(|problem| match problem.key.as_str() {
                "" => problem.message.clone(),
                key => format!("{key}: {}", problem.message),
            });
            return Err(Failure::usage(problems.collect::<Vec<_>>().join("\n")));
        };
        if rows.is_empty() {
            return Ok(Reply::SettingDifference(Box::new(difference)));
        }
        self.site.accounts.store_settings(actor, &rows).await.map_err(refused)?;
        let before = self.site.loaded();
        self.site.set_loaded(next);
        let after = self.site.loaded();
        self.site.identity.switch(identity).map_err(Failure::failed)?;
        if let Some(live) = &self.live {
            live.settings_changed(&before.config, &after.config);
        }
        let keys: Vec<&str> = difference.changes.iter().map(|one| one.key.as_str()).collect();
        tracing::info!(event = "settings_changed", keys = %keys.join(" "), by = actor.name);
        Ok(Reply::SettingDifference(Box::new(difference)))
    }

    /// What changes would come to; what is wrong with them is told in the difference.
    fn plan_settings(&self, actor: &Actor, changes: &[SettingChange]) -> Result<Plan, Failure> {
        if changes.len() > MOST_CHANGES {
            return Err(Failure::usage("these are more keys than there are"));
        }
        let loaded = self.site.loaded();
        let rows = stored_settings(&*self.site.store).map_err(refused)?;
        let mut stored = stored::layer(&rows, |row| self.open_setting(row));
        // One that does not open any more is there all the same.
        let kept = rows.iter().any(|row| row.key == BIND_PASSWORD);
        let mut planned = Planned {
            loaded: &loaded,
            by_machine: actor.kind == ActorKind::Machine,
            rows: Vec::new(),
            problems: Vec::new(),
        };
        for change in changes {
            planned.take(change, &mut stored, kept);
        }
        let new_place = planned
            .rows
            .iter()
            .any(|row| PLACE.contains(&row.key.as_str()) && row.key != BIND_PASSWORD);
        let typed = planned.rows.iter().any(|row| row.key == BIND_PASSWORD);
        let has_password = stored.bind_password.is_some()
            || !loaded.config.identity.ldap.bind_password_file.as_os_str().is_empty();
        if new_place && has_password && !typed && !planned.by_machine {
            planned.wrong(
                BIND_PASSWORD,
                "type the password again: it would go to another server, or in another way",
            );
        }
        if planned.rows.iter().any(|row| row.key == "domain") && self.has_people() {
            planned.wrong(
                "domain",
                "people have their addresses in it, so it stays; others can be among the aliases",
            );
        }
        let Planned { rows, mut problems, .. } = planned;
        let mut warnings = Vec::new();
        let mut next = None;
        match loaded.with(&stored) {
            Err(LoadError(all)) => problems.extend(all.iter().map(problem)),
            Ok(mut with) => {
                warnings.extend(with.warnings.iter().map(problem));
                if !with.config.domain_is_set {
                    with.config.domain.clone_from(&loaded.config.domain);
                }
                let identity = self.prepare(&with).map_err(|wrong| problems.push(wrong)).ok();
                next = identity.map(|identity| (with, identity));
            }
        }
        let changes = match &next {
            Some((next, _)) => differences(&loaded, next, &rows),
            None => Vec::new(),
        };
        Ok(Plan { rows, next, difference: SettingDifference { changes, problems, warnings } })
    }

    /// What only those who read it can say of a configuration.
    fn prepare(&self, loaded: &Loaded) -> Result<Prepared, SettingProblem> {
        let wrong = |key: &str, message: String| SettingProblem { key: key.to_owned(), message };
        let identity = &self.site.identity;
        // The domain is that of the services that run.
        let mut config = loaded.config.clone();
        identity.domain().clone_into(&mut config.domain);
        let settings = crate::identity::Settings::new(&config, identity.realm());
        settings.and_then(|settings| identity.prepare(settings)).map_err(|error| {
            let text = error.to_string();
            match text.split_once(": ").filter(|(key, _)| key.starts_with("identity.")) {
                Some((key, message)) => wrong(key, message.to_owned()),
                None => wrong("identity.ldap.urls", text),
            }
        })
    }

    fn open_setting(&self, row: &SettingRow) -> Option<Zeroizing<String>> {
        crate::accounts::open_setting(&self.site.key, row)
    }

    /// Whether anybody has an address in the domain.
    pub(super) fn has_people(&self) -> bool {
        let tables = [Table::Accounts, Table::Credentials, Table::HeldMessages];
        tables.into_iter().any(|table| self.site.store.count(table) > 0)
    }
}

/// Changes that are looked at one by one.
struct Planned<'a> {
    loaded: &'a Loaded,
    by_machine: bool,
    rows: Vec<crate::accounts::SettingChange>,
    problems: Vec<SettingProblem>,
}

impl Planned<'_> {
    fn wrong(&mut self, key: &str, message: &str) {
        self.problems.push(SettingProblem { key: key.to_owned(), message: message.to_owned() });
    }

    fn take(&mut self, change: &SettingChange, stored: &mut Stored, kept: bool) {
        let key = change.key.as_str();
        if self.rows.iter().any(|row| row.key == key) {
            return self.wrong(key, "this key is there twice");
        }
        if key == BIND_PASSWORD {
            return self.take_password(change, stored, kept);
        }
        let Some(beneath) = self.loaded.beneath(key) else {
            let text = change.value.as_ref().map_or("", |value| value.expose());
            let unknown = self.loaded.read(key, text).err();
            let message = unknown.map_or_else(|| "unknown key".to_owned(), |one| one.message);
            return self.wrong(key, &message);
        };
        let value = match &change.value {
            None => None,
            Some(text) => match self.loaded.read(key, text.expose()) {
                Ok(value) => Some(value),
                Err(problem) => return self.wrong(key, &problem.message),
            },
        };
        let was = stored.values.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        if was == value.as_ref() {
            return;
        }
        if is_above(self.loaded, key) {
            let origin = self.loaded.origin(key);
            return self.wrong(key, &format!("this is said by {origin}, which goes before"));
        }
        if effect(key) == Effect::Settled {
            return self.wrong(key, "this was settled at the first start and stays");
        }
        // Whoever names a file has the server read it, with the server's rights.
        if key.ends_with("_file") && !self.by_machine {
            return self.wrong(
                key,
                "files are named by whoever may open the machine: in the configuration file, or \
                 with tagus config set",
            );
        }
        stored.values.retain(|(known, _)| known != key);
        if let Some(value) = &value {
            stored.values.push((key.to_owned(), value.clone()));
        }
        self.rows.push(crate::accounts::SettingChange {
            key: key.to_owned(),
            value: value.map(|value| NewValue::Plain(value.to_string())),
            before: beneath.to_string(),
        });
    }

    fn take_password(&mut self, change: &SettingChange, stored: &mut Stored, kept: bool) {
        let key = BIND_PASSWORD;
        if is_above(self.loaded, "identity.ldap.bind_password_file") {
            return self.wrong(key, "bind_password_file is said above the console and goes before");
        }
        let value = change.value.as_ref().map(|secret| Zeroizing::new(secret.expose().to_owned()));
        match &value {
            // RFC 4513 s5.1.2: an empty password binds as nobody, and seems to work.
            Some(text) if text.is_empty() || text.contains('\0') => {
                return self.wrong(key, "an empty password would sign in nobody");
            }
            None if !kept => return,
            _ => {}
        }
        stored.bind_password = value.as_ref().map(|text| crate::config::Password::new(text));
        let value = value.map(NewValue::Secret);
        let row =
            crate::accounts::SettingChange { key: key.to_owned(), value, before: "none".into() };
        self.rows.push(row);
    }
}

fn differences(
    before: &Loaded,
    after: &Loaded,
    rows: &[crate::accounts::SettingChange],
) -> Vec<ChangedSetting> {
    let (old, new) = (before.settings(), after.settings());
    let text = |all: &BTreeMap<String, crate::config::Setting>, key: &str| {
        all.get(key).map(|setting| setting.value.to_string()).unwrap_or_default()
    };
    let secret = |loaded: &Loaded| {
        let kept = loaded.config.identity.ldap.bind_password.is_some();
        if kept { "set".to_owned() } else { String::new() }
    };
    let changed = |row: &crate::accounts::SettingChange| {
        let is_secret = row.key == BIND_PASSWORD;
        ChangedSetting {
            old: if is_secret { secret(before) } else { text(&old, &row.key) },
            new: if is_secret { secret(after) } else { text(&new, &row.key) },
            origin: before.origin(&row.key).name().to_owned(),
            effect: effect_of(&row.key),
            key: row.key.clone(),
        }
    };
    rows.iter().map(changed).collect()
}

/// Whether something above the console says what a key is.
fn is_above(loaded: &Loaded, key: &str) -> bool {
    matches!(loaded.origin(key), Origin::Environment(_) | Origin::Option(_))
}

fn effect_of(key: &str) -> SettingEffect {
    match effect(key) {
        Effect::Now => SettingEffect::Now,
        Effect::NextStart => SettingEffect::NextStart,
        Effect::Settled => SettingEffect::Settled,
    }
}

fn problem(problem: &Problem) -> SettingProblem {
    SettingProblem { key: problem.key.clone(), message: problem.message.clone() }
}

fn stored_view(row: &SettingRow) -> StoredView {
    let value = match &row.value {
        SettingValue::Plain(text) => text.clone(),
        SettingValue::Sealed(_) => String::new(),
    };
    StoredView { value, by: row.by.clone(), at: row.at.to_string() }
}
