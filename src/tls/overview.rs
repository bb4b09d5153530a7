//! Everything that an administrator asks about the certificates.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authority::RENEW_DAYS_BEFORE;
use super::material::Material;
use super::{Certificates, Description, Source, Status, installed, trust};
use crate::config::TlsMode;

const DAY: u64 = 86_400;

/// The certificates as the console shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Certificates)]
pub struct Overview {
    /// What is served.
    pub status: Status,
    /// `tls.mode`.
    #[schema(value_type = String)]
    pub mode: TlsMode,
    /// Whom the certificate that is served is for.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// When it begins, RFC 3339.
    pub not_before: String,
    /// Whole days that are left of it; none if it has ended or there is none.
    pub days_left: Option<u64>,
    /// What stands behind it, up to the authority.
    pub chain: Vec<Link>,
    /// The names that clients ask for, and whether they find them.
    pub needed: Vec<Needed>,
    /// Why a machine like this one would not believe it; none if it would, or if it comes from our
    /// own authority, which nobody believes by himself.
    pub distrusted: Option<String>,
    /// When it is replaced by itself, RFC 3339; none if it is not.
    pub renewal: Option<String>,
    /// `tls.cert_file`; empty is none.
    #[schema(value_type = String)]
    pub cert_file: PathBuf,
    /// Whether a pair was handed over in the console.
    pub installed: bool,
    /// Whether such a pair would be served.
    pub takes_installed: bool,
    /// What is wrong with the files.
    pub files_error: Option<String>,
    /// What is wrong with the authority of our own.
    pub internal_error: Option<String>,
    /// How it stands with an ACME authority; none where none is asked.
    pub acme: Option<AcmeOverview>,
}

/// A certificate of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CertificateLink)]
pub struct Link {
    /// Whom it is for.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// When it ends, RFC 3339.
    pub not_after: String,
}

/// A name that clients ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CertificateName)]
pub struct Needed {
    /// The name.
    pub name: String,
    /// Whether the certificate that is served has it.
    pub covered: bool,
    /// Whether whoever asks for it gets a certificate of our own authority instead.
    pub by_internal: bool,
}

/// How it stands with an ACME authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CertificateAcme)]
pub struct AcmeOverview {
    /// The URL of its directory.
    pub directory: String,
    /// Whom it writes to; empty is nobody.
    pub contact: String,
    /// The names that are asked for.
    pub names: Vec<String>,
    /// Whether a listener can prove that a name leads here.
    pub can_prove: bool,
    /// When its certificate ends, RFC 3339; none while there is none.
    pub not_after: Option<String>,
    /// When that is renewed, RFC 3339.
    pub renewal: Option<String>,
    /// Seconds until it is thought about again.
    pub wait: u64,
    /// What went wrong last.
    pub error: Option<String>,
    /// Names that were not proved, each with the reason.
    #[schema(value_type = Vec<Vec<String>>)]
    pub unproved: Vec<(String, String)>,
}

impl Certificates {
    /// Everything about the certificates; `wanted` are the names that clients ask for. Reads files.
    #[must_use]
    pub fn overview(&self, wanted: &[String]) -> Overview {
        let settings = self.settings();
        let (files_error, internal_error) = self.troubles();
        let mut overview = Overview {
            status: self.status(),
            mode: settings.mode,
            cert_file: settings.cert_file.clone(),
            installed: installed::path(&settings.directory).exists(),
            takes_installed: self.takes_installed(),
            files_error,
            internal_error,
            acme: self.acme_overview(),
            ..Overview::default()
        };
        let first = self.first();
        let internal = self.internal().filter(|_| self.serves_by_name());
        overview.needed = wanted
            .iter()
            .map(|name| {
                let covers = |one: &Arc<Material>| one.description.covers(name);
                let covered = first.as_ref().is_some_and(covers);
                let by_internal = !covered && internal.as_ref().is_some_and(covers);
                Needed { name: name.clone(), covered, by_internal }
            })
            .collect();
        let Some(first) = first else { return overview };
        let description = &first.description;
        let now = self.clock().wall();
        overview.subject.clone_from(&description.subject);
        overview.issuer.clone_from(&description.issuer);
        overview.not_before = description.not_before.to_string();
        overview.days_left = (!description.is_out_of_date(now))
            .then(|| description.not_after.since(now).as_secs() / DAY);
        overview.chain = chain(&first);
        overview.renewal = match overview.status.source {
            Source::Internal => {
                let early = RENEW_DAYS_BEFORE.saturating_mul(DAY);
                let at = description.not_after.unix_secs().saturating_sub(early);
                Some(crate::clock::WallTime::from_unix_secs(at).to_string())
            }
            Source::Acme => overview.acme.as_ref().and_then(|acme| acme.renewal.clone()),
            Source::Files | Source::None => None,
        };
        if matches!(overview.status.source, Source::Files | Source::Acme) {
            overview.distrusted = self.distrust(&first);
        }
        overview
    }

    /// Why whoever trusts what this machine trusts would not believe a certificate.
    fn distrust(&self, material: &Material) -> Option<String> {
        let (leaf, behind) = material.key.cert.split_first()?;
        let name = material.description.names.first()?.replace('*', "any");
        let name = ServerName::try_from(name).ok()?;
        let roots = trust::roots(&self.settings().ca_file, None);
        if roots.is_empty() {
            // Nothing to hold it against.
            return None;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().ok()?;
        let now = Duration::from_secs(self.clock().wall().unix_secs());
        let now = UnixTime::since_unix_epoch(now);
        let verdict = verifier.verify_server_cert(leaf, behind, &name, &[], now);
        verdict.err().map(|error| error.to_string())
    }
}

fn chain(material: &Material) -> Vec<Link> {
    let readable = material.key.cert.iter().filter_map(|one| Description::read(one).ok());
    let link = |one: Description| Link {
        subject: one.subject,
        issuer: one.issuer,
        not_after: one.not_after.to_string(),
    };
    readable.map(link).collect()
}
