//! Digest authentication (RFC 7616, RFC 8760, RFC 3261 s22), as SIP, XCAP and MSRP use it.
//!
//! ```text
//!   HA1 = H(user:realm:password)                       kept, never the password
//!   HA2 = H(method:uri)
//!   response = H(HA1:nonce:nc:cnonce:auth:HA2)
//! ```
//!
//! Only `qop=auth` is spoken: an answer without `qop` (RFC 2069) carries no count, so it could be
//! played again, and is refused. The `-sess` algorithms are never offered.

use std::fmt;

use md5::Md5;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

mod challenge;
mod credentials;
pub mod nonce;
mod parameters;
#[cfg(test)]
mod tests;

pub use challenge::{Answer, Challenge, ChallengeError};
pub use credentials::{Claim, Credentials, CredentialsError, Refusal};
pub use parameters::ParameterError;

/// A hash that Digest may use here (RFC 8760 s2.1), the weaker one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "server", derive(serde::Serialize, serde::Deserialize))]
pub enum Algorithm {
    /// MD5; also meant by an absent `algorithm`.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of a token, in any case (RFC 7616 s3.3); `None` if it is not spoken here.
    #[must_use]
    pub const fn from_token(token: &[u8]) -> Option<Algorithm> {
        if token.eq_ignore_ascii_case(b"MD5") {
            Some(Algorithm::Md5)
        } else if token.eq_ignore_ascii_case(b"SHA-256") {
            Some(Algorithm::Sha256)
        } else {
            None
        }
    }

    /// Bytes of its hash.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha256 => 32,
        }
    }

    /// The hash of `parts` joined by colons.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> Hash {
        fn run<D: md5::Digest>(parts: &[&[u8]], out: &mut [u8]) {
            let mut hasher = D::new();
            // Small parts are joined first: the hashers copy into their block buffer at each
            // update, which costs more than this copy.
            let mut joined = [0u8; 256];
            let mut used = 0;
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    push::<D>(&mut hasher, &mut joined, &mut used, b":");
                }
                push::<D>(&mut hasher, &mut joined, &mut used, part);
            }
            hasher.update(&joined[..used]);
            out.copy_from_slice(&hasher.finalize());
        }
        fn push<D: md5::Digest>(hasher: &mut D, buffer: &mut [u8], used: &mut usize, part: &[u8]) {
            if let Some(room) = buffer.get_mut(*used..*used + part.len()) {
                room.copy_from_slice(part);
                *used += part.len();
            } else {
                hasher.update(&buffer[..*used]);
                *used = 0;
                hasher.update(part);
            }
        }
        let mut hash = Hash { algorithm: self, bytes: [0; 32] };
        match self {
            Algorithm::Md5 => run::<Md5>(parts, &mut hash.bytes[..16]),
            Algorithm::Sha256 => run::<Sha256>(parts, &mut hash.bytes),
        }
        hash
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// A hash value: an HA1, or the response of an answer. Equality takes the same time wherever two
/// values of one algorithm differ.
#[derive(Clone, Copy)]
pub struct Hash {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Hash {
    /// A hash from its bytes; `None` if their number does not fit the algorithm.
    #[must_use]
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Hash> {
        let mut hash = Hash { algorithm, bytes: [0; 32] };
        if bytes.len() != algorithm.size() {
            return None;
        }
        hash.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(hash)
    }

    /// A hash from its hexadecimal spelling in either case.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, text: &[u8]) -> Option<Hash> {
        let mut hash = Hash { algorithm, bytes: [0; 32] };
        if text.len() != algorithm.size() * 2 {
            return None;
        }
        for (byte, pair) in hash.bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(hash)
    }

    /// The algorithm that made it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.size()]
    }

    /// Its spelling in lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> Hex {
        Hex::of(self.as_bytes())
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Hash) -> bool {
        self.algorithm == other.algorithm && self.bytes.ct_eq(&other.bytes).into()
    }
}

impl Eq for Hash {}

impl fmt::Debug for Hash {
    /// An HA1 is as good as a password, so it is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.algorithm)
    }
}

/// Up to 32 bytes in lower-case hexadecimal, without an allocation.
#[derive(Clone, Copy)]
pub struct Hex {
    length: u8,
    text: [u8; 64],
}

impl Hex {
    /// The digits of some bytes, of 32 at most.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = Hex { length: 0, text: [0; 64] };
        for (pair, byte) in hex.text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
            hex.length += 2;
        }
        hex
    }

    /// The digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

pub(crate) const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// HA1 (RFC 7616 s3.4.2): what is kept in a password's place.
#[must_use]
pub fn ha1(algorithm: Algorithm, user: &[u8], realm: &[u8], password: &[u8]) -> Hash {
    algorithm.hash(&[user, realm, password])
}

/// HA2 for `qop=auth` (RFC 7616 s3.4.3).
#[must_use]
pub fn ha2(algorithm: Algorithm, method: &[u8], uri: &[u8]) -> Hash {
    algorithm.hash(&[method, uri])
}

/// What both sides of `qop=auth` agree on besides HA1 and HA2 (RFC 7616 s3.4.1).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The challenge's nonce.
    pub nonce: &'a [u8],
    /// The count, as eight hexadecimal digits, as they were sent.
    pub nc: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a [u8],
    /// `auth`, as it was sent.
    pub qop: &'a [u8],
}

/// The response to a challenge (RFC 7616 s3.4.1). `ha2` must be of the same algorithm as `ha1`.
#[must_use]
pub fn response(ha1: &Hash, exchange: &Exchange<'_>, ha2: &Hash) -> Hash {
    ha1.algorithm.hash(&[
        ha1.hex().as_bytes(),
        exchange.nonce,
        exchange.nc,
        exchange.cnonce,
        exchange.qop,
        ha2.hex().as_bytes(),
    ])
}
