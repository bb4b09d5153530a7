//! Subscriptions of ours (RFC 6665 s4.1): asked for, refreshed in time, ended; and the NOTIFYs that
//! they bring.

use super::exchange::{Exchange, Matter, Outcome, fresh_call_id, fresh_tag};
use super::registration::refresh_after;
use super::{Agent, Event, Notification, RequestId};
use crate::client::account::Target;
use crate::clock::Tick;
use crate::sip::header::{Contact, HeaderName};
use crate::sip::wire::Message;
use crate::text::{self, Params};

/// Names a subscription of one [`Agent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchId(u64);

/// A subscription.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) id: WatchId,
    whom: String,
    event: String,
    accept: String,
    expires: u32,
    call_id: String,
    local_tag: String,
    remote_tag: Option<String>,
    /// Where requests within the dialog go, and the route there (RFC 3261 s12.1.2).
    target: Option<String>,
    route: String,
    cseq: u32,
    /// The number of their last request.
    remote_cseq: Option<u32>,
    pending: Option<RequestId>,
    refresh_at: Tick,
    ending: bool,
}

impl Watch {
    /// Forgets the dialog: the next SUBSCRIBE begins another one.
    fn renew(&mut self) {
        self.call_id = fresh_call_id();
        self.local_tag = fresh_tag();
        self.remote_tag = None;
        self.target = None;
        self.route.clear();
        self.cseq = 0;
        self.remote_cseq = None;
    }

    pub(super) fn deadline(&self) -> Tick {
        if self.pending.is_some() { Tick::NEVER } else { self.refresh_at }
    }
}

impl Agent {
    /// Watches somebody; `accept` are the documents that are understood. With 0 seconds it is asked
    /// once. It is refreshed until it is ended.
    pub fn watch(
        &mut self,
        now: Tick,
        whom: &Target,
        event: &str,
        accept: &str,
        expires: u32,
    ) -> WatchId {
        let id = WatchId(self.next_id);
        self.next_id += 1;
        let mut watch = Watch {
            id,
            whom: whom.uri().to_owned(),
            event: event.to_owned(),
            accept: accept.to_owned(),
            expires,
            call_id: String::new(),
            local_tag: String::new(),
            remote_tag: None,
            target: None,
            route: String::new(),
            cseq: 0,
            remote_cseq: None,
            pending: None,
            refresh_at: now,
            ending: expires == 0,
        };
        watch.renew();
        self.watches.push(watch);
        self.pursue_watches(now);
        id
    }

    /// Ends a subscription; a last notification tells so.
    pub fn unwatch(&mut self, now: Tick, id: WatchId) {
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.id == id) {
            watch.ending = true;
            watch.expires = 0;
            watch.refresh_at = now;
        }
        self.pursue_watches(now);
    }

    /// Sends each SUBSCRIBE that is due.
    pub(super) fn pursue_watches(&mut self, now: Tick) {
        let is_due = |watch: &&mut Watch| watch.pending.is_none() && watch.refresh_at <= now;
        while let Some(watch) = self.watches.iter_mut().find(is_due) {
            watch.refresh_at = Tick::NEVER;
            watch.cseq += 1;
            let tag = watch.remote_tag.as_ref().map(|tag| format!(";tag={tag}"));
            let exchange = Exchange {
                matter: Matter::Subscribe {
                    watch: watch.id,
                    event: watch.event.clone(),
                    accept: watch.accept.clone(),
                    route: watch.route.clone(),
                    expires: watch.expires,
                },
                uri: watch.target.clone().unwrap_or_else(|| watch.whom.clone()),
                from: format!("<{}>;tag={}", self.account.address(), watch.local_tag),
                to: format!("<{}>{}", watch.whom, tag.unwrap_or_default()),
                call_id: watch.call_id.clone(),
                cseq: watch.cseq,
                started: now,
                attempts: 0,
                client: None,
                answered: Vec::new(),
            };
            let id = RequestId(self.next_id);
            self.next_id += 1;
            watch.pending = Some(id);
            self.exchanges.insert(id, exchange);
            self.send(now, id);
        }
    }

    /// A SUBSCRIBE has its outcome.
    pub(super) fn subscribed(
        &mut self,
        now: Tick,
        sent: (WatchId, u32, u32),
        outcome: Outcome,
        message: Option<&Message<'_>>,
    ) {
        let (id, cseq, expires) = sent;
        let Some(place) = self.watches.iter().position(|watch| watch.id == id) else { return };
        let Some(watch) = self.watches.get_mut(place) else { return };
        watch.pending = None;
        watch.cseq = cseq;
        if let Some(message) = message.filter(|_| outcome.is_success()) {
            watch.join(message);
            let granted = message.expires().unwrap_or(expires);
            if !watch.ending {
                watch.refresh_at = now + refresh_after(granted);
            }
            let (whom, elapsed) = (watch.whom.clone(), outcome.elapsed);
            self.events.push_back(Event::Watching { id, whom, expires: granted, elapsed });
            return self.pursue_watches(now);
        }
        // s4.1.2.2: what the notifier does not know any more is asked for anew.
        if outcome.status == 481 && watch.remote_tag.is_some() && !watch.ending {
            watch.renew();
            watch.refresh_at = now;
            return self.pursue_watches(now);
        }
        self.watches.remove(place);
        self.events.push_back(Event::WatchFailed { id, outcome });
    }

    /// A NOTIFY; the status of its answer (s4.1.3).
    pub(super) fn notified(&mut self, now: Tick, message: &Message<'_>) -> u16 {
        let tag = message.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let place = self.watches.iter().position(|watch| {
            watch.call_id.as_bytes() == message.call_id() && watch.local_tag.as_bytes() == tag
        });
        let Some((place, watch)) = place.and_then(|at| Some((at, self.watches.get_mut(at)?)))
        else {
            return 481;
        };
        let remote = message.from().ok().and_then(|from| from.tag().map(<[u8]>::to_vec));
        let remote = remote.map(|tag| String::from_utf8_lossy(&tag).into_owned());
        if remote.is_none() || watch.remote_tag.is_some() && watch.remote_tag != remote {
            return 481;
        }
        let Some(cseq) = message.cseq() else { return 400 };
        if watch.remote_cseq.is_some_and(|last| cseq.number <= last) {
            return 500;
        }
        let Some(state) = message.header(HeaderName::SubscriptionState) else { return 400 };
        watch.remote_cseq = Some(cseq.number);
        watch.remote_tag = remote;
        if let Some(target) = contact(message) {
            watch.target = Some(target);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        let end = text::element_end(state, b';');
        let mut notification = Notification {
            id: watch.id,
            whom: watch.whom.clone(),
            event: watch.event.clone(),
            state: text(state.get(..end).unwrap_or_default()).to_lowercase(),
            reason: None,
            expires: None,
            cseq: cseq.number,
            content_type: message.content_type().map(text),
            body: message.body().to_vec(),
            at: now,
        };
        for param in Params::after_semicolon(state.get(end..).unwrap_or_default()).flatten() {
            let value = param.raw.map(text).unwrap_or_default();
            if param.is("reason") {
                notification.reason = Some(value);
            } else if param.is("expires") {
                notification.expires = value.parse().ok();
            }
        }
        if notification.state == "terminated" {
            let again = matches!(notification.reason.as_deref(), Some("deactivated" | "timeout"));
            if again && !watch.ending {
                watch.renew();
                watch.refresh_at = now;
            } else {
                self.watches.remove(place);
            }
        }
        self.events.push_back(Event::Notified(notification));
        200
    }
}

impl Watch {
    /// The dialog that a 2xx confirms (RFC 3261 s12.1.2).
    fn join(&mut self, message: &Message<'_>) {
        if self.target.is_none() || self.remote_tag.is_none() {
            let routes: Vec<&[u8]> = message.values(HeaderName::RecordRoute).collect();
            let routes: Vec<&[u8]> = routes.into_iter().rev().collect();
            self.route = String::from_utf8_lossy(&routes.join(&b", "[..])).into_owned();
        }
        let tag = message.to().ok().and_then(|to| to.tag().map(<[u8]>::to_vec));
        if self.remote_tag.is_none() {
            self.remote_tag = tag.map(|tag| String::from_utf8_lossy(&tag).into_owned());
        }
        if let Some(target) = contact(message) {
            self.target = Some(target);
        }
    }
}

fn contact(message: &Message<'_>) -> Option<String> {
    match message.contacts().next() {
        Some(Ok(Contact::Address(contact))) => {
            Some(String::from_utf8_lossy(contact.uri()).into_owned())
        }
        _ => None,
    }
}
