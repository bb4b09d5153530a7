//! What is asked about certificates.

use serde::{Deserialize, Serialize};

use super::Secret;

/// About certificates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateRequest {
    /// Shows what is served, and what it lacks.
    Show,
    /// Tells what would keep a certificate from being installed; changes nothing.
    Examine {
        /// As [`CertificateRequest::Install`] has it.
        chain: String,
        /// The same.
        key: Secret,
    },
    /// Serves a certificate that is handed over, in place of the one that is served.
    Install {
        /// The chain in PEM form, the server's own certificate first.
        chain: String,
        /// Its private key in PEM form.
        key: Secret,
    },
    /// Takes away what was handed over.
    Remove,
    /// Has the authority of our own make a new certificate.
    Renew,
    /// Reads files again, and asks an ACME authority again.
    Reload,
}
