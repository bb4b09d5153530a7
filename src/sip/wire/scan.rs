//! The walk over the bytes.

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use super::{ABSENT, Defect, DefectKind, Framing, Layout, Limits, Line, Message, Span, Start};
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::text;

/// Larger inputs cannot come from any transport; offsets are kept in 32 bits.
const MAX_INPUT: usize = 1 << 24;

/// Finds the parts of the message in `bytes` and fills `layout`.
///
/// # Errors
///
/// The first [`Defect`] met. The layout then still holds what could be read, so that the request
/// can be answered if [`Defect::answerable`] says so.
pub fn scan(
    bytes: &[u8],
    framing: Framing,
    limits: &Limits,
    layout: &mut Layout,
) -> Result<(), Defect> {
    layout.clear(limits.uri_bytes);
    let mut walk = Walk { bytes, limits, defect: None, breaks: false, length: Length::Absent };
    if let Err(kind) = walk.message(framing, layout) {
        walk.note(kind);
    }
    let Some(kind) = walk.defect else { return Ok(()) };
    let message = Message::new(bytes, layout);
    Err(Defect {
        kind,
        answerable: message.is_request()
            && message.method() != Method::Ack
            && message.header(HeaderName::Via).is_some_and(|via| !via.is_empty()),
        closes: walk.breaks,
    })
}

/// What the Content-Length headers say together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Absent,
    Bytes(u64),
    Bad(DefectKind),
}

impl Length {
    /// Takes one more header into account. Ten digits are enough for any length that exists; more
    /// could only be meant to wrap around somewhere.
    fn and(self, value: &[u8]) -> Length {
        const MALFORMED: Length = Length::Bad(DefectKind::Malformed(HeaderName::ContentLength));
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return if let Length::Bad(_) = self { self } else { MALFORMED };
        }
        let bytes = if value.len() > 10 {
            u64::MAX
        } else {
            value.iter().fold(0, |bytes, digit| bytes * 10 + u64::from(digit - b'0'))
        };
        match self {
            Length::Absent => Length::Bytes(bytes),
            Length::Bytes(before) if before == bytes => self,
            Length::Bytes(_) => Length::Bad(DefectKind::ContentLengths),
            Length::Bad(_) => self,
        }
    }
}

struct Walk<'b> {
    bytes: &'b [u8],
    limits: &'b Limits,
    defect: Option<DefectKind>,
    breaks: bool,
    length: Length,
}

impl Walk<'_> {
    /// Notes a defect; the first one is reported, each can break a stream.
    fn note(&mut self, kind: DefectKind) {
        self.defect.get_or_insert(kind);
        self.breaks |= kind.breaks_stream();
    }

    /// An error ends the walk; lesser defects are noted on the way.
    fn message(&mut self, framing: Framing, layout: &mut Layout) -> Result<(), DefectKind> {
        if self.bytes.len() > MAX_INPUT {
            return Err(DefectKind::MessageTooLarge);
        }
        // RFC 3261 s7.5: line ends before the start line are ignored.
        let begin = self.bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        let begin = begin.ok_or(DefectKind::Empty)?;
        layout.whole = Span::new(begin, self.bytes.len());
        let first_header = self.start_line(begin, layout)?;
        layout.headers = Span::new(first_header, first_header);
        let body = self.header_lines(begin, first_header, layout)?;
        self.body(begin, body, framing, layout)?;
        self.mandatory(layout)
    }

    /// RFC 3261 s7.1, s7.2. Gives back where the first header line begins.
    fn start_line(&mut self, begin: usize, layout: &mut Layout) -> Result<usize, DefectKind> {
        let window = begin + self.limits.header_line_bytes as usize;
        let searched = &self.bytes[begin..window.min(self.bytes.len())];
        let end = begin + memchr2(b'\r', b'\n', searched).ok_or(DefectKind::NotSip)?;
        let next = self.behind_line_end(end);
        let line = &self.bytes[begin..end];
        if is_sip_version(line) {
            self.status_line(begin, line, layout)?;
            return Ok(next);
        }
        // The version is the last word, the method the first, the URI what is between.
        let trimmed = line.trim_ascii_end();
        let last = memrchr(b' ', trimmed).ok_or(DefectKind::NotSip)?;
        let version = &trimmed[last + 1..];
        let first = memchr(b' ', trimmed).unwrap_or(last);
        if !is_sip_version(version) || !text::is_token(&trimmed[..first]) {
            return Err(DefectKind::NotSip);
        }
        let between = &trimmed[first..last];
        let uri = between.trim_ascii();
        let uri_at = begin + first + (between.len() - between.trim_ascii_start().len());
        layout.start = Start::Request {
            method: Span::new(begin, begin + first),
            uri: Span::new(uri_at, uri_at + uri.len()),
        };
        if !version[4..].eq(b"2.0") {
            self.note(DefectKind::Version);
        }
        if uri.len() > self.limits.uri_bytes as usize {
            self.note(DefectKind::RequestUriTooLong);
        } else if uri.is_empty() || trimmed.len() != line.len() || between.len() != uri.len() + 1 {
            // RFC 4475 s3.1.2.9, s3.1.2.10: extra spaces.
            self.note(DefectKind::RequestLine);
        } else if uri.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            // RFC 4475 s3.1.2.8: white space inside.
            self.note(DefectKind::RequestUri);
        }
        Ok(next)
    }

    fn status_line(
        &mut self,
        begin: usize,
        line: &[u8],
        layout: &mut Layout,
    ) -> Result<(), DefectKind> {
        let space = memchr(b' ', line).ok_or(DefectKind::NotSip)?;
        if &line[4..space] != b"2.0" {
            return Err(DefectKind::Version);
        }
        let rest = &line[space + 1..];
        // The space behind the code may be missing (RFC 4475 s3.1.1.13).
        let end = memchr(b' ', rest).unwrap_or(rest.len());
        let code = &rest[..end];
        let status = text::number(code).filter(|code| (100..700).contains(code));
        let status = status.filter(|_| code.len() == 3).ok_or(DefectKind::StatusCode)?;
        let reason = begin + space + 1 + (end + 1).min(rest.len());
        layout.start = Start::Response {
            status: status as u16,
            reason: Span::new(reason, begin + line.len()),
        };
        Ok(())
    }

    /// Where the line after the one that ends at `end` begins. A lone CR or LF is taken for a line
    /// end, so that no value ever holds one, and noted.
    #[inline]
    fn behind_line_end(&mut self, end: usize) -> usize {
        if self.bytes[end..].starts_with(b"\r\n") {
            return end + 2;
        }
        self.note(DefectKind::LineEnd);
        end + 1
    }

    /// RFC 3261 s7.3. Gives back where the body begins.
    fn header_lines(
        &mut self,
        begin: usize,
        first: usize,
        layout: &mut Layout,
    ) -> Result<usize, DefectKind> {
        let bytes = self.bytes;
        let (mut vias, mut routes) = (0, 0);
        let mut at = first;
        loop {
            layout.headers.end = at as u32;
            match bytes.get(at) {
                None => return Err(DefectKind::Unfinished),
                Some(b'\r' | b'\n') => return Ok(self.behind_line_end(at)),
                Some(_) => {}
            }
            let (line, next) = self.header_line(at)?;
            if next - begin > self.limits.header_bytes as usize {
                return Err(DefectKind::HeadersTooLarge);
            }
            if next - at > self.limits.header_line_bytes as usize {
                return Err(DefectKind::LineTooLong);
            }
            if layout.lines.len() >= usize::from(self.limits.header_lines.min(ABSENT - 1)) {
                return Err(DefectKind::TooManyHeaders);
            }
            at = next;
            let Some(line) = line else { continue };
            let index = layout.lines.len() as u16;
            let value = line.value.of(bytes);
            layout.lines.push(line);
            let first = &mut layout.first[line.name as usize];
            let is_first = *first == ABSENT;
            if is_first {
                *first = index;
            }
            match line.name {
                HeaderName::Via => {
                    vias += 1 + memchr_iter(b',', value).count();
                    if vias > usize::from(self.limits.via) {
                        return Err(DefectKind::TooManyVias);
                    }
                }
                HeaderName::Route => {
                    routes += 1 + memchr_iter(b',', value).count();
                    if routes > usize::from(self.limits.route) {
                        return Err(DefectKind::TooManyRoutes);
                    }
                }
                HeaderName::ContentLength => self.length = self.length.and(value),
                HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::MaxForwards
                    if !is_first =>
                {
                    self.note(DefectKind::Duplicate(line.name));
                }
                _ => {}
            }
        }
    }

    /// One logical line from `at` on, and where the next one begins. `None` for a line that is no
    /// header: that is noted, and the walk goes on so that the request can be answered.
    #[inline]
    fn header_line(&mut self, at: usize) -> Result<(Option<Line>, usize), DefectKind> {
        let bytes = self.bytes;
        let name = bytes[at..].iter().position(|byte| !text::is_token_byte(*byte));
        let name_end = at + name.ok_or(DefectKind::Unfinished)?;
        let mut colon = name_end;
        while matches!(bytes.get(colon), Some(b' ' | b'\t')) {
            colon += 1;
        }
        let is_header = name_end > at && bytes.get(colon) == Some(&b':');
        let mut search = if is_header { colon + 1 } else { at };
        let (end, next) = loop {
            let end =
                search + memchr2(b'\r', b'\n', &bytes[search..]).ok_or(DefectKind::Unfinished)?;
            let next = self.behind_line_end(end);
            match bytes.get(next) {
                Some(b' ' | b'\t') => search = next,
                _ => break (end, next),
            }
        };
        if !is_header {
            self.note(DefectKind::HeaderLine);
            return Ok((None, next));
        }
        let (start, end) = trimmed(bytes, colon + 1, end);
        let line = Line {
            name: HeaderName::recognise(&bytes[at..name_end]),
            name_length: (name_end - at) as u32,
            value: Span::new(start, end),
            whole: Span::new(at, next),
        };
        Ok((Some(line), next))
    }

    /// RFC 3261 s18.3.
    fn body(
        &mut self,
        begin: usize,
        start: usize,
        framing: Framing,
        layout: &mut Layout,
    ) -> Result<(), DefectKind> {
        let available = self.bytes.len() - start;
        layout.body = Span::new(start, self.bytes.len());
        let length = match (self.length, framing) {
            (Length::Bad(kind), _) => return Err(kind),
            (Length::Absent, Framing::Stream) => return Err(DefectKind::NoContentLength),
            (Length::Absent, Framing::Datagram) => available as u64,
            (Length::Bytes(length), _) => length,
        };
        let whole = ((start - begin) as u64).saturating_add(length);
        if framing == Framing::Stream && whole > u64::from(self.limits.message_bytes) {
            return Err(DefectKind::MessageTooLarge);
        }
        if length > available as u64 {
            return Err(DefectKind::BodyTooShort);
        }
        let end = start + length as usize;
        layout.body.end = end as u32;
        layout.whole.end = end as u32;
        Ok(())
    }

    /// RFC 3261 s8.1.1 and s16.3 check 1: what every message must have. Addresses are parsed
    /// later, by whoever needs them.
    fn mandatory(&mut self, layout: &Layout) -> Result<(), DefectKind> {
        const MUST: [HeaderName; 5] = [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ];
        for name in MUST {
            if layout.first(name).is_none_or(|line| line.value.start == line.value.end) {
                return Err(DefectKind::Missing(name));
            }
        }
        let message = Message::new(self.bytes, layout);
        let cseq = message.cseq().ok_or(DefectKind::Malformed(HeaderName::CSeq))?;
        if message.is_request() && cseq.method != message.method() {
            return Err(DefectKind::CSeqMethod);
        }
        if message.max_forwards().is_err() {
            return Err(DefectKind::Malformed(HeaderName::MaxForwards));
        }
        Ok(())
    }
}

/// `SIP/`, in any case (RFC 3261 s7.1), and something behind it.
fn is_sip_version(text: &[u8]) -> bool {
    text.len() > 4 && text[..4].eq_ignore_ascii_case(b"SIP/")
}

/// The ends of the value between two offsets without white space around it.
#[inline]
fn trimmed(bytes: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && text::is_lws(bytes[start]) {
        start += 1;
    }
    while end > start && text::is_lws(bytes[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// What the Content-Length headers of a complete header section say: the framer's question.
/// `Err` if there is none or no good one; [`scan`] then says the same.
pub(crate) fn declared_length(head: &[u8]) -> Result<u64, DefectKind> {
    let mut length = Length::Absent;
    let mut at = 0;
    while let Some(step) = memchr(b'\n', &head[at..]) {
        at += step + 1;
        if !matches!(head.get(at), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        let line = &head[at..];
        let name = line.iter().position(|byte| !text::is_token_byte(*byte)).unwrap_or(0);
        if HeaderName::recognise(&line[..name]) != HeaderName::ContentLength {
            continue;
        }
        let Some(value) = line[name..].trim_ascii_start().strip_prefix(b":") else { continue };
        let mut end = 0;
        loop {
            end += memchr(b'\n', &value[end..]).map_or(value.len() - end, |step| step + 1);
            if !matches!(value.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        length = length.and(text::trim(&value[..end]));
    }
    match length {
        Length::Bytes(length) => Ok(length),
        Length::Absent => Err(DefectKind::NoContentLength),
        Length::Bad(kind) => Err(kind),
    }
}
