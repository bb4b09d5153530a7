//! What one person keeps of a challenge, to answer it again and again (RFC 7616 s3.4, s3.6).

use crate::http_digest::{Algorithm, Challenge, Exchange, Hash, ha1, ha2, response};
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// An answered challenge.
#[derive(Clone, Debug)]
pub(super) struct Login {
    proxy: bool,
    challenge: Challenge,
    ha1: Hash,
    count: u32,
}

/// What an answer is for.
#[derive(Clone, Copy)]
pub(super) struct For<'a> {
    pub(super) user: &'a str,
    pub(super) method: &'a str,
    /// The parts of the URI.
    pub(super) uri: &'a [u8],
    pub(super) cnonce: &'a str,
}

impl Login {
    /// Picks a challenge of a 401 or 407: the preferred algorithm if it is there, else the first
    /// that is spoken here (RFC 8760 s2.3).
    pub(super) fn pick(
        answer: &Message<'_>,
        prefer: Option<Algorithm>,
        user: &str,
        password: &str,
    ) -> Option<Login> {
        let proxy = answer.status() == 407;
        let name = if proxy { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        let mut best: Option<Challenge> = None;
        for challenge in answer.headers(name).filter_map(|field| Challenge::parse(field).ok()) {
            let preferred = Some(challenge.algorithm) == prefer;
            if best.is_none() || preferred {
                best = Some(challenge);
            }
            if preferred || prefer.is_none() {
                break;
            }
        }
        let challenge = best?;
        let ha1 = ha1(
            challenge.algorithm,
            user.as_bytes(),
            challenge.realm.as_bytes(),
            password.as_bytes(),
        );
        Some(Login { proxy, challenge, ha1, count: 0 })
    }

    /// Whether the credentials were right and only the nonce was not.
    pub(super) fn is_stale(&self) -> bool {
        self.challenge.stale
    }

    /// Writes the header line that answers for one more request.
    pub(super) fn write(&mut self, what: &For<'_>, out: &mut Vec<u8>) {
        self.count = self.count.wrapping_add(1);
        let challenge = &self.challenge;
        let algorithm = challenge.algorithm;
        let second = ha2(algorithm, what.method.as_bytes(), what.uri);
        let nc = super::template::hex8(self.count);
        let value = if challenge.qop {
            let exchange = Exchange {
                nonce: challenge.nonce.as_bytes(),
                nc: &nc,
                cnonce: what.cnonce.as_bytes(),
                qop: b"auth",
            };
            response(&self.ha1, &exchange, &second)
        } else {
            // RFC 3261 s22.4 keeps the form without qop for old servers.
            let (first, second) = (self.ha1.hex(), second.hex());
            algorithm.hash(&[first.as_bytes(), challenge.nonce.as_bytes(), second.as_bytes()])
        };
        let mut put = |part: &[u8]| out.extend_from_slice(part);
        put(if self.proxy { b"Proxy-Authorization" } else { b"Authorization" });
        put(b": Digest username=\"");
        put(what.user.as_bytes());
        put(b"\", realm=\"");
        for byte in challenge.realm.bytes() {
            if matches!(byte, b'"' | b'\\') {
                put(b"\\");
            }
            put(&[byte]);
        }
        put(b"\", nonce=\"");
        put(challenge.nonce.as_bytes());
        put(b"\", uri=\"");
        put(what.uri);
        put(b"\", response=\"");
        put(value.hex().as_bytes());
        put(b"\", algorithm=");
        put(algorithm.token().as_bytes());
        if challenge.qop {
            put(b", cnonce=\"");
            put(what.cnonce.as_bytes());
            put(b"\", qop=auth, nc=");
            put(&nc);
        }
        if let Some(opaque) = &challenge.opaque {
            put(b", opaque=\"");
            put(opaque.as_bytes());
            put(b"\"");
        }
        put(b"\r\n");
    }
}
