//! Whom to trust: the authorities of the machine, or those of a file.

use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Where Debian and its relatives keep the authorities that a machine trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The authorities that this machine trusts; none if it has no list of them.
#[must_use]
pub fn system_roots() -> RootCertStore {
    read_roots(Path::new(SYSTEM_ROOTS)).unwrap_or_else(|_| RootCertStore::empty())
}

/// The authorities in a PEM file.
///
/// # Errors
/// When the file cannot be read or has no certificate that can be used.
pub fn read_roots(file: &Path) -> io::Result<RootCertStore> {
    let invalid = |error: rustls::pki_types::pem::Error| match error {
        rustls::pki_types::pem::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(invalid)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it"));
    }
    Ok(roots)
}
