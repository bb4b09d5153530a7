//! Messages that we write ourselves: responses (RFC 3261 s8.2.6), requests (s8.1.1), ACK
//! (s17.1.1.3) and CANCEL (s9.1). Nothing is allocated but room in the output.

use std::net::SocketAddr;

use smallvec::SmallVec;

use super::header::{HeaderName, write_with_source};
use super::method::Method;
use super::status;
use super::wire::{Message, RawLine};
use crate::text;

/// Appends `Name: value`. A CR or LF in the value becomes a space: what we write must never turn
/// into another header.
pub(crate) fn write_header(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value);
    if memchr::memchr2(b'\r', b'\n', value).is_some() {
        for byte in &mut out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn write_content_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    text::write_number(length as u64, out);
    out.extend_from_slice(b"\r\n");
}

fn write_body(body: Option<(&str, &[u8])>, out: &mut Vec<u8>) {
    if let Some((content_type, _)) = body {
        write_header("Content-Type", content_type.as_bytes(), out);
    }
    let body = body.map_or(&b""[..], |(_, body)| body);
    write_content_length(body.len(), out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Appends a line as it stands in a message.
fn copy_line(message: &Message<'_>, line: &RawLine<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let line = message.run(line.start, line.end);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    end_line(start, out);
}

/// Ends the line that begins at `start`. Folds stay; a CR or LF alone, which only a defective
/// request has, becomes a space: the next reader may see a line end in it or none.
fn end_line(start: usize, out: &mut Vec<u8>) {
    let line = &mut out[start..];
    let mut at = 0;
    while let Some(step) = line.get(at..).and_then(|rest| memchr::memchr2(b'\r', b'\n', rest)) {
        at += step;
        if line[at..].starts_with(b"\r\n") {
            at += 2;
        } else {
            line[at] = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// A response to a request; see [`Response::write`].
#[derive(Clone, Debug)]
pub struct Response<'a> {
    request: Message<'a>,
    status: u16,
    reason: &'a str,
    to_tag: Option<&'a str>,
    source: Option<SocketAddr>,
    headers: SmallVec<[(&'a str, &'a [u8]); 8]>,
    body: Option<(&'a str, &'a [u8])>,
}

impl<'a> Response<'a> {
    /// A response of this status; without a reason its default phrase. The request may be a
    /// defective one whose [`Defect`](super::wire::Defect) is answerable.
    #[must_use]
    pub fn new(request: &Message<'a>, status: u16, reason: Option<&'a str>) -> Self {
        Response {
            request: *request,
            status,
            reason: reason.unwrap_or(status::reason(status)),
            to_tag: None,
            source: None,
            headers: SmallVec::new(),
            body: None,
        }
    }

    /// The tag of our side, added if To has none (s8.2.6.2).
    #[must_use]
    pub fn to_tag(mut self, tag: &'a str) -> Self {
        self.to_tag = Some(tag);
        self
    }

    /// Where the request came from: fills `received` and `rport` of the topmost Via (RFC 3581).
    #[must_use]
    pub fn received_from(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header<V: AsRef<[u8]> + ?Sized>(mut self, name: &'a str, value: &'a V) -> Self {
        self.headers.push((name, value.as_ref()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body<B: AsRef<[u8]> + ?Sized>(mut self, content_type: &'a str, body: &'a B) -> Self {
        self.body = Some((content_type, body.as_ref()));
        self
    }

    /// Appends the response: Via, From, To, Call-ID and CSeq of the request in its own spelling
    /// and order; Record-Route where a dialog may begin (s12.1.1), Timestamp in a 100 (s8.2.6.1).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(512 + self.body.map_or(0, |(_, body)| body.len()));
        out.extend_from_slice(b"SIP/2.0 ");
        text::write_number(u64::from(self.status), out);
        out.push(b' ');
        // A line end in the reason would begin a header.
        out.extend(self.reason.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
        out.extend_from_slice(b"\r\n");
        let routes = self.may_begin_dialog();
        let mut source = self.source;
        // Of headers that must stand once, a defective request may hold more.
        let mut written: [bool; 4] = [false; 4];
        for line in self.request.lines() {
            let once = match line.name {
                HeaderName::Via => {
                    self.write_via(&line, source.take(), out);
                    continue;
                }
                HeaderName::RecordRoute if routes => {
                    copy_line(&self.request, &line, out);
                    continue;
                }
                HeaderName::Timestamp if self.status == 100 => {
                    copy_line(&self.request, &line, out);
                    continue;
                }
                HeaderName::From => 0,
                HeaderName::To => 1,
                HeaderName::CallId => 2,
                HeaderName::CSeq => 3,
                _ => continue,
            };
            if std::mem::replace(&mut written[once], true) {
                continue;
            }
            match (line.name, self.to_tag) {
                (HeaderName::To, Some(tag)) => self.write_to(&line, tag, out),
                _ => copy_line(&self.request, &line, out),
            }
        }
        for (name, value) in &self.headers {
            write_header(name, value, out);
        }
        write_body(self.body, out);
    }

    fn may_begin_dialog(&self) -> bool {
        (101..300).contains(&self.status)
            && matches!(
                self.request.method(),
                Method::Invite | Method::Subscribe | Method::Refer | Method::Notify
            )
    }

    fn write_via(&self, line: &RawLine<'_>, source: Option<SocketAddr>, out: &mut Vec<u8>) {
        let Some(source) = source else { return copy_line(&self.request, line, out) };
        let end = text::element_end(line.value, b',');
        let start = out.len();
        out.extend_from_slice(b"Via: ");
        write_with_source(&line.value[..end], source, out);
        out.extend_from_slice(&line.value[end..]);
        end_line(start, out);
    }

    fn write_to(&self, line: &RawLine<'_>, tag: &str, out: &mut Vec<u8>) {
        // A To that does not parse goes back as it came, in an error.
        let is_tagless = self.request.to().is_ok_and(|to| to.tag().is_none());
        if !is_tagless {
            return copy_line(&self.request, line, out);
        }
        let start = out.len();
        out.extend_from_slice(b"To: ");
        out.extend_from_slice(line.value);
        out.extend_from_slice(b";tag=");
        out.extend_from_slice(tag.as_bytes());
        end_line(start, out);
    }
}

/// A request that we originate; see [`RequestWriter::write`].
#[derive(Clone, Debug)]
pub struct RequestWriter<'a> {
    /// The method.
    pub method: Method<'a>,
    /// The Request-URI.
    pub uri: &'a [u8],
    /// The Via value.
    pub via: &'a [u8],
    /// The From value, with its tag.
    pub from: &'a [u8],
    /// The To value, with a tag within a dialog.
    pub to: &'a [u8],
    /// Call-ID.
    pub call_id: &'a [u8],
    /// The number in CSeq.
    pub cseq: u32,
    /// Max-Forwards, 70 as a rule.
    pub max_forwards: u8,
    /// Further headers, Route among them, in order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Content type and body.
    pub body: Option<(&'a str, &'a [u8])>,
}

impl RequestWriter<'_> {
    /// Appends the request.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(512 + self.body.map_or(0, |(_, body)| body.len()));
        write_head(self.method, self.uri, out);
        write_header("Via", self.via, out);
        out.extend_from_slice(b"Max-Forwards: ");
        text::write_number(u64::from(self.max_forwards), out);
        out.extend_from_slice(b"\r\n");
        write_header("From", self.from, out);
        write_header("To", self.to, out);
        write_header("Call-ID", self.call_id, out);
        write_cseq(self.cseq, self.method, out);
        for (name, value) in self.headers {
            write_header(name, value, out);
        }
        write_body(self.body, out);
    }
}

fn write_head(method: Method<'_>, uri: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend(uri.iter().map(|byte| if *byte <= b' ' { b'_' } else { *byte }));
    out.extend_from_slice(b" SIP/2.0\r\n");
}

fn write_cseq(number: u32, method: Method<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"CSeq: ");
    text::write_number(u64::from(number), out);
    out.push(b' ');
    out.extend_from_slice(method.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the ACK for a final response other than 2xx to an INVITE that we sent (s17.1.1.3): To
/// from the response; Request-URI, topmost Via, Route, From, Call-ID and the number in CSeq from
/// the INVITE.
pub fn ack_for(invite: &Message<'_>, final_response: &Message<'_>, out: &mut Vec<u8>) {
    let to = final_response.header(HeaderName::To);
    same_transaction(Method::Ack, invite, to, b"", out);
}

/// Appends the CANCEL for a request that we sent (s9.1): Request-URI, topmost Via, Route, From,
/// To, Call-ID and the number in CSeq are the request's. `reason` is the value of a Reason header
/// (RFC 3326); empty for none.
pub fn cancel_for(request: &Message<'_>, reason: &[u8], out: &mut Vec<u8>) {
    same_transaction(Method::Cancel, request, None, reason, out);
}

fn same_transaction(
    method: Method<'_>,
    request: &Message<'_>,
    to: Option<&[u8]>,
    reason: &[u8],
    out: &mut Vec<u8>,
) {
    out.reserve(512);
    write_head(method, request.request_uri(), out);
    write_header("Via", request.top_via_value().unwrap_or_default(), out);
    for line in request.lines() {
        match (line.name, to) {
            (HeaderName::To, Some(to)) => write_header("To", to, out),
            (HeaderName::To | HeaderName::From | HeaderName::CallId | HeaderName::Route, _) => {
                copy_line(request, &line, out);
            }
            _ => {}
        }
    }
    write_cseq(request.cseq().map_or(0, |cseq| cseq.number), method, out);
    if !reason.is_empty() {
        write_header("Reason", reason, out);
    }
    out.extend_from_slice(b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
}

#[cfg(test)]
mod tests;
