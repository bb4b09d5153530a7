//! Files that strangers name: kept in one directory, under a safe name, never over another file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::msrp::peer::Header;

/// Bytes of a name at most; file systems take 255.
const LONGEST_NAME: usize = 200;

/// Names that are tried when one is taken.
const TRIES: u32 = 1_000;

/// Why a file cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The directory takes none.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it is.
        error: io::Error,
    },
    /// There are too many of that name.
    #[error("there are too many files named {0}")]
    Taken(String),
}

/// A directory for what comes.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

impl Shelf {
    /// A directory that exists.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(directory: &Path) -> io::Result<Shelf> {
        if std::fs::metadata(directory)?.is_dir() {
            Ok(Shelf(directory.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Makes an empty file for a message.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn open(&self, header: &Header) -> Result<(File, PathBuf), SaveError> {
        let wanted = header.disposition.as_deref().and_then(file_name);
        let name = safe(wanted.as_deref().unwrap_or_default());
        let name =
            if name.is_empty() { format!("message-{}", safe(&header.message_id)) } else { name };
        let (stem, ending) = match name.rfind('.').filter(|at| *at > 0) {
            Some(at) => name.split_at(at),
            None => (name.as_str(), ""),
        };
        for number in 0..TRIES {
            let path = self.0.join(match number {
                0 => name.clone(),
                number => format!("{stem} ({number}){ending}"),
            });
            // Made by us or not at all: neither a file nor a link of somebody's is written through.
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(SaveError::Io { path, error }),
            }
        }
        Err(SaveError::Taken(name))
    }

    /// Keeps a message that came whole.
    ///
    /// # Errors
    /// [`SaveError`]; nothing of it stays then.
    pub fn keep(&self, header: &Header, bytes: &[u8]) -> Result<PathBuf, SaveError> {
        let (mut file, path) = self.open(header)?;
        file.write_all(bytes).map_err(|error| {
            let _ = std::fs::remove_file(&path);
            SaveError::Io { path: path.clone(), error }
        })?;
        Ok(path)
    }
}

/// Whether a `Content-Disposition` is that of a file.
pub(super) fn is_attachment(disposition: &str) -> bool {
    file_name(disposition).is_some()
        || disposition
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("attachment"))
}

/// The `filename` of a `Content-Disposition` (RFC 2183 s2.3), quoted or not.
fn file_name(disposition: &str) -> Option<String> {
    let lower = disposition.to_ascii_lowercase();
    let at = lower.find("filename=")?;
    let value = disposition.get(at + "filename=".len()..)?.trim_start();
    let Some(quoted) = value.strip_prefix('"') else {
        return Some(value.split(';').next().unwrap_or_default().trim().to_owned());
    };
    let (mut name, mut escaped) = (String::new(), false);
    for c in quoted.chars() {
        match c {
            c if escaped => {
                name.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => break,
            c => name.push(c),
        }
    }
    Some(name)
}

/// A name for between quotes.
pub(super) fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What is left of a stranger's name: its last part, without what file systems or terminals read in
/// other ways, and never hidden.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut out = String::new();
    for c in last.chars() {
        let strange = c.is_control() || "<>:\"|?*".contains(c) || is_invisible(c);
        if out.len() + c.len_utf8() > LONGEST_NAME {
            break;
        }
        out.push(if strange { '_' } else { c });
    }
    out.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']).to_owned()
}

/// Characters that turn the direction of writing, or show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(disposition: &str) -> Header {
        Header {
            message_id: "87652491".to_owned(),
            disposition: Some(disposition.to_owned()),
            ..Header::default()
        }
    }

    #[test]
    fn a_file_never_overwrites_another() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(directory.path()).unwrap();
        let header = header("attachment; filename=\"notes.txt\"");
        let names: Vec<_> = (0..3).map(|_| shelf.keep(&header, b"x").unwrap()).collect();
        let expected = ["notes.txt", "notes (1).txt", "notes (2).txt"];
        assert_eq!(names, expected.map(|name| directory.path().join(name)));
    }

    #[test]
    fn a_name_never_leaves_the_directory() {
        for (disposition, expected) in [
            ("attachment; filename=\"../../etc/passwd\"", "passwd"),
            ("attachment; filename=\"..\\\\..\\\\boot.ini\"", "boot.ini"),
            ("attachment; filename=\"/abs/olute\"", "olute"),
            ("attachment; filename=\"..\"", "message-87652491"),
            ("attachment; filename=.bashrc", "bashrc"),
            ("attachment; filename=\"a\u{202e}txt.exe\"", "a_txt.exe"),
            ("attachment; FileName=plain.txt; size=3", "plain.txt"),
            ("attachment", "message-87652491"),
            ("attachment; filename=\"say \\\"hi\\\".txt\"", "say _hi_.txt"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let shelf = Shelf::new(directory.path()).unwrap();
            let (_, path) = shelf.open(&header(disposition)).unwrap();
            assert_eq!(path, directory.path().join(expected), "{disposition}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_file_in_the_directory(name in any::<String>()) {
            let directory = tempfile::tempdir().unwrap();
            let shelf = Shelf::new(directory.path()).unwrap();
            let disposition = format!("attachment; filename=\"{}\"", quoted(&name));
            let (_, path) = shelf.open(&header(&disposition)).unwrap();
            prop_assert_eq!(path.parent(), Some(directory.path()));
            prop_assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        }
    }
}
