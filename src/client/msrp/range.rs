//! How both sides agree on where a file goes on. RFC 5547 has SIP carry this; here there is none, so
//! the sender asks in the session, by the Message-ID that both of them kept, and the receiver answers
//! with what it has on its disk. The attributes are those of RFC 5547 s6:
//!
//! ```text
//!   a=file-transfer-id:k3j9abcd                          a=file-transfer-id:k3j9abcd
//!   a=file-selector:size:9000 hash:sha-256:4A:AD:...     a=file-range:4097-*
//! ```
//!
//! A receiver that has nothing, or cannot be sure, answers with `1-*`, and the file begins anew.

use super::hash::Hash;
use crate::msrp::ident::is_ident;

/// The media type of both.
const TYPE: &str = "application/vnd.tagus.file-range";

/// What the sender asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) message_id: String,
    /// Of the whole file.
    pub(super) size: u64,
    pub(super) hash: Hash,
}

/// What the receiver answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) message_id: String,
    /// How many bytes it has, from the first one on.
    pub(super) kept: u64,
}

/// Either of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Question(Question),
    Answer(Answer),
}

/// The media type with which they go.
pub(super) const fn media_type() -> &'static str {
    TYPE
}

/// Whether a message is one of them.
pub(super) fn is_range(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(TYPE)
}

impl Question {
    pub(super) fn text(&self) -> String {
        let (id, size, hash) = (&self.message_id, self.size, self.hash.written());
        format!("a=file-transfer-id:{id}\r\na=file-selector:size:{size} hash:{hash}\r\n")
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        // Positions count from 1.
        let first = self.kept.saturating_add(1);
        format!("a=file-transfer-id:{}\r\na=file-range:{first}-*\r\n", self.message_id)
    }
}

fn number(digits: &str) -> Option<u64> {
    let fine = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| fine)
}

/// Reads one; what is neither is `None`.
pub(super) fn read(body: &[u8]) -> Option<Range> {
    let text = std::str::from_utf8(body).ok()?;
    let value = |name: &str| text.lines().find_map(|line| line.trim_end().strip_prefix(name));
    let id = value("a=file-transfer-id:").filter(|id| is_ident(id.as_bytes()))?;
    let message_id = id.to_owned();
    if let Some(range) = value("a=file-range:") {
        let first = number(range.split_once('-')?.0)?;
        return Some(Range::Answer(Answer { message_id, kept: first.checked_sub(1)? }));
    }
    let selector = value("a=file-selector:")?;
    let part = |name: &str| selector.split(' ').find_map(|part| part.strip_prefix(name));
    let (size, hash) = (number(part("size:")?)?, Hash::read(part("hash:")?)?);
    Some(Range::Question(Question { message_id, size, hash }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 5547 s6
    #[test]
    fn a_question_and_its_answer_are_read_back() {
        let message_id = "k3j9abcd".to_owned();
        let question = Question { message_id, size: 9_000, hash: Hash::of(b"abc") };
        let text = question.text();
        assert!(text.contains("a=file-selector:size:9000 hash:sha-256:BA:78:"), "{text}");
        assert_eq!(read(text.as_bytes()), Some(Range::Question(question.clone())));
        let answer = Answer { message_id: question.message_id, kept: 4_096 };
        assert_eq!(answer.text(), "a=file-transfer-id:k3j9abcd\r\na=file-range:4097-*\r\n");
        assert_eq!(read(answer.text().as_bytes()), Some(Range::Answer(answer)));
    }

    #[test]
    fn what_asks_for_nothing_that_can_be_is_not_read() {
        for text in [
            "",
            "a=file-range:1-*\r\n",
            "a=file-transfer-id:k3\r\na=file-range:1-*\r\n",
            "a=file-transfer-id:../../etc\r\na=file-range:1-*\r\n",
            "a=file-transfer-id:k3j9abcd\r\na=file-range:0-*\r\n",
            "a=file-transfer-id:k3j9abcd\r\na=file-range:-\r\n",
            "a=file-transfer-id:k3j9abcd\r\na=file-range:99999999999999999999-*\r\n",
            "a=file-transfer-id:k3j9abcd\r\na=file-selector:size:9\r\n",
            "a=file-transfer-id:k3j9abcd\r\na=file-selector:size:+9 hash:sha-256:00\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }
    }
}
