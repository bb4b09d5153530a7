//! Who the user agent is, and whom it writes to.

use std::fmt;

use zeroize::Zeroizing;

use crate::http_digest::Algorithm;
use crate::sip::uri::{Uri, UriError};

/// Whoever signs in.
#[derive(Clone)]
pub struct Account {
    /// The name, the part before the @; also the user name of Digest.
    pub user: String,
    /// The SIP domain.
    pub domain: String,
    /// The Digest password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}@{})", self.user, self.domain)
    }
}

impl Account {
    /// The address-of-record, a `sip` URI.
    #[must_use]
    pub fn address(&self) -> String {
        format!("sip:{}@{}", escaped(&self.user), self.domain)
    }

    /// `user@domain` as two spellings of one address share it.
    #[must_use]
    pub fn canonical(&self) -> String {
        let address = self.address();
        let parsed = Uri::parse(address.as_bytes()).ok().and_then(|uri| uri.canonical_aor());
        parsed.unwrap_or_else(|| format!("{}@{}", self.user, self.domain).to_lowercase())
    }

    /// A device's name that stays the same for one purpose of one person at one server, so that
    /// no server collects a new device at each run (RFC 5626 s4.1; the UUID is of RFC 9562's
    /// version 8).
    #[must_use]
    pub fn instance(&self, server: &str, purpose: &str) -> String {
        let hash = Algorithm::Sha256.hash(&[
            b"tagus-client",
            self.canonical().as_bytes(),
            server.as_bytes(),
            purpose.as_bytes(),
        ]);
        let mut bytes = [0_u8; 16];
        for (byte, from) in bytes.iter_mut().zip(hash.as_bytes()) {
            *byte = *from;
        }
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::from("urn:uuid:");
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// Why nobody can be written to at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URI.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// RFC 3261 s8.1.2: such an address is reached by TLS alone.
    #[error("sips: addresses need TLS, which this client does not speak yet")]
    Secure,
    /// Another scheme.
    #[error("only sip: addresses can be written to")]
    Scheme,
    /// Headers in a Request-URI (RFC 3261 s19.1.1).
    #[error("an address to write to carries no headers")]
    Headers,
}

/// An address to write to: a `sip` URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// Reads `user`, `user@domain` or a `sip` URI; a bare user is of `domain`.
    ///
    /// # Errors
    /// [`TargetError`] if nobody can be written to there.
    pub fn parse(text: &str, domain: &str) -> Result<Target, TargetError> {
        let has_scheme = text.split_once(':').is_some_and(|(scheme, _)| {
            ["sip", "sips", "tel"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        });
        let uri = if has_scheme {
            text.to_owned()
        } else {
            match text.rsplit_once('@') {
                Some((user, host)) => format!("sip:{}@{host}", escaped(user)),
                None => format!("sip:{}@{domain}", escaped(text)),
            }
        };
        let parsed = Uri::parse(uri.as_bytes())?;
        if parsed.is_sips() {
            return Err(TargetError::Secure);
        }
        if !parsed.is_sip() {
            return Err(TargetError::Scheme);
        }
        if parsed.headers().is_some() {
            return Err(TargetError::Headers);
        }
        Ok(Target(uri))
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// `user@domain` as two spellings of one address share it.
    #[must_use]
    pub fn canonical(&self) -> Option<String> {
        Uri::parse(self.0.as_bytes()).ok().and_then(|uri| uri.canonical_aor())
    }
}

/// A user name as the user part of a URI (RFC 3261 s25.1).
fn escaped(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str) -> Account {
        let password = Zeroizing::new("secret".to_owned());
        Account { user: user.to_owned(), domain: "campus.test".to_owned(), password }
    }

    /// RFC 3261 s8.1.1.2: the `sip` scheme is supported.
    #[test]
    fn a_target_is_a_name_an_address_or_a_sip_uri() {
        for (text, uri) in [
            ("echo", "sip:echo@campus.test"),
            ("ana@other.test", "sip:ana@other.test"),
            ("sip:ana@other.test;transport=tcp", "sip:ana@other.test;transport=tcp"),
            ("josé", "sip:jos%C3%A9@campus.test"),
            ("a b", "sip:a%20b@campus.test"),
        ] {
            assert_eq!(Target::parse(text, "campus.test").unwrap().uri(), uri);
        }
        assert_eq!(
            Target::parse("sip:Ana@CAMPUS.test", "").unwrap().canonical().unwrap(),
            "ana@campus.test"
        );
        assert_eq!(Target::parse("tel:123", "a.test"), Err(TargetError::Scheme));
        assert_eq!(Target::parse("sip:a@b?Subject=x", "a.test"), Err(TargetError::Headers));
        assert!(Target::parse("", "a.test").is_err());
        assert!(Target::parse("a@b\r\nX: y", "a.test").is_err());
    }

    /// RFC 3261 s8.1.2: a SIPS target is reached by TLS only.
    #[test]
    fn a_sips_target_is_refused_while_there_is_no_tls() {
        assert_eq!(Target::parse("sips:ana@a.test", "a.test"), Err(TargetError::Secure));
        assert_eq!(Target::parse("SIPS:ana@a.test", "a.test"), Err(TargetError::Secure));
    }

    /// RFC 5626 s4.1: an instance is persistent, and a URN.
    #[test]
    fn an_instance_is_stable_and_differs_by_person_server_and_purpose() {
        let ana = account("ana").instance("127.0.0.1:5060", "listen");
        assert_eq!(ana, account("Ana").instance("127.0.0.1:5060", "listen"));
        assert_eq!(ana.len(), "urn:uuid:".len() + 36);
        for other in [
            account("rui").instance("127.0.0.1:5060", "listen"),
            account("ana").instance("127.0.0.1:5061", "listen"),
            account("ana").instance("127.0.0.1:5060", "message"),
        ] {
            assert_ne!(ana, other);
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", account("ana")), "Account(ana@campus.test)");
    }
}
