//! What our Record-Route values carry: where the two ends of a dialog are reached, signed.
//!
//! A token is the user part of the URI that we put into Record-Route (RFC 5626 s5.2, RFC 3261
//! s16.6 step 4). It says over which flow the caller's end and the called end are reached, so that
//! a dialog needs no state here and survives a restart over datagrams. The MAC covers the Call-ID:
//! a token leads nowhere in another dialog. It covers the two names as well: who sends within the
//! dialog is not asked who he is, so he must speak as the one who began it, or was called, and as
//! nobody else (RFC 3261 s12.2.1.1: From and To keep their URIs). Which of the two ends a request is
//! for follows from its tags, not from where it came: a telephone behind a translator may change its
//! port.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smallvec::SmallVec;
use subtle::ConstantTimeEq as _;

use crate::entropy;
use crate::sip::header::Address;
use crate::sip::uri::Host;
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

/// One side of a dialog, as From or To names it.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// The tag; empty where there is none yet.
    pub tag: &'a [u8],
    /// The user of the URI.
    pub user: &'a [u8],
    /// The host of the URI.
    pub host: Host<'a>,
}

impl<'a> Party<'a> {
    /// The party of a From or To.
    #[must_use]
    pub fn of(address: &Address<'a>) -> Party<'a> {
        let uri = address.parsed_uri();
        Party {
            tag: address.tag().unwrap_or_default(),
            user: uri.user().unwrap_or_default(),
            host: uri.host(),
        }
    }
}

/// Where an end is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Over this flow.
    Flow(Flow),
    /// Over a connection of an earlier run of the server: no more (RFC 5626 s5.3.1: 430).
    Gone,
}

/// A token whose MAC is ours and meant for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteToken {
    end: End,
    caller: Reached,
    called: Reached,
}

impl RouteToken {
    /// Whom the request is for: who sent it is the other one.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// Where that end is reached.
    #[must_use]
    pub fn reached(&self) -> Reached {
        match self.end {
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

    /// Appends the token for the dialog of a request with this Call-ID, From and To, and the flows
    /// to both.
    pub fn sign(
        &self,
        call_id: &[u8],
        (from, caller): (&Party<'_>, &Flow),
        (to, called): (&Party<'_>, &Flow),
        out: &mut Vec<u8>,
    ) {
        let mut raw: SmallVec<[u8; LONGEST + MAC]> = SmallVec::new();
        raw.extend_from_slice(&self.boot);
        raw.extend_from_slice(&tag_mark(from.tag).to_be_bytes());
        write_flow(caller, &mut raw);
        write_flow(called, &mut raw);
        let mac = self.mac(&raw, call_id, from, to);
        raw.extend_from_slice(&mac);
        encode_base64url(&raw, out);
    }

    /// Reads a token. `None` unless it was signed here for a dialog with this Call-ID between these
    /// two, of whom one is sending.
    #[must_use]
    pub fn open(
        &self,
        text: &[u8],
        call_id: &[u8],
        from: &Party<'_>,
        to: &Party<'_>,
    ) -> Option<RouteToken> {
        if text.len() < SHORTEST_TOKEN || text.len() > (LONGEST + MAC).div_ceil(3) * 4 {
            return None;
        }
        let mut raw: SmallVec<[u8; LONGEST + MAC]> = SmallVec::new();
        decode_base64url(text, &mut raw)?;
        let (payload, mac) = raw.split_at_checked(raw.len().checked_sub(MAC)?)?;
        let mut rest = payload;
        let same_run = take::<4>(&mut rest)? == self.boot;
        let caller_tag = u32::from_be_bytes(take(&mut rest)?);
        let (end, caller, called) = if tag_mark(from.tag) == caller_tag {
            (End::Called, from, to)
        } else if tag_mark(to.tag) == caller_tag {
            (End::Caller, to, from)
        } else {
            return None;
        };
        if !bool::from(self.mac(payload, call_id, caller, called).ct_eq(mac)) {
            return None;
        }
        let caller = read_flow(&mut rest, same_run)?;
        let called = read_flow(&mut rest, same_run)?;
        rest.is_empty().then_some(RouteToken { end, caller, called })
    }

    fn mac(
        &self,
        payload: &[u8],
        call_id: &[u8],
        caller: &Party<'_>,
        called: &Party<'_>,
    ) -> [u8; MAC] {
        let mut mac = self.mac.clone();
        // The payload tells its own length, the rest does not.
        mac.update(payload);
        let mut put = |part: &[u8]| {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        };
        put(call_id);
        for party in [caller, called] {
            put(party.user);
            match party.host {
                Host::Name(name) => put(name),
                Host::V4(address) => put(&address.octets()),
                Host::V6(address) => put(&address.octets()),
            }
        }
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

    fn party(user: &'static str, tag: &'static str) -> Party<'static> {
        Party { tag: tag.as_bytes(), user: user.as_bytes(), host: Host::Name(b"campus.example") }
    }

    fn signed(tokens: &RouteTokens, caller: &Flow, called: &Flow) -> Vec<u8> {
        let mut text = Vec::new();
        let (from, to) = (party("ana", "a1"), party("bob", ""));
        tokens.sign(b"call@host", (&from, caller), (&to, called), &mut text);
        text
    }

    /// As ana would send it.
    fn opened(tokens: &RouteTokens, text: &[u8], call_id: &[u8]) -> Option<RouteToken> {
        tokens.open(text, call_id, &party("ana", "a1"), &party("bob", "b1"))
    }

    // RFC 5626 s5.2
    #[test]
    fn a_token_leads_each_end_to_the_other() {
        let tokens = RouteTokens::new(&KEY);
        let caller = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let called = flow(Transport::Wss, "[2001:db8::7]:443", 12);
        let text = signed(&tokens, &caller, &called);
        let (ana, bob) = (party("ana", "a1"), party("bob", "b1"));
        let of_ana = tokens.open(&text, b"call@host", &ana, &bob).unwrap();
        assert_eq!((of_ana.end(), of_ana.reached()), (End::Called, Reached::Flow(called)));
        let of_bob = tokens.open(&text, b"call@host", &bob, &ana).unwrap();
        assert_eq!((of_bob.end(), of_bob.reached()), (End::Caller, Reached::Flow(caller)));
        assert_eq!(tokens.open(&text, b"call@host", &bob, &party("ana", "a2")), None);
    }

    // RFC 3261 s12.2.1.1; T05: nobody speaks for somebody else, with a token as little as without.
    #[test]
    fn a_token_opens_for_the_two_names_of_its_dialog_alone() {
        let tokens = RouteTokens::new(&KEY);
        let end = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let text = signed(&tokens, &end, &end);
        let (ana, bob) = (party("ana", "a1"), party("bob", "b1"));
        let elsewhere = Party { host: Host::Name(b"other.example"), ..ana };
        for (from, to) in [
            (party("dean", "a1"), bob),
            (ana, party("dean", "b1")),
            (party("dean", "b1"), ana),
            (bob, party("dean", "a1")),
            (party("bob", "a1"), party("ana", "b1")),
            (elsewhere, bob),
            (party("anab", "a1"), party("ob", "b1")),
        ] {
            assert_eq!(tokens.open(&text, b"call@host", &from, &to), None, "{from:?} {to:?}");
        }
    }

    // RFC 5626 s5.3.1: datagrams outlive a restart, connections do not.
    #[test]
    fn after_a_restart_only_connections_are_gone() {
        let caller = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let called = flow(Transport::Tcp, "192.0.2.8:40000", 12);
        let text = signed(&RouteTokens::new(&KEY), &caller, &called);
        let after = RouteTokens::new(&KEY);
        let (ana, bob) = (party("ana", "a1"), party("bob", "b1"));
        let to_ana = after.open(&text, b"call@host", &bob, &ana).unwrap();
        assert_eq!(to_ana.reached(), Reached::Flow(caller));
        let to_bob = after.open(&text, b"call@host", &ana, &bob).unwrap();
        assert_eq!(to_bob.reached(), Reached::Gone);
    }

    // RFC 5626 s5.3.1: a token that was tampered with opens nothing.
    #[test]
    fn a_changed_token_another_call_or_another_key_opens_nothing() {
        let tokens = RouteTokens::new(&KEY);
        let end = flow(Transport::Udp, "192.0.2.7:40000", 0);
        let text = signed(&tokens, &end, &end);
        assert_eq!(text.len().div_ceil(4), SHORTEST_TOKEN.div_ceil(4));
        assert!(opened(&tokens, &text, b"other@host").is_none());
        assert!(opened(&RouteTokens::new(&[8; 32]), &text, b"call@host").is_none());
        for place in 0..text.len() {
            let mut changed = text.clone();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(opened(&tokens, &changed, b"call@host").is_none(), "at {place}");
            assert!(opened(&tokens, &text[..place], b"call@host").is_none(), "up to {place}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_others_write_opens(text: Vec<u8>, call_id: Vec<u8>) {
            prop_assert!(opened(&RouteTokens::new(&KEY), &text, &call_id).is_none());
        }

        #[test]
        fn characters_of_a_token_do_not_make_one(text in "[A-Za-z0-9_-]{50,160}") {
            prop_assert!(opened(&RouteTokens::new(&KEY), text.as_bytes(), b"call@host").is_none());
        }
    }
}
