//! A request of ours from its first sending to its outcome, retries after challenges included.

use std::time::Duration;

use bytes::Bytes;

use super::credentials::{Asker, Keyring, Scopes};
use super::{Agent, Event, RequestId, WatchId};
use crate::clock::Tick;
use crate::entropy;
use crate::payload::pidf;
use crate::sip::Transport;
use crate::sip::build::RequestWriter;
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::transaction::{ClientId, MAGIC_COOKIE, Matched, Owner};
use crate::sip::wire::Message;
use crate::text;

/// Larger requests need a transport with congestion control (RFC 3261 s18.1.1).
pub const LARGEST_DATAGRAM: usize = 1_300;

/// How often one request is sent again with other credentials or another expiry.
const MOST_ATTEMPTS: u8 = 4;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The final status; a timeout counts as 408, a failed transport as 503 (RFC 3261 s8.1.3.1).
    pub status: u16,
    /// The reason phrase, or what happened.
    pub reason: String,
    /// Where the status comes from.
    pub cause: Cause,
    /// From the first sending to the outcome.
    pub elapsed: Duration,
    /// When to try again (RFC 3261 s20.33).
    pub retry_after: Option<Duration>,
}

/// Where the status of an [`Outcome`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The far end answered.
    Answer,
    /// Nobody answered in time.
    Timeout,
    /// The request could not be sent, or the connection ended.
    Transport,
    /// The request is too large for a datagram.
    TooLarge,
}

impl Outcome {
    /// Whether it was accepted. A status that is not known counts as x00 of its class
    /// (RFC 3261 s8.1.3.2).
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    /// Whether another try may end better.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self.cause {
            Cause::Timeout | Cause::Transport => true,
            Cause::TooLarge => false,
            Cause::Answer => matches!(self.status, 408 | 480) || self.status / 100 == 5,
        }
    }

    /// Whether the credentials, or whoever they are of, were refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.status, 401 | 403 | 407)
    }
}

/// What a request is about, the last part of each being what Expires says.
#[derive(Clone, Debug)]
pub(super) enum Matter {
    /// Binds for so many seconds; 0 unbinds.
    Register { expires: u32 },
    /// Text for somebody.
    Message { body: Vec<u8> },
    /// A document, or nothing of one that the server has.
    Publish { body: Option<Vec<u8>>, etag: Option<String>, expires: u32 },
    /// Asks to watch somebody.
    Subscribe { watch: WatchId, event: String, accept: String, route: String, expires: u32 },
}

impl Matter {
    fn method(&self) -> Method<'static> {
        match self {
            Matter::Register { .. } => Method::Register,
            Matter::Message { .. } => Method::Message,
            Matter::Publish { .. } => Method::Publish,
            Matter::Subscribe { .. } => Method::Subscribe,
        }
    }

    fn method_name(&self) -> &'static str {
        match self {
            Matter::Register { .. } => "REGISTER",
            Matter::Message { .. } => "MESSAGE",
            Matter::Publish { .. } => "PUBLISH",
            Matter::Subscribe { .. } => "SUBSCRIBE",
        }
    }

    fn proxy_scope(&self) -> &'static str {
        match self {
            Matter::Register { .. } => "registration",
            _ => "",
        }
    }

    /// For how many seconds it asks.
    fn expires(&mut self) -> Option<&mut u32> {
        match self {
            Matter::Register { expires }
            | Matter::Publish { expires, .. }
            | Matter::Subscribe { expires, .. } => Some(expires),
            Matter::Message { .. } => None,
        }
    }
}

/// A request whose outcome is awaited.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) matter: Matter,
    pub(super) uri: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) started: Tick,
    pub(super) attempts: u8,
    /// Its latest transaction.
    pub(super) client: Option<ClientId>,
    /// Challenges answered for this request: asked again without `stale`, they refuse us.
    pub(super) answered: Vec<(Asker, String)>,
}

impl Exchange {
    pub(super) fn scopes(&self) -> Scopes<'_> {
        Scopes { server: &self.uri, proxy: self.matter.proxy_scope() }
    }
}

/// A Call-ID that nobody else has (RFC 3261 s8.1.1.4).
pub(super) fn fresh_call_id() -> String {
    entropy::token(16)
}

/// A tag (RFC 3261 s19.3).
pub(super) fn fresh_tag() -> String {
    entropy::token(8)
}

impl Agent {
    /// Sends a request, for the first time or again, in a transaction of its own.
    pub(super) fn send(&mut self, now: Tick, id: RequestId) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        exchange.attempts += 1;
        let cookie = std::str::from_utf8(MAGIC_COOKIE).unwrap_or_default();
        let branch = format!("{cookie}{}", entropy::token(16));
        let via = format!(
            "SIP/2.0/{} {};branch={branch};rport",
            self.flow.transport.via_name(),
            self.flow.local
        );
        let method = exchange.matter.method();
        let credentials = self.keyring.headers(
            exchange.matter.method_name(),
            &exchange.uri,
            &Scopes { server: &exchange.uri, proxy: exchange.matter.proxy_scope() },
        );
        let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(4);
        let contact;
        let seconds;
        let mut body = None;
        match &exchange.matter {
            Matter::Register { expires } => {
                contact = format!("{};expires={expires}", self.contact);
                headers.push(("Contact", contact.as_bytes()));
                headers.push(("Allow", super::inbound::ALLOW.as_bytes()));
            }
            Matter::Message { body: text } => {
                body = Some(("text/plain;charset=utf-8", text.as_slice()));
            }
            Matter::Publish { body: document, etag, expires } => {
                seconds = expires.to_string();
                headers.push(("Event", b"presence"));
                headers.push(("Expires", seconds.as_bytes()));
                if let Some(etag) = etag {
                    headers.push(("SIP-If-Match", etag.as_bytes()));
                }
                body = document.as_deref().map(|document| (pidf::MEDIA_TYPE, document));
            }
            Matter::Subscribe { event, accept, route, expires, .. } => {
                seconds = expires.to_string();
                if !route.is_empty() {
                    headers.push(("Route", route.as_bytes()));
                }
                headers.push(("Contact", self.contact.as_bytes()));
                headers.push(("Event", event.as_bytes()));
                headers.push(("Accept", accept.as_bytes()));
                headers.push(("Allow", super::inbound::ALLOW.as_bytes()));
                headers.push(("Expires", seconds.as_bytes()));
            }
        }
        headers.push(("User-Agent", super::USER_AGENT.as_bytes()));
        for (name, value) in &credentials {
            headers.push((name, value));
        }
        let mut packet = Vec::new();
        RequestWriter {
            method,
            uri: exchange.uri.as_bytes(),
            via: via.as_bytes(),
            from: exchange.from.as_bytes(),
            to: exchange.to.as_bytes(),
            call_id: exchange.call_id.as_bytes(),
            cseq: exchange.cseq,
            max_forwards: 70,
            headers: &headers,
            body,
        }
        .write(&mut packet);
        if self.flow.transport == Transport::Udp && packet.len() > LARGEST_DATAGRAM {
            let reason = format!("{} bytes are too many for UDP; use TCP", packet.len());
            return self.finish_here(now, id, 513, reason, Cause::TooLarge);
        }
        let packet = Bytes::from(packet);
        let started = self.table.start_client(
            now,
            Owner(id.0, 0),
            method.as_bytes(),
            branch.as_bytes(),
            self.flow,
            packet.clone(),
        );
        match started {
            Ok(client) => {
                exchange.client = Some(client);
                self.packets.push_back(packet);
            }
            Err(error) => self.finish_here(now, id, 503, error.to_string(), Cause::Transport),
        }
    }

    /// Takes a response. One that is not to a request of ours is dropped, and so is one that
    /// passed through somebody else's Via (RFC 3261 s8.1.3.3, s18.1.2).
    pub(super) fn response(&mut self, now: Tick, message: &Message<'_>) {
        if message.vias().count() != 1 {
            return;
        }
        let (Some(via), Some(cseq)) = (message.top_via(), message.cseq()) else { return };
        let ours = self.flow.local.to_string();
        let Some(branch) = via.branch().filter(|_| via.sent_by() == ours.as_bytes()) else {
            return;
        };
        let status = message.status();
        match self.table.receive_response(now, branch, cseq.method.as_bytes(), status) {
            Matched::Pass(response) if response.ended => {
                self.answered(now, RequestId(response.owner.0), message);
            }
            // A provisional response means "wait" whatever its number is (RFC 3261 s8.1.3.2).
            Matched::Pass(_) | Matched::Stray | Matched::Absorbed(_) => {}
        }
    }

    fn answered(&mut self, now: Tick, id: RequestId, message: &Message<'_>) {
        let status = message.status();
        let again = match Asker::of(status) {
            Some(asker) => self.answers_challenge(id, asker, message),
            None => status == 423 && self.lengthens(id, message),
        };
        if again {
            return self.send(now, id);
        }
        let Some(exchange) = self.exchanges.remove(&id) else { return };
        let retry_after = message.header(HeaderName::RetryAfter).and_then(|value| {
            let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
            text::saturating_number(value.get(..digits)?)
        });
        let outcome = Outcome {
            status,
            reason: String::from_utf8_lossy(message.reason()).into_owned(),
            cause: Cause::Answer,
            elapsed: now - exchange.started,
            retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.into())),
        };
        self.concluded(now, id, &exchange, outcome, Some(message));
    }

    /// A request has its outcome, from the far end or from here.
    fn concluded(
        &mut self,
        now: Tick,
        id: RequestId,
        exchange: &Exchange,
        outcome: Outcome,
        message: Option<&Message<'_>>,
    ) {
        match &exchange.matter {
            Matter::Register { expires } => {
                self.registered(now, exchange.cseq, *expires, outcome, message);
            }
            Matter::Message { .. } => self.events.push_back(Event::Answered { id, outcome }),
            sent @ Matter::Publish { .. } => self.published(now, sent, outcome, message),
            Matter::Subscribe { watch, expires, .. } => {
                self.subscribed(now, (*watch, exchange.cseq, *expires), outcome, message);
            }
        }
    }

    /// Whether the challenge can be answered by sending the request again: with its Call-ID, From
    /// and To, and CSeq one higher (RFC 3261 s8.1.3.5, s22.2). A challenge that was answered for
    /// this request already refuses us, unless only the nonce was stale.
    fn answers_challenge(&mut self, id: RequestId, asker: Asker, message: &Message<'_>) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return false };
        let offers = Keyring::offers(asker, message);
        let scope = exchange.scopes().of(asker).to_owned();
        let known = |realm: &str| exchange.answered.iter().any(|(a, r)| *a == asker && r == realm);
        let mut refused = false;
        for offer in offers.iter().filter(|offer| !offer.stale && known(&offer.realm)) {
            self.keyring.drop_refused(asker, &scope, &offer.realm);
            refused = true;
        }
        if refused || offers.is_empty() || exchange.attempts >= MOST_ATTEMPTS {
            return false;
        }
        for offer in offers {
            exchange.answered.push((asker, offer.realm.clone()));
            self.keyring.take(asker, &scope, offer);
        }
        exchange.cseq += 1;
        true
    }

    /// Whether the server wants a longer time and tells how long (RFC 3261 s10.2.8, RFC 3903 s4,
    /// RFC 6665 s4.1.2.1).
    fn lengthens(&mut self, id: RequestId, message: &Message<'_>) -> bool {
        let least = message.header(HeaderName::MinExpires).and_then(text::saturating_number);
        let (Some(exchange), Some(least)) = (self.exchanges.get_mut(&id), least) else {
            return false;
        };
        let attempts = exchange.attempts;
        let Some(expires) = exchange.matter.expires() else { return false };
        if least <= *expires || *expires == 0 || attempts >= MOST_ATTEMPTS {
            return false;
        }
        *expires = least;
        exchange.cseq += 1;
        true
    }

    /// A request ends without an answer.
    pub(super) fn finish_here(
        &mut self,
        now: Tick,
        id: RequestId,
        status: u16,
        reason: String,
        cause: Cause,
    ) {
        let Some(exchange) = self.exchanges.remove(&id) else { return };
        if let Some(client) = exchange.client {
            // Over already if it was the transaction that timed out.
            self.table.transport_failed(client);
        }
        let elapsed = now - exchange.started;
        let outcome = Outcome { status, reason, cause, elapsed, retry_after: None };
        self.concluded(now, id, &exchange, outcome, None);
    }
}
