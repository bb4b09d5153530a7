//! `name-addr` and `addr-spec` with their parameters: From, To, Contact, Route and their like
//! (RFC 3261 s20.10, s25.1).

use std::borrow::Cow;

use super::HeaderError;
use crate::sip::uri::Uri;
use crate::text::{self, Params};

/// One address of a header field.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    display: &'a [u8],
    uri: Uri<'a>,
    params: &'a [u8],
    bracketed: bool,
}

impl<'a> Address<'a> {
    /// Parses one value. The URI and the parameters are checked as well, so that nothing later
    /// meets a malformed one.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if the value is not `[display-name] <URI>` or a URI, with parameters.
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        let value = text::trim(value);
        let (display, rest) = split_display(value)?;
        if let Some(inside) = rest.strip_prefix(b"<") {
            let end = memchr::memchr(b'>', inside).ok_or(HeaderError::Malformed)?;
            let uri = Uri::parse(&inside[..end])?;
            let params = &inside[end + 1..];
            check_params(params)?;
            return Ok(Address { display, uri, params, bracketed: true });
        }
        // Without brackets everything behind the first `;` is a header parameter, and the URI may
        // hold no comma or question mark (s20.10).
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (uri, params) = rest.split_at(end);
        let uri = text::trim(uri);
        if memchr::memchr2(b',', b'?', uri).is_some() || memchr::memchr(b'@', params).is_some() {
            return Err(HeaderError::Malformed);
        }
        let uri = Uri::parse(uri)?;
        check_params(params)?;
        Ok(Address { display: b"", uri, params, bracketed: false })
    }

    /// The URI as it was written, without brackets.
    #[must_use]
    pub fn uri(&self) -> &'a [u8] {
        self.uri.raw()
    }

    /// The URI.
    #[must_use]
    pub fn parsed_uri(&self) -> Uri<'a> {
        self.uri
    }

    /// The display name as it was written, with its quotes; empty if there is none.
    #[must_use]
    pub fn display_raw(&self) -> &'a [u8] {
        self.display
    }

    /// The display name without quotes and escapes.
    #[must_use]
    pub fn display(&self) -> Option<Cow<'a, str>> {
        if self.display.is_empty() {
            return None;
        }
        Some(match text::unquote(self.display) {
            Cow::Borrowed(plain) => String::from_utf8_lossy(plain),
            Cow::Owned(plain) => Cow::Owned(String::from_utf8_lossy(&plain).into_owned()),
        })
    }

    /// Whether the URI stood in angle brackets.
    #[must_use]
    pub fn is_bracketed(&self) -> bool {
        self.bracketed
    }

    /// The header parameters as they were written, from their first `;` on.
    #[must_use]
    pub fn params_raw(&self) -> &'a [u8] {
        self.params
    }

    /// The header parameters in order.
    pub fn params(&self) -> impl Iterator<Item = text::Param<'a>> + use<'a> {
        Params::after_semicolon(self.params).flatten()
    }

    /// The value of a header parameter without quotes: `Some(None)` for one without value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&'a [u8]>> {
        if self.params.is_empty() {
            return None;
        }
        self.params().find(|param| param.is(name)).map(|param| param.value())
    }

    /// The tag (RFC 3261 s19.3).
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.param("tag").flatten()
    }
}

fn check_params(params: &[u8]) -> Result<(), HeaderError> {
    if Params::after_semicolon(params).all(|param| param.is_ok()) {
        Ok(())
    } else {
        Err(HeaderError::Malformed)
    }
}

/// Splits a display name from what follows: a quoted string, or tokens up to a `<`. Tokens may
/// touch the `<` (RFC 4475 s3.1.1.6), and characters outside ASCII pass unquoted.
fn split_display(value: &[u8]) -> Result<(&[u8], &[u8]), HeaderError> {
    if value.first() == Some(&b'"') {
        let end = text::quoted_end(value).ok_or(HeaderError::Malformed)?;
        let rest = text::trim(&value[end..]);
        if rest.first() != Some(&b'<') {
            return Err(HeaderError::Malformed);
        }
        return Ok((&value[..end], rest));
    }
    let Some(open) = memchr::memchr2(b'<', b'"', value) else { return Ok((b"", value)) };
    let display = &value[..open];
    if value[open] == b'"' || memchr::memchr(b';', display).is_some() {
        // A quote or bracket among the parameters of an address without brackets.
        return Ok((b"", value));
    }
    let is_tokens = display
        .iter()
        .all(|byte| text::is_token_byte(*byte) || text::is_lws(*byte) || *byte >= 0x80);
    if is_tokens { Ok((text::trim(display), &value[open..])) } else { Err(HeaderError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Address<'_> {
        Address::parse(value.as_bytes()).unwrap()
    }

    /// RFC 3261 s20.10, s25.1: `name-addr`.
    #[test]
    fn quoted_display_names_may_hold_brackets_commas_and_escapes() {
        let address = parse(r#""a <sip:x@y>, \"b\" \\" <sip:real@example.net;lr>;tag=1"#);
        assert_eq!(address.display().unwrap(), r#"a <sip:x@y>, "b" \"#);
        assert_eq!(address.uri(), b"sip:real@example.net;lr");
        assert_eq!(address.tag(), Some(&b"1"[..]));
        assert_eq!(address.param("lr"), None);
    }

    /// RFC 3261 s20.10: without brackets parameters belong to the header.
    #[test]
    fn parameters_without_brackets_belong_to_the_header() {
        let address = parse("sip:+19725552222@gw1.example.net;unknownparam");
        assert_eq!(address.uri(), b"sip:+19725552222@gw1.example.net");
        assert_eq!(address.param("unknownparam"), Some(None));
        let address = parse("<sip:+19725552222@gw1.example.net;unknownparam>");
        assert_eq!(address.param("unknownparam"), None);
        assert_eq!(address.parsed_uri().param("unknownparam"), Some(None));
    }

    /// RFC 4475 s3.1.1.1, s3.1.1.6.
    #[test]
    fn folds_and_touching_brackets_are_accepted() {
        let address = parse("caller<sip:caller@example.com>;tag=323");
        assert_eq!(address.display().unwrap(), "caller");
        let address = parse("\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n");
        assert_eq!(address.uri(), b"sip:vivekg@chair-dnrc.example.com");
        assert_eq!(address.tag(), Some(&b"1918181833n"[..]));
        let address = parse("\"J \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98");
        assert_eq!(address.display().unwrap(), "J \\\"");
        assert_eq!(address.tag(), Some(&b"98"[..]));
    }

    #[test]
    fn names_outside_ascii_pass_without_quotes() {
        assert_eq!(parse("José Silva <sip:jose@example.pt>").display().unwrap(), "José Silva");
        let latin1 = Address::parse(b"\"Jos\xe9\" <sip:j@example.pt>").unwrap();
        assert_eq!(latin1.display().unwrap(), "Jos\u{fffd}");
    }

    /// RFC 4475 s3.1.2.6, s3.1.2.13 to s3.1.2.15.
    #[test]
    fn broken_addresses_are_refused() {
        for bad in [
            "",
            "\"Mr. J. User <sip:j.user@example.com>",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "\"Watson, Thomas\" < sip:t.watson@example.org >",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "\"Joe\" <sip:joe@example.org>;;;;",
            "\"Joe\" sip:joe@example.org",
            "<sip:joe@example.org",
            "<sip:joe@example.org>x",
            "<sip:joe@example.org>, <sip:jim@example.org>",
            "<joe@example.org>",
            "sip:alice;x@evil.example",
            "sip:alice;x=1@evil.example",
            "sip:a,b@example.org",
            "sip:a@example.org;x=<sip:b@example.org>",
        ] {
            assert!(Address::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    /// RFC 4475 s3.3.4: other schemes are well-formed addresses.
    #[test]
    fn other_schemes_are_addresses() {
        assert_eq!(parse("isbn:2983792873").uri(), b"isbn:2983792873");
        assert_eq!(parse("<http://www.example.com>;tag=3234233").tag(), Some(&b"3234233"[..]));
        assert_eq!(parse("<name:John_Smith>").uri(), b"name:John_Smith");
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_the_parser_panic(value: Vec<u8>) {
            if let Ok(address) = Address::parse(&value) {
                let _ = (address.display(), address.tag(), address.params().count());
            }
        }

        #[test]
        fn near_addresses_do_not_make_the_parser_panic(value in "[\"<>\\\\;=,@:sip \r\n.a1]{0,40}") {
            if let Ok(address) = Address::parse(value.as_bytes()) {
                proptest::prop_assert!(Uri::parse(address.uri()).is_ok());
            }
        }
    }
}
