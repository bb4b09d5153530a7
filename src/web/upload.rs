//! Forms that bring a file (`multipart/form-data`, RFC 7578): bounded, and read no further than to a
//! token that is not of the session.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use memchr::memmem;
use zeroize::Zeroizing;

use super::form::Form;
use super::problem::Problem;
use super::visit::TOKEN_FIELD;

/// The token stands first, within so many bytes.
const FIRST: usize = 4 * 1024;
/// For how long somebody may send.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest boundary (RFC 2046 s5.1.1).
const LONGEST_BOUNDARY: usize = 70;

/// Whether a request brings such a form.
pub(super) fn is_upload(headers: &HeaderMap) -> bool {
    boundary(headers).is_some()
}

/// Reads one; `is_ours` says whether a token is of this session.
///
/// # Errors
/// A [`Problem`] if it is none, too large, too slow, or of somebody else.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    longest: usize,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Form, Problem> {
    let boundary = boundary(headers).ok_or_else(no_form)?;
    let reading = gather(body, longest, |bytes| match first_token(bytes, &boundary) {
        Some(token) => Some(is_ours(&token)),
        None => (bytes.len() > FIRST).then_some(false),
    });
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(bytes) => parse(&bytes?, &boundary),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the form came too slowly")),
    }
}

/// The bytes of a body, as soon as `judge` has found it to be ours.
async fn gather(
    body: Body,
    longest: usize,
    judge: impl Fn(&[u8]) -> Option<bool>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut is_ours = None;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "the form broke off");
        let chunk = chunk.map_err(broken)?;
        if bytes.len() + chunk.len() > longest {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the file is too large"));
        }
        bytes.extend_from_slice(&chunk);
        if is_ours.is_none() {
            is_ours = judge(&bytes);
        }
        if is_ours == Some(false) {
            break;
        }
    }
    if is_ours == Some(true) {
        return Ok(bytes);
    }
    let detail = "the form is not of this session; load its page again";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, rest) = kind.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = rest.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    let is_one = !value.is_empty() && value.len() <= LONGEST_BOUNDARY;
    is_one.then(|| value.to_owned())
}

fn no_form() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the form cannot be read")
}

/// One part: its name, the name of a file, and what it holds.
struct Part<'a> {
    name: String,
    file: Option<String>,
    content: &'a [u8],
}

/// The part that begins behind a boundary, and the rest from the next one on; `None` if it does not
/// end.
fn part<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(Part<'a>, &'a [u8])> {
    let bytes = bytes.strip_prefix(b"\r\n")?;
    let head_ends = memmem::find(bytes, b"\r\n\r\n")?;
    let (head, rest) = (bytes.get(..head_ends)?, bytes.get(head_ends + 4..)?);
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then(|| value.to_owned())
    })?;
    let name = quoted(&disposition, "name")?;
    let file = quoted(&disposition, "filename");
    let end = memmem::find(rest, delimiter)?;
    let (content, rest) = (rest.get(..end)?, rest.get(end + delimiter.len()..)?);
    Some((Part { name, file, content }, rest))
}

/// A parameter of a header line. A quote in it stands there as `%22`.
fn quoted(line: &str, name: &str) -> Option<String> {
    let mut rest = line;
    loop {
        let at = rest.find(&format!("{name}=\""))?;
        let is_whole = rest.get(..at)?.ends_with([' ', ';', '\t']);
        rest = rest.get(at + name.len() + 2..)?;
        if is_whole {
            return rest.split('"').next().map(|value| value.replace("%22", "\""));
        }
    }
}

fn first_token(bytes: &[u8], boundary: &str) -> Option<String> {
    let bytes = bytes.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    let (part, _) = part(bytes, format!("\r\n--{boundary}").as_bytes())?;
    let is_token = part.name == TOKEN_FIELD && part.file.is_none();
    is_token.then(|| String::from_utf8_lossy(part.content).into_owned())
}

/// Reads a whole form. Beside a file's text, under its name and `.name`, stands what it is called; one
/// that nobody chose is not there.
fn parse(bytes: &[u8], boundary: &str) -> Result<Form, Problem> {
    let delimiter = format!("\r\n--{boundary}");
    let first = bytes.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
    let mut rest = first.ok_or_else(no_form)?;
    let mut form = Form::default();
    while !rest.starts_with(b"--") {
        let (part, after) = part(rest, delimiter.as_bytes()).ok_or_else(no_form)?;
        rest = after;
        match part.file {
            None => form.put(part.name, text(part.content))?,
            Some(file) if file.is_empty() && part.content.is_empty() => {}
            Some(file) => {
                form.put(format!("{}.name", part.name), file)?;
                form.put(part.name, text(part.content))?;
            }
        }
    }
    Ok(form)
}

/// Text in UTF-8, or else in what spreadsheets of Western Europe write (Windows-1252).
fn text(bytes: &[u8]) -> String {
    /// From 0x80 on; the rest of the upper half is as in Unicode.
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .map(|&byte| match byte.checked_sub(0x80) {
                Some(at) => UPPER.get(usize::from(at)).copied().unwrap_or(char::from(byte)),
                None => char::from(byte),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const BOUNDARY: &str = "----x";

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (head, content) in parts {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        bytes
    }

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=----x");
        headers.insert(header::CONTENT_TYPE, kind);
        headers
    }

    #[test]
    fn a_form_with_a_file_is_read_in_either_encoding() {
        let body = form(&[
            ("name=\"token\"", b"t"),
            ("name=\"mode\"", b"skip"),
            ("name=\"file\"; filename=\"a%22b.csv\"\r\nContent-Type: text/csv", b"user\r\nana\r\n"),
            ("name=\"other\"; filename=\"c\"", b"Gon\xe7alves \x80"),
            ("name=\"none\"; filename=\"\"", b""),
        ]);
        let read = parse(&body, BOUNDARY).unwrap();
        assert_eq!((read.get("mode"), read.get("file.name")), ("skip", "a\"b.csv"));
        assert_eq!(read.get("file"), "user\r\nana\r\n");
        assert_eq!(read.get("other"), "Gonçalves €");
        assert!(!read.is_set("none"));
        assert!(parse(&body[..body.len() - 9], BOUNDARY).is_err(), "cut off");
        assert!(parse(&form(&[("name=\"a\"", b"1"), ("name=\"a\"", b"2")]), BOUNDARY).is_err());
    }

    // W09: a token that is not the session's, or stands elsewhere, ends the reading.
    #[tokio::test]
    async fn nothing_is_read_behind_a_token_of_somebody_else() {
        let file = vec![b'x'; 64 * 1024];
        let whole = |token: &[u8]| form(&[("name=\"token\"", token), ("name=\"f\"", &file)]);
        let read = async |body: Vec<u8>, longest| {
            read(&headers(), Body::from(body), longest, |token| token == "ours").await
        };
        assert_eq!(read(whole(b"ours"), 1 << 20).await.unwrap().get("f").len(), file.len());
        let status = async |body, longest| read(body, longest).await.unwrap_err().status;
        assert_eq!(status(whole(b"theirs"), 1 << 20).await, StatusCode::FORBIDDEN);
        assert_eq!(status(whole(b"ours"), 1024).await, StatusCode::PAYLOAD_TOO_LARGE);
        let late = form(&[("name=\"f\"", &file), ("name=\"token\"", b"ours")]);
        assert_eq!(status(late, 1 << 20).await, StatusCode::FORBIDDEN);
        let as_file = form(&[("name=\"token\"; filename=\"t\"", b"ours")]);
        assert_eq!(status(as_file, 1 << 20).await, StatusCode::FORBIDDEN);
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_of_files_panic(bytes: Vec<u8>, cut in 0_usize..200) {
            let _ = parse(&bytes, BOUNDARY);
            let whole = form(&[("name=\"token\"", b"t"), ("name=\"f\"; filename=\"g\"", &bytes)]);
            let part = &whole[..whole.len() - cut.min(whole.len())];
            let _ = (parse(part, BOUNDARY), first_token(part, BOUNDARY));
        }
    }
}
