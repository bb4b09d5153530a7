//! Keep-alives by datagram (RFC 5626 s4.4.2, s8). Those of streams are the framer's.

use super::Outbox;
use super::engine::{Engine, EngineCounts};
use crate::sip::{Flow, stun};

impl Engine {
    /// Answers a STUN Binding request where it came in, at the rate of everything that nobody signs;
    /// what is over it, or is no request, gets no answer.
    pub(super) fn keep_alive(
        &self,
        outbox: &mut Outbox,
        flow: Flow,
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.clear();
        if self.guard.admit_keep_alive(self.clock.now(), flow.remote)
            && stun::answer(datagram, flow.remote, out)
        {
            EngineCounts::add(&self.counts.keep_alives);
            outbox.send_copy(flow, out, None);
        } else {
            EngineCounts::add(&self.counts.dropped);
        }
    }
}
