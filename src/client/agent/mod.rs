//! A SIP user agent for one account over one flow, sans-IO: bytes and the time go in; packets,
//! events and the next deadline come out (RFC 3261 s8, s10.2, RFC 3428, RFC 3903 s4, RFC 6665
//! s4.1).
//!
//! The driver hands what arrives to [`Agent::receive`], calls [`Agent::advance`] when
//! [`Agent::next_deadline`] has come, and after either sends every [`Agent::poll_packet`] and looks
//! at every [`Agent::poll_event`]. All packets go out on the agent's flow.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Tick;
use crate::sip::Flow;
use crate::sip::transaction::{Bounds, MergedRequests, Owner, Table, TimerOutput, Timing};
use crate::sip::wire::{self, Framing, Layout, Limits, Message};

use super::account::{Account, Target};
use credentials::Keyring;
use exchange::{Exchange, Matter};
use publication::Publication;
use registration::Registration;
use watching::Watch;

mod credentials;
mod exchange;
mod inbound;
mod publication;
mod registration;
#[cfg(test)]
mod tests;
mod watching;

pub use exchange::{Cause, LARGEST_DATAGRAM, Outcome};
pub use watching::WatchId;

const USER_AGENT: &str = concat!("tagus-client/", env!("CARGO_PKG_VERSION"));

/// One account needs little.
const BOUNDS: Bounds =
    Bounds { active: 10_000, lingering: 10_000, lingering_bytes: 16 * 1_024 * 1_024 };

/// Names a request of one [`Agent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// A contact as the registrar lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundContact {
    /// Its URI.
    pub uri: String,
    /// For how many seconds it stays.
    pub expires: Option<u32>,
}

/// A message from somebody; it has been answered with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingText {
    /// `user@domain` of the sender in lower case; the whole URI if it is of another kind.
    pub from: String,
    /// The sender's URI as it was written.
    pub from_uri: String,
    /// The sender's display name.
    pub name: Option<String>,
    /// The type of the body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// When it was written, if it says so (RFC 3428 s4).
    pub date: Option<String>,
    /// When it came.
    pub at: Tick,
}

impl IncomingText {
    /// Whether the body is plain text.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        self.content_type.as_deref().is_some_and(|value| {
            value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain")
        })
    }
}

/// Something that the user of an [`Agent`] wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The contact is bound, or bound anew.
    Registered {
        /// For how many seconds.
        expires: u32,
        /// Every contact of the account.
        contacts: Vec<BoundContact>,
        /// From the first sending to the answer.
        elapsed: Duration,
    },
    /// The contact is not bound, or not bound anew.
    RegistrationFailed {
        /// Why.
        outcome: Outcome,
        /// When it is tried again; never if nothing is said.
        retry_in: Option<Duration>,
    },
    /// The contact was taken back; without an outcome it had never been bound.
    Unregistered {
        /// How that went.
        outcome: Option<Outcome>,
    },
    /// A request other than REGISTER has its outcome.
    Answered {
        /// Which.
        id: RequestId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Somebody wrote.
    Message(IncomingText),
    /// The document is published, or published anew.
    Published {
        /// For how many seconds.
        expires: u32,
        /// From the first sending to the answer.
        elapsed: Duration,
    },
    /// The document is not published.
    PublishFailed {
        /// Why.
        outcome: Outcome,
        /// When it is tried again; never if nothing is said.
        retry_in: Option<Duration>,
    },
    /// What was published was taken back; without an outcome there was nothing.
    Unpublished {
        /// How that went.
        outcome: Option<Outcome>,
    },
    /// A subscription was accepted, or accepted anew; what there is to see is told by
    /// [`Event::Notified`].
    Watching {
        /// Which.
        id: WatchId,
        /// The address that is watched.
        whom: String,
        /// For how many seconds.
        expires: u32,
        /// From the first sending to the answer.
        elapsed: Duration,
    },
    /// A subscription is refused, or cannot be asked for.
    WatchFailed {
        /// Which.
        id: WatchId,
        /// Why.
        outcome: Outcome,
    },
    /// Something of somebody watched is told; it has been answered with 200.
    Notified(Notification),
}

/// A NOTIFY (RFC 6665 s4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Of which subscription.
    pub id: WatchId,
    /// The address that is watched.
    pub whom: String,
    /// The package.
    pub event: String,
    /// `active`, `pending` or `terminated`.
    pub state: String,
    /// Why it is terminated.
    pub reason: Option<String>,
    /// Seconds that are left.
    pub expires: Option<u32>,
    /// Its number.
    pub cseq: u32,
    /// The type of the body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came.
    pub at: Tick,
}

/// A SIP user agent for one account over one flow.
pub struct Agent {
    account: Account,
    flow: Flow,
    contact_uri: String,
    /// The Contact value without its expiry.
    contact: String,
    table: Table,
    merged: MergedRequests,
    keyring: Keyring,
    registration: Registration,
    publication: Publication,
    watches: Vec<Watch>,
    exchanges: HashMap<RequestId, Exchange>,
    next_id: u64,
    limits: Limits,
    layout: Layout,
    packets: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

impl Agent {
    /// An agent that is registered nowhere. `instance` is a URN that names the device.
    #[must_use]
    pub fn new(account: Account, flow: Flow, instance: &str, timing: Timing) -> Agent {
        let mut contact_uri = account.address();
        let user_end = contact_uri.rfind('@').unwrap_or(contact_uri.len());
        contact_uri.truncate(user_end);
        contact_uri.push_str(&format!("@{}", flow.local));
        if flow.transport.is_reliable() {
            contact_uri.push_str(&format!(";transport={}", flow.transport.uri_name()));
        }
        Agent {
            keyring: Keyring::new(&account.user, &account.password),
            contact: format!("<{contact_uri}>;+sip.instance=\"<{instance}>\""),
            contact_uri,
            account,
            flow,
            table: Table::new(timing, BOUNDS),
            merged: MergedRequests::new(timing, 1_000),
            registration: Registration::new(),
            publication: Publication::new(),
            watches: Vec::new(),
            exchanges: HashMap::new(),
            next_id: 1,
            limits: Limits::default(),
            layout: Layout::default(),
            packets: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Whose agent this is.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Sends text to somebody (RFC 3428); [`Event::Answered`] tells what came of it.
    pub fn message(&mut self, now: Tick, to: &Target, text: &str) -> RequestId {
        let exchange = Exchange {
            matter: Matter::Message { body: text.as_bytes().to_vec() },
            uri: to.uri().to_owned(),
            from: format!("<{}>;tag={}", self.account.address(), exchange::fresh_tag()),
            to: format!("<{}>", to.uri()),
            call_id: exchange::fresh_call_id(),
            cseq: 1,
            started: now,
            attempts: 0,
            client: None,
            answered: Vec::new(),
        };
        let id = self.open(exchange);
        self.send(now, id);
        id
    }

    fn open(&mut self, exchange: Exchange) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.exchanges.insert(id, exchange);
        id
    }

    /// Takes a datagram, or a message that was framed out of a stream.
    pub fn receive(&mut self, now: Tick, bytes: &[u8]) {
        let framing = if self.flow.transport.keeps_boundaries() {
            Framing::Datagram
        } else {
            Framing::Stream
        };
        let mut layout = std::mem::take(&mut self.layout);
        match wire::scan(bytes, framing, &self.limits, &mut layout) {
            Ok(()) => {
                let message = Message::new(bytes, &layout);
                if message.is_request() {
                    self.request(now, &message);
                } else {
                    self.response(now, &message);
                }
            }
            Err(defect) if defect.answerable() => {
                let message = Message::new(bytes, &layout);
                self.refuse(&message, defect.status(), defect.reason());
            }
            Err(_) => {}
        }
        self.layout = layout;
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Tick) {
        let mut due = Vec::new();
        self.table.advance(now, &mut due);
        for output in due {
            match output {
                TimerOutput::Send(_, packet) => self.packets.push_back(packet),
                // RFC 3261 s8.1.3.1: a timeout counts as 408.
                TimerOutput::ClientTimedOut(_, Owner(id, _)) => {
                    let reason = "no answer".to_owned();
                    self.finish_here(now, RequestId(id), 408, reason, Cause::Timeout);
                }
                TimerOutput::ClientDisconnected(_, Owner(id, _)) => {
                    let reason = "the connection ended".to_owned();
                    self.finish_here(now, RequestId(id), 503, reason, Cause::Transport);
                }
                TimerOutput::NeedTrying(_)
                | TimerOutput::ServerFailed(_)
                | TimerOutput::ServerGone(_)
                | TimerOutput::TimerC(..)
                | TimerOutput::ClientGone(..) => {}
            }
        }
        self.pursue(now);
        self.pursue_publication(now);
        self.pursue_watches(now);
    }

    /// Nothing can be sent, or the connection has ended: whatever is under way counts as answered
    /// with 503 (RFC 3261 s8.1.3.1).
    pub fn transport_failed(&mut self, now: Tick, reason: &str) {
        self.packets.clear();
        let mut ids: Vec<RequestId> = self.exchanges.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.finish_here(now, id, 503, reason.to_owned(), Cause::Transport);
        }
    }

    /// When [`Agent::advance`] has something to do.
    #[must_use]
    pub fn next_deadline(&mut self) -> Tick {
        let watches = self.watches.iter().map(Watch::deadline).min().unwrap_or(Tick::NEVER);
        let own = self.registration.deadline().min(self.publication.deadline()).min(watches);
        self.table.next_deadline().min(own)
    }

    /// The next packet to send.
    pub fn poll_packet(&mut self) -> Option<Bytes> {
        self.packets.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
