//! A certificate chain with its key, as TLS serves it.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::{Description, TlsError};
use crate::clock::WallTime;

/// A chain and its key.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) description: Description,
}

impl Material {
    /// Reads both files, and holds them against each other.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Material, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
        };
        let chain_pem = read(certificate)?;
        let key_pem = Zeroizing::new(read(key)?);
        Material::of((&chain_pem, certificate), (&key_pem, key))
    }

    /// Holds a chain and a key in PEM form against each other; errors name where they come from.
    pub(super) fn of(
        (chain_pem, certificate): (&[u8], &Path),
        (key_pem, key): (&[u8], &Path),
    ) -> Result<Material, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate(certificate.to_owned()))?;
        let Some(leaf) = chain.first() else {
            return Err(TlsError::NoCertificate(certificate.to_owned()));
        };
        let description = Description::read(leaf)?;
        let secret =
            PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| TlsError::NoKey(key.to_owned()))?;
        let provider = rustls::crypto::ring::default_provider();
        let certified =
            CertifiedKey::from_der(chain, secret, &provider).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
                }
                other => TlsError::Key(key.to_owned(), other),
            })?;
        Ok(Material { key: Arc::new(certified), description })
    }
}

/// What an administrator should know of his certificate before clients do: names of `wanted` that
/// it does not cover, and dates.
///
/// # Errors
/// [`TlsError`] if the files cannot be used at all.
pub fn doubts(
    certificate: &Path,
    key: &Path,
    wanted: &[&str],
    now: WallTime,
) -> Result<Vec<String>, TlsError> {
    let description = Material::read(certificate, key)?.description;
    let mut doubts: Vec<String> = date_doubt(&description, now).into_iter().collect();
    let missing: Vec<&str> =
        wanted.iter().copied().filter(|name| !description.covers(name)).collect();
    if !missing.is_empty() {
        let names = if description.names.is_empty() {
            "none".to_owned()
        } else {
            description.names.join(", ")
        };
        doubts.push(format!(
            "the certificate does not cover {}; its names are: {names}",
            missing.join(", ")
        ));
    }
    Ok(doubts)
}

/// How long before its end a certificate is complained about, in days.
const LATE: u64 = 14;

/// What is wrong with the dates.
pub(super) fn date_doubt(description: &Description, now: WallTime) -> Option<String> {
    if now < description.not_before {
        return Some(format!("the certificate is not valid before {}", description.not_before));
    }
    if now > description.not_after {
        return Some(format!("the certificate ended on {}", description.not_after));
    }
    let left = description.not_after.since(now).as_secs() / 86_400;
    (left < LATE).then(|| format!("the certificate ends on {}", description.not_after))
}
