//! What makes two messages belong to one transaction (RFC 3261 s17.1.3, s17.2.3, s9.2), reduced to
//! 128 keyed bits.
//!
//! A key is the hash of what names the exchange (branch and sent-by, or the header fields of
//! RFC 2543) combined with the hash of the method. So ACK is looked up as INVITE, a CANCEL finds
//! what it cancels under any method, and one branch with two methods is two transactions.

use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

use super::siphash::{Key as Secret, hash128};
use crate::entropy;

/// Begins each branch that is unique by itself (RFC 3261 s8.1.1.7).
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// Whether a branch identifies its transaction alone: the cookie and something behind it. A bare
/// cookie (RFC 4475 s3.2.1) is matched as RFC 2543 did.
#[must_use]
pub fn has_magic_cookie(branch: &[u8]) -> bool {
    branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE)
}

/// What names a request's transaction, as found in the request.
#[derive(Clone, Copy, Debug)]
pub struct ServerKeyParts<'a> {
    /// The method, as spelt in the request line.
    pub method: &'a [u8],
    /// The top Via's branch; empty if there is none.
    pub branch: &'a [u8],
    /// The top Via's sent-by, host and port as spelt.
    pub sent_by: &'a [u8],
    /// Used only when the branch has no magic cookie ([`has_magic_cookie`]); a caller that checks
    /// may leave it at its default otherwise.
    pub legacy: Legacy<'a>,
}

/// What RFC 2543 elements are matched by (RFC 3261 s17.2.3, second part). The To tag is not part of
/// the key: the ACK of a non-2xx final has one and its INVITE has none; it is compared with the
/// response instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Legacy<'a> {
    /// The Request-URI, as spelt.
    pub request_uri: &'a [u8],
    /// The From tag; empty if there is none.
    pub from_tag: &'a [u8],
    /// The To tag; empty if there is none.
    pub to_tag: &'a [u8],
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// The number in CSeq.
    pub cseq: u32,
    /// The whole value of the top Via.
    pub top_via: &'a [u8],
}

impl ServerKeyParts<'_> {
    /// Whether the request comes from an RFC 2543 element.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        !has_magic_cookie(self.branch)
    }
}

/// Names a transaction within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TransactionKey([u64; 2]);

/// Names an exchange without its method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange([u64; 2]);

/// Names a request whichever way it came (RFC 3261 s8.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct MergeKey([u64; 2]);

/// The methods whose hash is kept ready, and under which a CANCEL looks for what it cancels.
const METHODS: [&[u8]; 13] = [
    b"INVITE",
    b"MESSAGE",
    b"REGISTER",
    b"OPTIONS",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"PUBLISH",
    b"BYE",
    b"INFO",
    b"REFER",
    b"UPDATE",
    b"PRACK",
    b"CANCEL",
];

/// Makes keys under a secret that nobody outside can predict.
pub(super) struct Keyer {
    secret: Secret,
    methods: [[u64; 2]; METHODS.len()],
}

impl Keyer {
    pub(super) fn new() -> Keyer {
        Keyer::with_secret(entropy::bytes())
    }

    fn with_secret(secret: [u8; 16]) -> Keyer {
        let secret = Secret::new(secret);
        let methods = METHODS.map(|method| method_hash(secret, method));
        Keyer { secret, methods }
    }

    /// The exchange of a request.
    pub(super) fn exchange(&self, parts: &ServerKeyParts<'_>) -> Exchange {
        let mut text = Text::new();
        if parts.is_legacy() {
            let legacy = &parts.legacy;
            text.push(b'2');
            piece(&mut text, legacy.request_uri);
            piece(&mut text, legacy.from_tag);
            piece(&mut text, legacy.call_id);
            piece(&mut text, &legacy.cseq.to_le_bytes());
            piece(&mut text, legacy.top_via);
        } else {
            text.push(b's');
            piece(&mut text, parts.branch);
            let start = text.len();
            piece(&mut text, parts.sent_by);
            // Host names have no case (RFC 3261 s18.1.1); branches are compared as they are.
            text[start..].make_ascii_lowercase();
        }
        Exchange(hash128(self.secret, &text))
    }

    /// The exchange that a response of ours belongs to: our branch is unique by itself.
    pub(super) fn client_exchange(&self, branch: &[u8]) -> Exchange {
        let mut text = Text::new();
        text.push(b'c');
        piece(&mut text, branch);
        Exchange(hash128(self.secret, &text))
    }

    /// The transaction that `method` makes of an exchange.
    pub(super) fn transaction(&self, exchange: Exchange, method: &[u8]) -> TransactionKey {
        let hash = match METHODS.iter().position(|known| *known == method) {
            Some(place) => self.methods[place],
            None => method_hash(self.secret, method),
        };
        combine(exchange, hash)
    }

    /// The transactions that a CANCEL of this exchange may mean: any of the methods in common use,
    /// INVITE first, ACK and CANCEL never (RFC 3261 s9.2).
    pub(super) fn cancellable(&self, exchange: Exchange) -> impl Iterator<Item = TransactionKey> {
        METHODS
            .iter()
            .zip(self.methods)
            .filter(|(method, _)| **method != b"CANCEL")
            .map(move |(_, hash)| combine(exchange, hash))
    }

    /// See [`MergedRequests`](super::MergedRequests).
    pub(super) fn merge(
        &self,
        request_uri: &[u8],
        from_tag: &[u8],
        call_id: &[u8],
        cseq: u32,
        method: &[u8],
    ) -> MergeKey {
        let mut text = Text::new();
        text.push(b'm');
        piece(&mut text, request_uri);
        piece(&mut text, from_tag);
        piece(&mut text, call_id);
        piece(&mut text, &cseq.to_le_bytes());
        piece(&mut text, method);
        MergeKey(hash128(self.secret, &text))
    }
}

type Text = SmallVec<[u8; 256]>;

/// Each piece goes in behind its length, so that no two lists of pieces read alike.
fn piece(text: &mut Text, bytes: &[u8]) {
    text.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    text.extend_from_slice(bytes);
}

fn method_hash(secret: Secret, method: &[u8]) -> [u64; 2] {
    let mut text = Text::new();
    text.push(b'M');
    piece(&mut text, method);
    hash128(secret, &text)
}

fn combine(exchange: Exchange, method: [u64; 2]) -> TransactionKey {
    TransactionKey([exchange.0[0] ^ method[0], exchange.0[1] ^ method[1]])
}

/// Maps keyed by what is a keyed hash already need no second one.
#[derive(Clone, Default)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // An array of words arrives as bytes; the first word is as good as both.
        if let Some(word) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_ne_bytes(*word);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }

    fn write_usize(&mut self, _: usize) {}
}

/// A map from keys that are keyed hashes.
pub(super) type KeyMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<AlreadyHashed>>;

/// Gives memory back after a peak: called when something was removed.
pub(super) fn shrink<K: Eq + std::hash::Hash, V>(map: &mut KeyMap<K, V>) {
    if map.capacity() > 1_024 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}
