//! The certificate that is configured, for the listeners that need one.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::exit::Failure;
use crate::channel::{Tls, system_roots};
use crate::config::Config;

/// TLS with the configured files; `None` if there are none.
///
/// # Errors
/// A usage [`Failure`] that names the file that is of no use.
pub fn tls(config: &Config) -> Result<Option<Tls>, Failure> {
    let (chain, key) = (&config.tls.cert_file, &config.tls.key_file);
    if chain.as_os_str().is_empty() || key.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |file: &Path, error: &dyn std::fmt::Display| {
        Failure::usage(format!("{}: {error}", file.display()))
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(chain, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Failure::failed)?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(chain, &error))?;
    server.ticketer = Ticketer::new().map_err(Failure::failed)?;
    Tls::new(Arc::new(server), Arc::new(system_roots())).map(Some).map_err(Failure::failed)
}
