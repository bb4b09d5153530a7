//! Small files of text beside what they tell of: written whole or not at all, and read only when they
//! are files, and small.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::hash::Hash;

/// Bytes of one at most.
const MOST: u64 = 80 * 1_024;

/// What stands first in one: whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The name of the file, without directories.
    pub(super) name: String,
    /// The hash of all of it, if it is known.
    pub(super) hash: Option<Hash>,
}

impl Head {
    /// A text of this kind, with the library's state behind it.
    pub(super) fn before(&self, kind: &str, state: &str) -> String {
        let hash = self.hash.map_or_else(|| "-".to_owned(), |hash| hash.written());
        let name: String = self.name.chars().filter(|c| !c.is_control()).collect();
        format!("{kind}\nname {name}\nhash {hash}\n{state}")
    }

    /// What [`Head::before`] wrote, and the state.
    pub(super) fn split<'a>(kind: &str, text: &'a str) -> Option<(Head, &'a str)> {
        let rest = text.strip_prefix(kind)?.strip_prefix("\nname ")?;
        let (name, rest) = rest.split_once("\nhash ")?;
        let (hash, state) = rest.split_once('\n')?;
        let hash = match hash {
            "-" => None,
            hash => Some(Hash::read(hash)?),
        };
        (!name.contains('\n')).then(|| (Head { name: name.to_owned(), hash }, state))
    }
}

/// Puts a text in the place of what was there. Who ends in between leaves the old one, or the new.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // Left by one who ended in between.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

/// Opens what is a file itself, and no link to one.
pub(super) fn open(path: &Path, how: &OpenOptions) -> io::Result<File> {
    if std::fs::symlink_metadata(path)?.is_file() {
        how.open(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    }
}

/// Reads a text; `None` when there is none.
pub(super) fn read(path: &Path) -> Option<String> {
    let file = open(path, OpenOptions::new().read(true)).ok()?;
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_over_its_own_kind_and_never_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("x.state"), directory.path().join("other"));
        std::fs::write(&other, "mine").unwrap();
        for link in [directory.path().join("x.state.new"), path.clone()] {
            std::os::unix::fs::symlink(&other, link).unwrap();
        }
        assert_eq!(read(&path), None, "a link");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).as_deref(), Some("two"));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
        std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
        assert_eq!(read(&path), None, "too large");
    }

    #[test]
    fn a_head_is_read_back_and_another_kind_is_not() {
        let head = Head { name: "a\nb.txt".to_owned(), hash: Some(Hash::of(b"abc")) };
        let text = head.before("kind 1", "state\n");
        let read = Head { name: "ab.txt".to_owned(), ..head };
        assert_eq!(Head::split("kind 1", &text), Some((read, "state\n")));
        assert_eq!(Head::split("kind 2", &text), None);
        assert_eq!(Head::split("kind 1", &text.replace("sha-256", "md5")), None);
        assert_eq!(Head::split("kind 1", "kind 1\n"), None);
    }
}
