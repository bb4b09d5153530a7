//! The registration of one contact: bound, refreshed in time, taken back (RFC 3261 s10.2).

use std::time::Duration;

use super::exchange::{Cause, Exchange, Matter, Outcome, fresh_call_id, fresh_tag};
use super::{Agent, BoundContact, Event, RequestId};
use crate::clock::Tick;
use crate::sip::header::Contact;
use crate::sip::uri::Uri;
use crate::sip::wire::Message;

/// A whole cycle of retransmissions fits between a refresh and the end of the binding.
const HEADROOM: Duration = Duration::from_secs(32);
/// How long a registration that failed for a while waits before it is tried again.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// What is wanted of the registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    Bound(u32),
    Unbound,
}

/// All REGISTER requests of an agent share one Call-ID; CSeq rises by one with each.
#[derive(Debug)]
pub(super) struct Registration {
    call_id: String,
    from_tag: String,
    cseq: u32,
    wish: Wish,
    /// The request under way: no other is sent before its outcome (RFC 3261 s10.2).
    pending: Option<RequestId>,
    /// The registrar may hold our contact.
    bound: bool,
    refresh_at: Tick,
    failures: u32,
}

impl Registration {
    pub(super) fn new() -> Registration {
        Registration {
            call_id: fresh_call_id(),
            from_tag: fresh_tag(),
            cseq: 0,
            wish: Wish::Nothing,
            pending: None,
            bound: false,
            refresh_at: Tick::NEVER,
            failures: 0,
        }
    }

    pub(super) fn deadline(&self) -> Tick {
        if self.pending.is_some() { Tick::NEVER } else { self.refresh_at }
    }
}

impl Agent {
    /// Registers the contact for `expires` seconds and refreshes it from then on.
    pub fn register(&mut self, now: Tick, expires: u32) {
        self.registration.wish = Wish::Bound(expires.max(1));
        self.registration.failures = 0;
        self.registration.refresh_at = now;
        self.pursue(now);
    }

    /// Takes the contact back, this one alone; [`Event::Unregistered`] tells when that is done.
    pub fn unregister(&mut self, now: Tick) {
        self.registration.wish = Wish::Unbound;
        self.registration.refresh_at = now;
        self.pursue(now);
    }

    /// Sends the REGISTER that is due, if none is under way.
    pub(super) fn pursue(&mut self, now: Tick) {
        let registration = &mut self.registration;
        if registration.pending.is_some() || registration.refresh_at > now {
            return;
        }
        registration.refresh_at = Tick::NEVER;
        let expires = match registration.wish {
            Wish::Nothing => return,
            Wish::Unbound if !registration.bound => {
                registration.wish = Wish::Nothing;
                self.events.push_back(Event::Unregistered { outcome: None });
                return;
            }
            Wish::Unbound => 0,
            Wish::Bound(expires) => expires,
        };
        registration.cseq += 1;
        let address = self.account.address();
        let exchange = Exchange {
            matter: Matter::Register { expires },
            uri: format!("sip:{}", self.account.domain),
            from: format!("<{address}>;tag={}", registration.from_tag),
            to: format!("<{address}>"),
            call_id: registration.call_id.clone(),
            cseq: registration.cseq,
            started: now,
            attempts: 0,
            client: None,
            answered: Vec::new(),
        };
        let id = self.open(exchange);
        self.registration.pending = Some(id);
        self.send(now, id);
    }

    /// A REGISTER has its outcome.
    pub(super) fn registered(
        &mut self,
        now: Tick,
        cseq: u32,
        asked: u32,
        outcome: Outcome,
        message: Option<&Message<'_>>,
    ) {
        let registration = &mut self.registration;
        registration.pending = None;
        registration.cseq = cseq;
        if asked == 0 {
            registration.bound = false;
            if registration.wish == Wish::Unbound {
                registration.wish = Wish::Nothing;
            }
            self.events.push_back(Event::Unregistered { outcome: Some(outcome) });
            return self.pursue(now);
        }
        if let Some(message) = message.filter(|_| outcome.is_success()) {
            let contacts = bound_contacts(message);
            let granted = granted(message, &contacts, &self.contact_uri).unwrap_or(asked);
            registration.failures = 0;
            registration.bound = true;
            if let Wish::Bound(_) = registration.wish {
                registration.refresh_at = now + refresh_after(granted);
            }
            let elapsed = outcome.elapsed;
            self.events.push_back(Event::Registered { expires: granted, contacts, elapsed });
            return self.pursue(now);
        }
        // Without an answer nobody knows; an answer that says no leaves things as they were.
        registration.bound |= outcome.cause != Cause::Answer;
        let mut retry_in = None;
        if matches!(registration.wish, Wish::Bound(_)) {
            if outcome.is_passing() {
                let doubled = FIRST_RETRY.saturating_mul(1 << registration.failures.min(5));
                let wait = outcome.retry_after.unwrap_or(doubled).min(LONGEST_RETRY);
                registration.failures += 1;
                registration.refresh_at = now + wait;
                retry_in = Some(wait);
            } else {
                registration.wish = Wish::Nothing;
            }
        }
        self.events.push_back(Event::RegistrationFailed { outcome, retry_in });
        self.pursue(now);
    }
}

/// The contacts that a 200 lists (RFC 3261 s10.3 step 8).
fn bound_contacts(message: &Message<'_>) -> Vec<BoundContact> {
    message
        .contacts()
        .flatten()
        .filter_map(|contact| match contact {
            Contact::Star => None,
            Contact::Address(address) => Some(BoundContact {
                uri: String::from_utf8_lossy(address.uri()).into_owned(),
                expires: address.expires().or(message.expires()),
            }),
        })
        .collect()
}

/// What the registrar granted our contact (RFC 3261 s10.2.4).
fn granted(message: &Message<'_>, contacts: &[BoundContact], own: &str) -> Option<u32> {
    let own = Uri::parse(own.as_bytes()).ok()?;
    let ours = contacts
        .iter()
        .find(|contact| Uri::parse(contact.uri.as_bytes()).is_ok_and(|uri| uri.equivalent(&own)));
    ours.and_then(|contact| contact.expires).or(message.expires())
}

/// How long to wait before a refresh: a tenth of the expiry before its end, or room for all
/// retransmissions if that is more, but never sooner than half of it.
pub(super) fn refresh_after(granted: u32) -> Duration {
    let whole = Duration::from_secs(u64::from(granted));
    whole.saturating_sub((whole / 10).max(HEADROOM)).max(whole / 2).max(Duration::from_secs(1))
}
