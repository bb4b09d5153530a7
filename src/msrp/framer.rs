//! Requests and responses out of a stream (RFC 4975 s7.1, s9), at any split, without a copy.
//!
//! ```text
//!   MSRP a786hjs2 SEND          ┐
//!   To-Path: ...                │ Piece::Head
//!   Content-Type: text/plain    │
//!                               ┘
//!   Hey Bob, are you there?     Piece::Body, in slices of the caller's buffer
//!   -------a786hjs2$            Piece::End
//! ```
//!
//! The caller keeps what the framer leaves: an incomplete head, or the few bytes of a body that may
//! be the beginning of its end-line.

use memchr::{memchr, memchr_iter, memmem};

use super::head::{Defect, Flag, Head, read_start};
use super::ident::{MOST, TransactionId};

/// Bytes of a head at most.
pub const MOST_HEAD: usize = 16 * 1_024;

/// Bytes of a start line at most.
const MOST_START: usize = 1_024;

const DASHES: &[u8; 9] = b"\r\n-------";

/// A part of a request or response.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation a request")]
pub enum Piece<'a> {
    /// Start line and header fields.
    Head(Head<'a>),
    /// Bytes of the body, in their order. Never empty.
    Body(&'a [u8]),
    /// The end-line.
    End(Flag),
}

/// Why nothing more can be read from a stream: it has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// What begins here is no start line of MSRP.
    #[error("the stream does not speak MSRP")]
    NotMsrp,
    /// A head of more than 16 KiB.
    #[error("a head does not end")]
    HeadTooLong,
}

/// The end-line that ends the current request, from its CRLF to its id.
#[derive(Clone, Copy, Debug)]
struct EndLine {
    text: [u8; DASHES.len() + MOST],
    length: usize,
}

impl EndLine {
    fn of(transaction: &TransactionId) -> EndLine {
        let id = transaction.as_bytes();
        let mut text = [0; DASHES.len() + MOST];
        text[..DASHES.len()].copy_from_slice(DASHES);
        text[DASHES.len()..DASHES.len() + id.len()].copy_from_slice(id);
        EndLine { text, length: DASHES.len() + id.len() }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// What stands behind the text of an end-line: its flag, or that it is none after all; `None`
    /// if more bytes are needed to tell.
    fn flag(rest: &[u8]) -> Option<Result<Flag, ()>> {
        match rest {
            [] => None,
            [byte, rest @ ..] => match (Flag::from_byte(*byte), rest) {
                (Some(flag), [b'\r', b'\n', ..]) => Some(Ok(flag)),
                (Some(_), [] | [b'\r']) => None,
                _ => Some(Err(())),
            },
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Between requests, or within a head, of which so much holds no end.
    Head { searched: usize },
    /// A head without a body was given out; its end-line is the next line.
    Bodiless { end: EndLine, defective: bool },
    /// Within a body; `fresh` until its first byte.
    Body { end: EndLine, fresh: bool },
}

/// Cuts a stream into pieces.
#[derive(Debug)]
pub struct Framer {
    state: State,
    failed: Option<FrameError>,
}

impl Default for Framer {
    fn default() -> Framer {
        Framer { state: State::Head { searched: 0 }, failed: None }
    }
}

impl Framer {
    /// Takes the next piece from the front of `input`. `None` if more bytes are needed: what is
    /// left of `input` then has to stand before them next time, unchanged.
    ///
    /// # Errors
    /// [`FrameError`] when the stream is of no further use; it stays so.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.state {
            State::Head { searched } => self.head(input, searched).inspect_err(|error| {
                self.failed = Some(*error);
            }),
            State::Bodiless { end, defective } => Ok(self.bodiless(input, end, defective)),
            State::Body { end, fresh } => Ok(self.body(input, end, fresh)),
        }
    }

    /// Whether the stream stands between requests.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Head { .. })
    }

    fn head<'a>(
        &mut self,
        input: &mut &'a [u8],
        searched: usize,
    ) -> Result<Option<Piece<'a>>, FrameError> {
        // Peers that keep an address translation alive send bare line ends.
        while searched == 0 && input.starts_with(b"\r\n") {
            *input = &input[2..];
        }
        let bytes: &'a [u8] = input;
        let Some(line_end) = memchr(b'\n', &bytes[..bytes.len().min(MOST_START)]) else {
            let known = bytes.len().min(5);
            let fine = bytes[..known] == b"MSRP "[..known] || bytes == b"\r";
            return if fine && bytes.len() < MOST_START {
                Ok(None)
            } else {
                Err(FrameError::NotMsrp)
            };
        };
        let line = bytes[..line_end].strip_suffix(b"\r").ok_or(FrameError::NotMsrp)?;
        let (transaction, start) = read_start(line).ok_or(FrameError::NotMsrp)?;
        let end = EndLine::of(&transaction);
        let end_text = &end.as_bytes()[2..];
        let fields_start = line_end + 1;
        let mut line_start = searched.max(fields_start);
        while let Some(step) = memchr(b'\n', &bytes[line_start..]) {
            let next = line_start + step + 1;
            let line = &bytes[line_start..next];
            let fields = &bytes[fields_start..line_start];
            if fields.len() > MOST_HEAD {
                return Err(FrameError::HeadTooLong);
            }
            if line == b"\r\n" {
                *input = &bytes[next..];
                self.state = State::Body { end, fresh: true };
                return Ok(Some(Piece::Head(Head::read(transaction, start, fields, true))));
            }
            if let Some(rest) = line.strip_prefix(end_text) {
                let mut head = Head::read(transaction, start, fields, false);
                let defective = !matches!(EndLine::flag(rest), Some(Ok(_)));
                if defective {
                    head.defect = Some(Defect::Flag);
                }
                *input = &bytes[line_start..];
                self.state = State::Bodiless { end, defective };
                return Ok(Some(Piece::Head(head)));
            }
            line_start = next;
        }
        self.state = State::Head { searched: line_start };
        if bytes.len() > fields_start + MOST_HEAD { Err(FrameError::HeadTooLong) } else { Ok(None) }
    }

    fn bodiless<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: EndLine,
        defective: bool,
    ) -> Option<Piece<'a>> {
        // The whole line was there when the head was given out.
        let line_end = memchr(b'\n', input)?;
        let flag = input.get(end.length - 2).and_then(|byte| Flag::from_byte(*byte));
        *input = &input[line_end + 1..];
        self.state = State::Head { searched: 0 };
        Some(Piece::End(flag.filter(|_| !defective).unwrap_or(Flag::Last)))
    }

    fn body<'a>(&mut self, input: &mut &'a [u8], end: EndLine, fresh: bool) -> Option<Piece<'a>> {
        let bytes: &'a [u8] = input;
        if fresh {
            // A body of no bytes, by a peer that leaves out the CRLF before the end-line.
            let text = &end.as_bytes()[2..];
            let known = bytes.len().min(text.len());
            if bytes[..known] == text[..known] {
                let decided = bytes.get(text.len()..).and_then(EndLine::flag);
                match decided {
                    None => return None,
                    Some(Ok(flag)) => return Some(self.end(input, text.len(), flag)),
                    Some(Err(())) => {}
                }
            }
        }
        let text = end.as_bytes();
        let mut from = 0;
        while let Some(step) = memmem::find(&bytes[from..], text) {
            let at = from + step;
            match EndLine::flag(&bytes[at + text.len()..]) {
                Some(Ok(flag)) if at == 0 => return Some(self.end(input, text.len(), flag)),
                Some(Err(())) => from = at + 1,
                _ => return self.give(input, at),
            }
        }
        // The end-line may have begun: of its text, all but the last byte.
        let tail = bytes.len().saturating_sub(text.len() - 1).max(from);
        let kept = memchr_iter(b'\r', &bytes[tail..])
            .map(|step| tail + step)
            .find(|at| text.starts_with(&bytes[*at..]));
        self.give(input, kept.unwrap_or(bytes.len()))
    }

    /// Gives out so many bytes of a body.
    fn give<'a>(&mut self, input: &mut &'a [u8], length: usize) -> Option<Piece<'a>> {
        if length == 0 {
            return None;
        }
        let (body, rest) = input.split_at(length);
        *input = rest;
        if let State::Body { fresh, .. } = &mut self.state {
            *fresh = false;
        }
        Some(Piece::Body(body))
    }

    fn end<'a>(&mut self, input: &mut &'a [u8], text: usize, flag: Flag) -> Piece<'a> {
        *input = &input[text + 3..];
        self.state = State::Head { searched: 0 };
        Piece::End(flag)
    }
}

#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
