//! The end-line must not stand in a body (RFC 4975 s7.1). Bodies are searched while they go by,
//! in fragments, and cut before an end-line could become complete.

use memchr::memmem;

use super::ident::{MOST, TransactionId};

const HYPHENS: &[u8; 7] = b"-------";

/// The longest text that is searched for: hyphens and id.
const MOST_TEXT: usize = HYPHENS.len() + MOST;

/// Searches the body of one chunk. A flag after the id would make it an end-line; to be cautious,
/// hyphens and id alone count.
#[derive(Debug)]
pub(super) struct Watch {
    text: [u8; MOST_TEXT],
    length: usize,
    /// The last bytes that went by, one fewer than the text has.
    tail: [u8; MOST_TEXT],
    kept: usize,
}

impl Watch {
    pub(super) fn new(transaction: &TransactionId) -> Watch {
        let id = transaction.as_bytes();
        let length = HYPHENS.len() + id.len();
        let mut text = [0; MOST_TEXT];
        text[..HYPHENS.len()].copy_from_slice(HYPHENS);
        text[HYPHENS.len()..length].copy_from_slice(id);
        Watch { text, length, tail: [0; MOST_TEXT], kept: 0 }
    }

    fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// Whether these bytes may go into this chunk as its only ones.
    pub(super) fn is_clean(&self, bytes: &[u8]) -> bool {
        memmem::find(bytes, self.text()).is_none()
    }

    /// How many of the next bytes of the body may go into this chunk. Fewer than all mean that the
    /// chunk ends there.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let allowed = self.allowed(bytes);
        self.keep(&bytes[..allowed]);
        allowed
    }

    fn allowed(&self, bytes: &[u8]) -> usize {
        if self.kept > 0 {
            // One that began in what went by already.
            let mut seam = [0; 2 * MOST_TEXT];
            let ahead = bytes.len().min(self.length - 1);
            seam[..self.kept].copy_from_slice(&self.tail[..self.kept]);
            seam[self.kept..self.kept + ahead].copy_from_slice(&bytes[..ahead]);
            if let Some(at) = memmem::find(&seam[..self.kept + ahead], self.text()) {
                return at.saturating_sub(self.kept);
            }
        }
        memmem::find(bytes, self.text()).unwrap_or(bytes.len())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let most = self.length - 1;
        if bytes.len() >= most {
            self.tail[..most].copy_from_slice(&bytes[bytes.len() - most..]);
            self.kept = most;
            return;
        }
        let old = self.kept.min(most - bytes.len());
        self.tail.copy_within(self.kept - old..self.kept, 0);
        self.tail[old..old + bytes.len()].copy_from_slice(bytes);
        self.kept = old + bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watch() -> Watch {
        Watch::new(&TransactionId::new(b"a-a-").unwrap())
    }

    // RFC 4975 s7.1
    #[test]
    fn a_body_is_cut_before_its_end_line() {
        assert_eq!(watch().pass(b"text\r\n-------a-a-$\r\nmore"), 6);
        assert_eq!(watch().pass(b"-------a-a-"), 0);
        assert_eq!(watch().pass(b"--------a-a-"), 1);
        assert_eq!(watch().pass(b"-------a-a"), 10);
        let mut across = watch();
        assert_eq!(across.pass(b"text\r\n-------a-"), 15);
        assert_eq!(across.pass(b"a-$\r\nmore"), 0);
    }

    proptest! {
        // Whatever the fragments, what goes out never holds the text, and nothing is cut without need.
        #[test]
        fn no_fragments_make_an_end_line(
            parts in prop::collection::vec("[-a]{0,14}", 0..12),
        ) {
            let text: &[u8] = b"-------a-a-";
            let mut watch = watch();
            let mut out: Vec<u8> = Vec::new();
            for part in parts {
                let allowed = watch.pass(part.as_bytes());
                out.extend_from_slice(&part.as_bytes()[..allowed]);
                prop_assert_eq!(memmem::find(&out, text), None);
                if allowed < part.len() {
                    let mut whole = out.clone();
                    whole.extend_from_slice(&part.as_bytes()[allowed..]);
                    prop_assert!(memmem::find(&whole, text).is_some());
                    break;
                }
            }
        }
    }
}
