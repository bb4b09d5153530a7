//! Who sees what of a person: shown, and decided by rules.

use std::sync::Arc;

use super::{Administration, refused};
use crate::accounts::{Actor, Deed};
use crate::app::watching::{self, Watching};
use crate::config::Policy;
use crate::documents::{Condition, DocumentError, Place};
use crate::identity::Existence;
use crate::operations::{
    Exit, Failure, PresenceView, Publication, Reply, RulesDocument, RulesView, WatcherView,
};
use crate::payload::pres_rules::{self, Permissions, Shape};
use crate::presence::{OMA_RULES, RULES};

/// The document that is installed where no name is said (RFC 5025 s9.2).
const INDEX: &str = "index";

impl Administration {
    pub(super) async fn presence(&self, user: &str) -> Result<Reply, Failure> {
        let aor = self.person(user).await?;
        let view = self.presence_of(&self.watching()?, &self.name(user), &aor, true);
        Ok(Reply::Presence(Box::new(view)))
    }

    /// A person's presence, with its document if that is wanted.
    pub(super) fn presence_of(
        &self,
        watching: &Watching,
        user: &str,
        aor: &str,
        with_document: bool,
    ) -> PresenceView {
        let presence = &watching.presence;
        let composed = presence.compose(aor);
        let summary = composed.summary();
        let document = if with_document {
            pres_rules::transform(&composed, &Permissions::everything(), Shape::default())
        } else {
            Vec::new()
        };
        let publications = presence.publications(aor).into_iter().map(|one| Publication {
            device: one.device.to_string(),
            open: one.summary.open,
            activities: one.summary.activities,
            notes: one.summary.notes,
            changed: one.changed.to_string(),
            expires: one.left.as_secs(),
        });
        PresenceView {
            user: user.to_owned(),
            open: summary.open,
            activities: summary.activities,
            notes: summary.notes,
            publications: publications.collect(),
            document: String::from_utf8_lossy(&document).into_owned(),
            address: aor.to_owned(),
        }
    }

    pub(super) async fn watchers(&self, user: &str) -> Result<Reply, Failure> {
        let aor = self.person(user).await?;
        Ok(Reply::Watchers(watching_views(&self.watching()?, &aor)))
    }

    pub(super) async fn rules(&self, user: &str) -> Result<Reply, Failure> {
        let aor = self.person(user).await?;
        let documents = watching::documents(&self.site);
        let mut found = Vec::new();
        for auid in [RULES, OMA_RULES] {
            found.extend(documents.list(&aor, Some(auid)).map_err(Failure::failed)?);
        }
        let found = found.into_iter().map(|row| RulesDocument {
            auid: row.auid,
            path: row.path,
            written: row.written.to_string(),
            document: String::from_utf8_lossy(&row.body).into_owned(),
        });
        Ok(Reply::Rules(RulesView {
            user: self.name(user).to_string(),
            default_policy: self.default_policy().to_owned(),
            documents: found.collect(),
        }))
    }

    /// What somebody gets whom no rule names.
    pub(super) fn default_policy(&self) -> &'static str {
        match self.site.loaded().config.presence.default_policy {
            Policy::Allow => "allow",
            Policy::Confirm => "confirm",
            Policy::Block => "block",
        }
    }

    /// Checks rules as whoever will read them does, and installs them.
    pub(super) async fn set_rules(
        &self,
        actor: &Actor,
        user: &str,
        document: &str,
    ) -> Result<Reply, Failure> {
        let aor = self.person(user).await?;
        let limits = watching::rules(&self.site.config.limits);
        pres_rules::read_within(document.as_bytes(), &limits).map_err(Failure::usage)?;
        let place = Place { owner: &aor, auid: RULES, path: INDEX };
        // A running server's own: those who watch are told by it, else by the next one. Their
        // subscriptions are in its store, and nobody here could tell them anything.
        let documents = match &self.live {
            Some(live) => live.watching()?.documents,
            None => Arc::new(watching::documents(&self.site)),
        };
        let put =
            documents.put(&place, pres_rules::MEDIA_TYPE, document.as_bytes(), Condition::Any);
        put.await.map_err(|error| match error {
            DocumentError::TooLarge { .. } | DocumentError::NoRoom { .. } => Failure::usage(error),
            other => Failure::failed(other),
        })?;
        let name = self.name(user);
        let deed = Deed { action: "rules.set", subject: &name, detail: "" };
        self.site.accounts.note(actor, deed).await.map_err(refused).map(|()| Reply::Done)
    }

    /// The address-of-record of a person of ours.
    async fn person(&self, user: &str) -> Result<String, Failure> {
        let name = self.name(user);
        match self.site.identity.exists(&name).await {
            Existence::Local | Existence::Directory => Ok(self.aor(user)),
            // One who is locked out has an account all the same.
            _ if self.site.accounts.show(user).is_ok() => Ok(self.aor(user)),
            Existence::Unavailable { .. } => {
                Err(Failure::unreachable("the directory does not answer, and only it knows"))
            }
            Existence::Unknown | Existence::MustWait => {
                Err(Failure::new(Exit::NotFound, format!("there is nobody called {name}")))
            }
        }
    }

    /// The running server's services, or such as it would start with.
    fn watching(&self) -> Result<Watching, Failure> {
        match &self.live {
            Some(live) => live.watching(),
            None => Watching::open(&self.site, Vec::new()),
        }
    }
}

/// Who watches a person, or waits for his answer.
pub(super) fn watching_views(watching: &Watching, aor: &str) -> Vec<WatcherView> {
    let watchers = watching.subscriptions.watchers(aor);
    let view = |watcher: crate::payload::watcherinfo::Watcher| WatcherView {
        watcher: watcher.uri.strip_prefix("sip:").unwrap_or(&watcher.uri).to_owned(),
        name: watcher.display_name,
        status: watcher.status.name().to_owned(),
        event: watcher.event.name().to_owned(),
        expires: watcher.expiration,
        since: watcher.duration_subscribed,
    };
    watchers.into_iter().map(view).collect()
}
