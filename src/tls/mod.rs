//! Certificates: where ours comes from, what it says, and how it is replaced while connections live.
//!
//! The order is files (those of the configuration, or the pair that was handed over in the console),
//! then an ACME authority ([`acme`]), then an authority of our own. The
//! certificate of that one is made at the
//! first start and always there, so that nothing ever waits for a certificate; a file that cannot
//! be used leaves the certificate before it in force and is reported in the log and by `status`.
//! Whoever accepts TLS takes one [`Certificates::server_config`], for good: the certificate is chosen
//! at each handshake.
//!
//! Nothing here has a thread or a timer: [`Certificates::tend`] is called now and then, and whoever
//! has a runtime lets [`acme::keep`] run on it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub mod acme;
mod authority;
mod certificates;
mod description;
mod installed;
mod material;
mod overview;
mod trust;

pub use authority::Names;
pub use certificates::{Certificates, NamesNow, Settings, Source, Status};
pub use description::Description;
pub use installed::InstallError;
pub use material::doubts;
pub use overview::{AcmeOverview, Link, Needed, Overview};

/// Why a certificate or a key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// There is no certificate in it.
    #[error("{0} holds no certificate in PEM form")]
    NoCertificate(PathBuf),
    /// There is no key in it.
    #[error("{0} holds no private key in PEM form")]
    NoKey(PathBuf),
    /// The key is another certificate's.
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The key is of a kind that cannot sign for TLS.
    #[error("the key in {0} cannot be used: {1}")]
    Key(PathBuf, #[source] rustls::Error),
    /// Not a certificate of X.509.
    #[error("not a certificate: {0}")]
    Unreadable(String),
    /// The authority could not sign.
    #[error("no certificate could be made: {0}")]
    Issue(#[from] rcgen::Error),
    /// Half of the authority is lost.
    #[error(
        "{0} is missing, and the authority's certificate beside it is worth nothing without it: put \
         it back, or move both away for a new authority that every device must trust anew"
    )]
    LostKey(PathBuf),
    /// There is no authority of our own.
    #[error("there is no authority of our own: {}", .0.as_deref().unwrap_or("the log says why"))]
    NoAuthority(Option<String>),
    /// The TLS library refuses.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

#[cfg(test)]
mod tests;
