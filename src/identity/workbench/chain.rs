//! The certificates that a server shows, and everything that is wrong with them: not the first thing
//! alone, so that nobody mends one and meets the next.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::code::Code;
use super::finding::{Finding, bounded};
use super::report::{Certificate, Chain};
use crate::channel::Signatures;
use crate::clock::WallTime;
use crate::text::encode_base64url;

/// A certificate that ends within this is pointed out.
const SOON: u64 = 30 * 86_400;
/// Certificates of one chain that are shown.
const SHOWN: usize = 10;

/// Verifies as the server would, and remembers what it was shown.
#[derive(Debug)]
pub(super) struct Witness {
    roots: Arc<RootCertStore>,
    signatures: Signatures,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl Witness {
    pub(super) fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Witness {
        let signatures = Signatures(provider);
        Witness { roots: Arc::new(roots), signatures, seen: Mutex::default() }
    }

    /// The chain as it was shown; empty if it did not come to that.
    pub(super) fn seen(&self) -> Vec<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn verify(
        &self,
        roots: &Arc<RootCertStore>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let [own, others @ ..] = chain else { return Err(Error::NoCertificatesPresented) };
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let provider = Arc::clone(&self.signatures.0);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(own, others, name, &[], now)
    }

    /// What is wrong with what was shown, worst first.
    pub(super) fn verdict(&self, host: &str, name: &ServerName<'_>, now: WallTime) -> Verdict {
        let seen = self.seen();
        let certificates: Vec<Certificate> =
            seen.iter().take(SHOWN).map(|der| describe(der)).collect();
        let mut verdict =
            Verdict { chain: Chain { certificates, ..Chain::default() }, findings: Vec::new() };
        let Some(own) = seen.first() else { return verdict };
        // Dates are told for themselves, and must not hide what else is wrong.
        let unix = in_date(&seen, now);
        let trusted = self.verify(&self.roots, &seen, name, unix).err();
        for (der, certificate) in seen.iter().zip(&verdict.chain.certificates) {
            verdict.findings.extend(out_of_date(der, certificate, now));
        }
        match &trusted {
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let trustable = self.trustable(&seen, name, unix);
                verdict.findings.push(unknown(&verdict.chain, trustable));
                verdict.chain.trustable = trustable;
            }
            // An authority of the same name that has another key; a chain that is good in itself is
            // not to blame.
            Some(error @ Error::InvalidCertificate(CertificateError::BadSignature)) => {
                let trustable = self.trustable(&seen, name, unix);
                verdict.findings.push(if trustable.is_some() || seen.len() == 1 {
                    unknown(&verdict.chain, trustable)
                } else {
                    Code::BadCertificate.with([("reason", reason(error))])
                });
                verdict.chain.trustable = trustable;
            }
            Some(error) if is_authority(error) => {
                verdict.findings.push(Code::AuthorityAsServer.alone());
            }
            Some(error) if !is_date_or_name(error) => {
                verdict.findings.push(Code::BadCertificate.with([("reason", reason(error))]));
            }
            _ => {}
        }
        let parsed = ParsedCertificate::try_from(own);
        if parsed.is_ok_and(|parsed| verify_server_name(&parsed, name).is_err()) {
            let names = verdict.chain.certificates.first().map(|own| own.names.join(", "));
            let host = ("host", host.to_owned());
            verdict.findings.push(match names.filter(|names| !names.is_empty()) {
                Some(names) => Code::WrongName.with([host, ("names", names)]),
                None => Code::NoName.with([host]),
            });
        }
        verdict
    }

    /// The certificate of the chain that would make it good, were it trusted: the last one, if it issues.
    fn trustable(
        &self,
        chain: &[CertificateDer<'static>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<usize> {
        let (place, last) = chain.iter().enumerate().next_back()?;
        let mut roots = RootCertStore::empty();
        roots.add(last.clone()).ok()?;
        let good = match self.verify(&Arc::new(roots), chain, name, now) {
            Ok(_) => true,
            // Something else is wrong as well, and told.
            Err(error) => is_date_or_name(&error),
        };
        (good && place < SHOWN).then_some(place)
    }
}

/// What was shown, and what is wrong with it.
pub(super) struct Verdict {
    pub(super) chain: Chain,
    pub(super) findings: Vec<Finding>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain: Vec<_> = chain.map(|der| der.clone().into_owned()).collect();
        let verified = self.verify(&self.roots, &chain, server_name, now);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.schemes()
    }
}

fn is_date_or_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
                | CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. }
        )
    )
}

fn is_authority(error: &Error) -> bool {
    // The verifier's own word for it; it has no variant in the library.
    error.to_string().contains("CaUsedAsEndEntity")
}

fn reason(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(inner) => format!("{inner}"),
        other => other.to_string(),
    }
}

fn unknown(chain: &Chain, trustable: Option<usize>) -> Finding {
    let issuer = chain.certificates.last().map_or("", |last| last.issuer.as_str()).to_owned();
    let issuer = ("issuer", issuer);
    match trustable.and_then(|place| chain.certificates.get(place)) {
        Some(shown) => Code::AuthorityShown.with([
            issuer,
            ("subject", shown.subject.clone()),
            ("fingerprint", shown.fingerprint.clone()),
        ]),
        None => Code::UnknownAuthority.with([issuer]),
    }
}

/// Whether a certificate is out of date, or about to be.
fn out_of_date(der: &[u8], shown: &Certificate, now: WallTime) -> Option<Finding> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let now = i64::try_from(now.unix_secs()).ok()?;
    let subject = ("subject", shown.subject.clone());
    let until = ("until", shown.not_after.clone());
    if now > validity.not_after.timestamp() {
        return Some(Code::Expired.with([subject, until]));
    }
    if now < validity.not_before.timestamp() {
        return Some(Code::NotYet.with([subject, ("from", shown.not_before.clone())]));
    }
    let left = validity.not_after.timestamp().saturating_sub(now);
    (u64::try_from(left).unwrap_or(0) < SOON).then(|| Code::EndsSoon.with([subject, until]))
}

/// An instant at which the certificates are good, the nearest to now.
fn in_date(chain: &[CertificateDer<'_>], now: WallTime) -> UnixTime {
    let mut instant = i64::try_from(now.unix_secs()).unwrap_or(i64::MAX);
    // The server's own last, for its dates count if they do not go together.
    for der in chain.iter().rev() {
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            let validity = certificate.validity();
            instant = instant.min(validity.not_after.timestamp());
            instant = instant.max(validity.not_before.timestamp());
        }
    }
    let seconds = u64::try_from(instant).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

/// A certificate in words; what cannot be read stays empty, the fingerprint is always there.
fn describe(der: &[u8]) -> Certificate {
    let mut certificate = Certificate {
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: String::new(),
        not_after: String::new(),
        fingerprint: fingerprint(der),
        authority: false,
        pem: pem(der),
    };
    let Ok((_, read)) = X509Certificate::from_der(der) else { return certificate };
    certificate.subject = bounded(&read.subject().to_string());
    certificate.issuer = bounded(&read.issuer().to_string());
    certificate.authority = read.is_ca();
    let date = |time: x509_parser::time::ASN1Time| {
        WallTime::from_unix_secs(u64::try_from(time.timestamp()).unwrap_or(0)).to_string()
    };
    certificate.not_before = date(read.validity().not_before);
    certificate.not_after = date(read.validity().not_after);
    if let Ok(Some(names)) = read.subject_alternative_name() {
        certificate.names =
            names.value.general_names.iter().filter_map(host_name).take(50).collect();
    }
    certificate
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(bounded(name)),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => std::net::IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                16 => std::net::IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
                _ => return None,
            };
            Some(address.to_string())
        }
        _ => None,
    }
}

/// SHA-256 as browsers and openssl show it.
fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// RFC 7468 s2: base64 in lines of 64.
fn pem(der: &[u8]) -> String {
    let mut text = Vec::with_capacity(der.len() * 4 / 3 + 4);
    encode_base64url(der, &mut text);
    for octet in &mut text {
        *octet = match *octet {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
    text.resize(text.len().next_multiple_of(4), b'=');
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.chunks(64) {
        out.extend(line.iter().copied().map(char::from));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}
