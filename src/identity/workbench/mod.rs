//! The directory workbench: tries directory settings that need not be those in force, step by step, for
//! whoever sets them up.
//!
//! ```text
//!   resolve ─▶ connect ─▶ tls ─▶ bind ─▶ search ─▶ map ─▶ groups ─▶ sign_in
//! ```
//!
//! Each step tells how it ended, how long it took, what was found under a stable [`Code`], what to do,
//! and what the server answered. Nothing is written, in the directory or here, and no secret is in what
//! is told. Servers are not trusted: what they say passes the guard before the library hears it.
//!
//! Dropping the future of [`run`] ends everything that it began.

use futures_util::future::join_all;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::clock::{Clock, Tick};
use crate::config;

mod active_directory;
mod bind;
mod census;
mod chain;
mod code;
mod finding;
mod group_step;
mod hints;
mod people;
mod reach;
mod report;
mod run;
mod secure;
mod server;
mod sign_in;
#[cfg(test)]
mod tests;

pub use code::Code;
pub use finding::{Finding, fill};
pub use report::{
    Answer, Attempt, Certificate, Chain, Count, Detail, Group, GroupList, Kind, Sample, Server,
    SignedIn, State, Step, StepName, in_milliseconds,
};
pub use run::Limits;
pub use server::preset;

use run::{Outcome, Run};

/// Servers that are tried at the same time.
const AT_ONCE: usize = 4;

/// The password of the service account.
#[derive(Clone, Default)]
pub enum BindPassword {
    /// In the file that the settings name.
    #[default]
    Configured,
    /// This one.
    Given(Zeroizing<String>),
    /// The one that is kept may not go where these settings would send it.
    Withheld,
}

/// Whom to trust to say who a server is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authorities {
    /// Those of `ca_file`; the system's, if that is empty.
    #[default]
    Configured,
    /// Those in this text, PEM.
    Text(String),
    /// Those of a file that may not be read for these settings.
    Withheld,
}

/// Somebody to sign in.
#[derive(Clone)]
pub struct Person {
    /// The user name.
    pub user: String,
    /// A password to try, in the directory alone; none looks for the person and no more.
    pub password: Option<Zeroizing<String>>,
}

/// What is typed beside the settings.
#[derive(Clone, Default)]
pub struct Typed {
    /// The password of the service account.
    pub password: Option<Zeroizing<String>>,
    /// The authority's certificate, PEM.
    pub authority: Option<String>,
}

/// What to try.
#[derive(Clone)]
pub struct Trial {
    /// The settings.
    pub ldap: config::Ldap,
    /// The password of `bind_dn`.
    pub password: BindPassword,
    /// Whom to trust.
    pub authorities: Authorities,
    /// `identity.address_template`.
    pub address_template: String,
    /// The SIP domain.
    pub domain: String,
    /// Whom to sign in.
    pub person: Option<Person>,
    /// How long it may take.
    pub limits: Limits,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").field("urls", &self.ldap.urls).finish_non_exhaustive()
    }
}

impl Trial {
    /// The settings that are in force.
    #[must_use]
    pub fn configured(identity: &config::Identity, domain: &str) -> Trial {
        Trial {
            ldap: identity.ldap.clone(),
            password: BindPassword::Configured,
            authorities: Authorities::Configured,
            address_template: identity.address_template.clone(),
            domain: domain.to_owned(),
            person: None,
            limits: Limits::default(),
        }
    }

    /// Other settings, from somebody who may not read this machine's files.
    ///
    /// The password that is kept goes only to the servers that it is kept for, in the manner that is
    /// in force: else whoever may try settings could have it sent to a server of his own. Files that are
    /// not in force are not read for the same reason.
    #[must_use]
    pub fn unsaved(
        identity: &config::Identity,
        domain: &str,
        ldap: config::Ldap,
        typed: Typed,
    ) -> Trial {
        let mut trial = Trial::configured(identity, domain);
        let kept = &identity.ldap;
        let same_file = ldap.ca_file == kept.ca_file || ldap.ca_file.as_os_str().is_empty();
        // A password that was typed is in `typed` and nowhere else.
        let ldap = config::Ldap { bind_password: kept.bind_password.clone(), ..ldap };
        let same_place = ldap.urls == kept.urls
            && ldap.start_tls == kept.start_tls
            && ldap.ca_file == kept.ca_file
            && ldap.ca_pem == kept.ca_pem
            && typed.authority.is_none()
            && ldap.bind_dn == kept.bind_dn
            && ldap.bind_password_file == kept.bind_password_file;
        trial.authorities = match typed.authority {
            Some(text) => Authorities::Text(text),
            None if same_file => Authorities::Configured,
            None => Authorities::Withheld,
        };
        trial.password = match typed.password {
            Some(password) => BindPassword::Given(password),
            None if same_place => BindPassword::Configured,
            None => BindPassword::Withheld,
        };
        trial.ldap = ldap;
        trial
    }

    /// The filter for everybody.
    fn everybody(&self) -> String {
        self.ldap.user_filter.replace("{user}", "*")
    }
}

/// What one server came to.
#[derive(Clone, Debug, Serialize)]
pub struct ServerReport {
    /// The server.
    pub url: String,
    /// The eight steps, in their order.
    pub steps: Vec<Step>,
}

/// What all servers came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each server.
    pub servers: Vec<ServerReport>,
}

impl Report {
    /// Whether no step failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        let mut steps = self.servers.iter().flat_map(|server| &server.steps);
        steps.all(|step| step.state != State::Failed)
    }
}

/// Tries every server, some at the same time; each step is told as it ends.
pub async fn run(trial: &Trial, clock: &Clock, tell: &(dyn Fn(&Step) + Send + Sync)) -> Report {
    let deadline = clock.now() + trial.limits.total;
    let mut servers = Vec::with_capacity(trial.ldap.urls.len());
    for some in trial.ldap.urls.chunks(AT_ONCE) {
        let runs = some.iter().map(|url| one(trial, url, clock, deadline, tell));
        servers.extend(join_all(runs).await);
    }
    if servers.is_empty() {
        let mut run = Run::new(trial, "", clock, deadline, tell);
        run.end(StepName::Resolve, Outcome::of(Code::NoServer.alone()));
        run.rest();
        servers.push(ServerReport { url: String::new(), steps: run.steps });
    }
    Report { servers }
}

/// Tries one server; each step is told as it ends.
pub async fn run_one(
    trial: &Trial,
    url: &str,
    clock: &Clock,
    tell: &(dyn Fn(&Step) + Send + Sync),
) -> ServerReport {
    one(trial, url, clock, clock.now() + trial.limits.total, tell).await
}

async fn one(
    trial: &Trial,
    url: &str,
    clock: &Clock,
    deadline: Tick,
    tell: &(dyn Fn(&Step) + Send + Sync),
) -> ServerReport {
    let mut run = Run::new(trial, url, clock, deadline, tell);
    run.all().await;
    run.rest();
    ServerReport { url: url.to_owned(), steps: run.steps }
}

impl Run<'_> {
    /// The steps, until one without which the next ones make no sense has failed.
    async fn all(&mut self) -> Option<()> {
        let (target, addresses) = self.resolve().await?;
        self.port = target.port;
        let stream = self.connect(&target, &addresses).await?;
        let (session, way, server) = self.secure(stream, &target).await?;
        if !self.bind(&session, server).await {
            return None;
        }
        let census = self.search(&session).await?;
        self.map(&session, &census).await;
        let membership = self.groups(&session, &census).await;
        self.sign_in(&session, &way, &census, membership.as_ref()).await;
        Some(())
    }
}
