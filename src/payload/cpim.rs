//! CPIM, the common message format (RFC 3862): an envelope of headers around a MIME part.
//!
//! ```text
//!   From: Alice <im:alice@campus.example>        message headers, each in a namespace
//!   NS: imdn <urn:ietf:params:imdn>              what the prefix "imdn." stands for from here on
//!   imdn.Message-ID: 34jk324j
//!                                                an empty line
//!   Content-type: text/plain                     headers of the part
//!                                                an empty line
//!   Hello                                        its bytes
//! ```
//!
//! Reading is lenient where the field is (bare line feeds, names in any case), writing is strict.

use std::borrow::Cow;

/// The namespace of headers without a prefix (s4).
pub const CPIM: &str = "urn:ietf:params:cpim-headers:";

/// Bytes of all headers, of both blocks.
const MOST_BYTES: usize = 16 * 1024;

/// Headers of both blocks.
const MOST_HEADERS: usize = 100;

/// Why bytes are no CPIM message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpimError {
    /// A header is not UTF-8 (s2.1).
    #[error("a CPIM header is not UTF-8")]
    NotUtf8,
    /// A line is no header, or its value has a control character or a broken escape (s3.6).
    #[error("a CPIM header is malformed")]
    Malformed,
    /// More headers, or longer ones, than anybody needs.
    #[error("the CPIM headers are too long")]
    TooLong,
    /// The empty line after one of the blocks is missing.
    #[error("the CPIM headers do not end")]
    Unterminated,
}

/// A message header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The URI of its namespace; [`CPIM`] if none was declared for its prefix.
    pub namespace: &'a str,
    /// Its name without the prefix.
    pub name: &'a str,
    /// Its value, parameters before it left out, escapes undone.
    pub value: Cow<'a, str>,
}

/// A CPIM message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpim<'a> {
    /// The message headers in their order, `NS` among them.
    pub headers: Vec<Header<'a>>,
    /// The headers of the part: name and value.
    pub content_headers: Vec<(&'a str, &'a str)>,
    /// The part's bytes.
    pub content: &'a [u8],
}

impl<'a> Cpim<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// [`CpimError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Cpim<'a>, CpimError> {
        let mut lines = Lines { rest: bytes, taken: 0, count: 0 };
        let mut headers = Vec::new();
        let mut prefixes: Vec<(&'a str, &'a str)> = Vec::new();
        while let Some(line) = lines.next()? {
            let (full_name, rest) = line.split_once(':').ok_or(CpimError::Malformed)?;
            let (prefix, name) = full_name.split_once('.').unwrap_or(("", full_name));
            if !is_name(name) || !prefix.is_empty() && !is_name(prefix) {
                return Err(CpimError::Malformed);
            }
            let value = unescape(after_parameters(rest).ok_or(CpimError::Malformed)?)?;
            if prefix.is_empty()
                && name.eq_ignore_ascii_case("NS")
                && let Cow::Borrowed(text) = value
            {
                prefixes.push(declaration(text).ok_or(CpimError::Malformed)?);
            }
            let declared = prefixes.iter().rev().find(|(known, _)| *known == prefix);
            let namespace = declared.map_or(CPIM, |(_, uri)| *uri);
            headers.push(Header { namespace, name, value });
        }
        let mut content_headers = Vec::new();
        while let Some(line) = lines.next()? {
            // A folded line goes on with the value before; nobody here reads that far.
            if line.starts_with([' ', '\t']) {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(CpimError::Malformed)?;
            content_headers.push((name.trim(), value.trim()));
        }
        Ok(Cpim { headers, content_headers, content: lines.rest })
    }

    /// The values of the headers of this name in this namespace, in their order.
    pub fn values(&self, namespace: &str, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |header| {
                header.namespace == namespace && header.name.eq_ignore_ascii_case(name)
            })
            .map(|header| &*header.value)
    }

    /// The first of them.
    #[must_use]
    pub fn value(&self, namespace: &str, name: &str) -> Option<&str> {
        self.values(namespace, name).next()
    }

    /// A header of the part.
    #[must_use]
    pub fn content_header(&self, name: &str) -> Option<&'a str> {
        self.content_headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The media type of the part, without its parameters.
    #[must_use]
    pub fn media_type(&self) -> Option<&'a str> {
        let value = self.content_header("Content-Type")?;
        Some(value.split(';').next().unwrap_or_default().trim())
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    taken: usize,
    count: usize,
}

impl<'a> Lines<'a> {
    /// The next line of a block; `None` for the empty one that ends it.
    fn next(&mut self) -> Result<Option<&'a str>, CpimError> {
        let end = memchr::memchr(b'\n', self.rest).ok_or(CpimError::Unterminated)?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        self.taken += end + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(None);
        }
        self.count += 1;
        if self.taken > MOST_BYTES || self.count > MOST_HEADERS {
            return Err(CpimError::TooLong);
        }
        let line = std::str::from_utf8(line).map_err(|_| CpimError::NotUtf8)?;
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(CpimError::Malformed);
        }
        Ok(Some(line))
    }
}

/// `Name` of s3.6.
fn is_name(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}.".contains(&byte);
    !text.is_empty() && text.bytes().all(is_char)
}

/// What follows `;lang=fr` and the like, without the space before it.
fn after_parameters(mut rest: &str) -> Option<&str> {
    while let Some(parameter) = rest.strip_prefix(';') {
        let mut quoted = false;
        let mut escaped = false;
        let end = parameter.char_indices().find(|(_, c)| {
            let ends = !quoted && matches!(c, ';' | ' ');
            if *c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = *c == '\\' && !escaped;
            ends
        });
        rest = parameter.get(end?.0..)?;
    }
    Some(rest.trim_matches(' '))
}

/// The prefix and the URI of an `NS` value: `imdn <urn:ietf:params:imdn>` (s4.6).
fn declaration(value: &str) -> Option<(&str, &str)> {
    let (prefix, uri) = value.split_once('<')?;
    Some((prefix.trim(), uri.strip_suffix('>')?))
}

/// Undoes the escapes of s2.3.1; others are left as they are.
fn unescape(value: &str) -> Result<Cow<'_, str>, CpimError> {
    let Some(first) = value.find('\\') else { return Ok(Cow::Borrowed(value)) };
    let mut plain = String::with_capacity(value.len());
    let (before, mut rest) = value.split_at(first);
    plain.push_str(before);
    while let Some(escape) = rest.strip_prefix('\\') {
        let kind = escape.chars().next().ok_or(CpimError::Malformed)?;
        let mut after = escape.get(kind.len_utf8()..).unwrap_or_default();
        plain.push(match kind {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'u' => {
                let digits = after.get(..4).ok_or(CpimError::Malformed)?;
                after = after.get(4..).unwrap_or_default();
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                code.and_then(char::from_u32).ok_or(CpimError::Malformed)?
            }
            other => other,
        });
        let next = after.find('\\').unwrap_or(after.len());
        let (text, tail) = after.split_at(next);
        plain.push_str(text);
        rest = tail;
    }
    Ok(Cow::Owned(plain))
}

/// Appends a message header; control characters, quotes and backslashes of the value are escaped.
pub fn write_header(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    for c in value.chars() {
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if c.is_control() => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of s5.
    const EXAMPLE: &str = "From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
        To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n\
        DateTime: 2000-12-13T13:40:00-08:00\r\n\
        Subject: the weather will be fine today\r\n\
        Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
        NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n\
        Require: MyFeatures.VitalMessageOption\r\n\
        MyFeatures.VitalMessageOption: Confirmation-requested\r\n\
        MyFeatures.WackyMessageOption: Use-silly-font\r\n\
        \r\n\
        Content-type: text/xml; charset=utf-8\r\n\
        Content-ID: <1234567890@foo.com>\r\n\
        \r\n\
        <body>\r\n\r\nHere is the text of my message.\r\n</body>\r\n";

    /// RFC 3862 s5.
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let cpim = Cpim::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(cpim.value(CPIM, "From"), Some("MR SANDERS <im:piglet@100akerwood.com>"));
        let subjects: Vec<&str> = cpim.values(CPIM, "subject").collect();
        assert_eq!(subjects[1], "beau temps prevu pour aujourd'hui");
        let own = "mid:MessageFeatures@id.foo.com";
        assert_eq!(cpim.value(own, "WackyMessageOption"), Some("Use-silly-font"));
        assert_eq!(cpim.value(CPIM, "WackyMessageOption"), None);
        assert_eq!(cpim.media_type(), Some("text/xml"));
        assert!(cpim.content.starts_with(b"<body>\r\n\r\nHere"));
    }

    /// RFC 3862 s3.4, s4.6: a prefix means what was declared last before it, and without one the
    /// default may change.
    #[test]
    fn a_prefix_means_what_was_declared_last() {
        let text = "NS: a <urn:one>\r\na.X: 1\r\nNS: a <urn:two>\r\na.X: 2\r\n\
                    NS: <urn:default>\r\nX: 3\r\nb.X: 4\r\n\r\n\r\n";
        let cpim = Cpim::parse(text.as_bytes()).unwrap();
        assert_eq!(cpim.value("urn:one", "X"), Some("1"));
        assert_eq!(cpim.value("urn:two", "X"), Some("2"));
        assert_eq!(cpim.value("urn:default", "X"), Some("3"));
        assert_eq!(cpim.value(CPIM, "X"), Some("4"));
    }

    /// RFC 3862 s2.3.
    #[test]
    fn escapes_are_undone() {
        let text = "Subject: a\\\\b \\u00e9\\\"\\t\r\n\r\n\r\n";
        let cpim = Cpim::parse(text.as_bytes()).unwrap();
        assert_eq!(cpim.value(CPIM, "Subject"), Some("a\\b \u{e9}\"\t"));
        for broken in ["S: \\", "S: \\u00", "S: \\u00g0", "S: \\ud800", "no colon", ": x", "a b: c"]
        {
            let text = format!("{broken}\r\n\r\n\r\n");
            assert_eq!(Cpim::parse(text.as_bytes()), Err(CpimError::Malformed), "{broken}");
        }
    }

    #[test]
    fn what_is_too_long_or_does_not_end_is_refused() {
        let many = "X: y\r\n".repeat(101) + "\r\n\r\n";
        assert_eq!(Cpim::parse(many.as_bytes()), Err(CpimError::TooLong));
        let long = format!("X: {}\r\n\r\n\r\n", "y".repeat(MOST_BYTES));
        assert_eq!(Cpim::parse(long.as_bytes()), Err(CpimError::TooLong));
        assert_eq!(Cpim::parse(b"X: y\r\n"), Err(CpimError::Unterminated));
        assert_eq!(Cpim::parse(b"X: \xff\r\n\r\n\r\n"), Err(CpimError::NotUtf8));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Cpim::parse(&bytes);
        }

        #[test]
        fn a_value_comes_back_as_it_was_written(value in "\\PC{0,40}[\\n\\t\\\\]?\\PC{0,40}") {
            let mut out = Vec::new();
            write_header("Subject", &value, &mut out);
            out.extend_from_slice(b"\r\n\r\n");
            let cpim = Cpim::parse(&out).unwrap();
            prop_assert_eq!(cpim.value(CPIM, "Subject"), Some(value.trim_matches(' ')));
        }
    }
}
