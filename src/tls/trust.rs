//! Whom we believe: the authorities of this system, those that the configuration adds, our own.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Where Debian and its relatives keep the authorities that they trust.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The authorities that peers' certificates may come from. What cannot be read is said in the log.
pub(super) fn roots(more: &Path, own: Option<&CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let system = Path::new(SYSTEM_BUNDLE);
    if system.exists() {
        add(&mut roots, system);
    } else {
        tracing::warn!(
            event = "no_system_authorities",
            "{SYSTEM_BUNDLE} is missing (Debian: ca-certificates); other servers are not believed"
        );
    }
    if !more.as_os_str().is_empty() {
        add(&mut roots, more);
    }
    roots.add_parsable_certificates(own.cloned());
    roots
}

fn add(roots: &mut RootCertStore, path: &Path) {
    let read: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(certificates) => {
            let (_, ignored) = roots.add_parsable_certificates(certificates);
            if ignored > 0 {
                tracing::warn!(path = %path.display(), ignored, "not all of them are authorities");
            }
        }
        Err(error) => {
            tracing::error!(event = "authorities_unreadable", path = %path.display(), %error);
        }
    }
}
