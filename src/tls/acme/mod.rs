//! A certificate from an ACME authority (RFC 8555): asked for once the web listener answers, kept
//! in the data directory, renewed after two thirds of its life. Until it is there, and whenever it
//! cannot be had, the internal one serves.
//!
//! A name is proved by whoever answers for it: over TLS (RFC 8737) if there is an `https://`
//! listener, else over HTTP (RFC 8555 s8.3). Names that cannot be proved, as a SIP domain whose web
//! server is another machine, are left out of the certificate and told to the administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::material::Material;
use super::{AcmeOverview, Certificates, TlsError};
use crate::clock::WallTime;
use crate::store::files;

mod account;
mod challenges;
mod order;
mod schedule;

pub(super) use challenges::Challenges;
pub use challenges::{ALPN, Proof};
use order::Issued;
use schedule::Schedule;

/// What one attempt may take in all.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is asked of which authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The URL of the authority's directory (RFC 8555 s7.1.1).
    pub directory: String,
    /// Whom the authority writes to, an address of mail; empty is nobody.
    pub contact: String,
    /// The authority behind the directory's own certificate, PEM; empty: those of this system.
    pub ca_file: PathBuf,
    /// The names that are wanted.
    pub names: Vec<String>,
    /// How names can be proved here, best first.
    pub proofs: Vec<Proof>,
}

impl Settings {
    /// The names that a public authority may certify: DNS names of two labels at least.
    #[must_use]
    pub fn names_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        for name in names {
            let name = name.trim_matches('.').to_ascii_lowercase();
            let public = name.contains('.') && name.parse::<std::net::IpAddr>().is_err();
            if public && !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        wanted
    }
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum AcmeError {
    /// The authority, or the way to it.
    #[error("{0}: {1}")]
    Authority(&'static str, #[source] instant_acme::Error),
    /// No name is left to ask for.
    #[error("no name could be proved: {0}")]
    NothingProved(String),
    /// Nothing in the configuration is a public name.
    #[error(
        "neither public_name nor domain is a name that an ACME authority knows; set public_name"
    )]
    NoNames,
    /// No listener can prove a name.
    #[error("names are proved by an https:// or http:// listener of [web], and there is none")]
    NoListener,
    /// It took too long.
    #[error("the authority took longer than {} s", PATIENCE.as_secs())]
    Slow,
    /// What it gave is of no use, or cannot be kept.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The account's file is not readable as such.
    #[error("{0}: {1}")]
    Account(PathBuf, #[source] serde_json::Error),
    /// An answer to a challenge could not be made.
    #[error("no answer to the challenge could be made: {0}")]
    Answer(#[from] rcgen::Error),
}

/// What was asked for when the certificate that is kept was issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    directory: String,
    wanted: Vec<String>,
    /// Names that were not proved, each with the reason.
    unproved: Vec<(String, String)>,
}

/// What is known between attempts.
#[derive(Debug, Default)]
pub(super) struct State {
    record: Option<Record>,
    schedule: Schedule,
    error: Option<String>,
}

impl State {
    /// What an administrator should know.
    pub(super) fn error(&self) -> Option<String> {
        let unproved = self.record.as_ref().filter(|record| !record.unproved.is_empty());
        self.error.clone().or_else(|| {
            let reasons = unproved?.unproved.iter();
            let reasons: Vec<String> =
                reasons.map(|(name, why)| format!("{name} ({why})")).collect();
            Some(format!(
                "the ACME certificate leaves out what was not proved: {}",
                reasons.join(", ")
            ))
        })
    }
}

/// Where the certificate and what belongs to it is kept.
pub(super) struct Place<'a>(pub(super) &'a Path);

impl Place<'_> {
    fn chain(&self) -> PathBuf {
        self.0.join("acme.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.join("acme.key")
    }

    fn record(&self) -> PathBuf {
        self.0.join("acme.json")
    }

    fn account(&self) -> PathBuf {
        self.0.join("acme-account.json")
    }

    /// The certificate of a run before this one, unless it has ended.
    pub(super) fn open(&self, now: WallTime) -> Option<(Material, State)> {
        let material = Material::read(&self.chain(), &self.key()).ok()?;
        if material.description.is_out_of_date(now) {
            return None;
        }
        let text = std::fs::read(self.record()).unwrap_or_default();
        // Without the record it is asked for again, which costs nothing but the asking.
        let record = serde_json::from_slice(&text).ok();
        Some((material, State { record, ..State::default() }))
    }

    fn keep(&self, issued: &Issued, record: &Record) -> Result<Material, AcmeError> {
        // Read from where nobody looks before it takes the place of one that works.
        let (chain, key) = (self.0.join("acme-new.pem"), self.0.join("acme-new.key"));
        write(&key, issued.key.as_bytes())?;
        write(&chain, issued.chain.as_bytes())?;
        let material = Material::read(&chain, &key)?;
        write(&self.key(), issued.key.as_bytes())?;
        write(&self.chain(), issued.chain.as_bytes())?;
        for path in [chain, key] {
            std::fs::remove_file(&path).map_err(|error| TlsError::File(path, error))?;
        }
        let text =
            serde_json::to_vec(record).map_err(|error| AcmeError::Account(self.record(), error))?;
        write(&self.record(), &text)?;
        Ok(material)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    files::replace(path, bytes).map_err(|error| TlsError::File(path.to_owned(), error))
}

/// Asks for a certificate when there is none, when it is two thirds over and when other names are
/// wanted; waits longer after each failure. Returns at once where ACME is not wanted, else never.
pub async fn keep(certificates: Arc<Certificates>) {
    let Some(settings) = certificates.acme_settings().cloned() else { return };
    loop {
        let wait = certificates.acme_wait(&settings);
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = certificates.acme_retry() => {
                    certificates.with_acme(|state| state.schedule.forget());
                }
            }
            continue;
        }
        if let Err(error) = ask(&certificates).await {
            let now = certificates.clock().now();
            let again = certificates.with_acme(|state| state.schedule.failed(now));
            tracing::error!(event = "acme_failed", again_in = again.as_secs(), "{error}");
        }
    }
}

/// Asks once, and serves what it gets.
///
/// # Errors
/// [`AcmeError`], also in [`Certificates::status`]; what was served before is served on.
pub async fn ask(certificates: &Certificates) -> Result<(), AcmeError> {
    let Some(settings) = certificates.acme_settings() else { return Ok(()) };
    let attempt = tokio::time::timeout(PATIENCE, attempt(certificates, settings)).await;
    certificates.challenges().clear();
    let (material, record) = attempt.unwrap_or(Err(AcmeError::Slow)).inspect_err(|error| {
        certificates.with_acme(|state| {
            state.error = Some(format!("no certificate from ACME: {error}"));
        });
    })?;
    for (name, why) in &record.unproved {
        tracing::warn!(event = "acme_name_unproved", name, why);
    }
    certificates.put_acme(material);
    certificates.with_acme(|state| *state = State { record: Some(record), ..State::default() });
    Ok(())
}

impl Certificates {
    /// How it stands with the authority; `None` where none is asked.
    pub(super) fn acme_overview(&self) -> Option<AcmeOverview> {
        let settings = self.acme_settings()?;
        let description = self.acme_description();
        let wait = self.acme_wait(settings).as_secs();
        Some(self.with_acme(|state| AcmeOverview {
            directory: settings.directory.clone(),
            contact: settings.contact.clone(),
            names: settings.names.clone(),
            can_prove: !settings.proofs.is_empty(),
            not_after: description.as_ref().map(|one| one.not_after.to_string()),
            renewal: description.as_ref().map(|one| schedule::renewal(one).to_string()),
            wait,
            error: state.error.clone(),
            unproved: state.record.as_ref().map(|one| one.unproved.clone()).unwrap_or_default(),
        }))
    }

    /// How long until it is time to ask.
    fn acme_wait(&self, settings: &Settings) -> Duration {
        let (now, wall) = (self.clock().now(), self.clock().wall());
        let description = self.acme_description();
        self.with_acme(|state| {
            let same = state.record.as_ref().is_some_and(|record| {
                record.wanted == settings.names && record.directory == settings.directory
            });
            let renewal = description.as_ref().filter(|_| same).map(schedule::renewal);
            state.schedule.wait(renewal, now, wall)
        })
    }
}

async fn attempt(
    certificates: &Certificates,
    settings: &Settings,
) -> Result<(Material, Record), AcmeError> {
    if settings.names.is_empty() {
        return Err(AcmeError::NoNames);
    }
    if settings.proofs.is_empty() {
        return Err(AcmeError::NoListener);
    }
    let place = Place(certificates.directory());
    let account = account::open(settings, &place.account()).await?;
    let issued = match order::obtain(&account, settings, certificates.challenges()).await {
        // The authority has forgotten us; then everything begins anew.
        Err(AcmeError::Authority(_, error)) if account::is_unknown(&error) => {
            let account = account::create(settings, &place.account()).await?;
            order::obtain(&account, settings, certificates.challenges()).await?
        }
        other => other?,
    };
    let record = Record {
        directory: settings.directory.clone(),
        wanted: settings.names.clone(),
        unproved: issued.unproved.clone(),
    };
    let material = place.keep(&issued, &record)?;
    Ok((material, record))
}
