//! Files that strangers name: kept in one directory, under a safe name, never over another file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::hash::Hash;
use super::kept::Head;
use super::part::{self, About, Part};
use super::range::Question;
use crate::msrp::IncomingState;
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
    /// What came is not what its sender hashed.
    #[error("its SHA-256 is not the one that was announced")]
    Hash,
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

    /// Has something made under this name, or one like it that is free.
    ///
    /// # Errors
    /// [`SaveError`].
    pub(super) fn place<T>(
        &self,
        name: &str,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(T, PathBuf), SaveError> {
        let name = safe(name);
        // Nobody else writes what tells of parts.
        let name = if part::is_ours(&name) { format!("file-{name}") } else { name };
        let (stem, ending) = match name.rfind('.').filter(|at| *at > 0) {
            Some(at) => name.split_at(at),
            None => (name.as_str(), ""),
        };
        for number in 0..TRIES {
            let path = self.0.join(match number {
                0 => name.clone(),
                number => format!("{stem} ({number}){ending}"),
            });
            match make(&path) {
                Ok(made) => return Ok((made, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(SaveError::Io { path, error }),
            }
        }
        Err(SaveError::Taken(name))
    }

    /// Keeps a message that came whole. Returns where, and its hash.
    ///
    /// # Errors
    /// [`SaveError`]; nothing of it stays then.
    pub(super) fn keep(&self, header: &Header, bytes: &[u8]) -> Result<(PathBuf, Hash), SaveError> {
        let (head, hash) = (head_of(header), Hash::of(bytes));
        if head.hash.is_some_and(|announced| announced != hash) {
            return Err(SaveError::Hash);
        }
        // Made by us or not at all: neither a file nor a link of somebody's is written through.
        let (mut file, path) = self.place(&head.name, |path| File::create_new(path))?;
        file.write_all(bytes).map_err(|error| {
            let _ = std::fs::remove_file(&path);
            SaveError::Io { path: path.clone(), error }
        })?;
        Ok((path, hash))
    }

    /// Makes room for a message that comes bit by bit.
    pub(super) fn begin(&self, header: &Header) -> Result<Part, SaveError> {
        let about = About {
            message_id: header.message_id.clone(),
            content_type: header.content_type.clone(),
            head: head_of(header),
            total: header.size,
            success_report: header.success_report,
        };
        Part::begin(&self.0, about).map_err(|error| SaveError::Io { path: self.0.clone(), error })
    }

    /// What is here of a file that was cut off.
    pub(super) fn resume(&self, question: &Question) -> Option<(Part, IncomingState)> {
        Part::resume(&self.0, question)
    }
}

/// The name that the file of a message gets, if it is free, and the hash that was announced.
fn head_of(header: &Header) -> Head {
    let told = |name| parameter(header.disposition.as_deref().unwrap_or_default(), name);
    let wanted = safe(&told("filename").unwrap_or_default());
    let own = || format!("message-{}", safe(&header.message_id));
    let name = if wanted.is_empty() { own() } else { wanted };
    Head { name, hash: told("hash").and_then(|text| Hash::read(&text)) }
}

/// The `Content-Disposition` of a file that is sent. The hash is a parameter of our own (RFC 2183 s2.8
/// has receivers pass over those that they do not know).
pub(super) fn attachment(name: &str, hash: &Hash) -> String {
    format!("attachment; filename=\"{}\"; hash=\"{}\"", quoted(name), hash.written())
}

/// Whether a `Content-Disposition` is that of a file.
pub(super) fn is_attachment(disposition: &str) -> bool {
    parameter(disposition, "filename").is_some()
        || disposition
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("attachment"))
}

/// A parameter of a `Content-Disposition` (RFC 2183 s2), quoted or not; of two of a name, the first.
fn parameter(disposition: &str, name: &str) -> Option<String> {
    let mut rest = disposition;
    loop {
        // Behind the next semicolon.
        rest = rest.split_once(';')?.1;
        let (own, value) = rest.split_once('=').unwrap_or((rest, ""));
        let is_it = own.trim().eq_ignore_ascii_case(name);
        let value = value.trim_start();
        let Some(quoted) = value.strip_prefix('"').filter(|_| !own.contains(';')) else {
            if is_it {
                return Some(value.split(';').next().unwrap_or_default().trim().to_owned());
            }
            continue;
        };
        let (mut text, mut escaped, mut end) = (String::new(), false, quoted.len());
        for (at, c) in quoted.char_indices() {
            match c {
                c if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = at + 1;
                    break;
                }
                c => text.push(c),
            }
        }
        if is_it {
            return Some(text);
        }
        rest = quoted.get(end..).unwrap_or_default();
    }
}

/// A name for between quotes.
fn quoted(name: &str) -> String {
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
pub(super) fn safe(name: &str) -> String {
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
        let names: Vec<_> = (0..3).map(|_| shelf.keep(&header, b"x").unwrap().0).collect();
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
            ("attachment; note=\"; filename=no.txt\"; filename=yes.txt", "yes.txt"),
            ("attachment; filename=tagus-0123.state", "file-tagus-0123.state"),
            ("attachment; note; filename=yes.txt; filename=no.txt", "yes.txt"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let shelf = Shelf::new(directory.path()).unwrap();
            let (path, _) = shelf.keep(&header(disposition), b"x").unwrap();
            assert_eq!(path, directory.path().join(expected), "{disposition}");
        }
    }

    #[test]
    fn a_short_file_of_another_hash_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(directory.path()).unwrap();
        let header = header(&attachment("a.txt", &Hash::of(b"sent")));
        assert!(matches!(shelf.keep(&header, b"sent!"), Err(SaveError::Hash)));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let (path, hash) = shelf.keep(&header, b"sent").unwrap();
        assert_eq!((path, hash), (directory.path().join("a.txt"), Hash::of(b"sent")));
    }

    proptest! {
        #[test]
        fn any_name_is_one_file_in_the_directory(name in any::<String>()) {
            let directory = tempfile::tempdir().unwrap();
            let shelf = Shelf::new(directory.path()).unwrap();
            let disposition = format!("attachment; filename=\"{}\"", quoted(&name));
            let (path, _) = shelf.keep(&header(&disposition), b"x").unwrap();
            prop_assert_eq!(path.parent(), Some(directory.path()));
            prop_assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        }
    }
}
