//! The answers to challenges that are open now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use instant_acme::{ChallengeType, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::AcmeError;
use crate::tls::TlsError;

/// The protocol name of a challenge over TLS (RFC 8737 s6.2). A connection that agrees on it has
/// nothing to say after its handshake.
pub const ALPN: &str = "acme-tls/1";

/// How a name is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A certificate with the answer, at port 443 of the name (RFC 8737).
    TlsAlpn,
    /// A document with the answer, at port 80 of the name (RFC 8555 s8.3).
    Http,
}

impl Proof {
    pub(super) fn challenge(self) -> ChallengeType {
        match self {
            Proof::TlsAlpn => ChallengeType::TlsAlpn01,
            Proof::Http => ChallengeType::Http01,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Proof::TlsAlpn => "TLS at port 443",
            Proof::Http => "HTTP at port 80",
        }
    }
}

/// Open challenges: as many as an order has names, gone after the attempt.
#[derive(Debug, Default)]
pub(in crate::tls) struct Challenges(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    documents: HashMap<String, String>,
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// The document that is asked for under `/.well-known/acme-challenge/`.
    pub(in crate::tls) fn document(&self, token: &str) -> Option<String> {
        self.open().documents.get(token).cloned()
    }

    /// The certificate of a handshake that agrees on [`ALPN`].
    pub(in crate::tls) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.open().certificates.get(&name.to_ascii_lowercase()).cloned()
    }

    pub(super) fn clear(&self) {
        *self.open() = Open::default();
    }

    /// Has the answer ready before the authority is told to look.
    pub(super) fn prepare(
        &self,
        proof: Proof,
        name: &str,
        token: &str,
        answer: &KeyAuthorization,
    ) -> Result<(), AcmeError> {
        match proof {
            Proof::Http => {
                let answer = answer.as_str().to_owned();
                self.open().documents.insert(token.to_owned(), answer);
            }
            Proof::TlsAlpn => {
                let certificate = certificate(name, answer.digest().as_ref())?;
                self.open().certificates.insert(name.to_ascii_lowercase(), certificate);
            }
        }
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A certificate that proves `name` to the authority and nothing to anybody else (RFC 8737 s3).
fn certificate(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::ring::sign::any_supported_type(&secret).map_err(TlsError::from)?;
    // Not held against each other: to the library the extension that proves is unknown.
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}
