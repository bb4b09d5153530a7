//! URIs as SIP carries them (RFC 3261 s19.1, RFC 3966 for `tel`).

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use memchr::{memchr, memchr2, memrchr};

mod compare;

use crate::text;

/// Why bytes are no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No scheme, or one that is no scheme.
    #[error("no URI scheme")]
    Scheme,
    /// A user part that is empty or holds what it must not.
    #[error("malformed user part")]
    User,
    /// A host that is neither a name nor an address, or an impossible port.
    #[error("malformed host")]
    Host,
    /// Malformed URI parameters or headers, or bytes that no URI holds.
    #[error("malformed URI")]
    Rest,
}

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other, as it was written.
    Other(&'a [u8]),
}

/// The host of a URI or of a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name; empty for URIs that have no host.
    Name(&'a [u8]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 reference, written in brackets.
    V6(Ipv6Addr),
}

impl Host<'_> {
    /// Whether both are the same host; names do not mind case, addresses are compared as such.
    #[must_use]
    pub fn same(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::V4(a), Host::V4(b)) => a == b,
            (Host::V6(a), Host::V6(b)) => a == b,
            _ => false,
        }
    }
}

/// A parsed URI; borrows from the bytes it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    raw: &'a [u8],
    scheme: Scheme<'a>,
    user: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    host: Host<'a>,
    host_text: &'a [u8],
    port: Option<u16>,
    params: &'a [u8],
    headers: Option<&'a [u8]>,
}

impl<'a> Uri<'a> {
    /// Parses a whole URI. Bytes outside ASCII pass in the user part, where clients put them;
    /// white space, control characters, quotes and angle brackets pass nowhere.
    ///
    /// # Errors
    ///
    /// [`UriError`] for what is no URI, or a `sip`, `sips` or `tel` URI that breaks their grammar.
    pub fn parse(raw: &'a [u8]) -> Result<Self, UriError> {
        let colon = memchr(b':', raw).ok_or(UriError::Scheme)?;
        let (scheme, rest) = (&raw[..colon], &raw[colon + 1..]);
        let blank = Uri {
            raw,
            scheme: Scheme::Sip,
            user: None,
            password: None,
            host: Host::Name(b""),
            host_text: b"",
            port: None,
            params: b"",
            headers: None,
        };
        if scheme.eq_ignore_ascii_case(b"sip") {
            blank.sip(rest)
        } else if scheme.eq_ignore_ascii_case(b"sips") {
            Uri { scheme: Scheme::Sips, ..blank }.sip(rest)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            Uri { scheme: Scheme::Tel, ..blank }.tel(rest)
        } else {
            let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
                && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
            if !is_scheme {
                return Err(UriError::Scheme);
            }
            if rest.is_empty() || !rest.iter().all(|byte| is_uri_byte(*byte)) {
                return Err(UriError::Rest);
            }
            Ok(Uri { scheme: Scheme::Other(scheme), ..blank })
        }
    }

    fn sip(mut self, rest: &'a [u8]) -> Result<Self, UriError> {
        // `@` stands nowhere but behind the user part, so `;`, `?` and `/` before it belong to
        // the user (RFC 4475 s3.1.1.9). A second one would be read differently by others.
        let rest = match memrchr(b'@', rest) {
            None => rest,
            Some(at) => {
                self.user_and_password(&rest[..at])?;
                &rest[at + 1..]
            }
        };
        let rest = self.host_and_port(rest)?;
        let (params, headers) = match memchr(b'?', rest) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        if !params_are_well_formed(params) || !headers.is_none_or(headers_are_well_formed) {
            return Err(UriError::Rest);
        }
        Ok(Uri { params, headers, ..self })
    }

    fn user_and_password(&mut self, userinfo: &'a [u8]) -> Result<(), UriError> {
        let user = match memchr(b':', userinfo) {
            Some(at) => {
                self.password = Some(&userinfo[at + 1..]);
                &userinfo[..at]
            }
            None => userinfo,
        };
        if user.is_empty() {
            return Err(UriError::User);
        }
        self.user = Some(user);
        if userinfo.iter().all(|byte| USER[*byte as usize]) && escapes_are_whole(userinfo) {
            Ok(())
        } else {
            Err(UriError::User)
        }
    }

    /// Takes host and port from the front of `text`; gives back what follows.
    fn host_and_port(&mut self, text: &'a [u8]) -> Result<&'a [u8], UriError> {
        let end = match text.first() {
            Some(b'[') => memchr(b']', text).ok_or(UriError::Host)? + 1,
            _ => text.iter().position(|b| matches!(b, b':' | b';' | b'?')).unwrap_or(text.len()),
        };
        self.host_text = &text[..end];
        self.host = parse_host(self.host_text).ok_or(UriError::Host)?;
        let rest = &text[end..];
        match rest.first() {
            None | Some(b';' | b'?') => Ok(rest),
            Some(b':') => {
                let end = memchr2(b';', b'?', rest).unwrap_or(rest.len());
                self.port = Some(parse_port(&rest[1..end]).ok_or(UriError::Host)?);
                Ok(&rest[end..])
            }
            Some(_) => Err(UriError::Host),
        }
    }

    /// RFC 3966 s3: a number, then parameters.
    fn tel(mut self, rest: &'a [u8]) -> Result<Self, UriError> {
        let end = memchr(b';', rest).unwrap_or(rest.len());
        let (number, params) = rest.split_at(end);
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        let is_number = digits.iter().any(|b| b.is_ascii_hexdigit() || b"*#".contains(b))
            && digits.iter().all(|b| b.is_ascii_hexdigit() || b"*#-.()".contains(b));
        if !is_number {
            return Err(UriError::User);
        }
        if !params_are_well_formed(params) {
            return Err(UriError::Rest);
        }
        self.user = Some(number);
        Ok(Uri { params, ..self })
    }

    /// The URI as it was written.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme<'a> {
        self.scheme
    }

    /// Whether the scheme is `sip` or `sips`.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// Whether the scheme is `sips`.
    #[must_use]
    pub fn is_sips(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// Whether the scheme is `tel`.
    #[must_use]
    pub fn is_tel(&self) -> bool {
        self.scheme == Scheme::Tel
    }

    /// The user part as it was written, without password; the number of a `tel` URI.
    #[must_use]
    pub fn user(&self) -> Option<&'a [u8]> {
        self.user
    }

    /// The password, which nobody should send (RFC 3261 s19.1.1).
    #[must_use]
    pub fn password(&self) -> Option<&'a [u8]> {
        self.password
    }

    /// The user part with its escapes resolved once. If the octets make no UTF-8 they are escaped,
    /// all of them, so that two such user parts never decode to one text.
    #[must_use]
    pub fn user_decoded(&self) -> Option<Cow<'a, str>> {
        let user = self.user?;
        Some(match text::percent_decode(user) {
            Cow::Borrowed(plain) => match std::str::from_utf8(plain) {
                Ok(plain) => Cow::Borrowed(plain),
                Err(_) => Cow::Owned(escaped(user)),
            },
            Cow::Owned(plain) => {
                String::from_utf8(plain).map_or_else(|_| Cow::Owned(escaped(user)), Cow::Owned)
            }
        })
    }

    /// The host; an empty name if the scheme has none.
    #[must_use]
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The host as it was written, an IPv6 reference with its brackets.
    #[must_use]
    pub fn host_text(&self) -> &'a [u8] {
        self.host_text
    }

    /// The port, if one is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters in order, names and values as they were written.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone + use<'a> {
        pieces(self.params.get(1..).unwrap_or_default(), b';')
    }

    /// The value of a parameter as it was written: `Some(None)` for one without value. Names do
    /// not mind case and may be escaped (RFC 4475 s3.1.1.3).
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&'a [u8]>> {
        if self.params.is_empty() {
            return None;
        }
        self.params().find_map(|(written, value)| {
            text::percent_decode(written).eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        })
    }

    /// What stands behind the `?`, if anything does.
    #[must_use]
    pub fn headers(&self) -> Option<&'a [u8]> {
        self.headers
    }

    /// RFC 3261 s19.1.4; URIs of other schemes are equivalent if they are the same bytes.
    #[must_use]
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        compare::equivalent(self, other)
    }

    /// `user@host` in lower case with the escapes of unreserved characters resolved, which two
    /// spellings of one address-of-record share (RFC 3261 s10.3 step 5, with names that do not
    /// mind case). `None` without user or for other schemes.
    #[must_use]
    pub fn canonical_aor(&self) -> Option<String> {
        if !self.is_sip() {
            return None;
        }
        let mut aor = Vec::with_capacity(self.raw.len());
        let mut rest = self.user?;
        while let [first, tail @ ..] = rest {
            match text::escaped_octet(rest) {
                Some(octet) if is_unreserved(octet) => {
                    aor.push(octet);
                    rest = &rest[3..];
                }
                _ => {
                    aor.push(*first);
                    rest = tail;
                }
            }
        }
        aor.push(b'@');
        aor.extend_from_slice(self.host_text);
        aor.make_ascii_lowercase();
        Some(String::from_utf8_lossy(&aor).to_lowercase())
    }
}

/// Parses a host: an IPv6 reference in brackets, an IPv4 address, or a name whose last label is
/// no number (RFC 3261 s25.1; underscores pass, as names of containers have them).
#[must_use]
pub fn parse_host(text: &[u8]) -> Option<Host<'_>> {
    if let [b'[', inner @ .., b']'] = text {
        // RFC 5118 s4.1, s4.10: the address itself is held to RFC 4291's forms.
        return std::str::from_utf8(inner).ok()?.parse().ok().map(Host::V6);
    }
    if text.is_empty() || text.len() > 255 {
        return None;
    }
    let name = text.strip_suffix(b".").unwrap_or(text);
    let mut label = 0;
    let mut digits_only = true;
    for byte in name {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => (label, digits_only) = (0, true),
            b'0'..=b'9' => label += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => (label, digits_only) = (label + 1, false),
            _ => return None,
        }
    }
    if label == 0 {
        return None;
    }
    if digits_only {
        // Only four decimal numbers are an address; nothing else may end in a number.
        return std::str::from_utf8(text).ok()?.parse().ok().map(Host::V4);
    }
    Some(Host::Name(text))
}

/// Parses a port: one to five digits.
#[must_use]
pub fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 {
        return None;
    }
    text::number(digits).and_then(|number| u16::try_from(number).ok())
}

/// Bytes of a user part and password: `unreserved`, `escaped`, `user-unreserved`, and, because
/// clients send them, `#`, `^` and everything outside ASCII.
static USER: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
            | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
            | b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b'%' | b':'
            | b'#' | b'^' | 0x80..);
        byte += 1;
    }
    table
};

/// The text with `%XX` for what is outside ASCII.
fn escaped(text: &[u8]) -> String {
    use std::fmt::Write;
    text.iter().fold(String::with_capacity(text.len() + 8), |mut out, byte| {
        // Writing to a String does not fail.
        let _ = match byte {
            0x80.. => write!(out, "%{byte:02X}"),
            _ => out.write_char(char::from(*byte)),
        };
        out
    })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

fn is_uri_byte(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f && !matches!(byte, b'"' | b'<' | b'>' | b'\\')
}

fn escapes_are_whole(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| text::escaped_octet(&text[at..]).is_some())
}

fn params_are_well_formed(params: &[u8]) -> bool {
    let Some(list) = params.strip_prefix(b";") else { return params.is_empty() };
    list.iter().all(|byte| is_uri_byte(*byte) && *byte != b'@')
        && escapes_are_whole(list)
        && pieces(list, b';').all(|(name, value)| !name.is_empty() && value != Some(b""))
}

fn headers_are_well_formed(headers: &[u8]) -> bool {
    headers.iter().all(|byte| is_uri_byte(*byte))
        && escapes_are_whole(headers)
        && pieces(headers, b'&').all(|(name, value)| !name.is_empty() && value.is_some())
}

/// `name=value` pieces between separators.
fn pieces(list: &[u8], separator: u8) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> + Clone {
    list.split(move |byte| *byte == separator).filter(move |_| !list.is_empty()).map(|piece| {
        match memchr(b'=', piece) {
            Some(equals) => (&piece[..equals], Some(&piece[equals + 1..])),
            None => (piece, None),
        }
    })
}

#[cfg(test)]
mod tests;
