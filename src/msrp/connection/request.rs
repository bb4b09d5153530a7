//! Requests of the application's own: AUTH of relay clients (RFC 4976), and extensions.

use super::super::head::Flag;
use super::super::ident::TransactionId;
use super::super::message::{Notice, Response, SendError};
use super::super::transactions::Subject;
use super::super::uri::Path;
use super::super::wire;
use super::Connection;
use crate::clock::Tick;
use crate::text;

/// Bytes of the body of a request that is no SEND (RFC 4975 s7.1).
const MOST_BODY: usize = 10_240;

/// A request that is no SEND and no REPORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method, in capitals.
    pub method: String,
    /// Where it goes.
    pub to: Path,
    /// Where it comes from.
    pub from: Path,
    /// Its other header fields, in their order.
    pub fields: Vec<(String, String)>,
    /// Its media type and its body.
    pub body: Option<(String, Vec<u8>)>,
}

impl Request {
    fn check(&self) -> Result<(), SendError> {
        let value = |value: &str| !value.bytes().any(|b| b.is_ascii_control());
        let method = !self.method.is_empty() && self.method.bytes().all(|b| b.is_ascii_uppercase());
        let mut fields = self.fields.iter();
        let fine = fields.all(|(name, text)| text::is_token(name.as_bytes()) && value(text));
        let media = self.body.as_ref().is_none_or(|(media, _)| !media.is_empty() && value(media));
        if !method || !fine || !media || ["SEND", "REPORT"].contains(&self.method.as_str()) {
            return Err(SendError::Malformed);
        }
        match &self.body {
            Some((_, body)) if body.len() > MOST_BODY => Err(SendError::TooLong),
            _ => Ok(()),
        }
    }

    /// Writes it under this transaction id.
    ///
    /// # Errors
    /// [`SendError::Malformed`] for what cannot be written, [`SendError::TooLong`].
    pub fn write(&self, transaction: &TransactionId, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.check()?;
        wire::request_line(transaction, &self.method, out);
        wire::field("To-Path", &self.to.to_string(), out);
        wire::field("From-Path", &self.from.to_string(), out);
        for (name, value) in &self.fields {
            wire::field(name, value, out);
        }
        if let Some((media, body)) = &self.body {
            wire::field("Content-Type", media, out);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(body);
            out.extend_from_slice(b"\r\n");
        }
        wire::end_line(transaction, Flag::Last, out);
        Ok(())
    }
}

impl Connection {
    /// Sends a request. A [`Notice::Response`] of the same transaction tells the answer, 408 if
    /// none came within 30 s.
    ///
    /// # Errors
    /// [`SendError::Full`] while too much waits, and what [`Request::write`] says.
    pub fn request(&mut self, now: Tick, request: &Request) -> Result<TransactionId, SendError> {
        let full = self.control.len() >= self.options.control_bytes
            || self.transactions.waiting() >= self.options.window;
        if full {
            return Err(SendError::Full);
        }
        let mut transaction = self.transaction();
        if let Some((_, body)) = &request.body {
            let collides = |id: &TransactionId| memchr::memmem::find(body, id.as_bytes()).is_some();
            while collides(&transaction) {
                transaction = self.transaction();
            }
        }
        request.write(&transaction, &mut self.control)?;
        self.transactions.expect(now, transaction, Subject::Request);
        Ok(transaction)
    }

    pub(super) fn answer_request(
        &mut self,
        transaction: TransactionId,
        code: u16,
        comment: &str,
        fields: &[(&str, &str)],
    ) {
        let own = |(name, value): &(&str, &str)| (Box::from(*name), Box::from(*value));
        self.notices.push_back(Notice::Response(Response {
            transaction,
            code,
            comment: comment.into(),
            fields: fields.iter().map(own).collect(),
        }));
    }
}
