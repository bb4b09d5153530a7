//! The parameter lists of challenges and credentials: `name=token` and `name="quoted"`, with
//! commas between (RFC 7616 s3.3, RFC 3261 s25.1).

use std::borrow::Cow;

/// Parameters of one header field at most; real ones have ten.
const MOST: usize = 32;

/// What is wrong with a parameter list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Something else stands where a parameter should.
    #[error("a parameter is malformed")]
    Malformed,
    /// A quoted string does not end.
    #[error("a quoted string does not end")]
    Unterminated,
    /// A control character or NUL.
    #[error("a control character in a parameter")]
    Control,
    /// More parameters than anybody needs.
    #[error("too many parameters")]
    TooMany,
}

/// The scheme of a header field and what follows it.
pub(super) fn scheme(field: &[u8]) -> (&[u8], &[u8]) {
    let field = field.trim_ascii();
    let end = field.iter().position(|&b| is_space(b)).unwrap_or(field.len());
    (&field[..end], &field[end..])
}

/// Reads the parameters of a list one by one.
pub(super) struct Parameters<'a> {
    rest: &'a [u8],
    seen: usize,
}

/// A name and its value without quotes; escapes in the value still stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Parameters<'a> {
    pub(super) const fn new(list: &'a [u8]) -> Parameters<'a> {
        Parameters { rest: list, seen: 0 }
    }

    fn read(&mut self) -> Result<Option<Parameter<'a>>, ParameterError> {
        // Empty elements are legal in a list and harmless.
        let start = self.rest.iter().position(|&b| !is_space(b) && b != b',');
        let Some(start) = start else {
            self.rest = &[];
            return Ok(None);
        };
        self.seen += 1;
        if self.seen > MOST {
            return Err(ParameterError::TooMany);
        }
        let rest = &self.rest[start..];
        let name_end = rest.iter().position(|&b| !is_token(b)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(name_end);
        let rest = skip_space(rest).strip_prefix(b"=").ok_or(ParameterError::Malformed)?;
        if name.is_empty() {
            return Err(ParameterError::Malformed);
        }
        let rest = skip_space(rest);
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(inside) => {
                let end = quoted_end(inside)?;
                (&inside[..end], &inside[end + 1..])
            }
            None => {
                let end = rest.iter().position(|&b| b == b',' || is_space(b)).unwrap_or(rest.len());
                (&rest[..end], &rest[end..])
            }
        };
        if value.iter().any(|&b| b.is_ascii_control() && !is_space(b)) {
            return Err(ParameterError::Control);
        }
        let rest = skip_space(rest);
        self.rest = match rest.split_first() {
            None => rest,
            Some((b',', after)) => after,
            Some(_) => return Err(ParameterError::Malformed),
        };
        Ok(Some(Parameter { name, value }))
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, ParameterError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        read.transpose()
    }
}

/// Where the quoted string ends whose opening quote stands before `inside`.
fn quoted_end(inside: &[u8]) -> Result<usize, ParameterError> {
    let mut at = 0;
    while let Some(&byte) = inside.get(at) {
        match byte {
            b'"' => return Ok(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(ParameterError::Unterminated)
}

/// The text that a quoted string stands for (RFC 3261 s25.1 quoted-pair).
pub(super) fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\\') {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        out.push(if byte == b'\\' { bytes.next().copied().unwrap_or(b'\\') } else { byte });
    }
    Cow::Owned(out)
}

/// Writes `text` as the inside of a quoted string.
pub(super) fn escape(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        if !byte.is_ascii_control() {
            out.push(byte);
        }
    }
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().position(|&b| !is_space(b)).unwrap_or(bytes.len())..]
}

/// Linear white space; line ends are those of folded lines.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// RFC 3261 s25.1 `token`.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
