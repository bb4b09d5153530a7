//! The reading half: requests, the sessions and messages that they belong to, and their answers
//! (RFC 4975 s7.2, s7.3).

use super::super::framer::Piece;
use super::super::head::{ByteRange, Defect, FailureReport, Flag, Head, Method, Start};
use super::super::ident::TransactionId;
use super::super::incoming::{Chunk, Decision, Incoming, Outcome};
use super::super::message::{Announced, Arrival, By, IncomingId, Notice};
use super::super::session::{Refusal, SessionId, Setup};
use super::super::uri::{MOST_BYTES, Path};
use super::super::wire::{self, Report};
use super::{Connection, ConnectionError};
use crate::clock::Tick;

/// The request whose body is being read.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) request: Option<Send>,
    /// The application was asked for the session of the request at the front of the input.
    asked_for_session: bool,
    /// What it said, if that was no.
    refusal: Option<Refusal>,
}

#[cfg(test)]
impl Current {
    pub(super) fn is_about_a_session(&self) -> bool {
        self.asked_for_session
    }
}

/// A SEND that is being read.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) session: SessionId,
    pub(super) transaction: TransactionId,
    pub(super) failure_report: FailureReport,
    /// Its message. `None` without a body, or when it has been answered already.
    pub(super) message: Option<IncomingId>,
    pub(super) chunk: Chunk,
    pub(super) has_body: bool,
    pub(super) success_report: bool,
    /// `To-Path` and `From-Path` of the answer, if they are not the session's.
    pub(super) paths: Option<Box<(Box<str>, Box<str>)>>,
    pub(super) message_id: Option<Box<str>>,
}

/// What reading one piece came to.
enum Step<'a> {
    /// Go on with the next one.
    On,
    /// Tell the application.
    Tell(Arrival<'a>),
    /// Its session is not known: ask, and read it again later.
    Ask(Arrival<'a>),
}

impl Connection {
    /// Takes the next thing from the front of `input`. `None`: what is left of `input` has to stay
    /// at the front of what is read next; either more bytes are needed, or
    /// [`wants_input`](Self::wants_input) is false and something else has to happen first.
    ///
    /// # Errors
    /// [`ConnectionError`]: send what [`transmit`](Self::transmit) gives, and close.
    pub fn receive<'a>(
        &mut self,
        now: Tick,
        input: &mut &'a [u8],
    ) -> Result<Option<Arrival<'a>>, ConnectionError> {
        loop {
            if let Some(error) = self.failed {
                return Err(error);
            }
            if !self.wants_input() {
                return Ok(None);
            }
            let before = *input;
            let between = self.framer.is_between();
            let piece = match self.framer.next(input) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                Err(error) => return Err(*self.failed.insert(error.into())),
            };
            let step = match piece {
                Piece::Head(head) => self.head(now, head),
                Piece::Body(bytes) => self.body(bytes),
                Piece::End(flag) => self.end(flag),
            };
            match step {
                Step::On => {}
                Step::Tell(arrival) => return Ok(Some(arrival)),
                Step::Ask(arrival) => {
                    debug_assert!(between, "only heads ask for a session");
                    // Reading the head again is simpler than keeping it, and rare.
                    *input = before;
                    self.framer = super::Framer::default();
                    self.asked = Some(now);
                    return Ok(Some(arrival));
                }
            }
        }
    }

    fn head<'a>(&mut self, now: Tick, head: Head<'a>) -> Step<'a> {
        self.current.request = None;
        let Start::Request(method) = head.start else {
            // Who knows the transaction has seen the request: what else is wrong does not matter.
            self.response(&head);
            return Step::On;
        };
        if let Some(defect) = head.defect {
            if defect == Defect::Flag {
                self.failed = Some(ConnectionError::Flag);
            }
            self.answer_head(&head, 400);
            return Step::On;
        }
        let Some(session) = self.session_of(head.to_path) else {
            return self.unbound(method, head);
        };
        self.current.asked_for_session = false;
        if !self.is_path(session, head.from_path) {
            self.answer_head(&head, 400);
            return Step::On;
        }
        self.bind(session);
        match method {
            Method::Send => self.send_request(now, session, head),
            Method::Report => {
                self.report(session, &head);
                Step::On
            }
            // Relays take AUTH (RFC 4976 s9); endpoints do not understand it.
            Method::Auth | Method::Other(_) => {
                self.answer_head(&head, 501);
                Step::On
            }
        }
    }

    /// The path of the peer, which is nearly always the one that the session has.
    fn is_path(&self, session: SessionId, text: &str) -> bool {
        let known = self.sessions.get(&session).is_some_and(|session| session.to_path == text);
        known || Path::parse(text).is_ok()
    }

    /// The first request of the peer tells who connected (s5.4).
    fn bind(&mut self, session: SessionId) {
        if let Some(bound) = self.sessions.get_mut(&session)
            && !bound.bound
        {
            bound.bound = true;
            self.notices.push_back(Notice::Bound { session });
        }
    }

    /// A request for a session that is none of this connection.
    fn unbound<'a>(&mut self, method: Method<'_>, head: Head<'a>) -> Step<'a> {
        let asked = std::mem::take(&mut self.current.asked_for_session);
        let refusal = self.current.refusal.take();
        let path = Path::parse(head.to_path);
        let one = path.as_ref().is_ok_and(|path| path.uris().len() == 1);
        let code = match (path, refusal) {
            _ if head.from().is_err() => 400,
            (Err(_), _) => 400,
            // Only sends bind a session, and only paths of one URI end here (s7.3).
            (Ok(_), None) if one && method == Method::Send && !asked => {
                self.current.asked_for_session = true;
                return Step::Ask(Arrival::Unbound { to: head.to_path, from: head.from_path });
            }
            (Ok(_), refusal) => refusal.unwrap_or(Refusal::NoSession).code(),
        };
        self.answer_head(&head, code);
        Step::On
    }

    /// The session that [`Arrival::Unbound`] asked for, bound to this connection from now on. Call
    /// [`receive`](Self::receive) again: the request goes on.
    pub fn admit(&mut self, setup: Setup) -> SessionId {
        self.asked = None;
        self.insert_session(setup, false)
    }

    /// There is no session for the request that [`Arrival::Unbound`] told of. Call
    /// [`receive`](Self::receive) again: it is answered.
    pub fn refuse(&mut self, refusal: Refusal) {
        if self.current.asked_for_session {
            self.asked = None;
            self.current.refusal = Some(refusal);
        }
    }

    /// The application took too long.
    pub(super) fn decide_by_default(&mut self) {
        if self.current.asked_for_session {
            return self.refuse(Refusal::NoSession);
        }
        let open = self.current.request.as_ref().and_then(|request| request.message);
        match open.filter(|id| self.is_open(*id)) {
            Some(id) => self.lose(id, 413),
            None => self.asked = None,
        }
    }

    /// Answers a request whose session is not known, or that cannot be understood. REPORTs are
    /// never answered (s7.1.2), and neither is who does not want to hear of failures (s7.1.4).
    fn answer_head(&mut self, head: &Head<'_>, code: u16) {
        if matches!(head.start, Start::Request(Method::Report))
            || head.failure_report == FailureReport::No
        {
            return;
        }
        let first = |path: &str| path.split(' ').next().map_or(String::new(), clip);
        // Responses to SEND go one hop back, those to others all the way (s7.2).
        let to = match head.start {
            Start::Request(Method::Send) => first(head.from_path),
            _ => head.from_path.to_owned(),
        };
        let from = first(head.to_path);
        wire::response(&head.transaction, code, &to, &from, &[], &mut self.control);
    }

    fn send_request<'a>(&mut self, now: Tick, session: SessionId, head: Head<'a>) -> Step<'a> {
        let Some(message_id) = head.message_id else { return Step::On };
        let start = head.byte_range.map_or(0, |range| range.start - 1);
        let mut request = Send {
            session,
            transaction: head.transaction,
            failure_report: head.failure_report,
            message: None,
            chunk: Chunk { start, length: 0 },
            has_body: head.has_body,
            success_report: head.success_report,
            paths: self.other_paths(session, &head),
            message_id: None,
        };
        let name = (session, Box::from(message_id));
        let known = self.incoming_by_name.get(&name).copied();
        let (_, message_id_text) = name;
        request.message_id = Some(message_id_text);
        if let Some(id) = known {
            self.current.request = Some(Send { message: Some(id), ..request });
            if let Some(Decision::Denied(code)) = self.incoming.get(&id).map(|i| i.decision) {
                self.deny_chunk(code);
            }
            return Step::On;
        }
        self.current.request = Some(request);
        if !head.has_body {
            return Step::On;
        }
        let content_type = head.content_type.unwrap_or_default();
        let Some(bound) = self.sessions.get(&session) else { return Step::On };
        let told = head.byte_range.and_then(|range| range.total);
        if !bound.setup.accept.takes(content_type) {
            self.deny_chunk(415);
            return Step::On;
        }
        let too_long =
            bound.setup.max_size.is_some_and(|most| told.is_some_and(|told| told > most));
        if too_long || !self.has_room() {
            self.deny_chunk(413);
            return Step::On;
        }
        let Some(bound) = self.sessions.get(&session) else { return Step::On };
        let reports = (head.success_report, head.failure_report);
        let granularity = bound.setup.reports;
        let mut incoming =
            Incoming::new(session, message_id, content_type, head.byte_range, reports, granularity);
        incoming.back = (bound.to_path != head.from_path).then(|| head.from_path.into());
        let duplicate = bound.has_received(message_id);
        self.last_message += 1;
        let id = IncomingId(self.last_message);
        self.incoming_by_name.insert((session, incoming.message_id.clone()), id);
        self.incoming.insert(id, incoming);
        if let Some(request) = &mut self.current.request {
            request.message = Some(id);
        }
        self.asked = Some(now);
        Step::Tell(Arrival::Message(Announced {
            id,
            session,
            message_id,
            content_type,
            total: told,
            first_offset: start,
            success_report: head.success_report,
            duplicate,
            head,
        }))
    }

    /// Whether one more message can be received. One that was denied makes room.
    fn has_room(&mut self) -> bool {
        if self.incoming.len() < self.options.incoming {
            return true;
        }
        let denied = |incoming: &Incoming| matches!(incoming.decision, Decision::Denied(_));
        let oldest = self.incoming.iter().filter(|(_, i)| denied(i)).map(|(id, _)| *id).min();
        oldest.is_some_and(|id| self.forget_incoming(id).is_some())
    }

    /// The paths of the answer, if they are not those of our own requests.
    fn other_paths(
        &self,
        session: SessionId,
        head: &Head<'_>,
    ) -> Option<Box<(Box<str>, Box<str>)>> {
        let session = self.sessions.get(&session)?;
        let back = head.from_path.split(' ').next().unwrap_or_default();
        let same = session.to_path == back && session.setup.local.as_str() == head.to_path;
        (!same).then(|| Box::new((back.into(), head.to_path.into())))
    }

    fn is_open(&self, id: IncomingId) -> bool {
        self.incoming.get(&id).is_some_and(|incoming| incoming.decision == Decision::Open)
    }

    fn body<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let Some(request) = &mut self.current.request else { return Step::On };
        let Some(id) = request.message else { return Step::On };
        let Some(incoming) = self.incoming.get_mut(&id) else { return Step::On };
        if incoming.decision != Decision::Taken {
            return Step::On;
        }
        let offset = request.chunk.start.saturating_add(request.chunk.length);
        let most = self.sessions.get(&request.session).and_then(|session| session.setup.max_size);
        let end = offset.saturating_add(bytes.len() as u64);
        if end > most.unwrap_or(u64::MAX).min(incoming.most()) {
            self.lose(id, 413);
            return Step::On;
        }
        match incoming.take(&mut request.chunk, bytes.len()) {
            Err(_) => {
                self.lose(id, 413);
                Step::On
            }
            Ok((0, _)) => Step::On,
            Ok((used, due)) => {
                if due {
                    self.success_report(id, end - 1);
                }
                Step::Tell(Arrival::Body { id, offset, bytes: &bytes[..used] })
            }
        }
    }

    fn end<'a>(&mut self, flag: Flag) -> Step<'a> {
        let Some(request) = self.current.request.take() else { return Step::On };
        // Only errors are answered when failures are told in part (s7.1.4).
        if request.failure_report == FailureReport::Yes {
            self.respond(&request, 200);
        }
        let taken = request.message.and_then(|id| self.incoming.get_mut(&id).map(|i| (id, i)));
        let Some((id, incoming)) = taken else {
            if !request.has_body {
                self.bodiless(&request, flag);
            }
            return Step::On;
        };
        if let Decision::Denied(_) = incoming.decision {
            if flag != Flag::More {
                self.forget_incoming(id);
            }
            return Step::On;
        }
        incoming.answered |= request.failure_report == FailureReport::Yes;
        // Without a body there is no chunk, but its flag may say that the message was given up, or
        // that it ended with the chunk before.
        let behind = request.chunk.start > 0 && request.chunk.start == incoming.ranges.prefix();
        if !request.has_body && flag != Flag::Abort && !(flag == Flag::Last && behind) {
            return Step::On;
        }
        match incoming.end_of_chunk(request.chunk, flag) {
            Outcome::Open => Step::On,
            Outcome::Aborted => {
                let bytes = incoming.ranges.covered();
                self.forget_incoming(id);
                Step::Tell(Arrival::Aborted { id, by: By::Remote, bytes })
            }
            Outcome::Complete(length) => {
                self.complete(id);
                Step::Tell(Arrival::Complete { id, length })
            }
        }
    }

    /// A SEND without a body: a sign of life, and no message to be shown (s7.1).
    fn bodiless(&mut self, request: &Send, flag: Flag) {
        let session = request.session;
        if flag != Flag::Abort {
            self.notices.push_back(Notice::Alive { session });
        }
        let (Some(message_id), true) = (&request.message_id, request.success_report) else {
            return;
        };
        let Some(bound) = self.sessions.get(&session) else { return };
        let range = ByteRange { start: 1, end: Some(0), total: Some(0) };
        let report = Report {
            to_path: &bound.to_path,
            from_path: bound.setup.local.as_str(),
            message_id,
            range,
            code: 200,
        };
        report.write(&self.options.ids.transaction(), &mut self.control);
    }
}

/// A URI as far as it can be one, for an answer to what could not be understood.
fn clip(text: &str) -> String {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= MOST_BYTES);
    text[..end.unwrap_or(text.len())].to_owned()
}
