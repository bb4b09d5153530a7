//! What one stream has sent and is not a whole message yet.

use std::time::Duration;

use super::Ingress;
use super::connection::Connection;
use super::worker::Worker;
use crate::channel::Arrival;
use crate::clock::Tick;
use crate::sip::framer::{Frame, FrameError, Framer, judge};
use crate::sip::wire;

/// Keep-alives that are answered within a while; RFC 5626 s4.4.1 sends one in 30 s at most.
const PINGS: u32 = 100;
const PINGS_WITHIN: Duration = Duration::from_secs(10);

/// The unfinished end of a stream, and when its peer last did what it should.
pub(super) struct Inbound {
    framer: Framer,
    /// When the connection began.
    pub(super) began: Tick,
    /// When anything was last received.
    received: Tick,
    /// When we last asked for a sign of life; `None` when there was one.
    pub(super) pinged: Option<Tick>,
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
            began: now,
            received: now,
            pinged: None,
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
        if bytes.is_empty() {
            // Records of a handshake, or the beginning of one.
            return Fate::Open;
        }
        self.framer.push(bytes);
        let mut rests = false;
        loop {
            if connection.is_ending() {
                return Fate::CloseAfterFlush;
            }
            match self.framer.next_frame() {
                Ok(Some(Frame::Message(message))) => {
                    self.last_message = now;
                    self.partial_since = None;
                    connection.asked();
                    worker.engage(|ingress, scratch, outbox| {
                        ingress.receive(scratch, outbox, flow, message);
                    });
                }
                // RFC 5626 s4.4.1
                Ok(Some(Frame::Ping)) => {
                    if self.is_flood(now) {
                        return Fate::CloseAfterFlush;
                    }
                    rests = true;
                    connection.rest();
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
        if rests {
            self.framer.rest();
        }
        if self.framer.pending() == 0 {
            self.partial_since = None;
        } else {
            self.partial_since = self.partial_since.or(Some(now));
        }
        Fate::Open
    }

    /// Hands over each message that a WebSocket brought (RFC 7118 s4: one in each).
    pub(super) fn take_arrivals<I: Ingress>(
        &mut self,
        worker: &Worker<I>,
        connection: &Connection,
        arrivals: &[Arrival],
    ) -> Fate {
        let now = worker.egress.clock.now();
        (self.last_traffic, self.received, self.pinged) = (now, now, None);
        // What completes nothing is a part of something; pieces without end end here too.
        self.partial_since =
            if arrivals.is_empty() { self.partial_since.or(Some(now)) } else { None };
        for arrival in arrivals {
            if connection.is_ending() {
                return Fate::CloseAfterFlush;
            }
            let fate = match arrival {
                Arrival::Message(message) => {
                    if message == "\r\n\r\n" {
                        connection.rest();
                    }
                    self.take_message(worker, connection, message, now)
                }
                Arrival::Ping if self.is_flood(now) => Fate::CloseAfterFlush,
                Arrival::Ping | Arrival::Pong => Fate::Open,
            };
            if fate != Fate::Open {
                return fate;
            }
        }
        Fate::Open
    }

    fn take_message<I: Ingress>(
        &mut self,
        worker: &Worker<I>,
        connection: &Connection,
        message: &[u8],
        now: Tick,
    ) -> Fate {
        let flow = connection.flow();
        // RFC 7118 s6: the keep-alive of RFC 5626 s4.4.1 in a message of its own.
        if message.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            if self.is_flood(now) {
                return Fate::CloseAfterFlush;
            }
            if message == b"\r\n\r\n" {
                worker.engage(|_, _, outbox| outbox.send_copy(flow, b"\r\n", None));
            }
            return Fate::Open;
        }
        let judged = judge(message, &worker.egress.limits.message);
        if judged == Err(FrameError::NotSip) {
            return Fate::CloseAfterFlush;
        }
        self.last_message = now;
        connection.asked();
        worker.engage(|ingress, scratch, outbox| ingress.receive(scratch, outbox, flow, message));
        // Half a message is answered, and whoever cuts his messages so is not listened to.
        if judged.is_ok() { Fate::Open } else { Fate::CloseAfterFlush }
    }

    /// When a WebSocket client is to be asked for a sign of life.
    pub(super) fn ping_due(&self, connection: &Connection, after: Duration) -> Option<Tick> {
        let silent = connection.transport.keeps_boundaries() && self.pinged.is_none();
        silent.then(|| self.received + after)
    }

    fn is_flood(&mut self, now: Tick) -> bool {
        if now.since(self.pings_since) >= PINGS_WITHIN {
            (self.pings, self.pings_since) = (0, now);
        }
        self.pings += 1;
        self.pings > PINGS
    }
}
