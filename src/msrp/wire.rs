//! Requests and responses as bytes (RFC 4975 s7.1, s7.2).

use super::head::{ByteRange, Flag};
use super::ident::TransactionId;
use crate::text::write_number;

/// The comments of the status codes of RFC 4975 s10 and RFC 4976 s9; empty for others.
#[must_use]
pub const fn comment(code: u16) -> &'static str {
    match code {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        408 => "Timeout",
        413 => "Stop Sending",
        415 => "Unsupported Media Type",
        423 => "Parameter Out of Bounds",
        426 => "TLS Required",
        481 => "No Such Session",
        501 => "Unknown Method",
        506 => "Session In Use",
        _ => "",
    }
}

/// Writes the start line of a request.
pub fn request_line(transaction: &TransactionId, method: &str, out: &mut Vec<u8>) {
    start(transaction, out);
    out.extend_from_slice(method.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn start(transaction: &TransactionId, out: &mut Vec<u8>) {
    out.extend_from_slice(b"MSRP ");
    out.extend_from_slice(transaction.as_bytes());
    out.push(b' ');
}

/// Writes a header field.
pub fn field(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes `Byte-Range`.
pub fn byte_range(range: &ByteRange, out: &mut Vec<u8>) {
    let number_or_star = |value: Option<u64>, out: &mut Vec<u8>| match value {
        Some(value) => write_number(value, out),
        None => out.push(b'*'),
    };
    out.extend_from_slice(b"Byte-Range: ");
    write_number(range.start, out);
    out.push(b'-');
    number_or_star(range.end, out);
    out.push(b'/');
    number_or_star(range.total, out);
    out.extend_from_slice(b"\r\n");
}

/// Writes an end-line; behind a body, a CRLF has to stand before it.
pub fn end_line(transaction: &TransactionId, flag: Flag, out: &mut Vec<u8>) {
    out.extend_from_slice(b"-------");
    out.extend_from_slice(transaction.as_bytes());
    out.extend_from_slice(&[flag.as_byte(), b'\r', b'\n']);
}

/// Writes a whole response (s7.2); `fields` are written as they are, each with its line end.
pub fn response(
    transaction: &TransactionId,
    code: u16,
    to_path: &str,
    from_path: &str,
    fields: &[u8],
    out: &mut Vec<u8>,
) {
    start(transaction, out);
    write_number(u64::from(code), out);
    let comment = comment(code);
    if !comment.is_empty() {
        out.push(b' ');
        out.extend_from_slice(comment.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    field("To-Path", to_path, out);
    field("From-Path", from_path, out);
    out.extend_from_slice(fields);
    end_line(transaction, Flag::Last, out);
}

/// What a REPORT tells (s7.1.2).
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The full path back to the sender.
    pub to_path: &'a str,
    /// The URI of the session that reports.
    pub from_path: &'a str,
    /// The message.
    pub message_id: &'a str,
    /// The bytes of it that are reported.
    pub range: ByteRange,
    /// 200, or why they failed.
    pub code: u16,
}

impl Report<'_> {
    /// Writes the request.
    pub fn write(&self, transaction: &TransactionId, out: &mut Vec<u8>) {
        request_line(transaction, "REPORT", out);
        field("To-Path", self.to_path, out);
        field("From-Path", self.from_path, out);
        field("Message-ID", self.message_id, out);
        byte_range(&self.range, out);
        out.extend_from_slice(b"Status: 000 ");
        write_number(u64::from(self.code), out);
        let comment = comment(self.code);
        if !comment.is_empty() {
            out.push(b' ');
            out.extend_from_slice(comment.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        end_line(transaction, Flag::Last, out);
    }
}
