//! Sealing of secrets (ChaCha20-Poly1305, RFC 8439) with a key in a file beside the store, so that
//! a copy of the store alone, or an export, gives no password away.
//!
//! A sealed value is bound to a context, the row that it stands in: moved to another row it does
//! not open.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::files;
use crate::entropy;

/// Leads the one line of the key file.
const HEADER: &str = "tagus-key-1 ";
/// The longest key file that is read.
const LONGEST: u64 = 1024;
/// Leads a sealed value.
const VERSION: u8 = 1;
/// Bytes of the key's fingerprint in a sealed value.
const FINGERPRINT: usize = 4;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("key file {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others than the owner may read it.
    #[error("key file {0} may be read by others than its owner; set its mode to 0600")]
    Exposed(PathBuf),
    /// It holds no key.
    #[error("key file {0} is not a key file")]
    Malformed(PathBuf),
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with another key: the key file does not belong to this store.
    #[error("the value was sealed with another key file")]
    WrongKey,
    /// It was changed, or moved from its row.
    #[error("the sealed value is damaged")]
    Damaged,
}

/// The installation's secret key, kept in a file of its own.
pub struct KeyFile {
    aead: LessSafeKey,
    secret: Zeroizing<[u8; 32]>,
    fingerprint: [u8; FINGERPRINT],
}

impl std::fmt::Debug for KeyFile {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({:02x?})", self.fingerprint)
    }
}

impl KeyFile {
    /// Reads the key at `path`, making one if there is none. Of several processes that make one
    /// at once all get the same.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] if the file cannot be read or made, others may read it, or it holds no
    /// key.
    pub fn open_or_create(path: &Path) -> Result<KeyFile, KeyFileError> {
        let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
        match KeyFile::open(path) {
            Err(KeyFileError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let secret = Zeroizing::new(entropy::token(32));
        let temporary = path.with_extension(format!("{}.new", entropy::token(8)));
        let written = files::create(&temporary)
            .and_then(|mut file| {
                file.write_all(format!("{HEADER}{}\n", secret.as_str()).as_bytes())?;
                file.sync_all()
            })
            // A link fails where a rename would overwrite the other process's key.
            .and_then(|()| match fs::hard_link(&temporary, path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            });
        let removed = files::remove(&temporary);
        written.and(removed).map_err(failed)?;
        files::sync_directory(&files::parent(path)).map_err(failed)?;
        KeyFile::open(path)
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    ///
    /// As [`KeyFile::open_or_create`], and if there is none.
    pub fn open(path: &Path) -> Result<KeyFile, KeyFileError> {
        let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.mode() & 0o077 != 0 {
            return Err(KeyFileError::Exposed(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
        text.strip_prefix(HEADER)
            .and_then(|hex| unhex(hex.trim_end()))
            .and_then(KeyFile::from_secret)
            .ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
    }

    fn from_secret(secret: Zeroizing<[u8; 32]>) -> Option<KeyFile> {
        let sealing = derive(&secret, "seal");
        let aead = UnboundKey::new(&CHACHA20_POLY1305, &*sealing).ok()?;
        let digest = Sha256::digest(derive(&secret, "fingerprint").as_slice());
        let fingerprint = *digest.first_chunk()?;
        Some(KeyFile { aead: LessSafeKey::new(aead), secret, fingerprint })
    }

    /// Seals `plain` for `context`.
    #[must_use]
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes();
        let mut body = Zeroizing::new(plain.to_vec());
        let tag = self.aead.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut body,
        );
        let mut sealed = Vec::with_capacity(plain.len() + 1 + FINGERPRINT + NONCE_LEN + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.fingerprint);
        sealed.extend_from_slice(&nonce);
        // Sealing fails only beyond 256 GiB; without a tag the value does not open.
        if let Ok(tag) = tag {
            sealed.extend_from_slice(&body);
            sealed.extend_from_slice(tag.as_ref());
        }
        sealed
    }

    /// Opens what [`KeyFile::seal`] made for the same context.
    ///
    /// # Errors
    ///
    /// [`SealError`] if another key made it, it was changed, or it belongs elsewhere.
    pub fn open_sealed(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Damaged)?;
        let (fingerprint, rest) =
            rest.split_first_chunk::<FINGERPRINT>().ok_or(SealError::Damaged)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Damaged)?;
        if *version != VERSION {
            return Err(SealError::Damaged);
        }
        if *fingerprint != self.fingerprint {
            return Err(SealError::WrongKey);
        }
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .aead
            .open_in_place(nonce, Aad::from(context), &mut body)
            .map_err(|_| SealError::Damaged)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// A key of its own for `purpose`, the same after every restart: for nonces, flow tokens and
    /// whatever else this server signs for itself.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.secret, purpose)
    }
}

/// HMAC-SHA-256 of the purpose under the installation's key.
fn derive(secret: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) {
        mac.update(b"tagus ");
        mac.update(purpose.as_bytes());
        out.copy_from_slice(&mac.finalize().into_bytes());
    }
    out
}

/// Sixty-four hexadecimal digits.
fn unhex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|p| !p.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key() -> (tempfile::TempDir, KeyFile) {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyFile::open_or_create(&directory.path().join("secrets.key")).unwrap();
        (directory, key)
    }

    #[test]
    fn a_sealed_value_opens_after_a_restart_and_only_in_its_row() {
        let (directory, key) = key();
        let sealed = key.seal(b"alice", b"secret");
        let again = KeyFile::open_or_create(&directory.path().join("secrets.key")).unwrap();
        assert_eq!(again.open_sealed(b"alice", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(again.open_sealed(b"bob", &sealed), Err(SealError::Damaged));
        assert_ne!(key.seal(b"alice", b"secret"), sealed);
        assert_eq!(key.derive("nonce"), again.derive("nonce"));
        assert_ne!(key.derive("nonce"), key.derive("flow"));
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let (_directory, key) = key();
        let sealed = key.seal(b"alice", b"secret");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open_sealed(b"alice", &changed).is_err());
            assert!(key.open_sealed(b"alice", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn a_value_of_another_key_is_told_apart_from_a_damaged_one() {
        let (_one, key) = key();
        let (_two, other) = super::tests::key();
        let sealed = other.seal(b"alice", b"secret");
        assert_eq!(key.open_sealed(b"alice", &sealed), Err(SealError::WrongKey));
    }

    #[test]
    fn racing_processes_make_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.key");
        let keys: Vec<KeyFile> = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| KeyFile::open_or_create(&path).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.secret == keys[0].secret));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_that_others_may_read_or_that_holds_no_key_is_refused() {
        let (directory, _key) = key();
        let path = directory.path().join("secrets.key");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(KeyFile::open(&path), Err(KeyFileError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "tagus-key-1 ", "tagus-key-1 zz", &"f".repeat(76)] {
            fs::write(&path, text).unwrap();
            assert!(matches!(KeyFile::open_or_create(&path), Err(KeyFileError::Malformed(_))));
        }
    }
}
