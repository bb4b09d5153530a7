//! What the sender keeps of its files until they have arrived. A state is named by the hash of the
//! file: one that changed since has none, and begins anew.

use std::io;
use std::path::{Path, PathBuf};

use super::hash::Hash;
use super::kept::{self, Head};
use crate::msrp::OutgoingState;

const KIND: &str = "tagus-file 1";

/// A directory for the states of files that are sent to one peer.
#[derive(Clone, Debug)]
pub struct Ledger(PathBuf);

impl Ledger {
    /// A directory that exists.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(directory: &Path) -> io::Result<Ledger> {
        if std::fs::metadata(directory)?.is_dir() {
            Ok(Ledger(directory.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    fn path(&self, hash: &Hash) -> PathBuf {
        self.0.join(format!("tagus-{hash}.state"))
    }

    /// What is kept of this file.
    pub(super) fn look(&self, hash: &Hash, size: u64) -> Option<OutgoingState> {
        let text = kept::read(&self.path(hash))?;
        let (head, state) = Head::split(KIND, &text)?;
        let state = OutgoingState::decode(state).ok()?;
        (head.hash == Some(*hash) && state.total == Some(size)).then_some(state)
    }

    /// Keeps it. Returns where.
    pub(super) fn keep(
        &self,
        name: &str,
        hash: &Hash,
        state: &OutgoingState,
    ) -> io::Result<PathBuf> {
        let path = self.path(hash);
        let head = Head { name: name.to_owned(), hash: Some(*hash) };
        kept::write(&path, &head.before(KIND, &state.encode()))?;
        Ok(path)
    }

    /// Where the state of this message is, if there is one: not that of another message of the same
    /// file.
    pub(super) fn place(&self, hash: &Hash, size: u64, message_id: &str) -> Option<PathBuf> {
        let own = self.look(hash, size).is_some_and(|state| state.message_id == message_id);
        own.then(|| self.path(hash))
    }

    /// The file has arrived, or will not.
    pub(super) fn forget(&self, hash: &Hash, size: u64, message_id: &str) {
        if let Some(path) = self.place(hash, size, message_id) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msrp::FailureReport;

    fn state(message_id: &str, size: u64) -> OutgoingState {
        OutgoingState {
            message_id: message_id.to_owned(),
            content_type: "application/octet-stream".to_owned(),
            total: Some(size),
            confirmed: crate::msrp::ranges::Ranges::default(),
            success_report: true,
            failure_report: FailureReport::Yes,
        }
    }

    #[test]
    fn a_state_is_of_one_file_and_one_message() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(directory.path()).unwrap();
        let (ours, other) = (Hash::of(b"ours"), Hash::of(b"other"));
        let at = ledger.keep("photo.bin", &ours, &state("aaaa", 9)).unwrap();
        assert_eq!(ledger.look(&ours, 9), Some(state("aaaa", 9)));
        assert_eq!(ledger.look(&ours, 8), None);
        // A file that changed since has another hash.
        assert_eq!(ledger.look(&other, 9), None);
        // The state of one file under the name of another.
        std::fs::copy(&at, ledger.path(&other)).unwrap();
        assert_eq!(ledger.look(&other, 9), None);
        ledger.forget(&ours, 9, "bbbb");
        assert!(at.exists(), "another message's");
        ledger.forget(&ours, 9, "aaaa");
        assert!(!at.exists());
    }

    #[test]
    fn what_was_damaged_is_no_state() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(directory.path()).unwrap();
        let hash = Hash::of(b"ours");
        let at = ledger.keep("photo.bin", &hash, &state("aaaa", 9)).unwrap();
        let whole = std::fs::read_to_string(&at).unwrap();
        for end in 0..whole.len() - 1 {
            std::fs::write(&at, &whole[..end]).unwrap();
            assert_eq!(ledger.look(&hash, 9), None, "{}", &whole[..end]);
        }
        assert!(Ledger::new(&at).is_err(), "no directory");
    }
}
