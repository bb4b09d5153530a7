//! Answers of the server's own making.

use std::hash::BuildHasher;
use std::net::IpAddr;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use crate::http_digest::{Challenge, Hex};
use crate::identity::Asker;
use crate::sip::build::Response;
use crate::sip::header::Via;
use crate::sip::method::Method;
use crate::sip::transaction::ServerId;
use crate::sip::uri::Host;
use crate::sip::wire::Message;
use crate::sip::{Flow, Transport};

/// Where the answers to a request go: to its source, but without `rport` a datagram's to the port
/// of sent-by (RFC 3261 s18.2.2, RFC 3581 s4). Not if sent-by is another address than the source:
/// then a translator stands between, the port means nothing outside of it, and an answer there
/// reaches nobody.
pub(super) fn way_back(via: Option<&Via<'_>>, mut flow: Flow) -> Flow {
    if flow.transport == Transport::Udp
        && let Some(via) = via
        && via.rport().is_none()
        && is_at(via.host(), flow.remote.ip())
    {
        flow.remote.set_port(via.port().unwrap_or(5060));
    }
    flow
}

fn is_at(host: Host<'_>, address: IpAddr) -> bool {
    match host {
        Host::V4(host) => IpAddr::from(host) == address.to_canonical(),
        Host::V6(host) => IpAddr::from(host).to_canonical() == address.to_canonical(),
        // A name says nothing of an address; its owner chose the port to be reached at.
        Host::Name(_) => true,
    }
}

impl Engine {
    /// Our tag for a request: the same for its retransmissions, different for everything else.
    pub(super) fn tag(&self, message: &Message<'_>) -> String {
        let branch = message.top_via().and_then(|via| via.branch()).unwrap_or_default();
        let hash = self.key.hash_one((message.call_id(), branch, self.loop_key));
        Hex::of(&hash.to_be_bytes()).as_str().to_owned()
    }

    /// Forgets that a request came: a repetition will be looked at afresh.
    pub(super) fn forget(&self, message: &Message<'_>, server: ServerId) {
        self.shard(self.shard_of(message.call_id())).lock().transactions.discard(server);
    }

    /// Answers a request of our own accord: through its transaction once its sender is known, else
    /// without any memory of it.
    pub(super) fn refuse(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        status: u16,
        reason: Option<&str>,
        headers: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) {
        if request.message.method() == Method::Ack {
            return;
        }
        out.clear();
        let tag = self.tag(request.message);
        let mut response =
            Response::new(request.message, status, reason).received_from(request.flow.remote);
        if status > 100 {
            // A 100 should have none (RFC 3261 s17.2.1): it comes from this hop alone.
            response = response.to_tag(&tag);
        }
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.write(out);
        self.answer(outbox, request, status, out);
    }

    /// Tells the caller of an INVITE that it has come: he need not repeat it, and may cancel it from
    /// now on (RFC 3261 s16.2, s9.1). For what is passed on, and for what has to wait.
    pub(super) fn trying(&self, outbox: &mut Outbox, request: &Request<'_, '_>, out: &mut Vec<u8>) {
        if request.message.method() == Method::Invite {
            self.refuse(outbox, request, 100, None, &[], out);
        }
    }

    /// Sends a finished answer.
    pub(super) fn answer(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        status: u16,
        out: &[u8],
    ) {
        self.traffic.answer(request.message.method(), status);
        if !request.remembered && status >= 200 {
            // RFC 3261 s8.2.7: strangers are answered without keeping state for them.
            self.forget(request.message, request.server);
            outbox.send_copy(way_back(request.message.top_via().as_ref(), request.flow), out, None);
            return;
        }
        let index = self.shard_of(request.message.call_id());
        let mut state = self.shard(index).lock();
        let packet = Bytes::copy_from_slice(out);
        let sent = state.transactions.respond(request.now, request.server, status, packet);
        drop(state);
        if let Ok((flow, packet)) = sent {
            outbox.send(flow, packet, None);
        }
    }

    /// Seconds after which somebody who is put off may come again: not all at the same time.
    pub(super) fn retry_after(&self, message: &Message<'_>) -> u64 {
        5 + self.key.hash_one(message.call_id()) % 26
    }

    /// Answers a request for which there is not even room to remember it.
    pub(super) fn overflow(
        &self,
        outbox: &mut Outbox,
        message: &Message<'_>,
        flow: Flow,
        out: &mut Vec<u8>,
    ) {
        EngineCounts::add(&self.counts.shed);
        out.clear();
        Response::new(message, 503, None)
            .to_tag(&self.tag(message))
            .received_from(flow.remote)
            .header("Retry-After", &self.retry_after(message).to_string())
            .write(out);
        self.traffic.answer(message.method(), 503);
        outbox.send_copy(way_back(message.top_via().as_ref(), flow), out, None);
    }

    /// Answers something that is not even a request one could dispatch.
    pub(super) fn reject(
        &self,
        outbox: &mut Outbox,
        message: &Message<'_>,
        flow: Flow,
        status: u16,
        reason: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        let tag = self.tag(message);
        Response::new(message, status, reason).to_tag(&tag).received_from(flow.remote).write(out);
        self.traffic.answer(message.method(), status);
        outbox.send_copy(way_back(message.top_via().as_ref(), flow), out, None);
    }

    /// 401 from a registrar or another end of ours, 407 from the proxy (RFC 3261 s22.1); one
    /// header per algorithm, best first (RFC 8760 s2.3). Costs no memory. `answered`: the request did
    /// carry credentials, and they were not right.
    pub(super) fn challenge(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        stale: bool,
        answered: bool,
        out: &mut Vec<u8>,
    ) {
        EngineCounts::add(&self.counts.challenges);
        let message = request.message;
        let (status, header) = match message.method() {
            Method::Register | Method::Subscribe | Method::Publish => (401, "WWW-Authenticate"),
            _ => (407, "Proxy-Authenticate"),
        };
        let nonce = self.nonces.issue(request.now);
        let from = message.from().ok().and_then(|from| from.parsed_uri().user());
        let asker = Asker {
            source: request.flow.remote.ip(),
            user_agent: message.user_agent(),
            from: from.unwrap_or_default(),
        };
        let offers = self.identity.offers().offers(&asker, request.now);
        if answered {
            self.identity.offers().challenged(&asker, &offers, request.now);
        }
        let tag = self.tag(message);
        let values: SmallVec<[Vec<u8>; 2]> = offers
            .iter()
            .map(|algorithm| {
                let mut value = Vec::with_capacity(192);
                Challenge::write(
                    &self.settings.realm,
                    nonce.as_bytes(),
                    *algorithm,
                    stale,
                    &mut value,
                );
                value
            })
            .collect();
        let mut response =
            Response::new(message, status, None).to_tag(&tag).received_from(request.flow.remote);
        for value in &values {
            response = response.header(header, value);
        }
        out.clear();
        response.write(out);
        self.answer(outbox, request, status, out);
    }
}
