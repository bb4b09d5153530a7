//! What responses and reports say of messages that were sent (RFC 4975 s7.1.1, s7.3.2, s10).

use super::super::head::{Head, Start};
use super::super::ident::TransactionId;
use super::super::message::{By, Failure, Notice, OutgoingId};
use super::super::session::SessionId;
use super::super::transactions::Subject;
use super::Connection;

/// Messages remembered after nothing more was expected of them: errors may yet come.
pub(super) const REMEMBERED: usize = 4_096;

/// Which codes end a session, and not a message alone (s10.8, s10.10).
const fn ends_the_session(code: u16) -> bool {
    matches!(code, 481 | 506)
}

/// A message of which nothing more is expected.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) message_id: Box<str>,
    pub(super) id: OutgoingId,
    pub(super) session: SessionId,
}

/// Why a message failed, by the code that said so.
fn reason(code: u16, comment: &str) -> Failure {
    match code {
        // The same as silence (s10.4).
        408 => Failure::Timeout,
        code => Failure::Code { code, comment: comment.into() },
    }
}

impl Connection {
    /// A response came. What nobody waits for is ignored.
    pub(super) fn response(&mut self, head: &Head<'_>) {
        let Start::Response { code, comment } = head.start else { return };
        match self.transactions.answer(&head.transaction) {
            None => self.early_response(head.transaction, code, comment),
            Some(Subject::Request) => {
                let fields: Vec<_> = head.fields().collect();
                self.answer_request(head.transaction, code, comment, &fields);
            }
            Some(Subject::Chunk { id, start, end }) => match code {
                200..=299 => self.chunk_answered(id, (start, end)),
                code => self.refused(id, code, comment, (start, end)),
            },
        }
    }

    /// A chunk is answered while it is still being written: nobody has to read it to its end to know
    /// that he does not want it (s10.5), and some say 200 early.
    fn early_response(&mut self, transaction: TransactionId, code: u16, comment: &str) {
        let Some(writing) = self.writing.as_mut().filter(|w| w.transaction == transaction) else {
            return;
        };
        let (id, start) = (writing.id, writing.start);
        let end = self.outgoing.get(&id).map_or(start, |outgoing| outgoing.next);
        match code {
            200..=299 => writing.answered = true,
            code => self.refused(id, code, comment, (start, end)),
        }
    }

    pub(super) fn chunk_answered(&mut self, id: OutgoingId, (start, end): (u64, u64)) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        outgoing.unanswered = outgoing.unanswered.saturating_sub(1);
        // Chunks are answered in their order, or nearly: what does not fit is sent again if the
        // message ever has to go on elsewhere.
        let _ = outgoing.confirmed.insert(start, end);
        if outgoing.stage == super::Stage::Sent && outgoing.unanswered == 0 {
            self.notices.push_back(Notice::Answered { id });
            self.settle(id);
        }
    }

    /// Bytes of a message were refused, in a response or a report: both mean the same (s7.3.2).
    fn refused(&mut self, id: OutgoingId, code: u16, comment: &str, range: (u64, u64)) {
        let session = if let Some(outgoing) = self.outgoing.get(&id) {
            let session = outgoing.session;
            match code {
                // The receiver wants no more of it (s10.5).
                413 => self.abort_outgoing(id, By::Remote),
                _ => self.fail_chunk(id, reason(code, comment), range),
            }
            session
        } else {
            // All of it was sent, and nothing but errors is answered, or a relay found out late.
            let Some(at) = self.settled.iter().position(|settled| settled.id == id) else { return };
            let Some(settled) = self.settled.remove(at) else { return };
            let reason = reason(code, comment);
            self.notices.push_back(Notice::Failed { id, reason, range, state: None });
            settled.session
        };
        if ends_the_session(code) {
            self.notices.push_back(Notice::SessionFailed { session, code });
        }
    }

    /// A REPORT came for a session of ours. It is never answered (s7.1.2), and one about a message
    /// that is not known is ignored.
    pub(super) fn report(&mut self, session: SessionId, head: &Head<'_>) {
        let (Some(message_id), Some((code, comment))) = (head.message_id, head.status_code())
        else {
            return;
        };
        let good = (200..300).contains(&code);
        let Some(id) = self.outgoing_by_name.get(message_id).copied() else {
            let about = |settled: &&Settled| *settled.message_id == *message_id;
            let settled = self.settled.iter().find(about).filter(|s| s.session == session);
            if let Some(id) = settled.map(|settled| settled.id).filter(|_| !good) {
                self.refused(id, code, comment, range_of(head, u64::MAX, u64::MAX));
                self.range_was_lost(session, code);
            }
            return;
        };
        let Some(outgoing) = self.outgoing.get_mut(&id).filter(|o| o.session == session) else {
            return;
        };
        // Nobody can have received what was not sent.
        let sent = outgoing.next;
        let (start, end) = range_of(head, outgoing.total.unwrap_or(sent), sent);
        if !good {
            self.refused(id, code, comment, (start, end));
            self.range_was_lost(session, code);
            return;
        }
        if !outgoing.success_report {
            return;
        }
        let before = (outgoing.reported.covered(), outgoing.is_reported_whole());
        outgoing.heard_of = true;
        let _ = outgoing.confirmed.insert(start, end);
        let _ = outgoing.reported.insert(start, end);
        let received = outgoing.reported.covered();
        let whole = outgoing.stage == super::Stage::Sent && outgoing.is_reported_whole();
        // Reports that say nothing new are not told.
        if received > before.0 || whole && !before.1 {
            self.notices.push_back(Notice::Reported { id, received, whole });
        }
        self.settle(id);
    }

    /// A range of bytes was not received: the session failed (s7.3.2). Codes that say that a message
    /// is not wanted say nothing of the session.
    fn range_was_lost(&mut self, session: SessionId, code: u16) {
        if !matches!(code, 413 | 415) && !ends_the_session(code) {
            self.notices.push_back(Notice::SessionFailed { session, code });
        }
    }
}

/// The bytes that a report is about, `start..end` from 0, as far as they were sent.
fn range_of(head: &Head<'_>, total: u64, sent: u64) -> (u64, u64) {
    let Some(range) = head.byte_range else { return (0, total.min(sent)) };
    let end = range.end.or(range.total).unwrap_or(total).min(sent);
    ((range.start - 1).min(end), end)
}
