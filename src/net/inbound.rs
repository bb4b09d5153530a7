//! What one stream has sent and is not a whole message yet.

use std::time::Duration;

use super::Ingress;
use super::connection::Connection;
use super::worker::Worker;
use crate::clock::Tick;
use crate::sip::framer::{Frame, FrameError, Framer};
use crate::sip::wire;

/// Keep-alives that are answered within a while; RFC 5626 s4.4.1 sends one in 30 s at most.
const PINGS: u32 = 100;
const PINGS_WITHIN: Duration = Duration::from_secs(10);

/// The unfinished end of a stream, and when its peer last did what it should.
pub(super) struct Inbound {
    framer: Framer,
    /// Since when a message is begun and not complete.
    pub(super) partial_since: Option<Tick>,
    /// When a message was last complete, or the connection began.
    pub(super) last_message: Tick,
    /// When anything was last received or sent.
    pub(super) last_traffic: Tick,
    pings: u32,
    pings_since: Tick,
}

/// What becomes of a connection after some bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    CloseAfterFlush,
    Ended,
}

impl Inbound {
    pub(super) fn new(now: Tick, limits: &wire::Limits) -> Inbound {
        Inbound {
            framer: Framer::new(limits),
            partial_since: None,
            last_message: now,
            last_traffic: now,
            pings: 0,
            pings_since: now,
        }
    }

    /// Hands over each message that `bytes` complete.
    pub(super) fn take<I: Ingress>(
        &mut self,
        worker: &Worker<I>,
        connection: &Connection,
        bytes: &[u8],
    ) -> Fate {
        let now = worker.egress.clock.now();
        let flow = connection.flow();
        self.last_traffic = now;
        self.framer.push(bytes);
        loop {
            if connection.is_ending() {
                return Fate::CloseAfterFlush;
            }
            match self.framer.next_frame() {
                Ok(Some(Frame::Message(message))) => {
                    self.last_message = now;
                    self.partial_since = None;
                    worker.engage(|ingress, scratch, outbox| {
                        ingress.receive(scratch, outbox, flow, message);
                    });
                }
                // RFC 5626 s4.4.1
                Ok(Some(Frame::Ping)) => {
                    if now.since(self.pings_since) >= PINGS_WITHIN {
                        (self.pings, self.pings_since) = (0, now);
                    }
                    self.pings += 1;
                    if self.pings > PINGS {
                        return Fate::CloseAfterFlush;
                    }
                    worker.engage(|_, _, outbox| outbox.send_copy(flow, b"\r\n", None));
                }
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => break,
                Err(FrameError::NotSip) => return Fate::CloseAfterFlush,
                Err(FrameError::Broken) => {
                    let remains = self.framer.remains();
                    worker.engage(|ingress, scratch, outbox| {
                        ingress.receive(scratch, outbox, flow, remains);
                    });
                    return Fate::CloseAfterFlush;
                }
            }
        }
        if self.framer.pending() == 0 {
            self.partial_since = None;
        } else {
            self.partial_since = self.partial_since.or(Some(now));
        }
        Fate::Open
    }
}
