//! Requests that came on two ways to us as their user agent server (RFC 3261 s8.2.2.2).
//!
//! Only what its sender proved to have sent and what is carried out here is noted: REGISTER,
//! SUBSCRIBE, and a MESSAGE that goes into the queue. What is passed on never is, since merged requests are no error
//! to a proxy (s16.3 check 4), nor OPTIONS, which is answered without a transaction. So a stranger
//! makes nobody else's request a merged one, and a request that is passed on costs one keyed hash
//! at most.

use super::dispatch::Request;
use super::engine::Engine;
use super::shard::State;
use crate::clock::Tick;
use crate::sip::method::Method;
use crate::sip::wire::Message;

/// From tag, CSeq number and method of a request that may be a merged one.
fn parts<'a>(message: &Message<'a>) -> Option<(&'a [u8], u32, &'a [u8])> {
    if !matches!(message.method(), Method::Register | Method::Message | Method::Subscribe)
        || message.to().ok()?.tag().is_some()
    {
        return None;
    }
    let method = message.method().as_bytes();
    Some((message.from().ok()?.tag()?, message.cseq()?.number, method))
}

impl State {
    /// Whether a new request was carried out under another branch already.
    pub(super) fn has_met(&mut self, now: Tick, message: &Message<'_>) -> bool {
        if self.merged.is_empty() {
            return false;
        }
        parts(message).is_some_and(|(tag, cseq, method)| {
            let uri = message.request_uri();
            self.merged.has_met(now, uri, tag, message.call_id(), cseq, method)
        })
    }
}

impl Engine {
    /// Notes a request that is carried out here. `true` if another one, which came while this one
    /// was waiting for something, was quicker.
    ///
    /// On a stream the transaction ends with its answer (Timer J is zero), and nothing is under way
    /// any more that a later request could be merged with.
    pub(super) fn is_merged(&self, request: &Request<'_, '_>) -> bool {
        if request.flow.transport.is_reliable() {
            return false;
        }
        let Some((tag, cseq, method)) = parts(request.message) else { return false };
        let (uri, call_id) = (request.message.request_uri(), request.message.call_id());
        let mut state = self.shard(self.shard_of(call_id)).lock();
        state.merged.is_merged(request.now, request.server, uri, tag, call_id, cseq, method)
    }
}
