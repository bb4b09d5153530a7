//! Frames of WebSocket (RFC 6455 s5.2) as a client writes and reads them, by hand.

/// A good opening handshake, of a page of the server's own (RFC 6455 s4.1, RFC 7118 s4.1).
pub(crate) const HANDSHAKE: &str = "GET /sip HTTP/1.1\r\nHost: campus.test\r\n\
    Origin: https://campus.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: sip\r\n\r\n";

/// Opcodes, of a last frame.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const PING: u8 = 0x89;
/// Takes the mark of a last frame away.
pub(crate) const MORE: u8 = 0x7f;

/// A frame with its mask.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = head(first, 0x80, payload.len());
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A message, as text if it is text (RFC 7118 s4.2).
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    frame(if std::str::from_utf8(bytes).is_ok() { TEXT } else { BINARY }, bytes)
}

/// A frame without a mask, which no client may send (RFC 6455 s5.1).
pub(crate) fn bare_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [head(first, 0, payload.len()), payload.to_vec()].concat()
}

/// The beginning of a frame of so many bytes, up to the mask.
pub(crate) fn head(first: u8, masked: u8, length: usize) -> Vec<u8> {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => vec![first, masked | short],
        (_, Ok(middle)) => [&[first, masked | 126][..], &middle.to_be_bytes()].concat(),
        _ => [&[first, masked | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// Reads what the server sends.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The beginning of a frame that is not whole.
    pending: Vec<u8>,
    /// The status of the close frame that came (RFC 6455 s7.4).
    pub(crate) closed: Option<u16>,
    pub(crate) pongs: usize,
}

impl Frames {
    /// Takes bytes of the stream, and adds the payload of messages to `received`.
    pub(crate) fn take(&mut self, bytes: &[u8], received: &mut Vec<u8>) {
        self.pending.extend_from_slice(bytes);
        while let Some((first, payload)) = self.next() {
            match first & 0x0f {
                0x8 => {
                    let status = payload.first_chunk().map(|status| u16::from_be_bytes(*status));
                    self.closed = Some(status.unwrap_or(1005));
                }
                0xa => self.pongs += 1,
                0x9 => {}
                _ => received.extend(payload),
            }
        }
    }

    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.pending.first()?, *self.pending.get(1)?);
        assert_eq!(second & 0x80, 0, "a server masks nothing");
        let (length, at) = match second {
            126 => (usize::from(u16::from_be_bytes(*self.pending.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*self.pending.get(2..)?.first_chunk()?) as usize, 10),
            short => (usize::from(short), 2),
        };
        let payload = self.pending.get(at..at + length)?.to_vec();
        self.pending.drain(..at + length);
        Some((first, payload))
    }
}
