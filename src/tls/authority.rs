//! The authority of our own: made once, kept in the data directory, and trusted by whoever installs
//! its certificate.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::TlsError;
use super::description::Description;
use super::material::Material;
use crate::clock::WallTime;
use crate::entropy;
use crate::store::files;

/// The life of the authority. A new one must be installed on every device, so it outlives them.
const AUTHORITY_DAYS: u64 = 20 * 365;
/// The life of what it issues; a new one is made by itself.
const LEAF_DAYS: u64 = 90;
/// When a new one is made: two thirds of its life.
pub(super) const RENEW_DAYS_BEFORE: u64 = 30;
/// Clocks of devices may be behind.
const SKEW_DAYS: u64 = 2;
const DAY: u64 = 86_400;

/// What our certificate must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Our SIP domains: named as DNS names and as `sip:` URIs (RFC 5922 s7.1).
    pub domains: Vec<String>,
    /// Other host names.
    pub hosts: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

impl Names {
    /// Every DNS name and address, once.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let texts = self.domains.iter().chain(&self.hosts).cloned();
        for name in texts.chain(self.addresses.iter().map(|ip| ip.to_canonical().to_string())) {
            let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
            if !name.is_empty() && !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }
}

/// The authority, ready to sign.
pub(super) struct Authority {
    directory: PathBuf,
    der: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    description: Description,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("description", &self.description).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority in `directory`, making it where there is none.
    pub(super) fn open(
        directory: &Path,
        domain: &str,
        now: WallTime,
    ) -> Result<Authority, TlsError> {
        files::make_directory(directory)
            .map_err(|error| TlsError::File(directory.to_owned(), error))?;
        let (certificate, secret) = (directory.join("ca.pem"), directory.join("ca.key"));
        if !certificate.exists() {
            let key = KeyPair::generate()?;
            let made = authority(domain, now)?.self_signed(&key)?;
            // The key first: a certificate without it would be worth nothing.
            write(&secret, &Zeroizing::new(key.serialize_pem()))?;
            write(&certificate, &made.pem())?;
        }
        if !secret.exists() {
            return Err(TlsError::LostKey(secret));
        }
        let pem = read(&certificate)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| TlsError::NoCertificate(certificate))?;
        let description = Description::read(&der)?;
        let key = KeyPair::from_pem(&Zeroizing::new(read(&secret)?))
            .map_err(|_| TlsError::NoKey(secret))?;
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Authority { directory: directory.to_owned(), der, pem, issuer, description })
    }

    /// Its certificate.
    pub(super) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Its certificate as a PEM file.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// What it says of itself.
    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    /// The certificate for these names: the one that is kept if it still serves, else a new one.
    pub(super) fn leaf(&self, names: &Names, now: WallTime) -> Result<Material, TlsError> {
        let (certificate, secret) = self.kept();
        // Whatever is wrong with the old one, a new one is the answer.
        match Material::read(&certificate, &secret) {
            Ok(kept) if self.serves(&kept, names, now) => Ok(kept),
            _ => self.issue(names, now),
        }
    }

    fn kept(&self) -> (PathBuf, PathBuf) {
        (self.directory.join("internal.pem"), self.directory.join("internal.key"))
    }

    /// A new certificate for these names, in place of the one that is kept.
    pub(super) fn issue(&self, names: &Names, now: WallTime) -> Result<Material, TlsError> {
        let (certificate, secret) = self.kept();
        let key = KeyPair::generate()?;
        let made = leaf(names, now)?.signed_by(&key, &self.issuer)?;
        write(&secret, &Zeroizing::new(key.serialize_pem()))?;
        write(&certificate, &made.pem())?;
        Material::read(&certificate, &secret)
    }

    /// Whether a certificate is ours, names all of it and is not about to end.
    fn serves(&self, kept: &Material, names: &Names, now: WallTime) -> bool {
        let description = &kept.description;
        let late = now + std::time::Duration::from_secs(RENEW_DAYS_BEFORE * DAY);
        let ours = kept.key.end_entity_cert().is_ok_and(|leaf| self.signed(leaf));
        ours && !description.is_out_of_date(now)
            && late < description.not_after
            && names.hosts().iter().all(|name| description.covers(name))
            && sip_domains(names).iter().all(|domain| description.sip_domains.contains(domain))
    }

    fn signed(&self, leaf: &CertificateDer<'_>) -> bool {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let (Ok((_, leaf)), Ok((_, root))) =
            (X509Certificate::from_der(leaf), X509Certificate::from_der(&self.der))
        else {
            return false;
        };
        leaf.verify_signature(Some(root.public_key())).is_ok()
    }
}

/// Domains that are names; an address is no domain of `sip:` URIs in certificates.
fn sip_domains(names: &Names) -> Vec<String> {
    let domains = names.domains.iter().filter(|domain| domain.parse::<IpAddr>().is_err());
    domains.map(|domain| domain.to_ascii_lowercase()).collect()
}

fn authority(domain: &str, now: WallTime) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    // A second authority of the same domain must be another one to whoever trusts the first.
    let number = entropy::token(4);
    name.push(DnType::OrganizationName, "Tagus");
    name.push(DnType::CommonName, format!("Tagus authority of {domain} ({number})"));
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    dates(&mut params, now, AUTHORITY_DAYS);
    Ok(params)
}

fn leaf(names: &Names, now: WallTime) -> Result<CertificateParams, TlsError> {
    let hosts = names.hosts();
    let first = hosts.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(hosts)?;
    for domain in sip_domains(names) {
        params.subject_alt_names.push(SanType::URI(format!("sip:{domain}").try_into()?));
    }
    let mut name = DistinguishedName::new();
    // Names longer than the field allows (X.520: 64) stand in the alternative names alone.
    name.push(DnType::CommonName, if first.len() <= 64 { first } else { "Tagus".to_owned() });
    params.distinguished_name = name;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Servers dial each other with the same certificate.
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    dates(&mut params, now, LEAF_DAYS);
    Ok(params)
}

fn dates(params: &mut CertificateParams, now: WallTime, days: u64) {
    let day = |seconds: u64| {
        let date = WallTime::from_unix_secs(seconds).civil();
        date_time_ymd(i32::try_from(date.year).unwrap_or(i32::MAX), date.month, date.day)
    };
    let now = now.unix_secs();
    params.not_before = day(now.saturating_sub(SKEW_DAYS * DAY));
    params.not_after = day(now.saturating_add(days * DAY));
    // Positive, as RFC 5280 s4.1.2.2 wants it, and never the same again.
    let mut serial: [u8; 16] = entropy::bytes();
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    files::replace(path, text.as_bytes()).map_err(|error| TlsError::File(path.to_owned(), error))
}
