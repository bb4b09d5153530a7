//! What our Record-Route values carry: where the two ends of a dialog are reached, signed.
//!
//! A token is the user part of the URI that we put into Record-Route (RFC 5626 s5.2, RFC 3261
//! s16.6 step 4). It says over which flow the caller's end and the called end are reached, so that
//! a dialog needs no state here and survives a restart over datagrams. The MAC covers the Call-ID:
//! a token leads nowhere in another dialog. Which of the two ends a request is for follows from its
//! tags, not from where it came: a telephone behind a translator may change its port.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smallvec::SmallVec;
use subtle::ConstantTimeEq as _;

use crate::entropy;
use crate::sip::{ConnectionId, Flow, Transport};
use crate::text::{decode_base64url, encode_base64url};

/// Bytes of the MAC: HMAC-SHA-256 cut to 96 bits.
const MAC: usize = 12;
/// Bytes of the payload with the addresses at their shortest.
const SHORTEST: usize = 4 + 4 + 2 * (1 + 6 + 6);
/// Bytes of the payload with the addresses at their longest.
const LONGEST: usize = 4 + 4 + 2 * (1 + 18 + 18 + 8);

/// Fewer characters than any token has.
pub const SHORTEST_TOKEN: usize = (SHORTEST + MAC) * 4 / 3;

/// Which end of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Who sent the request that made the dialog.
    Caller,
    /// Who answered it.
    Called,
}

/// Where an end is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Over this flow.
    Flow(Flow),
    /// Over a connection of an earlier run of the server: no more (RFC 5626 s5.3.1: 430).
    Gone,
}

/// A token whose MAC is ours and meant for this Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteToken {
    caller_tag: u32,
    caller: Reached,
    called: Reached,
}

impl RouteToken {
    /// Whom a request with these tags is for: who sent it is the other one. `None`: it belongs to
    /// no dialog of this token's caller.
    #[must_use]
    pub fn end_for(&self, from_tag: &[u8], to_tag: &[u8]) -> Option<End> {
        if tag_mark(from_tag) == self.caller_tag {
            Some(End::Called)
        } else if tag_mark(to_tag) == self.caller_tag {
            Some(End::Caller)
        } else {
            None
        }
    }

    /// Where an end is reached.
    #[must_use]
    pub fn reached(&self, end: End) -> Reached {
        match end {
            End::Caller => self.caller,
            End::Called => self.called,
        }
    }
}

/// Signs tokens, and opens them again.
pub struct RouteTokens {
    mac: Hmac<Sha256>,
    boot: [u8; 4],
}

impl std::fmt::Debug for RouteTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteTokens").finish_non_exhaustive()
    }
}

impl RouteTokens {
    /// Tokens under a persisted `key`. Connections are told from those of other runs.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> RouteTokens {
        // A key as long as this fits HMAC's block; `new` of the trait takes a block exactly.
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        RouteTokens { mac: Hmac::new(&block.into()), boot: entropy::bytes() }
    }

    /// Appends the token for a dialog of this Call-ID and tag of the caller.
    pub fn sign(
        &self,
        call_id: &[u8],
        caller_tag: &[u8],
        caller: &Flow,
        called: &Flow,
        out: &mut Vec<u8>,
    ) {
        let mut raw: SmallVec<[u8; LONGEST + MAC]> = SmallVec::new();
        raw.extend_from_slice(&self.boot);
        raw.extend_from_slice(&tag_mark(caller_tag).to_be_bytes());
        write_flow(caller, &mut raw);
        write_flow(called, &mut raw);
        let mac = self.mac(&raw, call_id);
        raw.extend_from_slice(&mac);
        encode_base64url(&raw, out);
    }

    /// Reads a token. `None` unless it was signed here for this Call-ID.
    #[must_use]
    pub fn open(&self, text: &[u8], call_id: &[u8]) -> Option<RouteToken> {
        if text.len() < SHORTEST_TOKEN || text.len() > (LONGEST + MAC).div_ceil(3) * 4 {
            return None;
        }
        let mut raw: SmallVec<[u8; LONGEST + MAC]> = SmallVec::new();
        decode_base64url(text, &mut raw)?;
        let (payload, mac) = raw.split_at_checked(raw.len().checked_sub(MAC)?)?;
        if !bool::from(self.mac(payload, call_id).ct_eq(mac)) {
            return None;
        }
        let mut rest = payload;
        let same_run = take::<4>(&mut rest)? == self.boot;
        let caller_tag = u32::from_be_bytes(take(&mut rest)?);
        let caller = read_flow(&mut rest, same_run)?;
        let called = read_flow(&mut rest, same_run)?;
        rest.is_empty().then_some(RouteToken { caller_tag, caller, called })
    }

    fn mac(&self, payload: &[u8], call_id: &[u8]) -> [u8; MAC] {
        let mut mac = self.mac.clone();
        // The payload tells its own length.
        mac.update(payload);
        mac.update(call_id);
        let mut short = [0; MAC];
        short.copy_from_slice(&mac.finalize().into_bytes()[..MAC]);
        short
    }
}

/// FNV-1a: only tells two tags of one dialog apart; the MAC guards it.
fn tag_mark(tag: &[u8]) -> u32 {
    tag.iter().fold(0x811c_9dc5, |mark, byte| (mark ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

const V6_LOCAL: u8 = 8;
const V6_REMOTE: u8 = 16;
const CONNECTED: u8 = 32;

fn write_flow(flow: &Flow, out: &mut SmallVec<[u8; LONGEST + MAC]>) {
    let mut kind = match flow.transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
        Transport::Ws => 3,
        Transport::Wss => 4,
    };
    for (address, bit) in [(flow.local, V6_LOCAL), (flow.remote, V6_REMOTE)] {
        if address.is_ipv6() {
            kind |= bit;
        }
    }
    if flow.connection.is_some() {
        kind |= CONNECTED;
    }
    out.push(kind);
    for address in [flow.local, flow.remote] {
        match address.ip() {
            IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
        }
        out.extend_from_slice(&address.port().to_be_bytes());
    }
    if flow.connection.is_some() {
        out.extend_from_slice(&flow.connection.0.to_be_bytes());
    }
}

fn read_flow(bytes: &mut &[u8], same_run: bool) -> Option<Reached> {
    let [kind] = take(bytes)?;
    let transport = match kind & 7 {
        0 => Transport::Udp,
        1 => Transport::Tcp,
        2 => Transport::Tls,
        3 => Transport::Ws,
        4 => Transport::Wss,
        _ => return None,
    };
    let local = read_address(bytes, kind & V6_LOCAL != 0)?;
    let remote = read_address(bytes, kind & V6_REMOTE != 0)?;
    let mut connection = ConnectionId::NONE;
    if kind & CONNECTED != 0 {
        connection = ConnectionId(u64::from_be_bytes(take(bytes)?));
        if !same_run {
            return Some(Reached::Gone);
        }
    }
    Some(Reached::Flow(Flow { transport, local, remote, connection }))
}

fn read_address(bytes: &mut &[u8], v6: bool) -> Option<SocketAddr> {
    let ip = if v6 { IpAddr::from(take::<16>(bytes)?) } else { IpAddr::from(take::<4>(bytes)?) };
    Some(SocketAddr::new(ip, u16::from_be_bytes(take(bytes)?)))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
        let local = if remote.starts_with('[') { "[2001:db8::1]:5060" } else { "192.0.2.1:5060" };
        Flow {
            transport,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: ConnectionId(connection),
        }
    }

    fn signed(tokens: &RouteTokens, caller: &Flow, called: &Flow) -> Vec<u8> {
        let mut text = Vec::new();
        tokens.sign(b"call@host", b"ana", caller, called, &mut text);
        text
    }

    // RFC 5626 s5.2
    #[test]
    fn a_token_leads_each_end_to_the_other() {
        let tokens = RouteTokens::new(&KEY);
        let caller = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let called = flow(Transport::Wss, "[2001:db8::7]:443", 12);
        let text = signed(&tokens, &caller, &called);
        let token = tokens.open(&text, b"call@host").unwrap();
        assert_eq!(token.end_for(b"ana", b"bob"), Some(End::Called));
        assert_eq!(token.end_for(b"bob", b"ana"), Some(End::Caller));
        assert_eq!(token.end_for(b"bob", b"eva"), None);
        assert_eq!(token.reached(End::Caller), Reached::Flow(caller));
        assert_eq!(token.reached(End::Called), Reached::Flow(called));
    }

    // RFC 5626 s5.3.1: datagrams outlive a restart, connections do not.
    #[test]
    fn after_a_restart_only_connections_are_gone() {
        let caller = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let called = flow(Transport::Tcp, "192.0.2.8:40000", 12);
        let text = signed(&RouteTokens::new(&KEY), &caller, &called);
        let token = RouteTokens::new(&KEY).open(&text, b"call@host").unwrap();
        assert_eq!(token.reached(End::Caller), Reached::Flow(caller));
        assert_eq!(token.reached(End::Called), Reached::Gone);
    }

    // RFC 5626 s5.3.1: a token that was tampered with opens nothing.
    #[test]
    fn a_changed_token_another_call_or_another_key_opens_nothing() {
        let tokens = RouteTokens::new(&KEY);
        let end = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let text = signed(&tokens, &end, &end);
        assert_eq!(text.len().div_ceil(4), SHORTEST_TOKEN.div_ceil(4));
        assert!(tokens.open(&text, b"other@host").is_none());
        assert!(RouteTokens::new(&[8; 32]).open(&text, b"call@host").is_none());
        for place in 0..text.len() {
            let mut changed = text.clone();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(tokens.open(&changed, b"call@host").is_none(), "at {place}");
            assert!(tokens.open(&text[..place], b"call@host").is_none(), "up to {place}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_others_write_opens(text: Vec<u8>, call_id: Vec<u8>) {
            prop_assert!(RouteTokens::new(&KEY).open(&text, &call_id).is_none());
        }

        #[test]
        fn characters_of_a_token_do_not_make_one(text in "[A-Za-z0-9_-]{50,160}") {
            prop_assert!(RouteTokens::new(&KEY).open(text.as_bytes(), b"call@host").is_none());
        }
    }
}
