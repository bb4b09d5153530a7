//! The certificate that is served now, and what replaces it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::acme::{self, Challenges};
use super::authority::{Authority, Names};
use super::description::Description;
use super::material::{Material, date_doubt};
use super::{TlsError, installed, trust};
use crate::clock::{Clock, Tick, WallTime};
use crate::config::TlsMode;

/// How often the names and dates of the internal certificate are looked at.
const INTERNAL_CHECK: std::time::Duration = std::time::Duration::from_secs(60);

/// How often the log says that the certificate which is served ends soon, or has ended.
const DATES_TOLD: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Tells what the internal certificate must say; addresses come and go.
pub type NamesNow = Box<dyn Fn() -> Names + Send + Sync>;

/// Where certificates come from.
pub struct Settings {
    /// `tls.mode`.
    pub mode: TlsMode,
    /// `tls.cert_file`; empty is none.
    pub cert_file: PathBuf,
    /// `tls.key_file`; empty is none.
    pub key_file: PathBuf,
    /// `tls.ca_file`; empty is none.
    pub ca_file: PathBuf,
    /// Where the authority of our own is kept.
    pub directory: PathBuf,
    /// The SIP domain, for the authority's name.
    pub domain: String,
    /// What the internal certificate must say.
    pub names: NamesNow,
    /// What an ACME authority is asked for, where `tls.mode` and `tls.acme` allow it.
    pub acme: Option<acme::Settings>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Where the certificate that is served came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CertificateSource)]
pub enum Source {
    /// There is none.
    #[default]
    None,
    /// Files of the administrator.
    Files,
    /// An ACME authority.
    Acme,
    /// The authority of our own.
    Internal,
}

impl Source {
    /// As `status` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::None => "none",
            Source::Files => "files",
            Source::Acme => "acme",
            Source::Internal => "internal",
        }
    }
}

/// The certificates as `status` shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CertificateStatus)]
pub struct Status {
    /// Where the certificate that is served comes from.
    pub source: Source,
    /// Its DNS names and addresses.
    pub names: Vec<String>,
    /// When it ends, RFC 3339.
    pub not_after: String,
    /// Whole days that are left of it; none without a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u64>,
    /// Its SHA-256.
    pub fingerprint: String,
    /// The SHA-256 of the authority's certificate.
    pub authority_fingerprint: String,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Our certificates, and what is trusted.
#[derive(Debug)]
pub struct Certificates {
    settings: Settings,
    clock: Clock,
    /// None: it could not be opened, and `internal_error` says why.
    authority: Option<Authority>,
    served: Arc<Served>,
    tended: Mutex<Tended>,
    acme: Mutex<acme::State>,
    acme_retry: Notify,
}

/// What was seen when it was last looked.
#[derive(Debug, Default)]
struct Tended {
    /// Of both files; none before they were read.
    files: Option<[Stamp; 2]>,
    files_error: Option<String>,
    internal_error: Option<String>,
    internal_due: Tick,
    dates_due: Tick,
}

/// Tells whether a file is still the same: device, inode, length, time of change. None: there is no
/// such file.
type Stamp = Option<[i128; 4]>;

impl Certificates {
    /// Reads or makes what is served. Never fails: without a certificate there is no TLS, and
    /// [`Certificates::status`] says why. Blocks.
    #[must_use]
    pub fn open(settings: Settings, clock: Clock) -> Arc<Certificates> {
        let mut tended = Tended::default();
        let authority = Authority::open(&settings.directory, &settings.domain, clock.wall());
        let authority = match authority {
            Ok(authority) => Some(authority),
            Err(error) => {
                tracing::error!(event = "no_authority", "{error}");
                tended.internal_error = Some(error.to_string());
                None
            }
        };
        let by_name = matches!(settings.mode, TlsMode::Auto | TlsMode::Acme);
        let mut choice = Choice::default();
        let mut acme = acme::State::default();
        if settings.acme.is_some()
            && let Some((material, state)) = acme::Place(&settings.directory).open(clock.wall())
        {
            report(Source::Acme, &material);
            choice.acme = Some(Arc::new(material));
            acme = state;
        }
        let served = Served {
            by_name,
            choice: ArcSwap::from_pointee(choice),
            challenges: Challenges::default(),
        };
        let certificates = Certificates {
            settings,
            clock,
            authority,
            served: Arc::new(served),
            tended: Mutex::new(tended),
            acme: Mutex::new(acme),
            acme_retry: Notify::new(),
        };
        certificates.tend();
        Arc::new(certificates)
    }

    /// Takes files that have changed, and renews what the authority made. To be called every few
    /// seconds; blocks for as long as files take.
    pub fn tend(&self) {
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        self.tend_files(&mut tended);
        self.tend_internal(&mut tended);
        if let Some(doubt) = self.doubt_to_tell(&mut tended) {
            tracing::warn!(event = "certificate_dates", "{doubt}");
        }
    }

    /// What is wrong with the dates of what is served, once a day.
    fn doubt_to_tell(&self, tended: &mut Tended) -> Option<String> {
        let now = self.clock.now();
        if now < tended.dates_due {
            return None;
        }
        let choice = self.served.choice.load();
        let doubt = date_doubt(&choice.first()?.description, self.clock.wall())?;
        tended.dates_due = now + DATES_TOLD;
        Some(doubt)
    }

    /// As [`Certificates::tend`], whether anything looks changed or not.
    pub fn reload(&self) {
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        tended.files = None;
        tended.internal_due = Tick::ZERO;
        self.tend_files(&mut tended);
        self.tend_internal(&mut tended);
        self.acme_retry.notify_one();
    }

    /// Whether the configuration names files of the administrator.
    pub(super) fn has_own_files(&self) -> bool {
        !self.settings.cert_file.as_os_str().is_empty()
    }

    /// Whether a certificate that was handed over in the console would be served: where the
    /// configuration leaves the choice open and names no files.
    pub(super) fn takes_installed(&self) -> bool {
        self.settings.mode == TlsMode::Auto && !self.has_own_files()
    }

    /// The files that are served, certificate and key: those of the configuration, or the one that
    /// was installed.
    fn files(&self) -> Option<(PathBuf, PathBuf)> {
        if matches!(self.settings.mode, TlsMode::Auto | TlsMode::Files) && self.has_own_files() {
            return Some((self.settings.cert_file.clone(), self.settings.key_file.clone()));
        }
        let installed = installed::path(&self.settings.directory);
        (self.takes_installed() && installed.exists()).then(|| (installed.clone(), installed))
    }

    fn tend_files(&self, tended: &mut Tended) {
        let Some((certificate, key)) = self.files() else {
            if tended.files.take().is_some() {
                tended.files_error = None;
                self.served.put(|choice| choice.files = None);
            }
            return;
        };
        let (certificate, key) = (&certificate, &key);
        // Before they are read: a change in between is seen the next time.
        let stamps = [stamp(certificate), stamp(key)];
        if tended.files == Some(stamps) {
            return;
        }
        tended.files = Some(stamps);
        match Material::read(certificate, key) {
            Ok(material) => {
                tended.files_error = None;
                report(Source::Files, &material);
                let material = Arc::new(material);
                self.served.put(|choice| choice.files = Some(Arc::clone(&material)));
            }
            Err(error) => {
                let error = error.to_string();
                let before = self.served.choice.load().files.is_some();
                tracing::error!(
                    event = "certificate_refused",
                    still_served = if before { "the one before it" } else { "the internal one" },
                    "{error}"
                );
                tended.files_error = Some(error);
            }
        }
    }

    fn tend_internal(&self, tended: &mut Tended) {
        let Some(authority) = &self.authority else { return };
        let now = self.clock.now();
        if now < tended.internal_due {
            return;
        }
        tended.internal_due = now + INTERNAL_CHECK;
        match authority.leaf(&(self.settings.names)(), self.clock.wall()) {
            Ok(material) => {
                tended.internal_error = None;
                let choice = self.served.choice.load();
                let same = choice.internal.as_ref().is_some_and(|served| {
                    served.description.fingerprint == material.description.fingerprint
                });
                if !same {
                    report(Source::Internal, &material);
                    let material = Arc::new(material);
                    self.served.put(|choice| choice.internal = Some(Arc::clone(&material)));
                }
            }
            Err(error) => {
                let error = error.to_string();
                if tended.internal_error.as_ref() != Some(&error) {
                    tracing::error!(event = "certificate_not_made", "{error}");
                }
                tended.internal_error = Some(error);
            }
        }
    }

    /// Takes files that were changed just now.
    pub(super) fn take_files(&self) {
        self.tend_files(&mut self.tended.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Has our own authority make a new certificate, whether the one before would still serve or not.
    /// Blocks.
    ///
    /// # Errors
    /// [`TlsError`] if it cannot be made or kept.
    pub fn renew_internal(&self) -> Result<(), TlsError> {
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        let no_authority = || TlsError::NoAuthority(tended.internal_error.clone());
        let authority = self.authority.as_ref().ok_or_else(no_authority)?;
        let material = authority.issue(&(self.settings.names)(), self.clock.wall())?;
        tended.internal_error = None;
        report(Source::Internal, &material);
        let material = Arc::new(material);
        self.served.put(|choice| choice.internal = Some(Arc::clone(&material)));
        Ok(())
    }

    /// What is served, and what is wrong.
    #[must_use]
    pub fn status(&self) -> Status {
        let (files_error, internal_error) = self.troubles();
        let authority_fingerprint =
            self.authority.as_ref().map(|own| own.description().fingerprint.clone());
        let mut status = Status {
            source: self.source(),
            authority_fingerprint: authority_fingerprint.unwrap_or_default(),
            ..Status::default()
        };
        let mut dates = None;
        if let Some(material) = self.served.choice.load().first() {
            let description = &material.description;
            status.names.clone_from(&description.names);
            status.not_after = description.not_after.to_string();
            let left = description.not_after.since(self.clock.wall());
            status.days_left = Some(left.as_secs() / 86_400);
            status.fingerprint.clone_from(&description.fingerprint);
            dates = date_doubt(description, self.clock.wall());
        }
        let acme_error = self.with_acme(|state| state.error());
        status.error = files_error.or(acme_error).or(internal_error).or(dates);
        status
    }

    /// Where the certificate that is served comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        let choice = self.served.choice.load();
        match (&choice.files, &choice.acme, &choice.internal) {
            (Some(_), _, _) => Source::Files,
            (None, Some(_), _) => Source::Acme,
            (None, None, Some(_)) => Source::Internal,
            (None, None, None) => Source::None,
        }
    }

    /// The authority's certificate as a PEM file.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::pem)
    }

    /// The authority's certificate in DER form.
    #[must_use]
    pub fn authority_der(&self) -> Option<&[u8]> {
        self.authority.as_ref().map(|own| own.der().as_ref())
    }

    /// The authority's SHA-256.
    #[must_use]
    pub fn authority_fingerprint(&self) -> Option<&str> {
        self.authority.as_ref().map(|own| own.description().fingerprint.as_str())
    }

    /// The document that proves a name to an ACME authority, for whoever asks for
    /// `/.well-known/acme-challenge/{token}` (RFC 8555 s8.3).
    #[must_use]
    pub fn acme_document(&self, token: &str) -> Option<String> {
        self.served.challenges.document(token)
    }

    /// When the certificate in force runs out; `None` while there is none.
    #[must_use]
    pub fn not_after(&self) -> Option<WallTime> {
        self.served.choice.load().first().map(|material| material.description.not_after)
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is served to whoever asks for no name in particular.
    pub(super) fn first(&self) -> Option<Arc<Material>> {
        self.served.choice.load().first().map(Arc::clone)
    }

    /// What our own authority made last.
    pub(super) fn internal(&self) -> Option<Arc<Material>> {
        self.served.choice.load().internal.as_ref().map(Arc::clone)
    }

    /// What is wrong with the files, and with our own authority.
    pub(super) fn troubles(&self) -> (Option<String>, Option<String>) {
        let tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        (tended.files_error.clone(), tended.internal_error.clone())
    }

    /// Whether a certificate serves names that the first one lacks, by our own authority.
    pub(super) fn serves_by_name(&self) -> bool {
        self.served.by_name
    }

    pub(super) fn acme_settings(&self) -> Option<&acme::Settings> {
        self.settings.acme.as_ref()
    }

    pub(super) fn acme_description(&self) -> Option<Description> {
        self.served.choice.load().acme.as_ref().map(|material| material.description.clone())
    }

    pub(super) fn put_acme(&self, material: Material) {
        let material = Arc::new(material);
        self.served.put(|choice| choice.acme = Some(Arc::clone(&material)));
        report(Source::Acme, &material);
    }

    pub(super) fn with_acme<T>(&self, visit: impl FnOnce(&mut acme::State) -> T) -> T {
        visit(&mut self.acme.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody has asked for everything to be looked at again.
    pub(super) async fn acme_retry(&self) {
        self.acme_retry.notified().await;
    }

    pub(super) fn challenges(&self) -> &Challenges {
        &self.served.challenges
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn directory(&self) -> &Path {
        &self.settings.directory
    }

    /// TLS as it is accepted: versions 1.2 and 1.3, resumption by tickets, and at each handshake the
    /// certificate that is in force then.
    ///
    /// # Errors
    /// [`TlsError::Tls`] if the library has no randomness.
    pub fn server_config(&self, alpn: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.served) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Arc::new(config))
    }

    /// The authorities that peers' certificates may come from. Reads files.
    #[must_use]
    pub fn roots(&self) -> Arc<RootCertStore> {
        let own = self.authority.as_ref().map(Authority::der);
        Arc::new(trust::roots(&self.settings.ca_file, own))
    }
}

/// What handshakes choose from.
#[derive(Clone, Debug, Default)]
struct Choice {
    files: Option<Arc<Material>>,
    acme: Option<Arc<Material>>,
    internal: Option<Arc<Material>>,
}

impl Choice {
    fn first(&self) -> Option<&Arc<Material>> {
        self.files.as_ref().or(self.acme.as_ref()).or(self.internal.as_ref())
    }
}

/// Chooses the certificate of a handshake.
#[derive(Debug)]
struct Served {
    /// Whether the internal certificate serves names that the files do not cover.
    by_name: bool,
    choice: ArcSwap<Choice>,
    challenges: Challenges,
}

impl Served {
    /// Changes the choice; again if another change came in between.
    fn put(&self, change: impl Fn(&mut Choice)) {
        self.choice.rcu(|choice| {
            let mut choice = Choice::clone(choice);
            change(&mut choice);
            choice
        });
    }

    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let choice = self.choice.load();
        let first = choice.first()?;
        if self.by_name
            && let (Some(name), Some(internal)) = (name, &choice.internal)
            && !first.description.covers(name)
            && internal.description.covers(name)
        {
            return Some(Arc::clone(&internal.key));
        }
        Some(Arc::clone(&first.key))
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.next() == Some(acme::ALPN.as_bytes()) && protocols.next().is_none() {
            return self.challenges.certificate(hello.server_name()?);
        }
        self.choose(hello.server_name())
    }
}

fn report(source: Source, material: &Material) {
    let description = &material.description;
    tracing::info!(
        event = "certificate",
        source = source.name(),
        names = %description.names.join(" "),
        not_after = %description.not_after,
        sha256 = %description.fingerprint,
    );
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    Some([
        i128::from(metadata.dev()),
        i128::from(metadata.ino()),
        i128::from(metadata.len()),
        changed,
    ])
}

#[cfg(test)]
impl Certificates {
    /// What [`Certificates::tend`] would say in the log.
    pub(super) fn would_tell(&self) -> Option<String> {
        self.doubt_to_tell(&mut self.tended.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
