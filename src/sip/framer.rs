//! Messages out of a stream (RFC 3261 s18.3, RFC 5626 s4.4.1 for keep-alives). Bytes go in at any
//! split; messages come out as slices of one buffer.

use memchr::memmem;

use super::wire::{DefectKind, Limits, declared_length};
use crate::text;

/// What a stream brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// The second CRLF of a keep-alive: the far end wants a CRLF back.
    Ping,
    /// A CRLF between messages: an answer to our keep-alive, or the first half of a ping.
    Pong,
}

/// Why nothing more can be read from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// What begins here is not SIP. The stream is closed without an answer.
    #[error("the stream does not speak SIP")]
    NotSip,
    /// The end of a message cannot be told, or lies beyond the limits. [`Framer::remains`] holds
    /// what there is of it: [`scan`](super::wire::scan) finds the same defect there and says
    /// whether it can be answered before the stream is closed.
    #[error("the stream brought a message whose end cannot be told")]
    Broken,
}

/// Cuts a stream into messages.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Where the current message begins; what is before it has been given out.
    start: usize,
    /// Up to where the current header section has been searched for its end.
    searched: usize,
    /// Where the current message ends, once that is known.
    end: Option<usize>,
    /// Whether the start line of the current message has been looked at.
    start_line_seen: bool,
    /// Whether a single CRLF was given out as [`Frame::Pong`] right before.
    half_ping: bool,
    failed: Option<FrameError>,
    header_bytes: usize,
    message_bytes: usize,
    line_bytes: usize,
}

/// A buffer that grew beyond this is given back when it is empty.
const KEEP: usize = 4 * 1_024;

impl Framer {
    /// A framer with these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Framer {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            end: None,
            start_line_seen: false,
            half_ping: false,
            failed: None,
            header_bytes: limits.header_bytes as usize,
            message_bytes: limits.message_bytes as usize,
            line_bytes: limits.header_line_bytes as usize,
        }
    }

    /// Takes bytes that the stream brought. Call [`next_frame`](Self::next_frame) until it has no
    /// more before pushing again: only then is the buffer bounded.
    pub fn push(&mut self, bytes: &[u8]) {
        self.room().extend_from_slice(bytes);
    }

    /// The buffer, to read into directly. Only ever append to it.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.start == self.buffer.len() {
            if self.buffer.capacity() > KEEP {
                self.buffer = Vec::new();
            }
            self.buffer.clear();
        } else {
            self.buffer.drain(..self.start);
        }
        self.searched = self.searched.saturating_sub(self.start);
        self.end = self.end.map(|end| end - self.start);
        self.start = 0;
        &mut self.buffer
    }

    /// Gives the buffer back if there is nothing in it: more will not come soon.
    pub fn rest(&mut self) {
        if self.pending() == 0 {
            self.buffer = Vec::new();
            (self.start, self.searched) = (0, 0);
        }
    }

    /// How many bytes of an incomplete message are held; 0 between messages. A message begins to
    /// be late when this becomes more than 0.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// What there is of the message that could not be framed, after [`FrameError::Broken`].
    #[must_use]
    pub fn remains(&self) -> &[u8] {
        let rest = &self.buffer[self.start..];
        &rest[..rest.len().min(self.message_bytes)]
    }

    /// The next frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when the stream is of no further use; it stays so.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.advance() {
            Ok(Step::More) => Ok(None),
            Ok(Step::Ping) => Ok(Some(Frame::Ping)),
            Ok(Step::Pong) => Ok(Some(Frame::Pong)),
            Ok(Step::Message(start, end)) => Ok(Some(Frame::Message(&self.buffer[start..end]))),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    fn advance(&mut self) -> Result<Step, FrameError> {
        if self.end.is_none() {
            match &self.buffer[self.start..] {
                [] => return Ok(Step::More),
                [b'\r'] => return Ok(Step::More),
                [b'\r', b'\n', ..] => {
                    self.start += 2;
                    self.searched = self.start;
                    self.half_ping = !self.half_ping;
                    return Ok(if self.half_ping { Step::Pong } else { Step::Ping });
                }
                [first, ..] if !text::is_token_byte(*first) => return Err(FrameError::NotSip),
                _ => self.half_ping = false,
            }
            self.look_at_start_line()?;
            self.end = self.find_end()?;
        }
        match self.end {
            Some(end) if end <= self.buffer.len() => {
                let start = self.start;
                self.start = end;
                self.searched = end;
                self.end = None;
                self.start_line_seen = false;
                Ok(Step::Message(start, end))
            }
            _ => Ok(Step::More),
        }
    }

    /// Whatever is not SIP is told by its first line, and not waited for.
    fn look_at_start_line(&mut self) -> Result<(), FrameError> {
        if self.start_line_seen {
            return Ok(());
        }
        self.start_line_seen = judge_start_line(&self.buffer[self.start..], self.line_bytes)?;
        Ok(())
    }

    /// Where the current message ends, if its header section is complete.
    fn find_end(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.searched.saturating_sub(3).max(self.start);
        let Some(step) = memmem::find(&self.buffer[from..], b"\r\n\r\n") else {
            self.searched = self.buffer.len();
            // Of the longest section the last byte may be missing: any split frames alike.
            return if self.pending() > self.header_bytes + 1 {
                Err(FrameError::Broken)
            } else {
                Ok(None)
            };
        };
        let body = from + step + 4;
        let head = body - self.start;
        if head > self.header_bytes + 2 {
            return Err(FrameError::Broken);
        }
        let length = declared_length(&self.buffer[self.start..body]);
        let length = length.ok().and_then(|length| usize::try_from(length).ok());
        let whole = length.and_then(|length| head.checked_add(length));
        match whole {
            Some(whole) if whole <= self.message_bytes => Ok(Some(self.start + whole)),
            _ => Err(FrameError::Broken),
        }
    }
}

/// Whether a start line is there. It is an error if it is none of SIP.
fn judge_start_line(message: &[u8], line_bytes: usize) -> Result<bool, FrameError> {
    let Some(end) = memchr::memchr(b'\n', &message[..message.len().min(line_bytes)]) else {
        return if message.len() < line_bytes { Ok(false) } else { Err(FrameError::NotSip) };
    };
    let line = &message[..end];
    let version = |text: &[u8]| text.len() > 4 && text[..4].eq_ignore_ascii_case(b"SIP/");
    let words = line.trim_ascii_end();
    let last = memchr::memrchr(b' ', words).map_or(words, |space| &words[space + 1..]);
    if !version(line) && !version(last) {
        return Err(FrameError::NotSip);
    }
    // Lines must end in CRLF; an end of headers would never be found.
    if line.last() != Some(&b'\r') {
        return Err(FrameError::Broken);
    }
    Ok(true)
}

/// Looks at what a transport that keeps boundaries says is one message (RFC 7118 s4). Its
/// Content-Length may be missing there, but not promise more than there is.
///
/// # Errors
///
/// [`FrameError::NotSip`], or [`FrameError::Broken`] when a part of the message is missing.
pub fn judge(message: &[u8], limits: &Limits) -> Result<(), FrameError> {
    if !judge_start_line(message, limits.header_line_bytes as usize)? {
        return Err(FrameError::NotSip);
    }
    let head = memmem::find(message, b"\r\n\r\n").ok_or(FrameError::Broken)? + 4;
    match declared_length(&message[..head]) {
        Ok(length) if length <= (message.len() - head) as u64 => Ok(()),
        Err(DefectKind::NoContentLength) => Ok(()),
        _ => Err(FrameError::Broken),
    }
}

enum Step {
    More,
    Ping,
    Pong,
    Message(usize, usize),
}

#[cfg(test)]
mod tests;
