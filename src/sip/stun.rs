//! STUN on SIP's datagram ports, as devices behind translators keep their flows alive with it
//! (RFC 5626 s4.4.2, s8): of RFC 5389 the Binding request and its two answers, without
//! authentication, which this usage has none of.
//!
//! ```text
//!  0                   1                   2                   3
//! |0 0|   message type (14)       |    length behind the header   |
//! |                    magic cookie 0x2112A442                    |
//! |                transaction id (12 bytes), attributes ...      |
//! ```

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

/// Bytes of a header (RFC 5389 s6).
const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_A442;

/// Message types: the method Binding in its classes (RFC 5389 s6).
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const ERROR: u16 = 0x0111;

/// Attributes that are written (RFC 5389 s18.2).
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Attributes that must be understood and are: those of RFC 5389 s18.2. A Binding request over a
/// flow needs none of them, and what is known but unexpected is ignored (s7.3).
const KNOWN: [u16; 8] = [
    0x0001, // MAPPED-ADDRESS
    0x0006, // USERNAME
    0x0008, // MESSAGE-INTEGRITY
    ERROR_CODE,
    UNKNOWN_ATTRIBUTES,
    0x0014, // REALM
    0x0015, // NONCE
    XOR_MAPPED_ADDRESS,
];

/// From here on an attribute may be ignored by who does not know it (RFC 5389 s15).
const OPTIONAL: u16 = 0x8000;

/// Unknown attributes that are told; who sends more learns of the others when these are mended.
const MOST_TOLD: usize = 8;

/// The most by which an answer is longer than its request: XOR-MAPPED-ADDRESS with an IPv6 address.
pub const LONGEST_GROWTH: usize = 24;

/// Whether a datagram is STUN and not SIP: a SIP message never begins with 0 or 1 (RFC 5626 s8),
/// and the cookie tells it from noise.
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0 | 1)) && word(datagram, 4) == Some(COOKIE)
}

/// Writes the answer to a Binding request that came from `source` (RFC 5389 s7.3.1): where it came
/// from, or 420 with the attributes that would have to be understood. `false`: it is no request, or
/// a broken one, and gets no answer.
#[must_use]
pub fn answer(datagram: &[u8], source: SocketAddr, out: &mut Vec<u8>) -> bool {
    let Some(unknown) = read(datagram) else { return false };
    // The transaction id, with the cookie before it.
    let id = datagram.get(4..HEADER).unwrap_or_default();
    let kind = if unknown.is_empty() { SUCCESS } else { ERROR };
    out.extend_from_slice(&kind.to_be_bytes());
    let length_at = out.len();
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(id);
    let body = out.len();
    if unknown.is_empty() {
        write_address(source, id, out);
    } else {
        // RFC 5389 s15.6: class and number; the phrase is for people, and nobody reads it.
        attribute(ERROR_CODE, 4, out);
        out.extend_from_slice(&[0, 0, 4, 20]);
        attribute(UNKNOWN_ATTRIBUTES, 2 * unknown.len(), out);
        out.extend(unknown.iter().flat_map(|kind| kind.to_be_bytes()));
        if unknown.len() % 2 == 1 {
            out.extend_from_slice(&[0, 0]);
        }
    }
    let length = (out.len() - body) as u16;
    if let Some(place) = out.get_mut(length_at..length_at + 2) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    true
}

/// The unknown attributes of a Binding request that must be understood; `None` if it is none, or
/// its length or attributes are not what they should be.
fn read(datagram: &[u8]) -> Option<SmallVec<[u16; MOST_TOLD]>> {
    let length = usize::from(half(datagram, 2)?);
    if !is_stun(datagram)
        || half(datagram, 0) != Some(REQUEST)
        || length % 4 != 0
        || datagram.len() != HEADER + length
    {
        return None;
    }
    let mut unknown = SmallVec::new();
    let mut at = HEADER;
    while at < datagram.len() {
        let (kind, length) = (half(datagram, at)?, usize::from(half(datagram, at + 2)?));
        at += 4 + length.next_multiple_of(4);
        if at > datagram.len() {
            return None;
        }
        let told = unknown.len() == MOST_TOLD || unknown.contains(&kind);
        if kind < OPTIONAL && !KNOWN.contains(&kind) && !told {
            unknown.push(kind);
        }
    }
    Some(unknown)
}

/// XOR-MAPPED-ADDRESS (RFC 5389 s15.2): hidden from translators that rewrite addresses wherever they
/// find them. `id` is cookie and transaction id.
fn write_address(source: SocketAddr, id: &[u8], out: &mut Vec<u8>) {
    let (family, v4, v6);
    let address: &[u8] = match source.ip().to_canonical() {
        IpAddr::V4(ip) => {
            (family, v4) = (1, ip.octets());
            &v4
        }
        IpAddr::V6(ip) => {
            (family, v6) = (2, ip.octets());
            &v6
        }
    };
    attribute(XOR_MAPPED_ADDRESS, 4 + address.len(), out);
    out.extend_from_slice(&[0, family]);
    out.extend_from_slice(&(source.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    out.extend(address.iter().zip(id).map(|(byte, mask)| byte ^ mask));
}

fn attribute(kind: u16, length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(length as u16).to_be_bytes());
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
