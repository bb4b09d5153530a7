//! Identifiers that nobody guesses: transactions, messages, sessions (RFC 4975 s7.1, s7.1.1, s14.1).

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use crate::{entropy, text};

/// Five bits a character, no capitals: nobody can mix them up, however he compares.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters of a transaction id: 80 bits, of which 64 are demanded (s7.1).
const TRANSACTION: usize = 16;

/// Characters of a Message-ID or a session-id: 100 bits, of which 80 are demanded (s14.1).
const LONG: usize = 20;

/// Characters of an `ident` at most (s9).
pub const MOST: usize = 32;

/// Whether the text is an `ident` (s9): 4 to 32 characters, the first a letter or a digit.
#[must_use]
pub fn is_ident(text: &[u8]) -> bool {
    (4..=MOST).contains(&text.len())
        && text[0].is_ascii_alphanumeric()
        && text.iter().all(|b| b.is_ascii_alphanumeric() || b".-+%=".contains(b))
}

/// Characters of somebody else's Message-ID at most.
const MOST_FOREIGN: usize = 128;

/// Whether the text can be a peer's Message-ID. Ours are `ident`s (s9); what others make is longer, or
/// has other characters of a token, and is only ever given back to them.
pub(super) fn is_message_id(text: &[u8]) -> bool {
    text.len() <= MOST_FOREIGN
        && text.first().is_some_and(u8::is_ascii_alphanumeric)
        && text.iter().all(|byte| text::is_token_byte(*byte) || *byte == b'=')
}

/// The identifier of a transaction, in place: none is longer than 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId {
    length: u8,
    text: [u8; MOST],
}

impl TransactionId {
    /// An identifier from its text; `None` if it is none (s9 `ident`).
    #[must_use]
    pub fn new(text: &[u8]) -> Option<TransactionId> {
        is_ident(text).then(|| {
            let mut id = TransactionId { length: text.len() as u8, text: [0; MOST] };
            id.text[..text.len()].copy_from_slice(text);
            id
        })
    }

    /// Its text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where identifiers come from: the system's randomness, or, in tests, what they like.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    fill: fn(&mut [u8]),
}

impl Default for Ids {
    fn default() -> Ids {
        Ids { fill: entropy::fill }
    }
}

impl Ids {
    /// Identifiers made of the bytes that `fill` gives.
    #[must_use]
    pub fn from_source(fill: fn(&mut [u8])) -> Ids {
        Ids { fill }
    }

    fn text<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes.map(|byte| ALPHABET[usize::from(byte & 31)])
    }

    /// A transaction id with 80 random bits.
    #[must_use]
    pub fn transaction(self) -> TransactionId {
        let mut id = TransactionId { length: TRANSACTION as u8, text: [0; MOST] };
        id.text[..TRANSACTION].copy_from_slice(&self.text::<TRANSACTION>());
        id
    }

    /// A Message-ID with 100 random bits.
    #[must_use]
    pub fn message(self) -> String {
        self.text::<LONG>().map(char::from).iter().collect()
    }

    /// A session-id with 100 random bits.
    #[must_use]
    pub fn session(self) -> String {
        self.message()
    }
}

/// A map whose keys are numbers that we gave out ourselves: nobody can choose them to collide, so a
/// multiplication spreads them well enough.
pub(super) type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Hashes small numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread(u64);

impl Spread {
    /// 2^64 by the golden ratio: neighbours land far apart, and the high bits are mixed too.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(Spread::FACTOR);
        self.0 ^= self.0 >> 32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // RFC 4975 s7.1, s7.1.1, s14.1
    #[test]
    fn transaction_message_and_session_ids_are_random_and_never_repeat() {
        let ids = Ids::default();
        let all: HashSet<String> = (0..3_000)
            .flat_map(|_| [ids.transaction().to_string(), ids.message(), ids.session()])
            .collect();
        assert_eq!(all.len(), 9_000);
        assert!(all.iter().all(|id| is_ident(id.as_bytes())));
        // Five bits a character: 64 bits need 13 of them, 80 bits 16.
        assert!(ids.transaction().as_bytes().len() >= 13);
        assert!(ids.session().len() >= 16 && ids.message().len() >= 16);
    }

    // RFC 4975 s9; trap "Message-ID alphabet"
    #[test]
    fn an_ident_has_4_to_32_characters_of_its_alphabet() {
        for good in ["a786hjs2", "49fh", "0.-+", "a%=.", "a234567890123456789012345678901b"] {
            assert!(is_ident(good.as_bytes()), "{good}");
        }
        for bad in ["", "abc", ".abc", "a bc", "ab_c", "ab/c", "a234567890123456789012345678901bc"]
        {
            assert!(!is_ident(bad.as_bytes()), "{bad}");
            assert_eq!(TransactionId::new(bad.as_bytes()), None);
        }
    }
}
