//! What the application decides about messages that arrive, and what their senders are told of it
//! (RFC 4975 s7.1.3, s7.1.4, s7.2).

use super::super::head::{ByteRange, FailureReport};
use super::super::incoming::{Decision, Incoming};
use super::super::message::{IncomingId, Notice};
use super::super::wire::{self, Report};
use super::Connection;
use super::receive::Send;

impl Connection {
    /// A message is taken: its bytes may come. Call [`receive`](Self::receive) again.
    pub fn accept(&mut self, id: IncomingId) {
        if let Some(incoming) = self.incoming.get_mut(&id)
            && incoming.decision == Decision::Open
        {
            incoming.decision = Decision::Taken;
            self.asked = None;
        }
    }

    /// A message is not taken, or no more of it: 413 stops its sender, 415 says that its type is
    /// not understood. Whoever wants no failures told is not told (s7.1.4).
    pub fn deny(&mut self, id: IncomingId, code: u16) {
        let Some(incoming) = self.incoming.get_mut(&id) else { return };
        match incoming.decision {
            Decision::Open => self.asked = None,
            Decision::Taken => {}
            Decision::Denied(_) => return,
            Decision::Whole => return self.fail(id, code),
        }
        incoming.decision = Decision::Denied(code);
        if self.current.request.as_ref().is_some_and(|request| request.message == Some(id)) {
            self.deny_chunk(code);
            // A relay may keep the response for itself, as Kamailio does, and the sender would never
            // hear of it. Where a relay does report (RFC 4976 s6.4.1), the sender hears it twice.
            if self.is_relayed(id) {
                self.failure_report(id, code);
            }
        } else {
            self.failure_report(id, code);
        }
    }

    /// What was taken could not be kept: no more of it is wanted, and its sender hears that it
    /// failed. A message of which success was not reported yet may fail after it came whole.
    pub fn fail(&mut self, id: IncomingId, code: u16) {
        match self.incoming.get(&id).map(|incoming| incoming.decision) {
            Some(Decision::Whole) => {
                self.failure_report(id, code);
                self.forget_incoming(id);
            }
            Some(_) => self.deny(id, code),
            None => {}
        }
    }

    /// A whole message was received successfully, as the sender wanted to know. Only for sessions
    /// whose [`Setup::reports`](crate::msrp::session::Setup::reports) are off; in others, it has been told.
    pub fn report_success(&mut self, id: IncomingId) {
        if self.incoming.get(&id).is_some_and(|i| i.decision == Decision::Whole) {
            self.success_report(id, 0);
            self.forget_incoming(id);
        }
    }

    /// The current chunk is answered with an error now, and the rest of it skipped.
    pub(super) fn deny_chunk(&mut self, code: u16) {
        let Some(request) = self.current.request.take() else { return };
        if request.failure_report != FailureReport::No {
            self.respond(&request, code);
        }
        // The end of the message still counts: after it nothing of it can come.
        self.current.request = Some(Send { failure_report: FailureReport::No, ..request });
    }

    pub(super) fn respond(&mut self, request: &Send, code: u16) {
        let out = &mut self.control;
        let (transaction, session) = (&request.transaction, self.sessions.get(&request.session));
        match (&request.paths, session) {
            (Some(paths), _) => wire::response(transaction, code, &paths.0, &paths.1, &[], out),
            (None, Some(session)) => {
                let (to, from) = (&session.to_path, session.setup.local.as_str());
                wire::response(transaction, code, to, from, &[], out);
            }
            // Its session ended meanwhile.
            (None, None) => {}
        }
    }

    pub(super) fn complete(&mut self, id: IncomingId) {
        let Some(incoming) = self.incoming.get_mut(&id) else { return };
        let (session, message_id) = (incoming.session, incoming.message_id.clone());
        if incoming.reports_when_told() {
            incoming.decision = Decision::Whole;
            self.incoming_by_name.remove(&(session, message_id.clone()));
        } else {
            if incoming.reports_by_itself() {
                self.success_report(id, 0);
            }
            self.forget_incoming(id);
        }
        if let Some(session) = self.sessions.get_mut(&session) {
            session.remember(message_id);
        }
    }

    pub(super) fn success_report(&mut self, id: IncomingId, last: u64) {
        self.write_report(id, 200, |incoming| incoming.report_range(last));
    }

    /// Whether there are relays on the way to a message's sender.
    fn is_relayed(&self, id: IncomingId) -> bool {
        let session = self.incoming.get(&id).and_then(|i| self.sessions.get(&i.session));
        session.is_some_and(|session| session.setup.remote.uris().len() > 1)
    }

    /// A failure is reported once the chunks before were answered with 200 (s7.1.4); else their
    /// responses say it.
    fn failure_report(&mut self, id: IncomingId, code: u16) {
        let relayed = self.is_relayed(id);
        let told = |i: &Incoming| (i.answered || relayed) && i.failure_report == FailureReport::Yes;
        if self.incoming.get(&id).is_some_and(told) {
            self.write_report(id, code, |incoming| {
                let end = incoming.ranges.prefix();
                let range = incoming.report_range(end.saturating_sub(1));
                ByteRange { start: 1, ..range }
            });
        }
    }

    fn write_report(
        &mut self,
        id: IncomingId,
        code: u16,
        range: impl FnOnce(&Incoming) -> ByteRange,
    ) {
        let Some(incoming) = self.incoming.get(&id) else { return };
        let Some(session) = self.sessions.get(&incoming.session) else { return };
        let report = Report {
            to_path: incoming.back.as_deref().unwrap_or(&session.to_path),
            from_path: session.setup.local.as_str(),
            message_id: &incoming.message_id,
            range: range(incoming),
            code,
        };
        report.write(&self.options.ids.transaction(), &mut self.control);
    }

    /// A message is lost on our side. Its sender is told with this code, unless that is 0.
    pub(super) fn lose(&mut self, id: IncomingId, code: u16) {
        let Some(incoming) = self.incoming.get(&id) else { return };
        let bytes = incoming.ranges.covered();
        if incoming.decision == Decision::Open {
            self.asked = None;
        }
        let told = !matches!(incoming.decision, Decision::Denied(_) | Decision::Whole);
        if code != 0 {
            self.deny(id, code);
        } else {
            self.forget_incoming(id);
        }
        if told {
            self.notices.push_back(Notice::Lost { id, bytes, code });
        }
    }

    pub(super) fn forget_incoming(&mut self, id: IncomingId) -> Option<Incoming> {
        let incoming = self.incoming.remove(&id)?;
        if incoming.decision == Decision::Open {
            self.asked = None;
        }
        let name = (incoming.session, incoming.message_id.clone());
        if self.incoming_by_name.get(&name) == Some(&id) {
            self.incoming_by_name.remove(&name);
        }
        Some(incoming)
    }
}
