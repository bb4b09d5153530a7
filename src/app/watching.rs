//! The services of presence over a data directory: wired the same for the server and for a command
//! that works while none runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::site::Site;
use crate::config::{Config, Limits, Policy, Tuples};
use crate::documents::{self, Documents};
use crate::operations::Failure;
use crate::payload::pres_rules::Handling;
use crate::presence::{self, GroupPolicy, Presence};
use crate::registrar::{self, Observer, Registrar, Row};
use crate::store::Store;
use crate::subscriptions::{self, OneTuple, Subscriptions};
use crate::xml;

/// Who is where, what people publish, and who watches.
#[derive(Clone)]
pub struct Watching {
    /// Contacts.
    pub registrar: Arc<Registrar>,
    /// People's own documents.
    pub documents: Arc<Documents>,
    /// What people publish of themselves.
    pub presence: Arc<Presence>,
    /// Who watches what.
    pub subscriptions: Arc<Subscriptions>,
}

impl Watching {
    /// Puts the services on what `site` holds, each hearing of what the others change.
    ///
    /// # Errors
    /// A [`Failure`] if the store cannot be read.
    pub fn open(site: &Site, own_addresses: Vec<SocketAddr>) -> Result<Watching, Failure> {
        let store = || Arc::clone(&site.store) as Arc<dyn Store>;
        let registrar = Registrar::open(
            contacts(site, &site.config, own_addresses),
            site.clock.clone(),
            store(),
        )
        .map(Arc::new)
        .map_err(Failure::failed)?;
        let documents = Arc::new(documents(site));
        let identity = Arc::clone(&site.identity);
        let presence = Presence::open(presence::Parts {
            settings: publications(site, &site.config),
            clock: site.clock.clone(),
            store: store(),
            registrar: Arc::clone(&registrar),
            documents: Arc::clone(&documents),
            groups: Box::new(move |user| identity.groups(user)),
            key: *site.key.derive("names of devices"),
        });
        let presence = presence.map(Arc::new).map_err(Failure::failed)?;
        let subscriptions = Subscriptions::open(
            watchers(&site.config),
            site.clock.clone(),
            store(),
            Arc::clone(&presence),
        );
        let subscriptions = subscriptions.map(Arc::new).map_err(Failure::failed)?;
        registrar.observe(Arc::new(Both(Arc::clone(&presence), Arc::clone(&subscriptions))));
        documents.observe(presence.clone());
        presence.observe(subscriptions.clone());
        Ok(Watching { registrar, documents, presence, subscriptions })
    }
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

/// People's documents over a data directory.
#[must_use]
pub fn documents(site: &Site) -> Documents {
    let limits = &site.config.limits;
    let settings = documents::Settings {
        document_bytes: usize::try_from(limits.xcap_document_bytes).unwrap_or(usize::MAX),
        person_bytes: usize::try_from(limits.xcap_user_bytes).unwrap_or(usize::MAX),
    };
    Documents::new(settings, site.clock.clone(), site.store.clone())
}

/// What a document of rules may have.
#[must_use]
pub fn rules(limits: &Limits) -> xml::Limits {
    limits.xml(limits.xcap_document_bytes)
}

/// Both hear of contacts: what is published first, since watchers are told of that.
struct Both(Arc<Presence>, Arc<Subscriptions>);

impl Observer for Both {
    fn changed(&self, aor: &str, before: Option<&Row>, after: &Row) {
        Observer::changed(&*self.0, aor, before, after);
        Observer::changed(&*self.1, aor, before, after);
    }
}

/// What the registrar goes by.
#[must_use]
pub fn contacts(
    site: &Site,
    whole: &Config,
    own_addresses: Vec<SocketAddr>,
) -> registrar::Settings {
    let config = &whole.registrar;
    registrar::Settings {
        min_expires: Duration::from_secs(config.min_expires.into()),
        default_expires: Duration::from_secs(config.default_expires.into()),
        max_expires: Duration::from_secs(config.max_expires.into()),
        max_contacts: config.max_contacts as usize,
        device_memory: whole.messages.device_memory,
        own_addresses,
        own_names: domains(site),
    }
}

fn domains(site: &Site) -> Vec<String> {
    let aliases = site.config.aliases.iter().map(String::as_str);
    std::iter::once(site.identity.domain()).chain(aliases).map(str::to_owned).collect()
}

/// What presence goes by.
#[must_use]
pub fn publications(site: &Site, whole: &Config) -> presence::Settings {
    let (config, limits) = (&whole.presence, &whole.limits);
    let groups = config.group_policy.iter().map(|policy| GroupPolicy {
        group: policy.group.clone(),
        handling: handling(policy.policy),
    });
    presence::Settings {
        min_expires: config.min_expires,
        default_expires: config.default_expires,
        max_expires: config.max_expires,
        grace: config.grace,
        publication: limits.xml(limits.publish_body_bytes),
        rules: rules(limits),
        domains: domains(site),
        default_policy: handling(config.default_policy),
        group_policy: groups.collect(),
        ..presence::Settings::default()
    }
}

fn handling(policy: Policy) -> Handling {
    match policy {
        Policy::Allow => Handling::Allow,
        Policy::Confirm => Handling::Confirm,
        Policy::Block => Handling::Block,
    }
}

/// What subscriptions go by.
#[must_use]
pub fn watchers(whole: &Config) -> subscriptions::Settings {
    let (config, limits) = (&whole.presence, &whole.limits);
    subscriptions::Settings {
        per_user: limits.subscriptions_per_user as usize,
        watchers_per_user: limits.watchers_per_user as usize,
        waiting: whole.messages.retention,
        min_expires: config.min_expires,
        default_expires: config.default_expires,
        max_expires: config.max_expires,
        interval: config.interval,
        return_time: config.grace,
        one_tuple: match config.tuples {
            Tuples::One => OneTuple::Everybody,
            Tuples::All => OneTuple::Agents(config.one_tuple_agents.clone()),
        },
        ..subscriptions::Settings::default()
    }
}
