//! Messages of the server's own making: how each is written, and how it is kept before it is sent.
//!
//! What an application says, what an alert says, a test and a notification differ in who they come from
//! and in who waits for the outcome, and in nothing else.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use super::engine::Engine;
use crate::clock::WallTime;
use crate::entropy;
use crate::model::DeviceKey;
use crate::page_mode::HoldError;

/// The media type of a text.
pub(super) const TEXT: &str = "text/plain;charset=UTF-8";

/// A message that nobody sent us.
pub(super) struct Own<'a> {
    /// Who it comes from, as From has it, without a tag.
    pub(super) from: Cow<'a, str>,
    /// Who it is for.
    pub(super) to: &'a str,
    /// Seconds for which it is of any use, where they are bounded.
    pub(super) expires: Option<u64>,
    /// What kind of content it has.
    pub(super) kind: &'static str,
    /// What it says.
    pub(super) body: &'a [u8],
}

impl Own<'_> {
    fn write(&self, domain: &str, now: WallTime) -> Bytes {
        let Own { from, to, expires, kind, body } = self;
        let expires = expires.map_or_else(String::new, |s| format!("Expires: {s}\r\n"));
        let mut request = format!(
            "MESSAGE {to} SIP/2.0\r\n\
             Via: SIP/2.0/TCP {domain};branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\n\
             From: {from};tag={tag}\r\n\
             To: <{to}>\r\n\
             Call-ID: {call}\r\n\
             CSeq: 1 MESSAGE\r\n\
             Date: {date}\r\n\
             {expires}\
             Content-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n",
            branch = entropy::token(12),
            tag = entropy::token(6),
            call = entropy::token(12),
            date = now.sip_date(),
            length = body.len(),
        )
        .into_bytes();
        request.extend_from_slice(body);
        request.into()
    }
}

/// Why a message was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unkept {
    /// Too much waits for this person, or from this sender, already.
    Full,
    /// The store takes nothing.
    Store,
}

/// The URI of a person, `user@domain`.
pub(super) fn uri(aor: &str) -> String {
    let (user, domain) = aor.rsplit_once('@').unwrap_or(("", aor));
    format!("sip:{}@{domain}", user_part(user))
}

/// A user part as it stands in a URI (RFC 3261 s25.1).
fn user_part(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

impl Engine {
    /// A message as it is sent.
    pub(super) fn own_message(&self, own: &Own<'_>) -> Bytes {
        own.write(&self.settings.domain, self.clock.wall())
    }

    /// A text in the server's name, to a person.
    pub(super) fn own_text(&self, aor: &str, text: &str, expires: Option<u64>) -> Bytes {
        self.own_message(&Own {
            from: format!("\"Tagus\" <sip:{}>", self.settings.domain).into(),
            to: &uri(aor),
            expires,
            kind: TEXT,
            body: text.as_bytes(),
        })
    }

    /// Keeps a message of our own for these devices, and offers it to those that are here once it is
    /// safe.
    pub(super) async fn keep_and_offer(
        &self,
        (aor, from): (&str, &str),
        request: &Bytes,
        devices: SmallVec<[DeviceKey; 2]>,
        expires_at: WallTime,
    ) -> Result<(), Unkept> {
        let latest = self.clock.latest_wall() + self.page_mode.settings().retention;
        let (arrived, until) = (self.clock.wall(), expires_at.min(latest));
        let waiting = devices.clone();
        let queued = self.put_in_queue(aor, from, request, (devices, true), arrived, until);
        let (sequence, durable) = match queued {
            Ok(queued) => queued,
            Err(HoldError::Full | HoldError::SenderFull) => return Err(Unkept::Full),
            Err(HoldError::Store(error)) => {
                tracing::error!(event = "message_not_held", %error);
                return Err(Unkept::Store);
            }
        };
        // A person of the directory whom somebody writes to has a row from now on.
        let user = aor.rsplit_once('@').map_or(aor, |(user, _)| user);
        if let Err(error) = self.accounts.appear(user).await {
            tracing::warn!(event = "person_not_written", %error);
        }
        if let Err(error) = durable.await {
            tracing::error!(event = "message_not_held", %error);
            self.page_mode.held().failed(aor, sequence);
            return Err(Unkept::Store);
        }
        self.offer(aor, sequence, &waiting);
        Ok(())
    }

    /// A message is safe: it goes to those of its devices that are here, behind what waits for them.
    pub(super) fn offer(&self, aor: &str, sequence: u64, devices: &[DeviceKey]) {
        self.page_mode.held().confirm(aor, sequence);
        let mut outbox = self.egress.outbox();
        for device in devices {
            self.replay(&mut outbox, aor, device);
        }
        outbox.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

    #[test]
    fn a_name_is_written_as_a_uri_takes_it() {
        assert_eq!(user_part("joão.m"), "jo%C3%A3o.m");
        assert_eq!(user_part("app/mail"), "app/mail");
        assert_eq!(uri("joão@campus.test"), "sip:jo%C3%A3o@campus.test");
    }

    #[test]
    fn what_is_written_is_a_message_that_is_read_again() {
        let own = Own {
            from: "\"Tagus\" <sip:campus.test>".into(),
            to: &uri("joão@campus.test"),
            expires: Some(60),
            kind: TEXT,
            body: "Olá".as_bytes(),
        };
        for expires in [Some(60), None] {
            let written = Own { expires, from: own.from.clone(), ..own };
            let bytes = written.write("campus.test", WallTime::from_unix_secs(1_289_682_571));
            let mut layout = Layout::default();
            scan(&bytes, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
            let message = Message::new(&bytes, &layout);
            assert_eq!(message.body(), "Olá".as_bytes());
            assert_eq!(message.content_type(), Some(TEXT.as_bytes()));
            let to = message.to().unwrap();
            assert_eq!(to.parsed_uri().user_decoded().as_deref(), Some("joão"));
            assert_eq!(bytes.windows(11).any(|w| w == b"Expires: 60"), expires.is_some());
        }
    }
}
