//! What a certificate says of itself.

use std::fmt::Write as _;
use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;
use crate::clock::WallTime;

/// Names, dates and fingerprint of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whom it is for.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// DNS names and IP addresses, in lower case. The common name is not looked at (RFC 6125
    /// s6.4.4, RFC 5922 s7.1).
    pub names: Vec<String>,
    /// SIP domains that it names as URIs (RFC 5922 s7.1).
    pub sip_domains: Vec<String>,
    /// Not valid before.
    pub not_before: WallTime,
    /// Not valid after.
    pub not_after: WallTime,
    /// SHA-256 of the certificate, upper-case hexadecimal with colons.
    pub fingerprint: String,
}

impl Description {
    /// Reads a certificate in DER form.
    ///
    /// # Errors
    /// [`TlsError::Unreadable`].
    pub fn read(der: &[u8]) -> Result<Description, TlsError> {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| TlsError::Unreadable(error.to_string()))?;
        let mut names = Vec::new();
        let mut sip_domains = Vec::new();
        let alternatives = certificate
            .subject_alternative_name()
            .map_err(|error| TlsError::Unreadable(error.to_string()))?;
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                GeneralName::URI(uri) => sip_domains.extend(sip_domain(uri)),
                _ => {}
            }
        }
        let wall = |time: x509_parser::time::ASN1Time| {
            WallTime::from_unix_secs(u64::try_from(time.timestamp()).unwrap_or(0))
        };
        Ok(Description {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names,
            sip_domains,
            not_before: wall(certificate.validity().not_before),
            not_after: wall(certificate.validity().not_after),
            fingerprint: fingerprint(der),
        })
    }

    /// Whether a client that wants `host` (a DNS name or an IP address) finds it here. A wildcard
    /// stands for one whole label (RFC 6125 s6.4.3).
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        if let Ok(address) = host.parse::<IpAddr>() {
            let text = address.to_canonical().to_string();
            return self.names.contains(&text);
        }
        self.names.iter().any(|name| {
            name.eq_ignore_ascii_case(host)
                || name.strip_prefix("*.").is_some_and(|parent| {
                    host.split_once('.').is_some_and(|(label, rest)| {
                        !label.is_empty() && rest.eq_ignore_ascii_case(parent)
                    })
                })
        })
    }

    /// Whether it is out of date, or not yet in date.
    #[must_use]
    pub fn is_out_of_date(&self, now: WallTime) -> bool {
        now < self.not_before || now > self.not_after
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(address.to_canonical().to_string())
}

/// The domain of `sip:domain`; a URI with a user part is a person's, not a domain's.
fn sip_domain(uri: &str) -> Option<String> {
    let (scheme, domain) = uri.split_once(':')?;
    let ours = scheme.eq_ignore_ascii_case("sip") && !domain.contains(['@', ';', '?', ':', '/']);
    ours.then(|| domain.to_ascii_lowercase())
}

/// SHA-256 of a certificate, as browsers and openssl show it.
pub(super) fn fingerprint(der: &[u8]) -> String {
    let mut text = String::with_capacity(95);
    for byte in Sha256::digest(der) {
        if !text.is_empty() {
            text.push(':');
        }
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}
