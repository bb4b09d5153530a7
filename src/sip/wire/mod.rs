//! SIP messages as they are on the wire: found by offsets, never copied (RFC 3261 s7).
//!
//! [`scan`] walks over the bytes once and notes where the start line, each header line and the
//! body are; [`Message`] reads from there when somebody asks. Values come trimmed, with folds and
//! odd spelling as they were written.

mod defect;
mod limits;
mod message;
mod scan;

pub use defect::{Defect, DefectKind};
pub use limits::Limits;
pub use message::Message;
pub(crate) use message::RawLine;
pub(crate) use scan::declared_length;
pub use scan::scan;

use super::header::HeaderName;

/// What ends a message (RFC 3261 s18.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The datagram, or the frame of a WebSocket. Bytes behind Content-Length are discarded.
    Datagram,
    /// Content-Length, which must be there.
    Stream,
}

/// A range of the scanned bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        // The scanner refuses inputs whose offsets would not fit.
        Span { start: start as u32, end: end as u32 }
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One logical header line, folds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    name: HeaderName,
    name_length: u32,
    /// The value, trimmed.
    value: Span,
    /// The whole line with its CRLF.
    whole: Span,
}

/// The first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    #[default]
    Nothing,
    Request {
        method: Span,
        uri: Span,
    },
    Response {
        status: u16,
        reason: Span,
    },
}

const ABSENT: u16 = u16::MAX;

/// Where the parts of a message are. Made once and filled by each [`scan`]; after a few messages
/// it allocates no more.
#[derive(Clone, Debug)]
pub struct Layout {
    start: Start,
    /// The message without leading line ends and without excess bytes.
    whole: Span,
    /// From the first header line to the end of the last, without the empty line.
    headers: Span,
    body: Span,
    lines: Vec<Line>,
    /// Index of the first line of each name.
    first: [u16; HeaderName::COUNT],
    uri_bytes: u32,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            start: Start::Nothing,
            whole: Span::default(),
            headers: Span::default(),
            body: Span::default(),
            lines: Vec::new(),
            first: [ABSENT; HeaderName::COUNT],
            uri_bytes: 0,
        }
    }
}

impl Layout {
    fn clear(&mut self, uri_bytes: u32) {
        self.start = Start::Nothing;
        self.whole = Span::default();
        self.headers = Span::default();
        self.body = Span::default();
        self.lines.clear();
        self.first = [ABSENT; HeaderName::COUNT];
        self.uri_bytes = uri_bytes;
    }

    fn first(&self, name: HeaderName) -> Option<&Line> {
        self.lines.get(usize::from(self.first[name as usize]))
    }

    /// Whether the lines of the first and every further occurrence exist.
    fn since_first(&self, name: HeaderName) -> &[Line] {
        self.lines.get(usize::from(self.first[name as usize])..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
