//! Messages on their way out, and what handles ask for: the other half of a connection's work.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::command::{Answer, Command, Outgoing};
use super::engine::Engine;
use super::inbound::Inbound;
use super::receiving::ReceiveFailure;
use super::sending::{Goal, SendEvent, SendFailure, Shared};
use super::session::{Event, Inbox, OpenError};
use super::silence::End;
use super::source::{Feed, Offered};
use crate::clock::Tick;
use crate::msrp::head::FailureReport;
use crate::msrp::message::{Content, Failure, Notice, OutgoingId};
use crate::msrp::resume::OutgoingState;
use crate::msrp::session::{SessionId, Setup};

/// Messages that have arrived and may fail all the same, at most.
const LATE_MOST: usize = 1_024;

/// A message on its way out.
pub(super) struct Track {
    session: SessionId,
    pub(super) shared: Arc<Shared>,
    goal: Goal,
    sent: bool,
    /// A relay answers at once and reports later.
    may_fail_late: bool,
}

impl Engine {
    pub(super) fn obey(&mut self, now: Tick, command: Command) {
        match command {
            Command::Open { setup, inbox, answer } => self.open(now, *setup, inbox, answer),
            Command::Send { session, message, shared } => self.send(now, session, *message, shared),
            Command::LookForAborts => {
                let aborted: Vec<_> = self
                    .outgoing
                    .iter()
                    .filter(|(_, track)| track.shared.is_aborted())
                    .map(|(id, _)| *id)
                    .collect();
                for id in aborted {
                    self.core.abort(id);
                }
            }
            Command::Accept { id, session, arriving } => {
                // Too late, and it is lost already.
                if let Some((_, inbox)) = self.sessions.get(&session)
                    && self.core.incoming_state(id).is_some()
                {
                    self.core.accept(id);
                    self.take_in(id, Inbound::accepted(session, *arriving, inbox));
                }
            }
            Command::Deny { id, code } => {
                self.core.deny(id, code);
            }
            Command::AbortIncoming { id } => self.abort_incoming(id),
            Command::Expect { session, state, arriving } => {
                if let Some((_, inbox)) = self.sessions.get(&session)
                    && let Some(id) = self.core.expect_incoming(session, *state)
                {
                    self.take_in(id, Inbound::accepted(session, *arriving, inbox));
                }
            }
            Command::Request { request, answer } => match self.core.request(now, &request) {
                Ok(transaction) => {
                    self.requests.insert(transaction, answer);
                }
                Err(error) => {
                    let _ = answer.send(Err(error));
                }
            },
            Command::End { session, told } => {
                self.end(session);
                self.partings.extend(told.map(|told| (None, told)));
            }
        }
    }

    fn open(
        &mut self,
        now: Tick,
        setup: Setup,
        inbox: Inbox,
        answer: Answer<SessionId, OpenError>,
    ) {
        let local = setup.local.clone();
        let session = self.core.add_session(setup);
        self.sessions.insert(session, (local, inbox));
        match self.core.greet(now, session) {
            Ok(id) => {
                self.opening.insert(id, (session, answer));
            }
            Err(_) => {
                self.end(session);
                let _ = answer.send(Err(OpenError::Closed));
            }
        }
    }

    fn send(&mut self, now: Tick, session: SessionId, outgoing: Outgoing, shared: Arc<Shared>) {
        let Outgoing { message, source, resume, goal } = outgoing;
        let streams = matches!(message.content, Content::Stream { .. });
        let relayed = self.core.setup(session).is_some_and(|s| s.remote.uris().len() > 1);
        let may_fail_late = relayed && goal == Goal::Answered
            || goal == Goal::Sent && message.failure_report == FailureReport::Partial;
        let taken = match resume {
            Some(state) => self.core.resume_outgoing(now, session, state, message),
            None => self.core.send(now, session, message),
        };
        match taken {
            Ok(id) => {
                if streams {
                    let mut feed = Feed::new(source);
                    if feed.is_stream() {
                        // Others go before it until it has something.
                        feed.starved = true;
                        self.core.stall(id);
                    }
                    self.feeds.insert(id, feed);
                }
                let track = Track { session, shared, goal, sent: false, may_fail_late };
                self.outgoing.insert(id, track);
            }
            Err(error) => shared.fail(SendFailure::NotTaken(error)),
        }
    }

    /// Puts bytes of a message behind its head; `false` when they have yet to be read.
    pub(super) fn supply(&mut self, id: OutgoingId, offset: u64, most: usize) -> bool {
        let Some(feed) = self.feeds.get_mut(&id) else {
            self.core.abort(id);
            return true;
        };
        match feed.offer(offset, &mut self.pool) {
            Offered::Bytes { mut piece, last } => {
                let end = last && piece.len() <= most;
                piece.range.end = piece.range.end.min(piece.range.start + most);
                let used = self.core.supply(piece.bytes(), end);
                piece.range.end = piece.range.start + used;
                if used > 0 {
                    self.outflow.push(piece);
                } else if !end && !feed.join(&mut self.pool) {
                    return self.starve(id);
                }
                // The head leaves at once, so that the far end prepares while more is read.
                offset > 0 || end
            }
            Offered::Later => self.starve(id),
            Offered::End => {
                self.core.supply(&[], true);
                true
            }
        }
    }

    /// Bytes have to be waited for. A file has them soon, and its chunk goes on; of a stream nobody
    /// knows, so that others go on meanwhile, and its chunk ends.
    fn starve(&mut self, id: OutgoingId) -> bool {
        let Some(feed) = self.feeds.get_mut(&id) else { return true };
        self.hungry |= !std::mem::replace(&mut feed.starved, true);
        if feed.is_stream() {
            self.core.stall(id);
        }
        feed.is_stream()
    }

    pub(super) fn poll_feeds(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for (id, feed) in &mut self.feeds {
            match feed.poll(cx, &mut self.pool) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    self.core.unstall(*id);
                    moved = true;
                }
                Poll::Ready(Err(error)) => {
                    if let Some(track) = self.outgoing.remove(id) {
                        track.shared.fail(SendFailure::Source(error.to_string()));
                    }
                    self.core.abort(*id);
                    moved = true;
                }
            }
        }
        let outgoing = &self.outgoing;
        self.feeds.retain(|id, _| outgoing.contains_key(id));
        moved
    }

    /// Ends a session: what is under way in it fails, and can be gone on with elsewhere.
    pub(super) fn end(&mut self, session: SessionId) {
        let of_it = |(id, track): (&OutgoingId, &Track)| (track.session == session).then_some(*id);
        for id in self.outgoing.iter().filter_map(of_it).collect::<Vec<_>>() {
            self.feeds.remove(&id);
            if let Some(track) = self.outgoing.remove(&id) {
                self.part_outgoing(id, &track);
            }
        }
        if let Some((local, inbox)) = self.sessions.remove(&session) {
            self.registry.forget(&local);
            tracing::debug!(parent: &inbox.span, "session ended by us");
            self.part(session, inbox);
        }
        self.core.end_session(session);
    }

    /// Ends sessions that nobody has any more.
    pub(super) fn sweep(&mut self) {
        let dropped: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, (_, inbox))| inbox.events.is_closed())
            .map(|(id, _)| *id)
            .collect();
        for session in dropped {
            self.end(session);
        }
    }

    pub(super) fn take_notices(&mut self) {
        while let Some(notice) = self.core.poll_notice() {
            self.hear(notice);
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Bound { .. } => {}
            // Signs of life do not pile up where nobody looks.
            Notice::Alive { session } if self.is_full(session) => {}
            Notice::Alive { session } => self.tell_session(session, Event::Alive),
            Notice::SessionFailed { session, code } => {
                self.tell_session(session, Event::Failed { code });
            }
            Notice::Progress { id, sent, total } => {
                self.tell(id, SendEvent::Progress { sent, total });
            }
            Notice::Sent { id, bytes } => {
                self.feeds.remove(&id);
                self.tell(id, SendEvent::Sent { bytes });
            }
            Notice::Answered { id } => match self.opening.remove(&id) {
                Some((session, answer)) => {
                    if answer.send(Ok(session)).is_err() {
                        self.end(session);
                    }
                }
                None => self.tell(id, SendEvent::Answered),
            },
            Notice::Reported { id, received, whole } => {
                self.tell(id, SendEvent::Reported { received, whole });
            }
            Notice::Failed { id, reason, state, .. } => self.failed(id, reason, state),
            Notice::Aborted { id, by, bytes } => {
                self.give_up(id, SendFailure::Aborted { by, bytes });
            }
            Notice::Lost { id, bytes, code } => {
                let failure = if code == 0 {
                    ReceiveFailure::Lost { bytes, state: None }
                } else {
                    ReceiveFailure::Sink(format!(
                        "it came in too many parts, or nobody took it in time: {code}"
                    ))
                };
                self.lose(id, failure);
            }
            Notice::Response(response) => {
                if let Some(answer) = self.requests.remove(&response.transaction) {
                    let _ = answer.send(Ok(response));
                }
            }
        }
    }

    fn tell(&mut self, id: OutgoingId, event: SendEvent) {
        let Some(track) = self.outgoing.get_mut(&id) else { return };
        track.sent |= matches!(event, SendEvent::Sent { .. });
        let arrived = match &event {
            SendEvent::Sent { .. } => track.goal == Goal::Sent,
            SendEvent::Answered => track.goal == Goal::Answered,
            SendEvent::Reported { whole, .. } => *whole,
            SendEvent::Progress { .. } | SendEvent::Failed(_) => false,
        };
        let late = track.may_fail_late;
        track.shared.tell(event, arrived && !late);
        if arrived && late {
            self.arrive(id);
        } else if arrived {
            self.outgoing.remove(&id);
        }
    }

    /// A message has arrived as far as we know. A relay may know better, for a while.
    fn arrive(&mut self, id: OutgoingId) {
        self.late.push_back(id);
        let over = if self.late.len() > LATE_MOST { self.late.pop_front() } else { None };
        if let Some(track) = over.and_then(|over| self.outgoing.remove(&over)) {
            track.shared.events.close();
        }
    }

    fn is_full(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|(_, inbox)| inbox.full_since.is_some())
    }

    fn tell_session(&self, session: SessionId, event: Event) {
        if let Some((_, inbox)) = self.sessions.get(&session) {
            inbox.events.push(event);
        }
    }

    fn failed(&mut self, id: OutgoingId, reason: Failure, state: Option<Box<OutgoingState>>) {
        if let Some((session, answer)) = self.opening.remove(&id) {
            self.end(session);
            let _ = answer.send(Err(match reason {
                Failure::Code { code, comment } => {
                    OpenError::Refused { code, comment: comment.into() }
                }
                Failure::Timeout => OpenError::Timeout,
                _ => OpenError::Closed,
            }));
            return;
        }
        let failure = match reason {
            Failure::Code { code, comment } => {
                SendFailure::Refused { code, comment: comment.into(), state }
            }
            Failure::Timeout => SendFailure::Timeout(state),
            Failure::SessionEnded => SendFailure::Lost(state),
            Failure::Unreported => SendFailure::Unreported(state),
            Failure::Source => SendFailure::Source("it ended before its size".to_owned()),
        };
        self.give_up(id, failure);
    }

    pub(super) fn give_up(&mut self, id: OutgoingId, failure: SendFailure) {
        self.feeds.remove(&id);
        if let Some(track) = self.outgoing.remove(&id) {
            if let Some((_, inbox)) = self.sessions.get(&track.session) {
                tracing::debug!(parent: &inbox.span, %failure, "a message did not arrive");
            }
            track.shared.fail(failure);
        }
    }

    /// Tells a message that its session ended before it.
    fn part_outgoing(&self, id: OutgoingId, track: &Track) {
        if self.late.contains(&id) {
            track.shared.events.close();
            return;
        }
        let state = self.core.outgoing_state(id).map(Box::new);
        track.shared.fail(if track.sent && track.goal == Goal::Reported {
            SendFailure::Unreported(state)
        } else {
            SendFailure::Lost(state)
        });
    }

    /// The connection ended: every message and session is told, and what can be gone on with
    /// elsewhere is handed out.
    pub(super) async fn bury(mut self, end: &End) {
        self.registry.forget_connection(self.key);
        for (id, track) in std::mem::take(&mut self.outgoing) {
            self.part_outgoing(id, &track);
        }
        // What was asked for in the meantime. Everything else tells by being dropped.
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            if let Command::Send { message, shared, .. } = command {
                shared.fail(SendFailure::Lost(message.resume.map(Box::new)));
            }
        }
        for (_, (_, answer)) in self.opening.drain() {
            let _ = answer.send(Err(OpenError::Closed));
        }
        for (session, (local, inbox)) in std::mem::take(&mut self.sessions) {
            self.registry.forget(&local);
            tracing::debug!(parent: &inbox.span, %end, "session ended");
            self.part(session, inbox);
        }
    }
}

impl Drop for Engine {
    /// Nothing is left here but when a part of the application, a validator say, has panicked in this
    /// task: then nobody is to wait for ever.
    fn drop(&mut self) {
        self.registry.forget_connection(self.key);
        for (_, track) in self.outgoing.drain() {
            track.shared.fail(SendFailure::Lost(None));
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Send { shared, .. } = command {
                shared.fail(SendFailure::Lost(None));
            }
        }
        for (_, (local, inbox)) in self.sessions.drain() {
            self.registry.forget(&local);
            inbox.events.push(Event::Closed);
            inbox.events.close();
        }
    }
}
