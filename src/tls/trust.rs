//! Whom we believe: the authorities of this system, those that the configuration adds, our own.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::channel::{read_roots, system_roots};

/// The authorities that peers' certificates may come from. What cannot be read is said in the log.
pub(super) fn roots(more: &Path, own: Option<&CertificateDer<'static>>) -> RootCertStore {
    let mut roots = system_roots();
    if roots.is_empty() {
        tracing::warn!(
            event = "no_system_authorities",
            "this system trusts no authorities (Debian: ca-certificates); other servers are not \
             believed"
        );
    }
    if !more.as_os_str().is_empty() {
        match read_roots(more) {
            Ok(read) => roots.extend(read.roots),
            Err(error) => {
                tracing::error!(event = "authorities_unreadable", path = %more.display(), %error);
            }
        }
    }
    roots.add_parsable_certificates(own.cloned());
    roots
}
