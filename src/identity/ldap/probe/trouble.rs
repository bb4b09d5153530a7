//! What goes wrong with a directory, in plain words, and what to do about it.

use std::sync::Arc;

use super::super::connection::trust;
use crate::config::{Ldap as Settings, SecretFormat};
use ldap3::LdapError;

/// Why a step failed: what was found, what to do.
pub(super) struct Trouble(pub(super) String, pub(super) String);

/// Whether an attribute's value can serve as the secret that it is said to be.
pub(super) fn fits(secret: &str, format: SecretFormat) -> bool {
    let hex = |length: usize| {
        secret.len() == length && secret.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match format {
        // RFC 3112 and common practice: {SSHA}…, {CRYPT}…; {CLEARTEXT} is the password itself.
        SecretFormat::Cleartext => {
            !secret.starts_with('{') || secret.to_ascii_uppercase().starts_with("{CLEARTEXT}")
        }
        SecretFormat::Ha1Md5 => hex(32),
        SecretFormat::Ha1Sha256 => hex(64),
    }
}

/// A TLS client that trusts one file of authorities and nothing else.
pub(super) fn authority(path: &std::path::Path) -> Result<Arc<rustls::ClientConfig>, Trouble> {
    trust(path).map(Arc::new).map_err(|problem| {
        Trouble(
            format!("{}: {problem}", path.display()),
            "identity.ldap.ca_file must hold the authority's certificate, PEM".to_owned(),
        )
    })
}

pub(super) fn tls_trouble(error: &LdapError) -> Trouble {
    let text = match error {
        LdapError::Io { source } => source.to_string(),
        other => plain(other),
    };
    let lower = text.to_ascii_lowercase();
    let fix = if lower.contains("unknownissuer") || lower.contains("unknown issuer") {
        "the certificate's authority is not trusted: put it into a file and name it in \
         identity.ldap.ca_file"
    } else if lower.contains("causedasendentity") {
        "the server shows an authority's own certificate: have that authority issue one for the \
         server"
    } else if lower.contains("notvalidforname") || lower.contains("not valid for name") {
        "the certificate is for another name: use that name in identity.ldap.urls"
    } else if lower.contains("expired") {
        "the certificate has expired: renew it, or check this machine's clock"
    } else if matches!(error, LdapError::LdapResult { .. }) {
        "the server refuses StartTLS: use ldaps://, or have a certificate set up there"
    } else if lower.contains("invalidcontenttype")
        || lower.contains("corrupt message")
        || lower.contains("handshake eof")
    {
        "the server does not speak TLS on this port: 636 does at once, 389 after start_tls"
    } else {
        "check the port and the certificate of the server"
    };
    Trouble(text, fix.to_owned())
}

pub(super) fn bind_trouble(error: &LdapError) -> Trouble {
    let fix = match code(error) {
        Some(49) => "check bind_dn and the password in bind_password_file",
        Some(8 | 13) => "the directory demands encryption: use ldaps:// or start_tls = true",
        Some(48 | 53) => "the directory does not permit this: set bind_dn and bind_password_file",
        Some(34) => "bind_dn is not written as a distinguished name: cn=tagus,dc=campus,dc=example",
        Some(51 | 52) => "the directory is busy or going down: try again",
        _ => "the directory does not answer as it should: look into its log",
    };
    Trouble(plain(error), fix.to_owned())
}

pub(super) fn search_trouble(error: &LdapError, settings: &Settings, filter: &str) -> Trouble {
    let fix = match (error, code(error)) {
        (LdapError::FilterParsing, _) => format!("{filter} is not a filter: check its parentheses"),
        (_, Some(32)) => format!("there is no {}: check base_dn", settings.base_dn),
        (_, Some(34)) => format!("{:?} is not a distinguished name", settings.base_dn),
        (_, Some(1 | 50)) => "permit bind_dn to read the people".to_owned(),
        (_, Some(3 | 11)) => {
            "the directory gave up: index the attributes of user_filter".to_owned()
        }
        _ => "the directory does not answer as it should: look into its log".to_owned(),
    };
    Trouble(plain(error), fix)
}

fn code(error: &LdapError) -> Option<u32> {
    match error {
        LdapError::LdapResult { result } => Some(result.rc),
        _ => None,
    }
}

/// The result codes of RFC 4511 s4.1.9 that people meet, in words.
const fn meaning(code: u32) -> &'static str {
    match code {
        1 => "operations error",
        2 => "protocol error",
        3 => "time limit exceeded",
        7 | 8 => "stronger authentication required",
        11 => "administrative limit exceeded",
        13 => "confidentiality required",
        32 => "no such object",
        34 => "invalid distinguished name",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "an error",
    }
}

fn plain(error: &LdapError) -> String {
    match error {
        LdapError::LdapResult { result } => {
            let text = if result.text.is_empty() { meaning(result.rc) } else { &result.text };
            format!("the directory answers: {text} ({})", result.rc)
        }
        LdapError::Timeout { .. } => "the directory does not answer in time".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_from_secrets() {
        assert!(fits("secret", SecretFormat::Cleartext));
        assert!(fits("{CLEARTEXT}secret", SecretFormat::Cleartext));
        assert!(!fits("{SSHA}AAAA", SecretFormat::Cleartext));
        assert!(fits(&"0a".repeat(16), SecretFormat::Ha1Md5));
        assert!(!fits(&"0a".repeat(32), SecretFormat::Ha1Md5));
        assert!(fits(&"0A".repeat(32), SecretFormat::Ha1Sha256));
    }
}
