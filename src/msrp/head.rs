//! The head of a request or a response: start line and header fields (RFC 4975 s9), read in place.

use super::ident::{TransactionId, is_message_id};
use super::uri::{Path, UriError};
use crate::text;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method<'a> {
    /// `SEND`.
    Send,
    /// `REPORT`.
    Report,
    /// `AUTH` (RFC 4976).
    Auth,
    /// Any other; it is answered with 501 (s12).
    Other(&'a str),
}

impl Method<'_> {
    /// Its word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Method::Send => "SEND",
            Method::Report => "REPORT",
            Method::Auth => "AUTH",
            Method::Other(word) => word,
        }
    }
}

/// A start line without its transaction id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// Of a request.
    Request(Method<'a>),
    /// Of a response.
    Response {
        /// The status code, of three digits.
        code: u16,
        /// The comment; empty without one.
        comment: &'a str,
    },
}

/// What the end-line says of the message (s7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `$`: the chunk holds the message's last byte.
    Last,
    /// `+`: more chunks follow.
    More,
    /// `#`: the sender gave the message up.
    Abort,
}

impl Flag {
    /// Its character.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        match self {
            Flag::Last => b'$',
            Flag::More => b'+',
            Flag::Abort => b'#',
        }
    }

    /// The flag of a character.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Flag> {
        match byte {
            b'$' => Some(Flag::Last),
            b'+' => Some(Flag::More),
            b'#' => Some(Flag::Abort),
            _ => None,
        }
    }
}

/// `Byte-Range` (s7.1.1): the first byte of a message has position 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The position of the first byte, from 1.
    pub start: u64,
    /// The position of the last byte; `None` for `*`.
    pub end: Option<u64>,
    /// The length of the whole message; `None` for `*`.
    pub total: Option<u64>,
}

impl ByteRange {
    /// Reads `1-*/8` and its like; `None` if it is none, or begins at 0.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<ByteRange> {
        let dash = memchr::memchr(b'-', value)?;
        let slash = dash + memchr::memchr(b'/', &value[dash..])?;
        let start = number(&value[..dash]).filter(|start| *start > 0)?;
        let end = number_or_star(&value[dash + 1..slash])?;
        let total = number_or_star(&value[slash + 1..])?;
        Some(ByteRange { start, end, total })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn number_or_star(text: &[u8]) -> Option<Option<u64>> {
    if text == b"*" { Some(None) } else { number(text).map(Some) }
}

/// `Failure-Report` (s7.1.1): which failures the sender wants to hear of, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureReport {
    /// Every request is answered, and silence for 30 s is a failure.
    #[default]
    Yes,
    /// Only errors are answered, and silence is none.
    Partial,
    /// Nothing is answered.
    No,
}

impl FailureReport {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureReport::Yes => "yes",
            FailureReport::Partial => "partial",
            FailureReport::No => "no",
        }
    }

    /// The value of a word, in any case.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<FailureReport> {
        [FailureReport::Yes, FailureReport::Partial, FailureReport::No]
            .into_iter()
            .find(|value| word.eq_ignore_ascii_case(value.as_str().as_bytes()))
    }
}

/// What is wrong with a head whose end could be found: it is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// A line is no header field, or holds a control character or bytes that are no UTF-8.
    #[error("a malformed header field")]
    Line,
    /// More header fields than anybody needs.
    #[error("too many header fields")]
    TooMany,
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field that may be there once is there twice.
    #[error("{0} stands there twice")]
    Twice(&'static str),
    /// A field's value is malformed.
    #[error("{0} is malformed")]
    Value(&'static str),
    /// The end-line of a request without a body has another flag than `$`, `#` or `+`.
    #[error("an unknown continuation flag")]
    Flag,
}

/// The head of a request or response. It borrows from the bytes that it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The transaction.
    pub transaction: TransactionId,
    /// What the start line says.
    pub start: Start<'a>,
    /// `To-Path`, unread.
    pub to_path: &'a str,
    /// `From-Path`, unread.
    pub from_path: &'a str,
    /// `Message-ID`.
    pub message_id: Option<&'a str>,
    /// `Byte-Range`.
    pub byte_range: Option<ByteRange>,
    /// `Success-Report`, no if absent.
    pub success_report: bool,
    /// `Failure-Report`, yes if absent.
    pub failure_report: FailureReport,
    /// `Status`, unread.
    pub status: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// Whether a body follows.
    pub has_body: bool,
    /// The first thing that is wrong.
    pub defect: Option<Defect>,
    fields: &'a [u8],
}

/// Header fields of a head at most.
pub const MOST_FIELDS: usize = 64;

/// Reads a start line, without its line end.
///
/// `None` if it is none of MSRP, and then nothing that follows can be understood.
#[must_use]
pub(super) fn read_start(line: &[u8]) -> Option<(TransactionId, Start<'_>)> {
    let rest = line.strip_prefix(b"MSRP ")?;
    let space = memchr::memchr(b' ', rest)?;
    let transaction = TransactionId::new(&rest[..space])?;
    let word = std::str::from_utf8(&rest[space + 1..]).ok()?;
    let start = match word.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', comment @ ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            let comment = match comment {
                [] => "",
                [b' ', ..] => &word[4..],
                _ => return None,
            };
            if !is_value(comment.as_bytes()) {
                return None;
            }
            Start::Response { code: digit(a) * 100 + digit(b) * 10 + digit(c), comment }
        }
        b"SEND" => Start::Request(Method::Send),
        b"REPORT" => Start::Request(Method::Report),
        b"AUTH" => Start::Request(Method::Auth),
        method if !method.is_empty() && method.iter().all(u8::is_ascii_uppercase) => {
            Start::Request(Method::Other(word))
        }
        _ => return None,
    };
    Some((transaction, start))
}

/// `utf8text` (s9), as far as control characters go.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}

impl<'a> Head<'a> {
    /// Reads the header fields, each with its line end. Whatever is wrong is noted in `defect`.
    pub(super) fn read(
        transaction: TransactionId,
        start: Start<'a>,
        fields: &'a [u8],
        has_body: bool,
    ) -> Head<'a> {
        let mut head = Head {
            transaction,
            start,
            to_path: "",
            from_path: "",
            message_id: None,
            byte_range: None,
            success_report: false,
            failure_report: FailureReport::Yes,
            status: None,
            content_type: None,
            has_body,
            defect: None,
            fields,
        };
        if let Err(defect) = head.read_fields() {
            head.defect = Some(defect);
        }
        if head.defect.is_none() {
            head.defect = head.missing().map(Defect::Missing);
        }
        head
    }

    fn read_fields(&mut self) -> Result<(), Defect> {
        let mut outcome = Ok(());
        let mut seen = 0_u32;
        for (index, line) in lines(self.fields).enumerate() {
            if index == MOST_FIELDS {
                return Err(Defect::TooMany);
            }
            // What comes after a defect is read all the same: the answer needs the paths.
            let read = line
                .ok_or(Defect::Line)
                .and_then(|(name, value)| self.read_field(name, value, &mut seen));
            outcome = outcome.and(read);
        }
        outcome
    }

    fn read_field(&mut self, name: &str, value: &'a str, seen: &mut u32) -> Result<(), Defect> {
        const KNOWN: [&str; 8] = [
            "To-Path",
            "From-Path",
            "Message-ID",
            "Byte-Range",
            "Success-Report",
            "Failure-Report",
            "Status",
            "Content-Type",
        ];
        let Some(index) = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return Ok(());
        };
        let known = KNOWN[index];
        if *seen & 1 << index != 0 {
            return Err(Defect::Twice(known));
        }
        *seen |= 1 << index;
        let wrong = Defect::Value(known);
        match index {
            0 => self.to_path = value,
            1 => self.from_path = value,
            2 => {
                self.message_id = Some(value).filter(|id| is_message_id(id.as_bytes()));
                self.message_id.ok_or(wrong)?;
            }
            3 => self.byte_range = Some(ByteRange::parse(value.as_bytes()).ok_or(wrong)?),
            4 => {
                self.success_report = value.eq_ignore_ascii_case("yes");
                if !self.success_report && !value.eq_ignore_ascii_case("no") {
                    return Err(wrong);
                }
            }
            5 => self.failure_report = FailureReport::from_word(value.as_bytes()).ok_or(wrong)?,
            6 => self.status = Some(value),
            _ => {
                self.content_type = Some(value);
                if value.is_empty() {
                    return Err(wrong);
                }
            }
        }
        Ok(())
    }

    fn missing(&self) -> Option<&'static str> {
        if self.to_path.is_empty() {
            return Some("To-Path");
        }
        if self.from_path.is_empty() {
            return Some("From-Path");
        }
        let Start::Request(method) = self.start else { return None };
        let is_about_a_message = matches!(method, Method::Send | Method::Report);
        if is_about_a_message && self.message_id.is_none() {
            return Some("Message-ID");
        }
        if method == Method::Report && self.status.is_none() {
            return Some("Status");
        }
        (method == Method::Send && self.has_body && self.content_type.is_none())
            .then_some("Content-Type")
    }

    /// Its method, if it is a request.
    #[must_use]
    pub fn method(&self) -> Option<Method<'a>> {
        match self.start {
            Start::Request(method) => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The path to where it goes.
    ///
    /// # Errors
    /// [`UriError`] if it is none.
    pub fn to(&self) -> Result<Path, UriError> {
        Path::parse(self.to_path)
    }

    /// The path to where it comes from.
    ///
    /// # Errors
    /// [`UriError`] if it is none.
    pub fn from(&self) -> Result<Path, UriError> {
        Path::parse(self.from_path)
    }

    /// The code and the comment of `Status`, if its namespace is `000` (s7.3.2).
    #[must_use]
    pub fn status_code(&self) -> Option<(u16, &'a str)> {
        let rest = self.status?.strip_prefix("000 ")?;
        let (code, comment) = rest.split_once(' ').unwrap_or((rest, ""));
        let code = text::number(code.as_bytes()).filter(|_| code.len() == 3)?;
        Some((u16::try_from(code).ok()?, comment))
    }

    /// Its header fields that are well-formed, in their order, known ones among them.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        lines(self.fields).flatten()
    }

    /// The first header field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The lines of a header section; `None` for one that is no header field.
fn lines(mut rest: &[u8]) -> impl Iterator<Item = Option<(&str, &str)>> {
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(read_line(line))
    })
}

fn read_line(line: &[u8]) -> Option<(&str, &str)> {
    let line = line.strip_suffix(b"\r")?;
    let colon = memchr::memchr(b':', line)?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    let value = &line[colon + 1..];
    if !text::is_token(name.as_bytes()) || !is_value(value) {
        return None;
    }
    let value = std::str::from_utf8(value).ok()?;
    Some((name, value.trim_matches([' ', '\t'])))
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
