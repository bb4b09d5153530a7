//! Via (RFC 3261 s20.42, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use super::HeaderError;
use crate::sip::uri::{Host, parse_host, parse_port};
use crate::text::{self, Params};

/// One value of a Via header.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    transport: &'a [u8],
    sent_by: &'a [u8],
    host: Host<'a>,
    port: Option<u16>,
    params: &'a [u8],
}

impl<'a> Via<'a> {
    /// Parses one value.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Malformed`] if protocol, sent-by or parameters break the grammar. Any
    /// protocol version passes: its 505 has to find its way back.
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        let value = text::trim(value);
        let (_, rest) = token_before_slash(value)?;
        let (_, rest) = token_before_slash(rest)?;
        let rest = text::trim(rest);
        let end = rest.iter().position(|byte| !text::is_token_byte(*byte));
        let (transport, rest) = rest.split_at(end.ok_or(HeaderError::Malformed)?);
        if transport.is_empty() || !rest.first().is_some_and(|byte| text::is_lws(*byte)) {
            return Err(HeaderError::Malformed);
        }
        let rest = text::trim(rest);
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (sent_by, params) = (text::trim(&rest[..end]), &rest[end..]);
        let (host, port) = host_and_port(sent_by).ok_or(HeaderError::Malformed)?;
        if Params::after_semicolon(params).any(|param| param.is_err()) {
            return Err(HeaderError::Malformed);
        }
        Ok(Via { transport, sent_by, host, port, params })
    }

    /// The transport as it was written: `UDP`, `TCP`, …
    #[must_use]
    pub fn transport(&self) -> &'a [u8] {
        self.transport
    }

    /// Host and port as they were written.
    #[must_use]
    pub fn sent_by(&self) -> &'a [u8] {
        self.sent_by
    }

    /// The host of sent-by.
    #[must_use]
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port of sent-by, if one is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The value of a parameter without quotes: `Some(None)` for one without value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.params().find(|param| param.is(name)).map(|param| param.value())
    }

    /// The parameters in order.
    pub fn params(&self) -> impl Iterator<Item = text::Param<'a>> + use<'a> {
        Params::after_semicolon(self.params).flatten()
    }

    /// The branch.
    #[must_use]
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.param("branch").flatten()
    }

    /// Whether the branch names a transaction as RFC 3261 s8.1.1.7 wants it: the magic cookie and
    /// something behind it (RFC 4475 s3.2.1).
    #[must_use]
    pub fn has_magic_branch(&self) -> bool {
        self.branch().and_then(|branch| branch.get(..7).zip(branch.get(7..))).is_some_and(
            |(cookie, rest)| cookie.eq_ignore_ascii_case(b"z9hG4bK") && !rest.is_empty(),
        )
    }

    /// Where the request came from, as the next hop saw it. IPv6 with or without brackets
    /// (RFC 5118 s4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.param("received").flatten()?;
        let bare = value.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        std::str::from_utf8(bare.unwrap_or(value)).ok()?.parse().ok()
    }

    /// `rport` (RFC 3581): `Some(None)` asks for the port, `Some(Some(port))` tells it.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.param("rport").map(|value| value.and_then(parse_port))
    }

    /// `maddr`, as it was written.
    #[must_use]
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.param("maddr").flatten()
    }

    /// `ttl`.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        self.param("ttl").flatten().and_then(text::number).and_then(|ttl| u8::try_from(ttl).ok())
    }
}

/// Splits `token LWS / LWS` from the front.
fn token_before_slash(text: &[u8]) -> Result<(&[u8], &[u8]), HeaderError> {
    let slash = memchr::memchr(b'/', text).ok_or(HeaderError::Malformed)?;
    let token = text::trim(&text[..slash]);
    if !text::is_token(token) {
        return Err(HeaderError::Malformed);
    }
    Ok((token, &text[slash + 1..]))
}

/// `host [COLON port]`, with white space around the colon (RFC 3261 s25.1).
fn host_and_port(sent_by: &[u8]) -> Option<(Host<'_>, Option<u16>)> {
    let behind_host = match sent_by.first()? {
        b'[' => memchr::memchr(b']', sent_by)? + 1,
        _ => memchr::memchr(b':', sent_by).unwrap_or(sent_by.len()),
    };
    let host = parse_host(text::trim(&sent_by[..behind_host]))?;
    let rest = text::trim(&sent_by[behind_host..]);
    match rest.strip_prefix(b":") {
        Some(port) => Some((host, Some(parse_port(text::trim(port))?))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// Writes a Via value with the source of the request it came with: `received`, if the source is
/// not what sent-by says or `rport` asks (RFC 3261 s18.2.1, RFC 3581 s4), and the port in `rport`.
/// What the sender put there itself is replaced. Everything else stays as it was.
pub fn write_with_source(value: &[u8], source: SocketAddr, out: &mut Vec<u8>) {
    let Ok(via) = Via::parse(value) else {
        out.extend_from_slice(value);
        return;
    };
    let source_ip = source.ip().to_canonical();
    let named = match via.host {
        Host::V4(address) => Some(IpAddr::V4(address)),
        Host::V6(address) => Some(IpAddr::V6(address).to_canonical()),
        Host::Name(_) => None,
    };
    let wants_port = via.params().any(|param| param.is("rport"));
    let wants_address = wants_port || named != Some(source_ip);
    let value = text::trim(value);
    // The parameters are the tail of the trimmed value.
    let (head, params) = value.split_at(value.len() - via.params.len());
    out.extend_from_slice(text::trim(head));
    let mut port_written = false;
    for param in via.params() {
        let written = &params[param.start..param.end];
        if param.is("received") {
            continue;
        }
        if !param.is("rport") {
            out.push(b';');
            out.extend_from_slice(written);
        } else if !port_written {
            port_written = true;
            out.extend_from_slice(b";rport=");
            text::write_number(u64::from(source.port()), out);
        }
    }
    if wants_address {
        out.extend_from_slice(b";received=");
        write_ip(source_ip, out);
    }
}

fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    use std::io::Write;
    match ip {
        IpAddr::V4(ip) => {
            for (place, octet) in ip.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                text::write_number(u64::from(octet), out);
            }
        }
        // Writing to a Vec does not fail.
        IpAddr::V6(ip) => {
            let _ = write!(out, "{ip}");
        }
    }
}

/// Writes an address and its port, as `hostport` has them (RFC 3261 s25.1).
pub fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    let v6 = address.is_ipv6();
    out.extend_from_slice(if v6 { b"[" } else { b"" });
    write_ip(address.ip(), out);
    out.extend_from_slice(if v6 { b"]:" } else { b":" });
    text::write_number(u64::from(address.port()), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_source(value: &str, source: &str) -> String {
        let mut out = Vec::new();
        write_with_source(value.as_bytes(), source.parse().unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// RFC 3261 s20.42; RFC 4475 s3.1.1.1: white space wherever it is allowed.
    #[test]
    fn white_space_is_accepted_everywhere() {
        let via = Via::parse(
            b"SIP  / 2.0\r\n  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ",
        );
        let via = via.unwrap();
        assert_eq!(via.transport(), b"TCP");
        assert_eq!(via.sent_by(), b"spindle.example.com");
        assert_eq!(via.branch(), Some(&b"z9hG4bK9ikj8"[..]));
        let via = Via::parse(b"SIP/2.0/UDP first.example.com : 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bK-.!%66*_+`'~").unwrap();
        assert_eq!((via.port(), via.ttl()), (Some(4_000), Some(16)));
        assert_eq!(via.maddr(), Some(&b"224.2.0.1"[..]));
        assert!(via.has_magic_branch());
    }

    /// RFC 4475 s3.1.2.1, and other forms that are no Via.
    #[test]
    fn malformed_values_are_refused() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0 192.0.2.15",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP 192.0.2.15:",
            "SIP/2.0/UDP 192.0.2.15:99999",
            "SIP/2.0/UDP [::1",
            "//UDP h",
            "SIP/2.0/UDP [:::1]:5060;branch=z9hG4bK1",
            "SIP/2.0/UDP a b;branch=1",
            "SIP/2.0/UDP ;x=y",
        ] {
            assert!(Via::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    /// RFC 4475 s3.2.1: a cookie without identifier.
    #[test]
    fn a_cookie_alone_names_no_transaction() {
        let via = Via::parse(b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK").unwrap();
        assert!(!via.has_magic_branch());
        assert!(!Via::parse(b"SIP/2.0/UDP 192.0.2.1;branch=1").unwrap().has_magic_branch());
        assert!(!Via::parse(b"SIP/2.0/UDP 192.0.2.1").unwrap().has_magic_branch());
    }

    /// RFC 3581 s4.
    #[test]
    fn rport_is_filled_and_received_always_goes_with_it() {
        assert_eq!(
            with_source("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", "192.0.2.1:9988"),
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
        );
        assert_eq!(
            with_source("SIP/2.0/UDP 192.0.2.1:9988;branch=z9hG4bKa;rport", "192.0.2.1:9988"),
            "SIP/2.0/UDP 192.0.2.1:9988;branch=z9hG4bKa;rport=9988;received=192.0.2.1"
        );
    }

    /// RFC 3261 s18.2.1.
    #[test]
    fn received_is_added_when_sent_by_is_not_the_source() {
        let plain = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa";
        assert_eq!(with_source(plain, "192.0.2.1:5060"), plain);
        assert_eq!(with_source(plain, "[::ffff:192.0.2.1]:5060"), plain);
        assert_eq!(with_source(plain, "192.0.2.9:5060"), format!("{plain};received=192.0.2.9"));
        assert_eq!(
            with_source("SIP/2.0/UDP pc33.example.com ; branch=z9hG4bKa", "[2001:db8::9]:5060"),
            "SIP/2.0/UDP pc33.example.com;branch=z9hG4bKa;received=2001:db8::9"
        );
    }

    /// A sender cannot say itself where it was received from.
    #[test]
    fn a_forged_source_is_replaced() {
        assert_eq!(
            with_source(
                "SIP/2.0/UDP h;received=127.0.0.1;rport=1;branch=z9hG4bKa;rport=2",
                "192.0.2.1:99"
            ),
            "SIP/2.0/UDP h;rport=99;branch=z9hG4bKa;received=192.0.2.1"
        );
        assert_eq!(
            with_source("SIP/2.0/UDP 192.0.2.1;received=127.0.0.1", "192.0.2.1:99"),
            "SIP/2.0/UDP 192.0.2.1"
        );
    }

    /// RFC 5118 s4.5: both spellings of an IPv6 `received`.
    #[test]
    fn received_is_read_with_and_without_brackets() {
        for text in ["2001:db8::9:255", "[2001:db8::9:255]"] {
            let value =
                format!("SIP/2.0/UDP [2001:db8::9:1];received={text};branch=z9hG4bKas3-111");
            let via = Via::parse(value.as_bytes()).unwrap();
            assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_the_parser_panic(value: Vec<u8>, port: u16) {
            let _ = Via::parse(&value).map(|via| (via.received(), via.rport(), via.ttl()));
            write_with_source(&value, SocketAddr::from(([192, 0, 2, 1], port)), &mut Vec::new());
        }

        #[test]
        fn the_source_is_in_what_is_written(params in "(;(rport|received|branch|x)(=[a-z0-9.]{1,5})?){0,5}", port: u16) {
            let value = format!("SIP/2.0/UDP h.example{params}");
            let source = SocketAddr::from(([192, 0, 2, 1], port));
            let mut out = Vec::new();
            write_with_source(value.as_bytes(), source, &mut out);
            let via = Via::parse(&out).unwrap();
            proptest::prop_assert_eq!(via.received(), Some(source.ip()));
            let before = Via::parse(value.as_bytes()).unwrap();
            proptest::prop_assert_eq!(via.rport(), before.rport().map(|_| Some(port)));
            proptest::prop_assert_eq!(via.branch(), before.branch());
        }
    }
}
