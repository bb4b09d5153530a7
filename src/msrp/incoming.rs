//! A message that comes in: which of its bytes are there, and what its sender is told
//! (RFC 4975 s7.1.3, s7.3.1).

use super::granularity::{Granularity, Meter};
use super::head::{ByteRange, FailureReport, Flag};
use super::ranges::{Ranges, TooMany};
use super::resume::IncomingState;
use super::session::SessionId;

/// What was decided about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing yet.
    Open,
    /// It is taken.
    Taken,
    /// It is not; each of its chunks is answered with this code.
    Denied(u16),
    /// It is whole, and the application has yet to say that it was received successfully.
    Whole,
}

/// A message that is no longer than this may be longer than its sender told.
const MISCOUNTED: u64 = 64 * 1_024;

#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) session: SessionId,
    pub(super) message_id: Box<str>,
    pub(super) content_type: Box<str>,
    pub(super) decision: Decision,
    pub(super) ranges: Ranges,
    /// The length that the sender told.
    pub(super) told: Option<u64>,
    /// The length that the chunk with `$` fixed.
    pub(super) length: Option<u64>,
    pub(super) success_report: bool,
    pub(super) failure_report: FailureReport,
    /// A chunk of it was answered with 200.
    pub(super) answered: bool,
    /// The path back, if it is not the session's.
    pub(super) back: Option<Box<str>>,
    meter: Meter,
}

/// A chunk, as far as it has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Where its first byte belongs, from 0.
    pub(super) start: u64,
    /// Bytes that have come.
    pub(super) length: u64,
}

/// What a whole chunk makes of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// More is to come.
    Open,
    /// All is there; so many bytes.
    Complete(u64),
    /// The sender gave it up.
    Aborted,
}

impl Incoming {
    pub(super) fn new(
        session: SessionId,
        message_id: &str,
        content_type: &str,
        range: Option<ByteRange>,
        reports: (bool, FailureReport),
        granularity: Granularity,
    ) -> Incoming {
        let told = range.and_then(|range| range.total);
        Incoming {
            session,
            message_id: message_id.into(),
            content_type: content_type.into(),
            decision: Decision::Open,
            ranges: Ranges::default(),
            told,
            length: None,
            success_report: reports.0,
            failure_report: reports.1,
            answered: false,
            back: None,
            meter: Meter::new(if reports.0 { granularity } else { Granularity::Off }, 0, told),
        }
    }

    /// Goes on where an earlier connection ended.
    pub(super) fn resume(
        session: SessionId,
        state: IncomingState,
        granularity: Granularity,
    ) -> Incoming {
        let done = state.received.covered();
        let granularity = if state.success_report { granularity } else { Granularity::Off };
        Incoming {
            session,
            message_id: state.message_id.into(),
            content_type: state.content_type.into(),
            decision: Decision::Taken,
            told: state.total,
            length: state.length,
            success_report: state.success_report,
            failure_report: state.failure_report,
            answered: false,
            back: None,
            meter: Meter::new(granularity, done, state.total),
            ranges: state.received,
        }
    }

    pub(super) fn state(&self) -> IncomingState {
        IncomingState {
            message_id: self.message_id.to_string(),
            content_type: self.content_type.to_string(),
            total: self.told,
            length: self.length,
            received: self.ranges.clone(),
            success_report: self.success_report,
            failure_report: self.failure_report,
        }
    }

    /// Where its bytes have to end: who took it went by the length that was told. A sender that counts
    /// characters is off by little.
    pub(super) fn most(&self) -> u64 {
        let told = self.told.filter(|_| self.length.is_none());
        told.map_or(u64::MAX - 1, |told| told.max(MISCOUNTED))
    }

    /// Bytes of its body came: how many of them count. What lies beyond an end that is known does
    /// not. The flag says that a success report is due for what is there.
    pub(super) fn take(
        &mut self,
        chunk: &mut Chunk,
        bytes: usize,
    ) -> Result<(usize, bool), TooMany> {
        let start = chunk.start.saturating_add(chunk.length);
        let mut end = start.saturating_add(bytes as u64);
        chunk.length = chunk.length.saturating_add(bytes as u64);
        if let Some(length) = self.length {
            end = end.min(length.max(start));
        }
        self.ranges.insert(start, end)?;
        let covered = self.ranges.covered();
        Ok(((end - start) as usize, self.meter.step(covered, self.told)))
    }

    /// A chunk ended.
    pub(super) fn end_of_chunk(&mut self, chunk: Chunk, flag: Flag) -> Outcome {
        match flag {
            Flag::Abort => return Outcome::Aborted,
            Flag::More => {}
            // The payload counts, and not what the header field says (s7.3.1).
            Flag::Last => self.length = Some(chunk.start.saturating_add(chunk.length)),
        }
        match self.length {
            Some(length) if self.ranges.covers(length) => Outcome::Complete(length),
            _ => Outcome::Open,
        }
    }

    /// What a success report says now: all of it, or the unbroken range that was added to last.
    pub(super) fn report_range(&self, last: u64) -> ByteRange {
        if let Some(length) = self.length
            && self.ranges.covers(length)
        {
            return ByteRange { start: 1, end: Some(length), total: Some(length) };
        }
        let (start, end) = self.ranges.around(last).unwrap_or((0, 0));
        ByteRange { start: start + 1, end: Some(end), total: self.told.or(self.length) }
    }

    /// Whether the success report at the end goes without being asked for.
    pub(super) fn reports_by_itself(&self) -> bool {
        self.success_report && self.meter.tells_the_end()
    }

    /// Whether the application has to say that it goes.
    pub(super) fn reports_when_told(&self) -> bool {
        self.success_report && !self.meter.tells_the_end()
    }
}
