//! Which domain a peer's certificate speaks for (RFC 5922).
//!
//! Stricter than the web's rules in one point and wider in another: no wildcards (s7.2), and a
//! `sip:` URI names the domain before any DNS name does (s7.1).

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use super::signatures::Signatures;

/// Verifies the servers that we dial.
#[derive(Debug)]
pub(super) struct PeerVerifier {
    roots: Arc<RootCertStore>,
    signatures: Signatures,
}

impl PeerVerifier {
    pub(super) fn new(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> PeerVerifier {
        PeerVerifier { roots, signatures: Signatures(provider) }
    }
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.signatures.0.signature_verification_algorithms.all,
        )?;
        let identities = Identities::of(end_entity)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let matches = match server_name {
            ServerName::DnsName(name) => identities.speak_for(name.as_ref()),
            ServerName::IpAddress(ip) => identities.addresses.contains(&IpAddr::from(*ip)),
            _ => false,
        };
        if matches {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected: server_name.to_owned(),
            presented: identities.domains,
        }))
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

/// Takes whoever answers; that he has the key of his certificate is still checked.
#[derive(Debug)]
pub(super) struct Anybody(Signatures);

impl Anybody {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Anybody {
        Anybody(Signatures(provider))
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.tls13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.schemes()
    }
}

/// Whom a certificate speaks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Identities {
    /// RFC 5922 s7.1: of the `sip:` URIs; without such of the DNS names; without any alternative
    /// name the common name.
    domains: Vec<String>,
    /// Not of RFC 5922: a peer that was asked for by its address.
    addresses: Vec<IpAddr>,
}

impl Identities {
    fn of(certificate: &[u8]) -> Option<Identities> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let mut names = None;
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(alternative) => {
                    names = Some(&alternative.general_names);
                }
                ParsedExtension::ParseError { .. } => return None,
                _ => {}
            }
        }
        let Some(names) = names else {
            let common = certificate.subject().iter_common_name();
            let domains = common.filter_map(|name| name.as_str().ok()).map(str::to_owned);
            return Some(Identities { domains: domains.collect(), addresses: Vec::new() });
        };
        let (mut sip, mut dns, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            match name {
                GeneralName::URI(uri) => sip.extend(sip_domain(uri).map(str::to_owned)),
                GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
                _ => {}
            }
        }
        Some(Identities { domains: if sip.is_empty() { dns } else { sip }, addresses })
    }

    /// RFC 5922 s7.2: the whole name, without regard to case; a wildcard is no name.
    fn speak_for(&self, domain: &str) -> bool {
        self.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }
}

/// The domain of a URI that is an identity: `sip:` and a host, no user part (RFC 5922 s7.1).
fn sip_domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let host = rest.split([';', '?']).next().unwrap_or(rest);
    let plain = !host.is_empty() && !host.contains(['@', ':', '/', '[']);
    (scheme.eq_ignore_ascii_case("sip") && plain).then_some(host)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common: &str, names: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        for name in names {
            params.subject_alt_names.push(match (name.parse::<IpAddr>(), name.contains(':')) {
                (Ok(ip), _) => SanType::IpAddress(ip),
                (_, true) => SanType::URI((*name).try_into().unwrap()),
                (_, false) => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn speaks(common: &str, names: &[&str], domain: &str) -> bool {
        Identities::of(&certificate(common, names)).unwrap().speak_for(domain)
    }

    /// RFC 5922 s7.1
    #[test]
    fn a_sip_uri_names_the_domain_before_any_dns_name() {
        assert!(speaks("x", &["sip:campus.example", "host.example"], "campus.example"));
        assert!(!speaks("x", &["sip:campus.example", "host.example"], "host.example"));
        assert!(speaks("x", &["https://campus.example/", "host.example"], "host.example"));
    }

    /// RFC 5922 s7.1: an identity of a user, or with a port, is none of the domain.
    #[test]
    fn a_sip_uri_with_a_user_is_no_domain() {
        for uri in ["sip:alice@campus.example", "sip:campus.example:5061", "sips:campus.example"] {
            assert!(!speaks("x", &[uri], "campus.example"), "{uri}");
        }
    }

    /// RFC 5922 s7.2
    #[test]
    fn names_match_whole_without_regard_to_case_and_without_wildcards() {
        assert!(speaks("x", &["Campus.Example"], "campus.eXample"));
        assert!(!speaks("x", &["*.campus.example"], "sip.campus.example"));
        assert!(!speaks("x", &["campus.example"], "sip.campus.example"));
        assert!(!speaks("x", &["sip.campus.example"], "campus.example"));
    }

    /// RFC 5922 s7.1: the common name only where there is no alternative name.
    #[test]
    fn a_common_name_counts_only_without_alternative_names() {
        assert!(speaks("campus.example", &[], "campus.example"));
        assert!(!speaks("campus.example", &["other.example"], "campus.example"));
    }

    #[test]
    fn an_address_that_was_asked_for_must_be_in_the_certificate() {
        let identities = Identities::of(&certificate("x", &["192.0.2.1", "2001:db8::1"])).unwrap();
        assert_eq!(identities.addresses.len(), 2);
        assert!(identities.addresses.contains(&"2001:db8::1".parse().unwrap()));
        assert!(identities.domains.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_certificate_panic(bytes: Vec<u8>, at: usize, to: u8) {
            let _ = Identities::of(&bytes);
            let mut der = certificate("x", &["sip:campus.example", "192.0.2.1"]);
            let at = at % der.len();
            der[at] = to;
            let _ = Identities::of(&der);
        }
    }
}
