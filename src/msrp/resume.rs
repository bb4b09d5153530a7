//! Messages that outlive their session (RFC 4975 s5.4; RFC 5547 `file-range` for files): what has to
//! be kept of one to go on with it on another connection, also after a restart.
//!
//! The encoding is text, one field a line, so that people can read it:
//!
//! ```text
//!   tagus-msrp-outgoing 1
//!   message-id k3j9...
//!   content-type text/plain
//!   total 243809310
//!   reports yes partial
//!   bytes 0-1048576 2097152-3145728
//! ```

use super::head::FailureReport;
use super::ident::is_message_id;
use super::ranges::{MOST, Ranges};

/// Bytes of a kept state at most: longer text is none.
const MOST_BYTES: usize = 64 * 1_024;

/// Why text is no kept state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Of another kind, or of a version that is not known.
    #[error("no state of a message, or one of an unknown version")]
    Kind,
    /// A line is missing, malformed or not known.
    #[error("a malformed state of a message")]
    Malformed,
}

/// What is kept of a message that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingState {
    /// Its Message-ID: what is sent again has the same one.
    pub message_id: String,
    /// Its type.
    pub content_type: String,
    /// Its length, if it is known.
    pub total: Option<u64>,
    /// Bytes that the far end, or the first relay, is known to have.
    pub confirmed: Ranges,
    /// Whether a success report is wanted.
    pub success_report: bool,
    /// Which failures are wanted.
    pub failure_report: FailureReport,
}

/// What is kept of a message that is being received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingState {
    /// Its Message-ID.
    pub message_id: String,
    /// Its type.
    pub content_type: String,
    /// The length that its sender told.
    pub total: Option<u64>,
    /// The length, if its last chunk came.
    pub length: Option<u64>,
    /// Bytes that are there.
    pub received: Ranges,
    /// Whether its sender wants a success report.
    pub success_report: bool,
    /// Which failures its sender wants to hear of.
    pub failure_report: FailureReport,
}

const OUTGOING: &str = "tagus-msrp-outgoing 1";
const INCOMING: &str = "tagus-msrp-incoming 1";

fn number_or_star(value: Option<u64>) -> String {
    value.map_or_else(|| "*".to_owned(), |value| value.to_string())
}

fn write(
    kind: &str,
    (message_id, content_type): (&str, &str),
    numbers: &[(&str, Option<u64>)],
    (success, failure): (bool, FailureReport),
    ranges: &Ranges,
) -> String {
    let success = if success { "yes" } else { "no" };
    let mut out = format!("{kind}\nmessage-id {message_id}\ncontent-type {content_type}\n");
    for (name, value) in numbers {
        out.push_str(&format!("{name} {}\n", number_or_star(*value)));
    }
    out.push_str(&format!("reports {success} {}\nbytes", failure.as_str()));
    for (start, end) in ranges.iter() {
        out.push_str(&format!(" {start}-{end}"));
    }
    out.push('\n');
    out
}

/// Takes the lines of a kept state off one by one.
struct Lines<'a>(std::str::Split<'a, char>);

impl<'a> Lines<'a> {
    fn new(text: &'a str, kind: &str) -> Result<Lines<'a>, StateError> {
        if text.len() > MOST_BYTES {
            return Err(StateError::Malformed);
        }
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        if lines.next() == Some(kind) { Ok(Lines(lines)) } else { Err(StateError::Kind) }
    }

    fn value(&mut self, name: &str) -> Result<&'a str, StateError> {
        let line = self.0.next().ok_or(StateError::Malformed)?;
        let rest = line.strip_prefix(name).ok_or(StateError::Malformed)?;
        if rest.is_empty() {
            return Ok("");
        }
        rest.strip_prefix(' ').ok_or(StateError::Malformed)
    }

    fn message_id(&mut self) -> Result<String, StateError> {
        let id = self.value("message-id")?;
        is_message_id(id.as_bytes()).then(|| id.to_owned()).ok_or(StateError::Malformed)
    }

    fn content_type(&mut self) -> Result<String, StateError> {
        let value = self.value("content-type")?;
        let fine = !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
        fine.then(|| value.to_owned()).ok_or(StateError::Malformed)
    }

    fn number_or_star(&mut self, name: &str) -> Result<Option<u64>, StateError> {
        match self.value(name)? {
            "*" => Ok(None),
            digits => number(digits).map(Some),
        }
    }

    fn reports(&mut self) -> Result<(bool, FailureReport), StateError> {
        let value = self.value("reports")?;
        let (success, failure) = value.split_once(' ').ok_or(StateError::Malformed)?;
        let success = match success {
            "yes" => true,
            "no" => false,
            _ => return Err(StateError::Malformed),
        };
        let failure = FailureReport::from_word(failure.as_bytes()).ok_or(StateError::Malformed)?;
        Ok((success, failure))
    }

    fn ranges(&mut self) -> Result<Ranges, StateError> {
        let mut ranges = Ranges::default();
        for part in self.value("bytes")?.split(' ').filter(|part| !part.is_empty()).take(MOST + 1) {
            let (start, end) = part.split_once('-').ok_or(StateError::Malformed)?;
            let (start, end) = (number(start)?, number(end)?);
            if start >= end || ranges.insert(start, end).is_err() {
                return Err(StateError::Malformed);
            }
        }
        Ok(ranges)
    }

    fn end(mut self) -> Result<(), StateError> {
        if self.0.next().is_none() { Ok(()) } else { Err(StateError::Malformed) }
    }
}

/// Digits only, and no sign that `parse` would take.
fn number(digits: &str) -> Result<u64, StateError> {
    let fine = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| fine).ok_or(StateError::Malformed)
}

impl OutgoingState {
    /// The state as text.
    #[must_use]
    pub fn encode(&self) -> String {
        write(
            OUTGOING,
            (&self.message_id, &self.content_type),
            &[("total", self.total)],
            (self.success_report, self.failure_report),
            &self.confirmed,
        )
    }

    /// A state from its text.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(text: &str) -> Result<OutgoingState, StateError> {
        let mut lines = Lines::new(text, OUTGOING)?;
        let message_id = lines.message_id()?;
        let content_type = lines.content_type()?;
        let total = lines.number_or_star("total")?;
        let (success_report, failure_report) = lines.reports()?;
        let confirmed = lines.ranges()?;
        lines.end()?;
        Ok(OutgoingState {
            message_id,
            content_type,
            total,
            confirmed,
            success_report,
            failure_report,
        })
    }
}

impl IncomingState {
    /// The state as text.
    #[must_use]
    pub fn encode(&self) -> String {
        write(
            INCOMING,
            (&self.message_id, &self.content_type),
            &[("total", self.total), ("length", self.length)],
            (self.success_report, self.failure_report),
            &self.received,
        )
    }

    /// A state from its text.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(text: &str) -> Result<IncomingState, StateError> {
        let mut lines = Lines::new(text, INCOMING)?;
        let message_id = lines.message_id()?;
        let content_type = lines.content_type()?;
        let total = lines.number_or_star("total")?;
        let length = lines.number_or_star("length")?;
        let (success_report, failure_report) = lines.reports()?;
        let received = lines.ranges()?;
        lines.end()?;
        Ok(IncomingState {
            message_id,
            content_type,
            total,
            length,
            received,
            success_report,
            failure_report,
        })
    }

    /// What is still to come, as RFC 5547 s6 `file-range` asks for it: the first position that is
    /// missing, from 1; `None` if nothing is.
    #[must_use]
    pub fn first_missing(&self) -> Option<u64> {
        let prefix = self.received.prefix();
        let whole = self.length.or(self.total).is_some_and(|length| prefix >= length);
        (!whole).then_some(prefix + 1)
    }
}

#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
