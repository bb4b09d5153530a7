//! How rows lie in the tree, and the sums that tell whether any is missing.
//!
//! A stored row is a kind byte, the value or the reference to a file, and a checksum over key and
//! all. The checksums of a table's rows are summed up, without regard to order, in a [`Manifest`]
//! that is written in the same batch as the rows: an engine that loses, changes or brings back
//! rows does not match it.

#![expect(deprecated, reason = "std's SipHash 2-4 is deprecated for hash maps, and never changes")]

use std::hash::{Hasher as _, SipHasher};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Table;
use super::commit::FullKey;

/// Values over this many bytes lie in files of their own: the tree never gives the space of large
/// values back.
pub(super) const LARGEST_INLINE: usize = 64 * 1024;

const INLINE: u8 = 0;
const FILE: u8 = 1;
const CHECKSUM: usize = 8;

/// Fixed for ever: stored rows depend on them.
const KEYS: (u64, u64) = (0x7461_6775_735f_726f, 0x775f_6368_6563_6b31);

/// The checksum over parts, each with its length.
pub(super) fn checksum(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher::new_with_keys(KEYS.0, KEYS.1);
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish()
}

/// A value in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRef {
    /// Names the file; never used again.
    pub(super) id: [u8; 16],
    /// Bytes.
    pub(super) length: u64,
    /// SHA-256 of the bytes.
    pub(super) digest: [u8; 32],
}

impl FileRef {
    /// A reference to `value` under a new name.
    pub(super) fn to(value: &[u8]) -> FileRef {
        FileRef {
            id: crate::entropy::bytes(),
            length: value.len() as u64,
            digest: Sha256::digest(value).into(),
        }
    }

    /// Whether `value` is what was referred to.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        self.length == value.len() as u64 && self.digest == <[u8; 32]>::from(Sha256::digest(value))
    }
}

/// What a stored row holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    Inline(&'a [u8]),
    File(FileRef),
}

/// A stored row that does not match its checksum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRow;

/// The stored form of a value.
pub(super) fn inline(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(value.len() + 1 + CHECKSUM);
    row.push(INLINE);
    row.extend_from_slice(value);
    seal(key, row)
}

/// The stored form of a value that lies in a file.
pub(super) fn reference(key: &[u8], file: &FileRef) -> Vec<u8> {
    // Fixed-size fields into a growing buffer: postcard has nothing to fail on.
    seal(key, postcard::to_extend(file, vec![FILE]).unwrap_or_default())
}

fn seal(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&[key, &row]);
    row.extend_from_slice(&sum.to_le_bytes());
    row
}

/// What a stored row holds, if it is the row that was stored at `key`.
pub(super) fn open<'a>(key: &[u8], row: &'a [u8]) -> Result<Stored<'a>, BadRow> {
    let (body, sum) = row.split_last_chunk::<CHECKSUM>().ok_or(BadRow)?;
    if checksum(&[key, body]) != u64::from_le_bytes(*sum) {
        return Err(BadRow);
    }
    match body.split_first() {
        Some((&INLINE, value)) => Ok(Stored::Inline(value)),
        Some((&FILE, file)) => postcard::from_bytes(file).map(Stored::File).map_err(|_| BadRow),
        _ => Err(BadRow),
    }
}

/// The file that a stored row refers to. Rows that hold their value are not summed for that.
pub(super) fn file_of(key: &[u8], row: &[u8]) -> Option<FileRef> {
    if row.first() != Some(&FILE) {
        return None;
    }
    match open(key, row) {
        Ok(Stored::File(file)) => Some(file),
        Ok(Stored::Inline(_)) | Err(BadRow) => None,
    }
}

/// The checksum that a stored row carries.
pub(super) fn sum_of(row: &[u8]) -> u64 {
    row.last_chunk::<CHECKSUM>().map_or(0, |sum| u64::from_le_bytes(*sum))
}

/// One table's rows, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableSum {
    pub(super) rows: u64,
    pub(super) sum: u64,
}

/// What the tree must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Batches written so far, over all generations of the store.
    pub(super) sequence: u64,
    /// By [`Table::index`].
    pub(super) tables: [TableSum; Table::ALL.len()],
}

impl Manifest {
    /// Where the manifest itself lies: below every table.
    pub(super) const KEY: &'static [u8] = b"\0manifest";

    /// Notes that the row at `key` went from `old` to `new`.
    pub(super) fn replace(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        let table = key.first().and_then(|&id| Table::from_id(id));
        let Some(sum) = table.and_then(|table| self.tables.get_mut(table.index())) else { return };
        if let Some(old) = old {
            sum.rows = sum.rows.wrapping_sub(1);
            sum.sum = sum.sum.wrapping_sub(sum_of(old));
        }
        if let Some(new) = new {
            sum.rows = sum.rows.wrapping_add(1);
            sum.sum = sum.sum.wrapping_add(sum_of(new));
        }
    }

    /// All sums in one number.
    pub(super) fn digest(&self) -> u64 {
        checksum(&[&self.encode()])
    }

    /// The manifest's own stored row.
    pub(super) fn encode(&self) -> Vec<u8> {
        let tables: Vec<(u8, TableSum)> = Table::ALL
            .into_iter()
            .filter_map(|table| Some((table.id(), *self.tables.get(table.index())?)))
            .collect();
        // A vector of known length into a growing buffer: postcard has nothing to fail on.
        inline(Self::KEY, &postcard::to_stdvec(&(self.sequence, tables)).unwrap_or_default())
    }

    /// Reads the manifest's row. A table that it does not name is empty.
    pub(super) fn decode(row: &[u8]) -> Option<Manifest> {
        let Ok(Stored::Inline(body)) = open(Self::KEY, row) else { return None };
        let (sequence, sums): (u64, Vec<(u8, TableSum)>) = postcard::from_bytes(body).ok()?;
        let mut manifest = Manifest { sequence, ..Manifest::default() };
        for (id, sum) in sums {
            *manifest.tables.get_mut(Table::from_id(id)?.index())? = sum;
        }
        Some(manifest)
    }

    /// How the rows that were found differ from this, in words.
    pub(super) fn differences(&self, found: &Manifest) -> Vec<String> {
        Table::ALL
            .into_iter()
            .zip(self.tables.iter().zip(&found.tables))
            .filter(|(_, (wanted, found))| wanted != found)
            .map(|(table, (wanted, found))| {
                if wanted.rows == found.rows {
                    format!("{table}: rows differ from what was written")
                } else {
                    format!("{table}: {} rows written, {} found", wanted.rows, found.rows)
                }
            })
            .collect()
    }
}

/// A change as the tree takes it: the key, and the stored row or its end.
pub(super) type TreeChange = (FullKey, Option<Vec<u8>>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_with_any_byte_changed_is_refused(key: Vec<u8>, value: Vec<u8>, at: prop::sample::Index, flip in 1_u8..) {
            let row = inline(&key, &value);
            prop_assert_eq!(open(&key, &row), Ok(Stored::Inline(&value)));
            let mut changed = row.clone();
            changed[at.index(row.len())] ^= flip;
            prop_assert_eq!(open(&key, &changed), Err(BadRow));
            let mut other = key.clone();
            other.push(0);
            prop_assert_eq!(open(&other, &row), Err(BadRow));
        }

        #[test]
        fn opening_any_bytes_never_panics(key: Vec<u8>, row: Vec<u8>) {
            let _ = open(&key, &row);
            let _ = sum_of(&row);
            let _ = Manifest::decode(&row);
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_order_of_changes() {
        let key = |n: u8| vec![Table::Accounts.id(), n];
        let (one, two) = (inline(&key(1), b"1"), inline(&key(2), b"2"));
        let mut forth = Manifest::default();
        forth.replace(&key(1), None, Some(&one));
        forth.replace(&key(2), None, Some(&two));
        let mut back = Manifest::default();
        back.replace(&key(2), None, Some(&two));
        back.replace(&key(1), None, Some(&two));
        back.replace(&key(1), Some(&two), Some(&one));
        assert_eq!(forth, back);
        assert_eq!(Manifest::decode(&forth.encode()), Some(forth.clone()));
        back.replace(&key(2), Some(&two), None);
        assert_eq!(forth.differences(&back), ["accounts: 2 rows written, 1 found"]);
    }

    /// SipHash 2-4 with this key, and the layout of a row, as version 1 wrote them.
    #[test]
    fn stored_rows_have_the_bytes_they_always_had() {
        let row = inline(b"\x02alice", b"value");
        assert_eq!(row[..6], *b"\0value");
        assert_eq!(sum_of(&row), 15_612_331_214_804_513_609);
    }
}
