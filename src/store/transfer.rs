//! The logical form of a store: every row of every table in one stream, whatever engine wrote it.
//!
//! ```text
//! "TagusExp"  version:u16  length:u32 header  checksum:u64
//! 1  table:u8  key-length:u32  value-length:u32  key  value  checksum:u64      (each row, ascending)
//! 2  length:u32 rows-by-table  SHA-256 of all before this hash                 (once, then nothing)
//! ```
//!
//! Numbers are big-endian. A stream that is cut, changed, or of something else is told from a
//! whole one before anything is done with it: [`verify`], or an import that builds beside.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::commit::{CommitError, MAX_KEY, MAX_VALUE, full_key};
use super::record::checksum;
use super::{Row, StoreError, Table};
use crate::clock::WallTime;

const MAGIC: &[u8; 8] = b"TagusExp";
const VERSION: u16 = 1;
const ROW: u8 = 1;
const END: u8 = 2;
/// The longest header or trailer that is read.
const LONGEST_BLOCK: u32 = 64 * 1024;

/// What leads an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportHeader {
    /// The release that wrote it.
    pub product: String,
    /// When.
    pub made_at: WallTime,
    /// The tables that it may hold rows of: number and name.
    pub tables: Vec<(u8, String)>,
}

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferReport {
    /// When the export was made.
    pub made_at: WallTime,
    /// Rows by table; tables without rows are left out.
    pub rows: Vec<(Table, u64)>,
}

impl TransferReport {
    /// All rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }
}

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A row cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
    /// What was read is not what the store should hold; the export is worth nothing.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// Why an import was not done; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The stream is no export.
    #[error("this is not an export of a store")]
    Foreign,
    /// A later release wrote it.
    #[error("a later release wrote this export: {0}")]
    Newer(String),
    /// It ends too early.
    #[error("the export is cut off")]
    Truncated,
    /// It was changed.
    #[error("the export is damaged at row {0}")]
    Damaged(u64),
    /// The store holds rows, and nobody said that they may go.
    #[error("the store is not empty: it holds {0} rows")]
    NotEmpty(u64),
    /// The stream cannot be read.
    #[error("the export cannot be read: {0}")]
    Io(io::Error),
    /// The store takes no changes.
    #[error(transparent)]
    Refused(#[from] CommitError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<io::Error> for ImportError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ImportError::Truncated,
            _ => ImportError::Io(error),
        }
    }
}

/// What an import does with rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuses to import.
    Refuse,
    /// Replaces all of them, in every table.
    Replace,
}

/// Writes an export.
pub(super) struct Exporter<W: Write> {
    to: W,
    hash: Sha256,
    made_at: WallTime,
    rows: [u64; Table::ALL.len()],
    scratch: Vec<u8>,
}

impl<W: Write> Exporter<W> {
    /// Writes the header.
    pub(super) fn begin(to: W, made_at: WallTime) -> io::Result<Exporter<W>> {
        let header = ExportHeader {
            product: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            tables: Table::ALL.into_iter().map(|t| (t.id(), t.name().to_owned())).collect(),
        };
        let header = postcard::to_stdvec(&header).map_err(io::Error::other)?;
        let mut exporter =
            Exporter { to, hash: Sha256::new(), made_at, rows: [0; _], scratch: Vec::new() };
        exporter.write(MAGIC)?;
        exporter.write(&VERSION.to_be_bytes())?;
        exporter.block(&header)?;
        exporter.write(&checksum(&[&header]).to_be_bytes())?;
        Ok(exporter)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes)
    }

    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.write(&length.to_be_bytes())?;
        self.write(bytes)
    }

    /// Writes a row; rows come in the order of tables and keys.
    pub(super) fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&[ROW, table.id()]);
        scratch.extend_from_slice(&length(key)?.to_be_bytes());
        scratch.extend_from_slice(&length(value)?.to_be_bytes());
        scratch.extend_from_slice(key);
        scratch.extend_from_slice(value);
        let sum = checksum(&[&scratch]);
        scratch.extend_from_slice(&sum.to_be_bytes());
        if let Some(rows) = self.rows.get_mut(table.index()) {
            *rows += 1;
        }
        let written = self.write(&scratch);
        self.scratch = scratch;
        written
    }

    /// Writes the trailer.
    pub(super) fn finish(mut self) -> io::Result<TransferReport> {
        let rows = counted(&self.rows);
        let trailer: Vec<(u8, u64)> = rows.iter().map(|(t, rows)| (t.id(), *rows)).collect();
        let trailer = postcard::to_stdvec(&trailer).map_err(io::Error::other)?;
        self.write(&[END])?;
        self.block(&trailer)?;
        let digest = self.hash.finalize();
        self.to.write_all(&digest)?;
        self.to.flush()?;
        Ok(TransferReport { made_at: self.made_at, rows })
    }
}

fn counted(rows: &[u64]) -> Vec<(Table, u64)> {
    let counts = Table::ALL.into_iter().zip(rows.iter().copied());
    counts.filter(|(_, rows)| *rows > 0).collect()
}

/// Reads an export row by row, refusing the first byte that is wrong.
pub(super) struct Importer<R: Read> {
    from: R,
    hash: Sha256,
    header: ExportHeader,
    rows: [u64; Table::ALL.len()],
    last: Vec<u8>,
    done: bool,
}

impl<R: Read> Importer<R> {
    /// Reads the header.
    pub(super) fn begin(from: R) -> Result<Importer<R>, ImportError> {
        let header = ExportHeader {
            product: String::new(),
            made_at: WallTime::default(),
            tables: Vec::new(),
        };
        let mut importer = Importer {
            from,
            hash: Sha256::new(),
            header,
            rows: [0; _],
            last: Vec::new(),
            done: false,
        };
        let magic = importer.array::<8>().map_err(|error| match error {
            ImportError::Truncated => ImportError::Foreign,
            other => other,
        })?;
        if magic != *MAGIC {
            return Err(ImportError::Foreign);
        }
        let version = u16::from_be_bytes(importer.array()?);
        if version != VERSION {
            return Err(ImportError::Newer(format!("format {version}")));
        }
        let header = importer.block()?;
        let sum = u64::from_be_bytes(importer.array()?);
        if sum != checksum(&[&header]) {
            return Err(ImportError::Damaged(0));
        }
        importer.header = postcard::from_bytes(&header).map_err(|_| ImportError::Damaged(0))?;
        let unknown = importer.header.tables.iter().find(|(id, _)| Table::from_id(*id).is_none());
        if let Some((_, name)) = unknown {
            let product = &importer.header.product;
            return Err(ImportError::Newer(format!("{product}, with a table {name}")));
        }
        Ok(importer)
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, ImportError> {
        let mut bytes = Vec::new();
        // Grows with what arrives: a length that lies costs nothing.
        let got = self.from.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        if got < length {
            return Err(ImportError::Truncated);
        }
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImportError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn block(&mut self) -> Result<Vec<u8>, ImportError> {
        let length = u32::from_be_bytes(self.array()?);
        if length > LONGEST_BLOCK {
            return Err(self.damaged());
        }
        self.exactly(length as usize)
    }

    fn damaged(&self) -> ImportError {
        ImportError::Damaged(self.rows.iter().sum::<u64>() + 1)
    }

    /// The next row; `None` once the trailer proved that all was there.
    pub(super) fn next(&mut self) -> Result<Option<(Table, Row)>, ImportError> {
        if self.done {
            return Ok(None);
        }
        match self.array()? {
            [ROW] => self.row().map(Some),
            [END] => {
                self.end()?;
                self.done = true;
                Ok(None)
            }
            _ => Err(self.damaged()),
        }
    }

    fn row(&mut self) -> Result<(Table, Row), ImportError> {
        let [id, k1, k2, k3, k4, v1, v2, v3, v4] = self.array::<9>()?;
        let key_length = u32::from_be_bytes([k1, k2, k3, k4]) as usize;
        let value_length = u32::from_be_bytes([v1, v2, v3, v4]) as usize;
        let table = Table::from_id(id).ok_or_else(|| self.damaged())?;
        if key_length > MAX_KEY || value_length > MAX_VALUE {
            return Err(self.damaged());
        }
        let key = self.exactly(key_length)?;
        let value = self.exactly(value_length)?;
        let sum = u64::from_be_bytes(self.array()?);
        let head = [ROW, id, k1, k2, k3, k4, v1, v2, v3, v4];
        let full = full_key(table, &key);
        let in_order = self.last < full;
        if sum != checksum(&[&[&head, key.as_slice(), &value].concat()]) || !in_order {
            return Err(self.damaged());
        }
        self.last = full;
        if let Some(rows) = self.rows.get_mut(table.index()) {
            *rows += 1;
        }
        Ok((table, (key, value)))
    }

    fn end(&mut self) -> Result<(), ImportError> {
        let trailer = self.block()?;
        let digest = self.hash.clone().finalize();
        let mut written = [0; 32];
        self.from.read_exact(&mut written)?;
        let counts: Vec<(u8, u64)> = postcard::from_bytes(&trailer).map_err(|_| self.damaged())?;
        let found: Vec<(u8, u64)> =
            counted(&self.rows).into_iter().map(|(table, rows)| (table.id(), rows)).collect();
        if written != *digest || counts != found || self.from.read(&mut [0])? != 0 {
            return Err(self.damaged());
        }
        Ok(())
    }

    /// What was read.
    pub(super) fn report(&self) -> TransferReport {
        TransferReport { made_at: self.header.made_at, rows: counted(&self.rows) }
    }
}

/// Reads an export to its end without doing anything with it.
///
/// # Errors
///
/// [`ImportError`] if it is not a whole export that this release can read.
pub fn verify(from: &mut dyn Read) -> Result<TransferReport, ImportError> {
    let mut importer = Importer::begin(from)?;
    while importer.next()?.is_some() {}
    Ok(importer.report())
}

#[cfg(test)]
mod tests;
