//! Figures of the past, as charts show them.

use serde::{Deserialize, Serialize};

use super::Record;

/// What was measured in one slot of a ring. Table `History`, key [`HistorySlot::key`]: a ring has so many
/// slots, and a new one takes the place of the oldest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistorySlot {
    /// When it begins, seconds since 1970; tells one round of the ring from the next.
    pub at: u64,
    /// For how many seconds of it there are figures.
    pub covered: u32,
    /// By series, in the order of their words; those that a later release added are missing at the
    /// end, and what is not known is not a number.
    pub values: Vec<f32>,
}

impl Record for HistorySlot {}

impl HistorySlot {
    /// The key of a ring's slot.
    #[must_use]
    pub fn key(ring: u8, slot: u16) -> [u8; 3] {
        let [high, low] = slot.to_be_bytes();
        [ring, high, low]
    }

    /// The ring and the slot of a key.
    #[must_use]
    pub fn parse_key(key: &[u8]) -> Option<(u8, u16)> {
        match key {
            [ring, high, low] => Some((*ring, u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }
}
