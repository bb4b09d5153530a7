//! Messages on their way through (RFC 3261 s16.6, s16.7): runs of bytes are copied, and only what
//! must change is written anew. Unknown headers, their order, odd spelling and binary bodies
//! arrive as they were sent. Nothing is allocated but room in the output.

use std::net::SocketAddr;

use super::build::{write_content_length, write_header};
use super::header::{HeaderName, write_with_source};
use super::wire::Message;
use crate::text;

/// What changes in a request that is passed on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The new Request-URI; `None` keeps the old one.
    pub request_uri: Option<&'a [u8]>,
    /// Our Via value, put on top; empty for none.
    pub via: &'a [u8],
    /// The new Max-Forwards.
    pub max_forwards: u8,
    /// The new Max-Breadth (RFC 5393 s5.3.3); `None` leaves it.
    pub max_breadth: Option<u32>,
    /// Where the request came from, to be told in the Via below ours (RFC 3581).
    pub received: Option<SocketAddr>,
    /// How many values to take off the Route, over all its lines.
    pub drop_top_routes: usize,
    /// The realm whose credentials end here (RFC 3261 s22.3): nobody else needs to see them.
    pub drop_credentials_for: Option<&'a str>,
    /// Whether what it says of its sender's identity ends here (RFC 3325 s5): nobody whom we do
    /// not trust asserts one.
    pub drop_identity: bool,
    /// A Record-Route value to put on top.
    pub record_route: Option<&'a [u8]>,
    /// Headers to add behind the others.
    pub add_headers: &'a [(&'a str, &'a [u8])],
}

/// Appends the request as it is passed on.
pub fn request(message: &Message<'_>, plan: &Request<'_>, out: &mut Vec<u8>) {
    rewrite(message, plan, true, out);
}

/// Appends a request of our own made from one that was kept: as [`request`], but no Via of the
/// kept one remains, since its transactions have ended.
pub fn originate(message: &Message<'_>, plan: &Request<'_>, out: &mut Vec<u8>) {
    rewrite(message, plan, false, out);
}

fn rewrite(message: &Message<'_>, plan: &Request<'_>, keep_vias: bool, out: &mut Vec<u8>) {
    let added: usize =
        plan.add_headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    out.reserve(
        message.bytes().len()
            + plan.request_uri.map_or(0, <[u8]>::len)
            + plan.via.len()
            + plan.record_route.map_or(0, <[u8]>::len)
            + added
            + 160,
    );
    out.extend_from_slice(message.method().as_bytes());
    out.push(b' ');
    out.extend_from_slice(plan.request_uri.unwrap_or(message.request_uri()));
    out.extend_from_slice(b" SIP/2.0\r\n");
    if !plan.via.is_empty() {
        write_header("Via", plan.via, out);
    }
    if let Some(route) = plan.record_route {
        write_header("Record-Route", route, out);
    }
    let mut copy = Copy::of(message);
    let mut source = plan.received.filter(|_| keep_vias);
    let mut routes = plan.drop_top_routes;
    let (mut has_hops, mut has_length) = (false, false);
    for line in message.lines() {
        match line.name {
            HeaderName::Via if !keep_vias => copy.replace(&line, out),
            HeaderName::Via => {
                let Some(source) = source.take() else { continue };
                copy.replace(&line, out);
                let end = text::element_end(line.value, b',');
                out.extend_from_slice(b"Via: ");
                write_with_source(&line.value[..end], source, out);
                out.extend_from_slice(&line.value[end..]);
                out.extend_from_slice(b"\r\n");
            }
            HeaderName::MaxForwards => {
                has_hops = true;
                copy.replace(&line, out);
                write_max_forwards(plan.max_forwards, out);
            }
            HeaderName::MaxBreadth if plan.max_breadth.is_some() => copy.replace(&line, out),
            HeaderName::Route if routes > 0 => {
                copy.replace(&line, out);
                let rest = drop_elements(line.value, &mut routes);
                if !rest.is_empty() {
                    write_header("Route", rest, out);
                }
            }
            HeaderName::Authorization | HeaderName::ProxyAuthorization
                if plan.drop_credentials_for.is_some_and(|realm| is_for(line.value, realm)) =>
            {
                copy.replace(&line, out);
            }
            HeaderName::ContentLength => has_length = true,
            HeaderName::PAssertedIdentity | HeaderName::PPreferredIdentity
                if plan.drop_identity =>
            {
                copy.replace(&line, out);
            }
            _ => {}
        }
    }
    copy.finish(out);
    for (name, value) in plan.add_headers {
        write_header(name, value, out);
    }
    if !has_hops {
        write_max_forwards(plan.max_forwards, out);
    }
    if let Some(breadth) = plan.max_breadth {
        out.extend_from_slice(b"Max-Breadth: ");
        text::write_number(u64::from(breadth), out);
        out.extend_from_slice(b"\r\n");
    }
    finish(message, has_length, out);
}

/// Appends the response without its topmost Via value, which was ours (s16.7 step 3). Tells
/// whether another Via is left: without one the response was for us.
pub fn response(message: &Message<'_>, out: &mut Vec<u8>) -> bool {
    out.reserve(message.bytes().len() + 32);
    out.extend_from_slice(b"SIP/2.0 ");
    text::write_number(u64::from(message.status()), out);
    out.push(b' ');
    out.extend_from_slice(message.reason());
    out.extend_from_slice(b"\r\n");
    let mut copy = Copy::of(message);
    let (mut vias, mut ours) = (0_usize, 1);
    let mut has_length = false;
    for line in message.lines() {
        match line.name {
            HeaderName::Via if ours > 0 => {
                copy.replace(&line, out);
                let rest = drop_elements(line.value, &mut ours);
                if !rest.is_empty() {
                    write_header("Via", rest, out);
                    vias += 1;
                }
            }
            HeaderName::Via => vias += 1,
            HeaderName::ContentLength => has_length = true,
            _ => {}
        }
    }
    copy.finish(out);
    finish(message, has_length, out);
    vias > 0
}

/// The run of header lines that is copied next.
struct Copy<'a> {
    message: Message<'a>,
    from: usize,
    end: usize,
}

impl<'a> Copy<'a> {
    fn of(message: &Message<'a>) -> Self {
        let (from, end) = message.header_range();
        Copy { message: *message, from, end }
    }

    /// Copies up to a line, and goes on behind it.
    fn replace(&mut self, line: &super::wire::RawLine<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.message.run(self.from, line.start));
        self.from = line.end;
    }

    fn finish(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.message.run(self.from, self.end));
    }
}

/// The length on a datagram may be left out; the next hop may be a stream.
fn finish(message: &Message<'_>, has_length: bool, out: &mut Vec<u8>) {
    if !has_length {
        write_content_length(message.body().len(), out);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(message.body());
}

fn write_max_forwards(hops: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Max-Forwards: ");
    text::write_number(u64::from(hops), out);
    out.extend_from_slice(b"\r\n");
}

/// What is left of a list when up to `count` elements are taken off its front.
fn drop_elements<'a>(mut list: &'a [u8], count: &mut usize) -> &'a [u8] {
    while *count > 0 && !list.is_empty() {
        let end = text::element_end(list, b',');
        list = text::trim(list.get(end + 1..).unwrap_or_default());
        *count -= 1;
    }
    list
}

fn is_for(credentials: &[u8], realm: &str) -> bool {
    text::auth_param(credentials, "realm").is_some_and(|named| named == realm.as_bytes())
}

#[cfg(test)]
mod tests;
