//! A certificate with its key that an administrator handed over in the console. Both stand in one
//! file of the data directory, so that a power cut leaves the old pair or the new one, and never half
//! of each; it is served as files of the configuration are, where that names none.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::material::Material;
use super::{Certificates, Description, TlsError};
use crate::clock::WallTime;
use crate::store::files;

/// What stands in a key that asks for a password (RFC 7468 s11, RFC 1421 s4.6.1.1).
const LOCKED: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];

/// Why a certificate was not installed.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallError {
    /// It would not be served.
    #[error("tls.mode or tls.cert_file decides which certificate is served; change those instead")]
    Decided,
    /// There is no certificate in the text.
    #[error("there is no certificate in PEM form in it")]
    NoCertificate,
    /// There is no key in the text.
    #[error("there is no private key in PEM form in it")]
    NoKey,
    /// Nobody is there at the start who could type its password.
    #[error("the key asks for a password; take it off: openssl pkey -in key.pem -out plain.pem")]
    LockedKey,
    /// The key is another certificate's.
    #[error("the key does not belong to the first certificate")]
    Mismatch,
    /// The key is of a kind that cannot sign for TLS, or something else of it cannot be read.
    #[error("it cannot be used: {0}")]
    Unusable(String),
    /// A certificate of the chain was not signed by the one behind it.
    #[error("certificate {at} was not signed by the one behind it; the server's own comes first")]
    Chain {
        /// Its place, from 1.
        at: usize,
    },
    /// It has ended.
    #[error("the certificate ended on {0}")]
    Ended(WallTime),
    /// It is not yet valid.
    #[error("the certificate is not valid before {0}")]
    Early(WallTime),
    /// It names nobody who is asked for here.
    #[error("the certificate names none of this server's names; its own are: {}", .0.join(", "))]
    OtherNames(Vec<String>),
    /// The file cannot be written.
    #[error("{0}")]
    File(String),
}

/// Where the pair is kept.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("installed.pem")
}

impl Certificates {
    /// Looks whether a chain and a key in PEM form can be installed: the key fits, the chain holds, the dates
    /// are right and one of `wanted` is named. Nothing changes.
    ///
    /// # Errors
    /// [`InstallError`] says what is wrong with it.
    pub fn examine(
        &self,
        chain: &str,
        key: &str,
        wanted: &[String],
    ) -> Result<Description, InstallError> {
        if !self.takes_installed() {
            return Err(InstallError::Decided);
        }
        if LOCKED.iter().any(|mark| key.contains(mark)) {
            return Err(InstallError::LockedKey);
        }
        // What the errors would name is not shown.
        let nowhere = Path::new("");
        let material = Material::of((chain.as_bytes(), nowhere), (key.as_bytes(), nowhere));
        let Material { key, description } = material.map_err(unusable)?;
        for (place, pair) in key.cert.windows(2).enumerate() {
            if !is_signed(&pair[0], &pair[1]) {
                return Err(InstallError::Chain { at: place.saturating_add(1) });
            }
        }
        let now = self.clock().wall();
        if now > description.not_after {
            return Err(InstallError::Ended(description.not_after));
        }
        if now < description.not_before {
            return Err(InstallError::Early(description.not_before));
        }
        if !wanted.iter().any(|name| description.covers(name)) {
            return Err(InstallError::OtherNames(description.names));
        }
        Ok(description)
    }

    /// Keeps a chain and a key that [`Certificates::examine`] found good, and serves them from the
    /// next handshake on; connections that live stay. Blocks.
    ///
    /// # Errors
    /// [`InstallError`]; what was served before is served on.
    pub fn install(&self, chain: &str, key: &str, wanted: &[String]) -> Result<(), InstallError> {
        self.examine(chain, key, wanted)?;
        let both = Zeroizing::new(format!("{}\n{}\n", chain.trim(), key.trim()));
        let path = path(self.directory());
        files::replace(&path, both.as_bytes())
            .map_err(|error| InstallError::File(format!("{}: {error}", path.display())))?;
        self.take_files();
        Ok(())
    }

    /// Takes the installed pair away, and serves what is next in order; says whether there was one.
    /// Blocks.
    ///
    /// # Errors
    /// [`InstallError::File`] if it cannot be removed.
    pub fn uninstall(&self) -> Result<bool, InstallError> {
        let path = path(self.directory());
        match std::fs::remove_file(&path) {
            Ok(()) => {
                self.take_files();
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(InstallError::File(format!("{}: {error}", path.display()))),
        }
    }
}

fn unusable(error: TlsError) -> InstallError {
    match error {
        TlsError::NoCertificate(_) => InstallError::NoCertificate,
        TlsError::NoKey(_) => InstallError::NoKey,
        TlsError::Mismatch { .. } => InstallError::Mismatch,
        TlsError::Key(_, error) => InstallError::Unusable(error.to_string()),
        other => InstallError::Unusable(other.to_string()),
    }
}

/// Whether `one` was signed by `next`.
fn is_signed(one: &[u8], next: &[u8]) -> bool {
    let (Ok((_, one)), Ok((_, next))) =
        (X509Certificate::from_der(one), X509Certificate::from_der(next))
    else {
        return false;
    };
    one.issuer() == next.subject() && one.verify_signature(Some(next.public_key())).is_ok()
}
