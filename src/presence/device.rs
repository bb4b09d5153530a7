//! What a device is called in documents: always the same, and nothing that its owner would mind.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::compose::DeviceTag;
use crate::model::DeviceKey;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Thirteen letters make 65 bits: no two devices of a person meet.
const LENGTH: usize = 13;

/// The tag of a device: a keyed hash, so that it says nothing of an instance or a credential.
pub(super) fn tag(key: &[u8; 32], aor: &str, device: &DeviceKey) -> DeviceTag {
    let mut digest = [0; 32];
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(aor.as_bytes());
        mac.update(b"\0");
        mac.update(device.to_string().as_bytes());
        digest.copy_from_slice(&mac.finalize().into_bytes());
    }
    let text: String = digest
        .iter()
        .take(LENGTH)
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect();
    fixed(&text)
}

/// The tag of what a person set by hand, on no device.
pub(super) fn by_hand() -> DeviceTag {
    fixed("hand")
}

fn fixed(text: &str) -> DeviceTag {
    // Letters and digits, and few of them: there is nothing to refuse.
    DeviceTag::new(text).unwrap_or_default()
}
