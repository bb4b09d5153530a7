//! Small grammars that SIP and its neighbours share (RFC 3261 s25.1): tokens, linear white
//! space, quoted strings, lists, parameters, escapes. All work on bytes and borrow from them.

mod base64;
pub mod visible;

use std::borrow::Cow;

pub use base64::{decode_base64url, encode_base64url};

/// Bytes that belong to a `token` (RFC 3261 s25.1).
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
            | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        byte += 1;
    }
    table
};

/// Writes a number in decimal digits, without allocating.
pub fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether a byte may stand in a `token`.
#[inline]
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether the text is a `token`: not empty, nothing but token bytes.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// Whether a byte is linear white space inside a header value; a fold's CR and LF count.
#[inline]
#[must_use]
pub fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The text without linear white space at its ends.
#[inline]
#[must_use]
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_lws(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_lws(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// A decimal number of digits only. Values beyond `u32::MAX` saturate (RFC 4475 s3.1.2.4: an
/// overlarge number must do no harm).
#[must_use]
pub fn saturating_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value.saturating_mul(10).saturating_add(u32::from(byte - b'0')))
    })
}

/// A decimal number of digits only that fits; leading zeros are fine (RFC 4475 s3.1.1.1).
#[must_use]
pub fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        value.checked_mul(10)?.checked_add(u32::from(byte - b'0'))
    })
}

/// Where the quoted string that begins at `text[0]` ends: the index behind its closing quote.
#[must_use]
pub fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        let step = memchr::memchr2(b'"', b'\\', rest)?;
        if rest[step] == b'"' {
            return Some(at + step + 1);
        }
        at += step + 2;
    }
}

/// The content of a quoted string with its escapes resolved; text without quotes as it is.
#[must_use]
pub fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = inside_quotes(text) else { return Cow::Borrowed(text) };
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            other => plain.push(*other),
        }
    }
    Cow::Owned(plain)
}

/// What stands between the quotes of a quoted string, escapes untouched.
#[must_use]
pub fn inside_quotes(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"', inner @ .., b'"'] => Some(inner),
        _ => None,
    }
}

/// The end of the first element of a list: the index of the separator, or the length. Separators
/// in quoted strings and between `<` and `>` do not count; what is never closed reaches the end.
#[must_use]
pub fn element_end(text: &[u8], separator: u8) -> usize {
    // Most values hold neither quotes nor brackets before their first separator.
    let Some(first) = memchr::memchr3(separator, b'"', b'<', text) else { return text.len() };
    let mut at = first;
    while let Some(byte) = text.get(at) {
        match *byte {
            b'"' => match quoted_end(&text[at..]) {
                Some(length) => at += length,
                None => return text.len(),
            },
            b'<' => match memchr::memchr(b'>', &text[at..]) {
                Some(length) => at += length + 1,
                None => return text.len(),
            },
            byte if byte == separator => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// The elements of a list, trimmed. An empty list has none; an empty element between two
/// separators is yielded, so that whoever parses it can refuse it.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

/// Splits a header value at its commas.
#[must_use]
pub fn commas(text: &[u8]) -> Elements<'_> {
    let text = trim(text);
    Elements { rest: (!text.is_empty()).then_some(text), separator: b',' }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = element_end(rest, self.separator);
        self.rest = rest.get(end + 1..);
        Some(trim(&rest[..end]))
    }
}

/// One parameter of a header value or of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name, a token as it was written.
    pub name: &'a [u8],
    /// Its value as it was written, quotes included; `None` if there is no `=`.
    pub raw: Option<&'a [u8]>,
    /// Where the parameter ends in the text that was parsed: behind its value.
    pub end: usize,
    /// Where its name begins.
    pub start: usize,
}

impl<'a> Param<'a> {
    /// The value without quotes; escapes inside a quoted value stay (see [`unquote`]).
    #[must_use]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.raw.map(|raw| inside_quotes(raw).unwrap_or(raw))
    }

    /// Whether the parameter has this name; names do not mind case (RFC 3261 s7.3.1).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// A parameter that is not `name`, `name=value` or `name="value"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed parameter")]
pub struct BadParam;

/// Parameters of a header value: `;name=value;flag`, or `name=value, name="value"` for
/// credentials. After the first error nothing more comes.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    text: &'a [u8],
    at: usize,
    separator: u8,
    done: bool,
}

impl<'a> Params<'a> {
    /// Parameters of which each is led in by a `;`, as they follow an address or a Via's sent-by.
    #[must_use]
    pub fn after_semicolon(text: &'a [u8]) -> Self {
        Params { text, at: 0, separator: b';', done: false }
    }

    fn skip_lws(&mut self) {
        while self.text.get(self.at).is_some_and(|byte| is_lws(*byte)) {
            self.at += 1;
        }
    }

    fn one(&mut self) -> Result<Param<'a>, BadParam> {
        if self.text[self.at] != self.separator {
            return Err(BadParam);
        }
        self.at += 1;
        self.skip_lws();
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| is_token_byte(*byte)) {
            self.at += 1;
        }
        let name = &self.text[start..self.at];
        if name.is_empty() {
            return Err(BadParam);
        }
        let mut end = self.at;
        self.skip_lws();
        let mut raw = None;
        if self.text.get(self.at) == Some(&b'=') {
            self.at += 1;
            self.skip_lws();
            let rest = &self.text[self.at..];
            let length = if rest.first() == Some(&b'"') {
                quoted_end(rest).ok_or(BadParam)?
            } else {
                rest.iter().position(|byte| !is_value_byte(*byte)).unwrap_or(rest.len())
            };
            if length == 0 {
                return Err(BadParam);
            }
            raw = Some(&rest[..length]);
            self.at += length;
            end = self.at;
            self.skip_lws();
        }
        Ok(Param { name, raw, end, start })
    }
}

/// Bytes of an unquoted parameter value. The grammar has tokens and hosts; clients also write
/// slashes, colons and the like, which are harmless and pass.
fn is_value_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !matches!(byte, b';' | b',' | b'"' | b'<' | b'>')
}

impl<'a> Iterator for Params<'a> {
    type Item = Result<Param<'a>, BadParam>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        self.skip_lws();
        if self.at >= self.text.len() {
            self.done = true;
            return None;
        }
        let param = self.one();
        self.done = param.is_err();
        Some(param)
    }
}

/// The value of the auth-param `name` in credentials or a challenge (`Digest realm="x", …`),
/// without quotes (RFC 3261 s25.1, RFC 7235 s2.1).
#[must_use]
pub fn auth_param<'a>(credentials: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let credentials = trim(credentials);
    let scheme = credentials.iter().position(|byte| is_lws(*byte))?;
    commas(&credentials[scheme..]).find_map(|pair| {
        let equals = memchr::memchr(b'=', pair)?;
        let value = trim(&pair[equals + 1..]);
        trim(&pair[..equals])
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| inside_quotes(value).unwrap_or(value))
    })
}

/// The value of a hexadecimal digit.
#[must_use]
pub fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The octet that `%XX` at the beginning of `text` stands for.
#[must_use]
pub fn escaped_octet(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    }
}

/// Resolves every `%XX`, once (RFC 3986 s2.4: never recursively). A `%` that escapes nothing stays.
#[must_use]
pub fn percent_decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        match escaped_octet(rest) {
            Some(octet) => {
                plain.push(octet);
                rest = &rest[3..];
            }
            None => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
