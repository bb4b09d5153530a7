//! Messages kept for people who are away (RFC 3428 s7), and who still needs each.
//!
//! Two rows under one key: the request, written once, and its state, rewritten as devices take
//! their share. A server that starts reads only the states.

use serde::{Deserialize, Serialize};

use super::{DecodeError, DeviceKey, Record, prefix, whole};
use crate::clock::WallTime;

/// A message kept for a recipient. Table `HeldMessages`, key [`held_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMessage {
    /// The MESSAGE as it will be sent on, without Via, Route and credentials: body, unknown
    /// headers and odd spellings byte for byte.
    #[serde(serialize_with = "super::as_run")]
    pub request: Vec<u8>,
}

impl Record for HeldMessage {}

/// Who still needs a held message. Table `HeldCursors`, key [`held_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldState {
    /// The devices that have not had it.
    pub pending: Vec<DeviceKey>,
    /// Whether it is also for a device that was not known when it arrived, the first that comes:
    /// nobody has had it.
    pub unclaimed: bool,
    /// When it arrived.
    pub received_at: WallTime,
    /// When it is thrown away (RFC 3428 s7: Expires, capped by `messages.retention`).
    pub expires_at: WallTime,
    /// Recognises a repetition: a keyed hash of imdn.Message-ID, else of From, Call-ID, CSeq and
    /// the body.
    pub fingerprint: u64,
    /// The person of ours who sent it; empty for somebody elsewhere. One sender has a share of a
    /// queue, and no more.
    pub sender: String,
    /// Whether a device has had it.
    pub delivered: bool,
    /// Whether it tells what became of another message (RFC 5438): it lets messages go first.
    pub notification: bool,
}

impl Record for HeldState {
    const VERSION: u8 = 2;

    fn decode(row: &[u8]) -> Result<HeldState, DecodeError> {
        match row.split_first() {
            None => Err(DecodeError::Empty),
            Some((&Self::VERSION, body)) => whole(body),
            Some((1, body)) => whole::<HeldStateV1>(body).map(HeldState::from),
            Some((&version, _)) => Err(DecodeError::Version(version)),
        }
    }
}

/// Version 1 knew neither sender nor class.
#[derive(Serialize, Deserialize)]
struct HeldStateV1 {
    pending: Vec<DeviceKey>,
    unclaimed: bool,
    received_at: WallTime,
    expires_at: WallTime,
    fingerprint: u64,
}

impl From<HeldStateV1> for HeldState {
    fn from(old: HeldStateV1) -> HeldState {
        HeldState {
            delivered: !old.unclaimed,
            pending: old.pending,
            unclaimed: old.unclaimed,
            received_at: old.received_at,
            expires_at: old.expires_at,
            fingerprint: old.fingerprint,
            sender: String::new(),
            notification: false,
        }
    }
}

/// The key of message `sequence` of `aor`; keys of one recipient sort by arrival.
#[must_use]
pub fn held_key(aor: &str, sequence: u64) -> Vec<u8> {
    let mut key = prefix(aor);
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// What the keys of all messages of `aor` begin with.
#[must_use]
pub fn held_prefix(aor: &str) -> Vec<u8> {
    prefix(aor)
}

/// The recipient and the number that a key of [`held_key`] names.
#[must_use]
pub fn parse_held_key(key: &[u8]) -> Option<(&str, u64)> {
    let number = u64::from_be_bytes(*key.last_chunk::<8>()?);
    let aor = key.get(..key.len().checked_sub(9)?)?;
    Some((std::str::from_utf8(aor).ok()?, number))
}
