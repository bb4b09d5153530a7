//! TLS of a peer: who we are, and whom we believe (RFC 4975 s14.1 to s14.4).
//!
//! Two ways to believe: a name that an authority vouches for, as the web does it, or a fingerprint
//! that came over a signalling way that is trusted. The second needs nobody who vouches.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::fingerprint::{Fingerprint, HashFunction};
use crate::channel::Signatures;

/// A certificate with its key: what we show.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The files of a certificate and its key are of no use.
    #[error("no certificate and key in the files: {0}")]
    Files(#[from] rustls::pki_types::pem::Error),
    /// No certificate can be made.
    #[error("no certificate can be made: {0}")]
    Made(String),
    /// The certificate does not fit its key, or is not understood.
    #[error(transparent)]
    Tls(#[from] Error),
    /// Nobody is trusted: there is not one authority.
    #[error("there is no authority that could vouch for a peer: {0}")]
    NoAuthority(String),
}

impl Identity {
    /// Reads a chain, own certificate first, and its key from PEM files.
    ///
    /// # Errors
    /// [`TlsError::Files`].
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        if chain.is_empty() {
            return Err(TlsError::Files(rustls::pki_types::pem::Error::NoItemsFound));
        }
        Ok(Identity { chain, key: PrivateKeyDer::from_pem_file(key)? })
    }

    /// A chain, own certificate first, and its key, in DER.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Identity {
        Identity { chain, key }
    }

    /// A certificate of these names that nobody vouches for: its [`Identity::fingerprint`] has to
    /// reach the peer by a way that it trusts (RFC 4975 s14.4).
    ///
    /// # Errors
    /// [`TlsError::Made`] when one of the names is none.
    #[cfg(feature = "msrp-self-signed")]
    pub fn self_signed(names: &[&str]) -> Result<Identity, TlsError> {
        let made = |error: rcgen::Error| TlsError::Made(error.to_string());
        let names = names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).map_err(made)?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())
            .map_err(|error| TlsError::Made(error.to_owned()))?;
        Ok(Identity { chain: vec![cert.der().clone()], key })
    }

    /// What goes into `a=fingerprint`.
    #[must_use]
    pub fn fingerprint(&self, function: HashFunction) -> Fingerprint {
        Fingerprint::of(function, self.chain.first().map_or(&[], |own| own.as_ref()))
    }
}

/// Whom we believe to be who was asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trust {
    /// Whoever has a certificate of these authorities for the host of the URI (RFC 4975 s14.2).
    Authorities(Arc<RootCertStore>),
    /// Whoever has the certificate with one of these fingerprints (RFC 4975 s14.4).
    Fingerprints(Vec<Fingerprint>),
    /// Whoever answers: for tests, and for looking at a peer that nobody vouches for.
    Anybody,
}

impl Trust {
    /// The authorities that this machine trusts.
    #[must_use]
    pub fn system() -> Trust {
        Trust::Authorities(Arc::new(crate::channel::system_roots()))
    }

    /// The authorities in a PEM file.
    ///
    /// # Errors
    /// When it cannot be read or has none.
    pub fn file(path: &Path) -> io::Result<Trust> {
        Ok(Trust::Authorities(Arc::new(crate::channel::read_roots(path)?)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .map_or_else(|| Arc::new(rustls::crypto::ring::default_provider()), Arc::clone)
}

/// What dials: it believes `trust`, and shows `identity` to whoever asks for it.
pub(super) fn connector(
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<TlsConnector, TlsError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Authorities(roots) => {
            WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| TlsError::NoAuthority(error.to_string()))?
        }
        Trust::Fingerprints(known) => Arc::new(ByFingerprint {
            known: Some(known.clone()),
            signatures: Signatures(Arc::clone(&provider)),
        }),
        Trust::Anybody => {
            Arc::new(ByFingerprint { known: None, signatures: Signatures(Arc::clone(&provider)) })
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // The verifier may go by fingerprints instead of names.
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What accepts. It asks for the peer's certificate, so that its fingerprint can be compared once a
/// request tells which session it is for (RFC 6135 s4.3), and takes peers without one.
pub(super) fn acceptor(identity: &Identity) -> Result<TlsAcceptor, TlsError> {
    let provider = provider();
    let asks =
        Arc::new(ByFingerprint { known: None, signatures: Signatures(Arc::clone(&provider)) });
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(asks)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Believes who has one of the known certificates, or anybody when none is known. That a peer has the
/// key of its certificate is checked in any case.
#[derive(Debug)]
struct ByFingerprint {
    known: Option<Vec<Fingerprint>>,
    signatures: Signatures,
}

impl ByFingerprint {
    fn is_known(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let matches = |known: &Vec<Fingerprint>| known.iter().any(|one| one.matches(certificate));
        if self.known.as_ref().is_none_or(matches) {
            Ok(())
        } else {
            // The certificate is not the one that was announced.
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }
}

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.is_known(end_entity).map(|()| ServerCertVerified::assertion())
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

impl ClientCertVerifier for ByFingerprint {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.is_known(end_entity).map(|()| ClientCertVerified::assertion())
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
