//! What the account publishes of itself: announced, refreshed in time, taken back (RFC 3903 s4).

use std::time::Duration;

use super::exchange::{Cause, Exchange, Matter, Outcome, fresh_call_id, fresh_tag};
use super::registration::refresh_after;
use super::{Agent, Event, RequestId};
use crate::clock::Tick;
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// How long a publication that failed for a while waits before it is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// What is wanted of the server, and what it has.
#[derive(Debug)]
pub(super) struct Publication {
    /// The document; none: what is there is taken back.
    document: Option<Vec<u8>>,
    expires: u32,
    /// Whether the server has this very document.
    is_told: bool,
    etag: Option<String>,
    /// The request under way: no other is sent before its outcome (s4.1).
    pending: Option<RequestId>,
    refresh_at: Tick,
}

impl Publication {
    pub(super) fn new() -> Publication {
        Publication {
            document: None,
            expires: 0,
            is_told: false,
            etag: None,
            pending: None,
            refresh_at: Tick::NEVER,
        }
    }

    pub(super) fn deadline(&self) -> Tick {
        if self.pending.is_some() { Tick::NEVER } else { self.refresh_at }
    }
}

impl Agent {
    /// Publishes a presence document for `expires` seconds and refreshes it from then on; in place
    /// of one that was published before.
    pub fn publish(&mut self, now: Tick, document: &str, expires: u32) {
        let publication = &mut self.publication;
        publication.document = Some(document.as_bytes().to_vec());
        publication.expires = expires.max(1);
        publication.is_told = false;
        publication.refresh_at = now;
        self.pursue_publication(now);
    }

    /// Takes back what was published; [`Event::Unpublished`] tells when that is done.
    pub fn unpublish(&mut self, now: Tick) {
        self.publication.document = None;
        self.publication.refresh_at = now;
        self.pursue_publication(now);
    }

    /// Sends the PUBLISH that is due, if none is under way.
    pub(super) fn pursue_publication(&mut self, now: Tick) {
        let publication = &mut self.publication;
        if publication.pending.is_some() || publication.refresh_at > now {
            return;
        }
        publication.refresh_at = Tick::NEVER;
        let etag = publication.etag.clone();
        let (body, expires) = match &publication.document {
            None if etag.is_none() => {
                return self.events.push_back(Event::Unpublished { outcome: None });
            }
            // s4.5, s4.3: neither a removal nor a refresh has a body.
            None => (None, 0),
            Some(_) if publication.is_told && etag.is_some() => (None, publication.expires),
            Some(document) => (Some(document.clone()), publication.expires),
        };
        let address = self.account.address();
        let exchange = Exchange {
            matter: Matter::Publish { body, etag, expires },
            uri: address.clone(),
            from: format!("<{address}>;tag={}", fresh_tag()),
            to: format!("<{address}>"),
            call_id: fresh_call_id(),
            cseq: 1,
            started: now,
            attempts: 0,
            client: None,
            answered: Vec::new(),
        };
        let id = self.open(exchange);
        self.publication.pending = Some(id);
        self.send(now, id);
    }

    /// A PUBLISH has its outcome.
    pub(super) fn published(
        &mut self,
        now: Tick,
        sent: &Matter,
        outcome: Outcome,
        message: Option<&Message<'_>>,
    ) {
        let Matter::Publish { body, etag, expires } = sent else { return };
        let publication = &mut self.publication;
        publication.pending = None;
        if *expires == 0 {
            publication.etag = None;
            if publication.document.is_none() {
                self.events.push_back(Event::Unpublished { outcome: Some(outcome) });
            }
            return self.pursue_publication(now);
        }
        if let Some(message) = message.filter(|_| outcome.is_success()) {
            let granted = message.expires().unwrap_or(*expires);
            let tag = message.header(HeaderName::SipEtag).map(<[u8]>::trim_ascii);
            publication.etag = tag.map(|tag| String::from_utf8_lossy(tag).into_owned());
            publication.is_told = body.is_none() || body == &publication.document;
            // A document that changed meanwhile, or its end, is due already.
            if publication.is_told && publication.document.is_some() {
                publication.refresh_at = now + refresh_after(granted);
            }
            let elapsed = outcome.elapsed;
            self.events.push_back(Event::Published { expires: granted, elapsed });
            return self.pursue_publication(now);
        }
        // s4.3: what the server does not know any more is published anew.
        if outcome.status == 412 && etag.is_some() && outcome.cause == Cause::Answer {
            publication.etag = None;
            publication.is_told = false;
            publication.refresh_at = now;
            return self.pursue_publication(now);
        }
        let mut retry_in = None;
        if outcome.is_passing() && publication.document.is_some() {
            let wait = outcome.retry_after.unwrap_or(RETRY);
            publication.refresh_at = now + wait;
            retry_in = Some(wait);
        }
        self.events.push_back(Event::PublishFailed { outcome, retry_in });
    }
}
