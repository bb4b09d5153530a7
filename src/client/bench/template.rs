//! Requests, written from prepared pieces into one reused buffer.

use std::net::SocketAddr;

use super::dialog::Dialog;
use super::login::{For, Login};
use crate::sip::Transport;

/// Eight hexadecimal digits.
pub(super) fn hex8(value: u32) -> [u8; 8] {
    let mut digits = [b'0'; 8];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    digits
}

/// Reads eight hexadecimal digits.
pub(super) fn from_hex8(digits: &[u8]) -> Option<u32> {
    if digits.len() != 8 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |value, digit| Some(value << 4 | u32::from(crate::text::hex_digit(*digit)?)))
}

fn decimal(value: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// What the requests that leave by one socket have in common.
#[derive(Clone, Debug)]
pub(super) struct Face {
    via: Vec<u8>,
    contact_end: Vec<u8>,
}

impl Face {
    pub(super) fn new(local: SocketAddr, transport: Transport) -> Face {
        let parameter = match transport {
            Transport::Udp => String::new(),
            stream => format!(";transport={}", stream.uri_name()),
        };
        let transport = transport.via_name();
        Face {
            via: format!("Via: SIP/2.0/{transport} {local};rport;branch=").into_bytes(),
            contact_end: format!("@{local}{parameter}>").into_bytes(),
        }
    }

    /// The contact of a person behind this socket.
    pub(super) fn put_contact(&self, user: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"<sip:");
        out.extend_from_slice(user);
        out.extend_from_slice(&self.contact_end);
    }
}

/// What every request of a run has in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    domain: String,
    /// Behind the user: From with its tag and the beginning of To.
    from_end: Vec<u8>,
    to_end: Vec<u8>,
    /// What every Call-ID begins with.
    call: Vec<u8>,
    expires: Vec<u8>,
    cnonce: String,
    run: [u8; 8],
}

/// A branch, also the name of a transaction: run, thread, slot and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) thread: u32,
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// What is said in one request.
pub(super) struct Request<'a> {
    pub(super) verb: Verb,
    pub(super) user: &'a str,
    /// The user that it is for; a REGISTER has none.
    pub(super) peer: Option<&'a str>,
    /// The dialog it belongs to.
    pub(super) dialog: Option<&'a Dialog>,
    pub(super) branch: Branch,
    /// Thread and number, unique within the run; the Call-ID.
    pub(super) call: (u32, u32),
    pub(super) cseq: u32,
    pub(super) login: Option<&'a mut Login>,
    /// The entity tag that a PUBLISH goes on from; empty for a first one.
    pub(super) etag: &'a [u8],
    pub(super) body: &'a [u8],
}

/// What the generator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Register,
    Message,
    Invite,
    Ack,
    Bye,
    Publish,
    Subscribe,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Register => "REGISTER",
            Verb::Message => "MESSAGE",
            Verb::Invite => "INVITE",
            Verb::Ack => "ACK",
            Verb::Bye => "BYE",
            Verb::Publish => "PUBLISH",
            Verb::Subscribe => "SUBSCRIBE",
        }
    }

    /// Header lines that depend on the method alone.
    fn lines(self) -> &'static [u8] {
        match self {
            Verb::Message => b"Content-Type: text/plain\r\n",
            Verb::Invite => b"Content-Type: application/sdp\r\n",
            Verb::Publish => b"Event: presence\r\nContent-Type: application/pidf+xml\r\n",
            Verb::Subscribe => b"Event: presence\r\nAccept: application/pidf+xml\r\n",
            Verb::Register | Verb::Ack | Verb::Bye => b"",
        }
    }
}

const MAGIC: &[u8] = b"z9hG4bK";

impl Common {
    pub(super) fn new(domain: &str, run: u32, expires: u32) -> Common {
        let run = hex8(run);
        let tag = String::from_utf8_lossy(&run).into_owned();
        Common {
            domain: domain.to_owned(),
            from_end: format!("@{domain}>;tag={tag}\r\nTo: <sip:").into_bytes(),
            to_end: format!("@{domain}>").into_bytes(),
            call: format!("{tag}-").into_bytes(),
            expires: format!("Expires: {expires}\r\n").into_bytes(),
            cnonce: format!("{tag}{tag}"),
            run,
        }
    }

    /// The transaction that a branch names, if it is one of this run.
    pub(super) fn branch(&self, text: &[u8]) -> Option<Branch> {
        let rest = text.strip_prefix(MAGIC)?.strip_prefix(&self.run)?;
        Some(Branch {
            thread: from_hex8(rest.get(..8)?)?,
            slot: from_hex8(rest.get(8..16)?)?,
            generation: from_hex8(rest.get(16..24)?)?,
        })
    }

    /// The thread and number that a Call-ID names, if it is one of this run.
    pub(super) fn call(&self, call_id: &[u8]) -> Option<(u32, u32)> {
        let rest = call_id.strip_prefix(self.call.as_slice())?;
        Some((from_hex8(rest.get(..8)?)?, from_hex8(rest.get(8..)?)?))
    }

    /// Appends a request.
    pub(super) fn write(&self, face: &Face, request: Request<'_>, out: &mut Vec<u8>) {
        let method = request.verb.name();
        let put = |part: &[u8], out: &mut Vec<u8>| out.extend_from_slice(part);
        put(method.as_bytes(), out);
        put(b" ", out);
        let uri_start = out.len();
        if let Some(dialog) = request.dialog {
            put(dialog.target(), out);
        } else {
            put(b"sip:", out);
            if let Some(peer) = request.peer {
                put(peer.as_bytes(), out);
                put(b"@", out);
            }
            put(self.domain.as_bytes(), out);
        }
        let uri = uri_start..out.len();
        put(b" SIP/2.0\r\n", out);
        put(&face.via, out);
        put(MAGIC, out);
        put(&self.run, out);
        put(&hex8(request.branch.thread), out);
        put(&hex8(request.branch.slot), out);
        put(&hex8(request.branch.generation), out);
        put(b"\r\nMax-Forwards: 70\r\nFrom: <sip:", out);
        put(request.user.as_bytes(), out);
        put(&self.from_end, out);
        put(request.peer.unwrap_or(request.user).as_bytes(), out);
        put(&self.to_end, out);
        if let Some(dialog) = request.dialog {
            put(b";tag=", out);
            put(dialog.remote_tag(), out);
        }
        put(b"\r\nCall-ID: ", out);
        put(&self.call, out);
        put(&hex8(request.call.0), out);
        put(&hex8(request.call.1), out);
        put(b"\r\nCSeq: ", out);
        decimal(request.cseq, out);
        put(b" ", out);
        put(method.as_bytes(), out);
        put(b"\r\n", out);
        if let Some(dialog) = request.dialog {
            put(dialog.routes(), out);
        }
        if let Some(login) = request.login {
            let mut copy = [0; 256];
            let length = uri.len().min(copy.len());
            let (Some(to), Some(from)) = (copy.get_mut(..length), out.get(uri)) else { return };
            to.copy_from_slice(from.get(..length).unwrap_or_default());
            let what = For { user: request.user, method, uri: to, cnonce: &self.cnonce };
            login.write(&what, out);
        }
        if matches!(request.verb, Verb::Register | Verb::Invite | Verb::Subscribe) {
            put(b"Contact: ", out);
            face.put_contact(request.user.as_bytes(), out);
            put(b"\r\n", out);
        }
        if matches!(request.verb, Verb::Register | Verb::Publish | Verb::Subscribe) {
            put(&self.expires, out);
        }
        if !request.etag.is_empty() {
            put(b"SIP-If-Match: ", out);
            put(request.etag, out);
            put(b"\r\n", out);
        }
        put(request.verb.lines(), out);
        put(b"Content-Length: ", out);
        decimal(request.body.len() as u32, out);
        put(b"\r\n\r\n", out);
        put(request.body, out);
    }
}

/// What the body of a MESSAGE, an INVITE or a PUBLISH tells its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// The thread that sent it.
    pub(super) thread: u32,
    /// Which of that thread's messages it is.
    pub(super) number: u32,
    /// When it was sent first, in microseconds of the run's clock.
    pub(super) sent: u64,
}

/// How long the part of a body is that tells who sent it when.
pub(super) const NOTE: usize = 46;

impl Common {
    /// Writes a text of at least `size` bytes.
    pub(super) fn write_note(&self, note: Note, size: usize, out: &mut Vec<u8>) {
        out.clear();
        self.put_note(note, out);
        out.resize(size.max(NOTE), b'.');
    }

    /// Writes a session description that carries the note as its name (RFC 8866 s5.3).
    pub(super) fn write_offer(&self, note: Note, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(OFFER_BEGIN);
        self.put_note(note, out);
        out.extend_from_slice(OFFER_END);
    }

    /// Writes a presence document whose note is this one (RFC 3863 s4.1.6).
    pub(super) fn write_presence(&self, note: Note, user: &str, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(PRESENCE_BEGIN);
        out.extend_from_slice(user.as_bytes());
        out.push(b'@');
        out.extend_from_slice(self.domain.as_bytes());
        out.extend_from_slice(PRESENCE_MIDDLE);
        self.put_note(note, out);
        out.extend_from_slice(PRESENCE_END);
    }

    fn put_note(&self, note: Note, out: &mut Vec<u8>) {
        out.extend_from_slice(NOTE_BEGIN);
        out.extend_from_slice(&self.run);
        out.extend_from_slice(&hex8(note.thread));
        out.extend_from_slice(&hex8(note.number));
        out.extend_from_slice(&hex8((note.sent >> 32) as u32));
        out.extend_from_slice(&hex8(note.sent as u32));
    }

    /// Reads a presence document with what one of this run has told, wherever a server put it.
    pub(super) fn note_within(&self, body: &[u8]) -> Option<Note> {
        self.note(body.get(memchr::memmem::find(body, NOTE_BEGIN)?..)?)
    }

    /// Reads a body of this run.
    pub(super) fn note(&self, body: &[u8]) -> Option<Note> {
        let body = body.strip_prefix(OFFER_BEGIN).unwrap_or(body);
        let rest = body.strip_prefix(NOTE_BEGIN)?.strip_prefix(&self.run)?;
        let part = |at: usize| from_hex8(rest.get(at..at + 8)?);
        Some(Note {
            thread: part(0)?,
            number: part(8)?,
            sent: u64::from(part(16)?) << 32 | u64::from(part(24)?),
        })
    }
}

const NOTE_BEGIN: &[u8] = b"bench ";
const PRESENCE_BEGIN: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:";
const PRESENCE_MIDDLE: &[u8] = b"\"><tuple id=\"t1\"><status><basic>open</basic></status><note>";
const PRESENCE_END: &[u8] = b"</note></tuple></presence>\n";
const OFFER_BEGIN: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=";
const OFFER_END: &[u8] = b"\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=sendrecv\r\n";
/// What a callee answers to an offer.
pub(super) const SESSION_ANSWER: &[u8] = b"v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\n\
    c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n\
    a=sendrecv\r\n";
