//! `WWW-Authenticate` and `Proxy-Authenticate` (RFC 7616 s3.3), and a client's answer to them.

use super::parameters::{ParameterError, Parameters, escape, scheme, unescape};
use super::{Algorithm, Exchange, Hash, ha1, ha2, response};

/// One challenge. Several algorithms are offered in several header fields, best first (RFC 8760
/// s2.3); they may share a nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The credentials were right but their nonce was not: try again with this one.
    pub stale: bool,
    /// Echoed by the client; ours have none.
    pub opaque: Option<String>,
    /// Whether `qop=auth` is offered; ours always do.
    pub qop: bool,
}

/// Why a header field is no challenge that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Another scheme.
    #[error("not the Digest scheme")]
    NotDigest,
    /// The list of parameters cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// A parameter that RFC 7616 demands is absent.
    #[error("the parameter {0} is absent")]
    Absent(&'static str),
    /// An algorithm that is not spoken here.
    #[error("an unknown algorithm")]
    Algorithm,
    /// Only `qop` values that are not spoken here.
    #[error("an unknown qop")]
    Qop,
}

impl Challenge {
    /// Writes the value of the header field with `qop=auth` into `out`, without an allocation of
    /// its own.
    pub fn write(realm: &str, nonce: &[u8], algorithm: Algorithm, stale: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Digest realm=\"");
        escape(realm.as_bytes(), out);
        out.extend_from_slice(b"\", nonce=\"");
        escape(nonce, out);
        out.extend_from_slice(b"\", algorithm=");
        out.extend_from_slice(algorithm.token().as_bytes());
        out.extend_from_slice(b", qop=\"auth\"");
        if stale {
            out.extend_from_slice(b", stale=true");
        }
    }

    /// Reads the value of a `WWW-Authenticate` or `Proxy-Authenticate` header field.
    ///
    /// # Errors
    /// [`ChallengeError`] if it is of another scheme, malformed, or cannot be answered here.
    pub fn parse(field: &[u8]) -> Result<Challenge, ChallengeError> {
        let (scheme, list) = scheme(field);
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return Err(ChallengeError::NotDigest);
        }
        let mut realm = None;
        let mut nonce = None;
        let mut algorithm = Some(Algorithm::Md5);
        let mut stale = false;
        let mut opaque = None;
        let mut qop = None;
        for parameter in Parameters::new(list) {
            let parameter = parameter?;
            let is = |name: &[u8]| parameter.name.eq_ignore_ascii_case(name);
            let text = || String::from_utf8_lossy(&unescape(parameter.value)).into_owned();
            if is(b"realm") {
                realm = Some(text());
            } else if is(b"nonce") {
                nonce = Some(String::from_utf8_lossy(parameter.value).into_owned());
            } else if is(b"algorithm") {
                algorithm = Algorithm::from_token(parameter.value);
            } else if is(b"stale") {
                stale = parameter.value.eq_ignore_ascii_case(b"true");
            } else if is(b"opaque") {
                opaque = Some(String::from_utf8_lossy(parameter.value).into_owned());
            } else if is(b"qop") {
                let auth = parameter
                    .value
                    .split(|&b| b == b',')
                    .any(|value| value.trim_ascii().eq_ignore_ascii_case(b"auth"));
                qop = Some(auth);
            }
        }
        if qop == Some(false) {
            return Err(ChallengeError::Qop);
        }
        Ok(Challenge {
            realm: realm.ok_or(ChallengeError::Absent("realm"))?,
            nonce: nonce.ok_or(ChallengeError::Absent("nonce"))?,
            algorithm: algorithm.ok_or(ChallengeError::Algorithm)?,
            stale,
            opaque,
            qop: qop.is_some(),
        })
    }

    /// HA1 of a user for this challenge.
    #[must_use]
    pub fn ha1(&self, user: &str, password: &str) -> Hash {
        ha1(self.algorithm, user.as_bytes(), self.realm.as_bytes(), password.as_bytes())
    }
}

/// A client's answer to a [`Challenge`].
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The user name as the server knows it.
    pub user: &'a str,
    /// HA1, made with [`Challenge::ha1`].
    pub ha1: &'a Hash,
    /// The request's method.
    pub method: &'a str,
    /// The request's URI.
    pub uri: &'a str,
    /// How often the nonce was answered, this time included; from 1.
    pub count: u32,
    /// A nonce of the client's own.
    pub cnonce: &'a str,
}

impl Answer<'_> {
    /// Writes the value of the `Authorization` or `Proxy-Authorization` header field into `out`.
    pub fn write(&self, challenge: &Challenge, out: &mut Vec<u8>) {
        let algorithm = challenge.algorithm;
        let second = ha2(algorithm, self.method.as_bytes(), self.uri.as_bytes());
        let nc = format!("{:08x}", self.count);
        let value = if challenge.qop {
            let exchange = Exchange {
                nonce: challenge.nonce.as_bytes(),
                nc: nc.as_bytes(),
                cnonce: self.cnonce.as_bytes(),
                qop: b"auth",
            };
            response(self.ha1, &exchange, &second)
        } else {
            // RFC 7616 s3.4.1 has no such form any more; RFC 3261 s22.4 keeps it for old servers.
            let (first, second) = (self.ha1.hex(), second.hex());
            algorithm.hash(&[first.as_bytes(), challenge.nonce.as_bytes(), second.as_bytes()])
        };
        out.extend_from_slice(b"Digest username=\"");
        escape(self.user.as_bytes(), out);
        out.extend_from_slice(b"\", realm=\"");
        escape(challenge.realm.as_bytes(), out);
        out.extend_from_slice(b"\", nonce=\"");
        out.extend_from_slice(challenge.nonce.as_bytes());
        out.extend_from_slice(b"\", uri=\"");
        escape(self.uri.as_bytes(), out);
        out.extend_from_slice(b"\", response=\"");
        out.extend_from_slice(value.hex().as_bytes());
        out.extend_from_slice(b"\", algorithm=");
        out.extend_from_slice(algorithm.token().as_bytes());
        if challenge.qop {
            out.extend_from_slice(b", cnonce=\"");
            escape(self.cnonce.as_bytes(), out);
            out.extend_from_slice(b"\", qop=auth, nc=");
            out.extend_from_slice(nc.as_bytes());
        }
        if let Some(opaque) = &challenge.opaque {
            out.extend_from_slice(b", opaque=\"");
            out.extend_from_slice(opaque.as_bytes());
            out.push(b'"');
        }
    }
}
