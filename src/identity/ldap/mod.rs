//! The directory: an LDAP server that is looked up, listed, and bound against.
//!
//! ```text
//!               ┌── search sessions (up to three, one a thread) ── find, probe
//!   Directory ──┼── listing session (one, while it lasts) ─────── list
//!               └── bind pool (up to four) ────────────────────── bind
//! ```
//!
//! What a server says passes a guard before the library hears it (`guard`). At most eight sockets to
//! servers. Every operation has one deadline over all servers that it tries. Five
//! failures in a row open the breaker: callers are refused at once, and a probe every ten seconds
//! closes it again. Referrals are never followed; a StartTLS that fails ends the connection before
//! a name or a password was sent.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, Scope, SearchEntry, SearchOptions};
use tokio::time::timeout;

use crate::clock::{Clock, Tick};

mod bind;
mod breaker;
mod connection;
mod dn;
mod entry;
mod groups;
pub(super) mod guard;
mod list;
mod sessions;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod times;

pub use dn::Dn;
pub use entry::Entry;
pub use groups::{Gathered, GroupSet, Membership, Places};
pub use list::{Listing, Roll};
pub use settings::{Settings, SettingsError, Template};
pub use times::Times;

pub(super) use connection::read_password;
pub(super) use entry::{identifier, values, visible};
pub(super) use groups::gather;
pub(super) use target::Target;

use breaker::Breaker;
use connection::Connector;
use sessions::{Session, Sessions};
use times::{Operation as Asked, Watch};

/// What is asked about one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Who it is, and the secret: all that a signature is held against. The rest stays empty.
    Proof,
    /// How to describe and reach the person as well.
    Everything,
}

/// What a search for one person found.
#[derive(Debug)]
pub enum Found {
    /// One entry, and it may sign in.
    Present(Box<Entry>),
    /// One entry, locked by the `disabled_filter`.
    Disabled(Box<Entry>),
    /// None, or one whose name is canonically another.
    Absent,
}

/// Why the directory gave no answer that can be relied on. None of these is "wrong password" or
/// "no such person".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The breaker is open: not asked.
    #[error("the directory is out of reach; asked again in {0:?}")]
    Resting(Duration),
    /// No answer in time.
    #[error("the directory did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("the directory cannot be reached: {0}")]
    Connection(String),
    /// The service account was refused.
    #[error("the directory refuses the service account: {0}")]
    ServiceBind(String),
    /// An answer that means trouble on the server's side, or a search base that is not there.
    #[error("the directory answers with an error: {0}")]
    Answer(String),
    /// A file that the settings name cannot be read.
    #[error("{0}")]
    Settings(String),
    /// It says of one person what its list of people does not say, or says of too many at once.
    #[error("the directory and its list of people say different things of this person")]
    Doubtful,
}

/// How the directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The last operation was answered.
    pub reachable: bool,
    /// Whether the breaker is open.
    pub resting: bool,
    /// The server in use.
    pub url: String,
    /// When an operation was last answered.
    pub last_contact: Option<Tick>,
    /// What went wrong last, if the last operation failed.
    pub last_error: Option<DirectoryError>,
    /// Since when it is reachable, or not.
    pub since: Option<Tick>,
    /// How long the last answer took.
    pub latency: Option<Duration>,
    /// Searches for one person so far.
    pub lookups: u64,
}

#[derive(Debug, Default)]
struct Report {
    last_contact: Option<Tick>,
    last_error: Option<DirectoryError>,
    since: Option<Tick>,
    latency: Option<Duration>,
}

/// A directory in use.
pub struct Directory {
    settings: Arc<Settings>,
    connector: Connector,
    clock: Clock,
    sessions: Sessions,
    /// Sessions so far.
    opened: AtomicU64,
    /// The server that answered last.
    preferred: Arc<AtomicUsize>,
    breaker: Breaker,
    report: Mutex<Report>,
    lookups: AtomicU64,
    binds: bind::Pool,
    watch: Watch,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("urls", &self.settings.urls).finish_non_exhaustive()
    }
}

/// An operation on the search session.
type Operation<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, DirectoryError>> + Send>>;

impl Directory {
    /// A directory by its settings. Nothing is contacted yet.
    ///
    /// # Errors
    /// [`SettingsError`] if the certificate authority's file cannot be used.
    pub fn new(settings: Settings, clock: Clock) -> Result<Directory, SettingsError> {
        let settings = Arc::new(settings);
        let connector = Connector::new(Arc::clone(&settings))?;
        let preferred = Arc::new(AtomicUsize::new(0));
        let binds = bind::Pool::new(connector.clone(), Arc::clone(&preferred))?;
        Ok(Directory {
            settings,
            connector,
            clock,
            sessions: Sessions::default(),
            opened: AtomicU64::new(0),
            preferred,
            breaker: Breaker::default(),
            report: Mutex::default(),
            lookups: AtomicU64::new(0),
            binds,
            watch: Watch::default(),
        })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Searches one person by the directory's name for him.
    ///
    /// # Errors
    /// [`DirectoryError`], within `timeout` over all servers.
    pub async fn find(&self, uid: &str, wanted: Wanted) -> Result<Found, DirectoryError> {
        self.breaker.admit(self.clock.now()).map_err(DirectoryError::Resting)?;
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let settings = Arc::clone(&self.settings);
        let uid: Arc<str> = Arc::from(uid);
        self.run(Asked::Search, move |ldap| {
            let (settings, uid) = (Arc::clone(&settings), Arc::clone(&uid));
            Box::pin(async move { find_with(ldap, &settings, &uid, wanted).await })
        })
        .await
    }

    /// Asks for the search base alone: is the directory there, and are we let in? Also asked while
    /// the breaker is open.
    ///
    /// # Errors
    /// [`DirectoryError`] if not.
    pub async fn probe(&self) -> Result<(), DirectoryError> {
        let settings = Arc::clone(&self.settings);
        self.run(Asked::Probe, move |mut ldap| {
            let settings = Arc::clone(&settings);
            Box::pin(async move {
                let base = settings.base_dn.as_str();
                let answer = ldap.search(base, Scope::Base, "(objectClass=*)", ["1.1"]).await;
                check(&answer.map_err(connection::broken)?.1)
            })
        })
        .await
    }

    /// Whether a search session broke since it was last used, as when the server was stopped. Told
    /// once.
    pub async fn has_lost_session(&self) -> bool {
        self.sessions.take_lost().await
    }

    /// Whether `password` opens the entry `dn`. An empty password, or one with a NUL, opens
    /// nothing: servers take such a bind for an anonymous one and say yes (RFC 4513 s5.1.2).
    ///
    /// # Errors
    /// [`DirectoryError`], within `timeout`.
    pub async fn bind(&self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        if dn.is_empty() || password.is_empty() || password.contains('\0') {
            return Ok(false);
        }
        self.breaker.admit(self.clock.now()).map_err(DirectoryError::Resting)?;
        let began = self.clock.now();
        let outcome = timeout(self.settings.timeout, self.binds.bind(dn, password)).await;
        let outcome = outcome.unwrap_or(Err(DirectoryError::Timeout));
        self.time(Asked::Bind, began, outcome.is_err());
        let outcome = outcome.map_err(|error| self.connector.explained(error));
        self.note(outcome.as_ref().err());
        outcome
    }

    /// Reads the whole directory: names, identifiers, and who is locked; where there are groups also
    /// where each entry stands. On a connection of its own, so that it delays nobody.
    ///
    /// # Errors
    /// [`DirectoryError`]; then nothing is known, not even in part.
    pub async fn list(&self) -> Result<(Roll, Places), DirectoryError> {
        let url = self.preferred.load(Ordering::Relaxed);
        let began = self.clock.now();
        let outcome = list::read(&self.connector, &self.settings, url).await;
        self.time(Asked::List, began, outcome.is_err());
        let outcome = outcome.map_err(|error| self.connector.explained(error));
        self.note_listing(url, outcome.as_ref().err());
        outcome
    }

    /// Reads who of these people is in which group, after the same manner.
    ///
    /// # Errors
    /// [`DirectoryError`]; then nothing is known, not even in part.
    pub async fn groups(&self, roll: &Roll, places: &Places) -> Result<Membership, DirectoryError> {
        let url = self.preferred.load(Ordering::Relaxed);
        let outcome = groups::read(&self.connector, &self.settings, url, roll, places).await;
        let outcome = outcome.map_err(|error| self.connector.explained(error));
        self.note_listing(url, outcome.as_ref().err());
        outcome
    }

    fn note_listing(&self, url: usize, error: Option<&DirectoryError>) {
        if error.is_some() {
            self.preferred.store((url + 1) % self.settings.urls.len().max(1), Ordering::Relaxed);
        }
        // A directory that permits no whole list, as by a size limit, is there all the same.
        self.note(error.filter(|error| !matches!(error, DirectoryError::Answer(_))));
    }

    fn time(&self, asked: Asked, began: Tick, failed: bool) {
        self.watch.note(asked, self.clock.now().since(began), failed);
    }

    /// How long it takes.
    #[must_use]
    pub fn times(&self) -> Times {
        self.watch.read()
    }

    /// How the directory is.
    #[must_use]
    pub fn health(&self) -> Health {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let url = self.settings.urls.get(self.preferred.load(Ordering::Relaxed));
        Health {
            reachable: report.last_contact.is_some() && report.last_error.is_none(),
            resting: self.breaker.is_open(),
            url: url.cloned().unwrap_or_default(),
            last_contact: report.last_contact,
            last_error: report.last_error.clone(),
            since: report.since,
            latency: report.latency,
            lookups: self.lookups.load(Ordering::Relaxed),
        }
    }

    /// Whether callers are refused at once, and for how long.
    #[must_use]
    pub fn resting(&self) -> Option<Duration> {
        self.breaker.admit(self.clock.now()).err()
    }

    /// Whether the directory may be probed now: always, but while the breaker is open only every
    /// ten seconds.
    #[must_use]
    pub fn probe_is_due(&self) -> bool {
        self.breaker.probe_is_due(self.clock.now())
    }

    /// Runs an operation on this thread's search session: on the server that answered last, else on the
    /// others in turn, all within one deadline.
    async fn run<T: Send>(
        &self,
        asked: Asked,
        operation: impl Fn(Ldap) -> Operation<T> + Send + Sync,
    ) -> Result<T, DirectoryError> {
        let began = self.clock.now();
        let outcome = self.run_on_any(operation).await;
        self.time(asked, began, outcome.is_err());
        outcome
    }

    async fn run_on_any<T: Send>(
        &self,
        operation: impl Fn(Ldap) -> Operation<T> + Send + Sync,
    ) -> Result<T, DirectoryError> {
        let deadline = self.clock.now() + self.settings.timeout;
        let servers = self.settings.urls.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut tried = 0;
        let mut fresh_only = false;
        let mut outcome = Err(DirectoryError::Timeout);
        while tried < servers {
            let left = deadline.since(self.clock.now());
            if left.is_zero() {
                break;
            }
            let url = (first + tried) % servers;
            // What is left is shared among the servers not tried yet.
            let share = left / u32::try_from(servers - tried).unwrap_or(1);
            let began = self.clock.now();
            let attempt = timeout(share, self.attempt(url, share, &operation)).await;
            let (error, reused) = match attempt {
                Ok(Ok(answer)) => {
                    self.preferred.store(url, Ordering::Relaxed);
                    self.note(None);
                    let took = self.clock.now().since(began);
                    self.report.lock().unwrap_or_else(PoisonError::into_inner).latency = Some(took);
                    return Ok(answer);
                }
                Ok(Err(failed)) => failed,
                Err(_) => {
                    self.sessions.own().await.take();
                    (DirectoryError::Timeout, false)
                }
            };
            // A server may have closed an idle session; that says nothing about the server.
            let again = reused && !fresh_only && matches!(error, DirectoryError::Connection(_));
            fresh_only = again;
            tried += usize::from(!again);
            outcome = Err(self.connector.explained(error));
        }
        self.note(outcome.as_ref().err());
        outcome
    }

    /// One attempt on one server; on failure also whether the session had been used before.
    async fn attempt<T>(
        &self,
        url: usize,
        share: Duration,
        operation: &(impl Fn(Ldap) -> Operation<T> + Send + Sync),
    ) -> Result<T, (DirectoryError, bool)> {
        let (ldap, number, reused) =
            self.session(url, share).await.map_err(|error| (error, false))?;
        match operation(ldap).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.sessions.end(number).await;
                Err((error, reused))
            }
        }
    }

    /// The session with a server: the one there is, or a new one.
    async fn session(
        &self,
        url: usize,
        share: Duration,
    ) -> Result<(Ldap, u64, bool), DirectoryError> {
        let mut slot = self.sessions.own().await;
        if let Some(session) = slot.as_mut()
            && session.url == url
            && !session.ldap.is_closed()
        {
            return Ok((session.ldap.clone(), session.number, true));
        }
        slot.take();
        let ldap = self.connector.connect(url, share).await?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        *slot = Some(Session { ldap: ldap.clone(), url, number });
        Ok((ldap, number, false))
    }

    /// Notes how an operation went.
    fn note(&self, error: Option<&DirectoryError>) {
        let now = self.clock.now();
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None => {
                if report.last_error.take().is_some() || report.last_contact.is_none() {
                    report.since = Some(now);
                    tracing::info!(event = "directory.reachable");
                }
                report.last_contact = Some(now);
                if self.breaker.succeeded() {
                    tracing::info!(event = "directory.breaker", open = false);
                }
            }
            Some(error) => {
                if report.last_error.is_none() {
                    report.since = Some(now);
                }
                if report.last_error.as_ref() != Some(error) {
                    tracing::warn!(event = "directory.failed", %error);
                }
                report.last_error = Some(error.clone());
                if self.breaker.failed(now) {
                    tracing::warn!(event = "directory.breaker", open = true);
                }
            }
        }
    }
}

/// Any result but success means that the answer cannot be relied on: busy, unavailable, a limit,
/// no such base, a referral to somewhere else.
fn check(result: &ldap3::LdapResult) -> Result<(), DirectoryError> {
    if result.rc == 0 {
        return Ok(());
    }
    let more = if result.rc == 10 { " (referrals are not followed)" } else { "" };
    let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(DirectoryError::Answer(format!("result code {}{more} {text}", result.rc)))
}

async fn find_with(
    mut ldap: Ldap,
    settings: &Settings,
    uid: &str,
    wanted: Wanted,
) -> Result<Found, DirectoryError> {
    let filter = settings.filter_for(uid);
    let attributes = settings.attributes(wanted);
    // Two are enough to know that a name is ambiguous.
    let options = || SearchOptions::new().sizelimit(2);
    let base = settings.base_dn.as_str();
    let mut second = (!settings.disabled_filter.is_empty()).then(|| ldap.clone());
    let search = ldap.with_search_options(options()).search(
        base,
        Scope::Subtree,
        &filter,
        attributes.as_slice(),
    );
    let found = if let Some(second) = &mut second {
        let filter = format!("(&{filter}{})", settings.disabled_filter);
        let locked = async {
            second
                .with_search_options(options())
                .search(base, Scope::Subtree, &filter, ["1.1"])
                .await
        };
        let (people, locked) = tokio::join!(search, locked);
        (people, Some(locked))
    } else {
        (search.await, None)
    };
    let ldap3::SearchResult(people, result) = found.0.map_err(connection::broken)?;
    let mut people: Vec<SearchEntry> = people
        .into_iter()
        .filter(|entry| !entry.is_ref() && !entry.is_intermediate())
        .map(SearchEntry::construct)
        .collect();
    // sizeLimitExceeded with two entries in hand is our own limit.
    if people.len() > 1 {
        tracing::warn!(event = "directory.ambiguous", name = %uid.escape_debug());
        return Ok(Found::Absent);
    }
    check(&result)?;
    let locked = match found.1 {
        None => false,
        Some(locked) => {
            let ldap3::SearchResult(locked, result) = locked.map_err(connection::broken)?;
            check(&result)?;
            locked.iter().any(|entry| !entry.is_ref() && !entry.is_intermediate())
        }
    };
    let Some(person) = people.pop() else { return Ok(Found::Absent) };
    Ok(match Entry::read(settings, person, uid) {
        None => Found::Absent,
        Some(entry) if locked => Found::Disabled(Box::new(entry)),
        Some(entry) => Found::Present(Box::new(entry)),
    })
}
