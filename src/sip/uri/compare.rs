//! RFC 3261 s19.1.4: when two URIs are equivalent.

use super::{Uri, pieces};
use crate::text;

/// Parameters that must stand in both URIs or in neither. `transport` is not in the list of the
/// rules, but in their text and examples (`sip:bob@biloxi.com` and `…;transport=udp`).
const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

/// More parameters or headers than this nobody writes, and comparing them takes time by the square
/// of their number: such URIs are equivalent to themselves alone.
const MOST: usize = 64;

pub(super) fn equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    // Also if a parameter stands twice with two values, which would not agree with each other.
    if a.raw == b.raw {
        return true;
    }
    if !a.is_sip() || !b.is_sip() || has_many_pieces(a) || has_many_pieces(b) {
        return false;
    }
    a.scheme == b.scheme
        && a.port == b.port
        && a.host.same(&b.host)
        && same_part(a.user, b.user)
        && same_part(a.password, b.password)
        && TELLING.iter().all(|name| a.param(name).is_some() == b.param(name).is_some())
        && a.params().all(|(name, value)| agrees(name, value, b))
        && same_headers(a.headers, b.headers)
}

fn has_many_pieces(uri: &Uri<'_>) -> bool {
    uri.params().nth(MOST).is_some()
        || pieces(uri.headers.unwrap_or_default(), b'&').nth(MOST).is_some()
}

/// User and password mind case.
fn same_part(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || Octets(a).eq(Octets(b)),
        _ => false,
    }
}

/// Everything else does not.
fn same_text(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b) || Octets(a).map(fold).eq(Octets(b).map(fold))
}

fn fold((octet, reserved): (u8, bool)) -> (u8, bool) {
    (octet.to_ascii_lowercase(), reserved)
}

/// Whether a parameter of one URI is absent from the other or the same there.
fn agrees(name: &[u8], value: Option<&[u8]>, other: &Uri<'_>) -> bool {
    other
        .params()
        .filter(|(theirs, _)| same_text(theirs, name))
        .all(|(_, theirs)| same_value(theirs, value))
}

fn same_value(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => same_text(a, b),
        _ => false,
    }
}

/// Headers are never ignored; each must stand in both as often, in any order.
fn same_headers(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
    let count = |list, (name, value): (&[u8], Option<&[u8]>)| {
        pieces(list, b'&')
            .filter(|piece| same_text(piece.0, name) && same_value(piece.1, value))
            .count()
    };
    pieces(a, b'&').count() == pieces(b, b'&').count()
        && pieces(a, b'&').all(|header| count(a, header) == count(b, header))
}

/// The octets of a component. An escape is its octet, unless that is a reserved character: those
/// are marked, as `%2C` and `,` differ.
struct Octets<'a>(&'a [u8]);

impl Iterator for Octets<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        let (first, rest) = self.0.split_first()?;
        match text::escaped_octet(self.0) {
            Some(octet) => {
                self.0 = &self.0[3..];
                Some((octet, b";/?:@&=+$,".contains(&octet)))
            }
            None => {
                self.0 = rest;
                Some((*first, false))
            }
        }
    }
}
