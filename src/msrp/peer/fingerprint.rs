//! Fingerprints of certificates (RFC 4975 s14.4, RFC 8122 s5): `SHA-256 4A:AD:...`.

use std::fmt;
use std::str::FromStr;

use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};

/// The one-way function of a [`Fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashFunction {
    /// What RFC 4975 shows in its example. Read, because peers of its time send it; never written by
    /// default.
    Sha1,
    /// What RFC 8122 s5 demands.
    Sha256,
    /// Longer.
    Sha384,
    /// Longest.
    Sha512,
}

const NAMES: [(HashFunction, &str); 4] = [
    (HashFunction::Sha1, "SHA-1"),
    (HashFunction::Sha256, "SHA-256"),
    (HashFunction::Sha384, "SHA-384"),
    (HashFunction::Sha512, "SHA-512"),
];

impl HashFunction {
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            HashFunction::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            HashFunction::Sha256 => &SHA256,
            HashFunction::Sha384 => &SHA384,
            HashFunction::Sha512 => &SHA512,
        }
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(function, _)| *function == self).map_or("", |(_, name)| name)
    }
}

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Not `FUNCTION SP HEX:HEX...`.
    #[error(
        "a fingerprint is the name of a hash function, a space, and bytes in hexadecimal with colons"
    )]
    Form,
    /// A function that is not known here.
    #[error("the hash function of the fingerprint is not known")]
    Function,
    /// Not as long as the function makes it.
    #[error("the fingerprint has another length than its hash function gives")]
    Length,
}

/// The hash of a certificate in its DER form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    function: HashFunction,
    hash: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of a certificate, given in DER.
    #[must_use]
    pub fn of(function: HashFunction, certificate: &[u8]) -> Fingerprint {
        let hash = digest::digest(function.algorithm(), certificate);
        Fingerprint { function, hash: hash.as_ref().to_vec() }
    }

    /// Whether it is the fingerprint of this certificate.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        Fingerprint::of(self.function, certificate) == *self
    }
}

impl fmt::Display for Fingerprint {
    /// The value of `a=fingerprint` (RFC 8122 s5): upper-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        let mut before = ' ';
        for byte in &self.hash {
            write!(f, "{before}{byte:02X}")?;
            before = ':';
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Names of functions and digits in any case (RFC 8122 s5 writes upper case, peers do not all).
    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let (name, digits) = text.split_once(' ').ok_or(FingerprintError::Form)?;
        let function = NAMES
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(function, _)| *function)
            .ok_or(FingerprintError::Function)?;
        let length = function.algorithm().output_len();
        if digits.len() > length * 3 {
            return Err(FingerprintError::Length);
        }
        let byte = |pair: &str| {
            let is_hex = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
            is_hex.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        };
        let hash: Option<Vec<u8>> = digits.split(':').map(byte).collect();
        let hash = hash.ok_or(FingerprintError::Form)?;
        if hash.len() == length {
            Ok(Fingerprint { function, hash })
        } else {
            Err(FingerprintError::Length)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4975 s14.4: the example.
    #[test]
    fn the_fingerprint_of_the_rfc_is_read_and_written_back() {
        let text = "SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
        let read: Fingerprint = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(text.to_ascii_lowercase().parse(), Ok(read));
    }

    /// RFC 4975 s14.4
    #[test]
    fn a_fingerprint_matches_its_certificate_alone() {
        for (function, _) in NAMES {
            let fingerprint = Fingerprint::of(function, b"a certificate");
            assert!(fingerprint.matches(b"a certificate"));
            assert!(!fingerprint.matches(b"another"));
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        }
    }

    /// RFC 8122 s5
    #[test]
    fn what_is_no_fingerprint_is_refused() {
        use FingerprintError::{Form, Function, Length};
        for (text, error) in [
            ("", Form),
            ("SHA-256", Form),
            ("MD5 AA", Function),
            ("SHA-1 AA:BB", Length),
            ("SHA-1 A:BB", Form),
            ("SHA-1 +A:BB", Form),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_a_fingerprint_or_refused(text in ".{0,80}|(?i:sha-1) [0-9a-f:]{0,70}") {
            if let Ok(read) = text.parse::<Fingerprint>() {
                prop_assert_eq!(read.to_string().parse(), Ok(read));
            }
        }
    }
}
