//! A message on its way out, as the application holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::command::Command;
use super::mailbox::{Entry, Mailbox};
use crate::msrp::message::By;
use crate::msrp::resume::OutgoingState;

/// Events that wait to be read; of more, those of the same kind are put together.
const WAITING_MOST: usize = 128;

/// What is told of a message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendEvent {
    /// So many bytes have gone, of so many if that is known. Never falls, and ends at exactly the total.
    Progress {
        /// Bytes that have gone.
        sent: u64,
        /// Bytes there are.
        total: Option<u64>,
    },
    /// The last byte has gone.
    Sent {
        /// Its length in bytes.
        bytes: u64,
    },
    /// Every chunk was answered with 200: the next hop has it, and without relays that is the peer.
    Answered,
    /// The peer confirms what it has: success reports, put together.
    Reported {
        /// Bytes that are confirmed.
        received: u64,
        /// Whether that is all of it.
        whole: bool,
    },
    /// Nothing more is sent of it.
    Failed(SendFailure),
}

impl Entry for SendEvent {
    fn load(&self) -> usize {
        0
    }
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendFailure {
    /// The far end, or a relay, said so.
    #[error("{code} {comment}")]
    Refused {
        /// The status code (RFC 4975 s10).
        code: u16,
        /// What stands behind it.
        comment: String,
        /// What is kept of it, if it is the session that is refused (481, 506): the message can go on
        /// in another.
        state: Option<Box<OutgoingState>>,
    },
    /// Nobody answered within 30 s, or a relay says so. It can be sent on in another session.
    #[error("no answer within 30 s")]
    Timeout(Option<Box<OutgoingState>>),
    /// It was given up.
    #[error("aborted by {}, after {bytes} bytes", if *.by == By::Local { "us" } else { "the peer" })]
    Aborted {
        /// By whom.
        by: By,
        /// Bytes that had gone by then.
        bytes: u64,
    },
    /// The connection ended first. It can be sent on from where it was, on another connection.
    #[error("the connection ended")]
    Lost(Option<Box<OutgoingState>>),
    /// It was sent, but the success report that was asked for had not come when the session ended.
    #[error("the connection ended before the peer had confirmed the message")]
    Unreported(Option<Box<OutgoingState>>),
    /// Its source cannot be read.
    #[error("the source cannot be read: {0}")]
    Source(String),
    /// The connection did not take it.
    #[error(transparent)]
    NotTaken(#[from] crate::msrp::message::SendError),
}

impl SendFailure {
    /// What has to be kept to go on with the message in another session, with
    /// [`SessionHandle::resume`](super::SessionHandle::resume); `None` if it cannot go on.
    #[must_use]
    pub fn state(&self) -> Option<&OutgoingState> {
        match self {
            SendFailure::Refused { state, .. }
            | SendFailure::Timeout(state)
            | SendFailure::Lost(state)
            | SendFailure::Unreported(state) => state.as_deref(),
            SendFailure::Aborted { .. } | SendFailure::Source(_) | SendFailure::NotTaken(_) => None,
        }
    }
}

/// What the connection and the application share about a message.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) events: Mailbox<SendEvent>,
    abort: AtomicBool,
}

impl Shared {
    pub(super) fn new() -> Arc<Shared> {
        Arc::new(Shared { events: Mailbox::new(WAITING_MOST), abort: AtomicBool::new(false) })
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.abort.load(Ordering::Acquire)
    }

    /// Tells something; nothing more comes behind what is the last.
    pub(super) fn tell(&self, event: SendEvent, last: bool) {
        use SendEvent::{Progress, Reported};
        self.events.push_or_merge(event, last, |newest, event| {
            let same = matches!(
                (&*newest, &event),
                (Progress { .. }, Progress { .. }) | (Reported { .. }, Reported { .. })
            );
            if same {
                *newest = event;
                None
            } else {
                Some(event)
            }
        });
    }

    pub(super) fn fail(&self, failure: SendFailure) {
        self.tell(SendEvent::Failed(failure), true);
    }
}

/// What makes a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// That it has gone.
    Sent,
    /// That it was answered.
    Answered,
    /// That the peer confirmed it.
    Reported,
}

/// A message on its way. Dropping it changes nothing: the message goes on.
#[derive(Debug)]
pub struct Sending {
    pub(super) shared: Arc<Shared>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) goal: Goal,
    pub(super) message_id: String,
}

impl Sending {
    /// Its Message-ID.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// What happens next. `None` after the last event.
    pub async fn next(&mut self) -> Option<SendEvent> {
        self.shared.events.next().await
    }

    /// Waits until the message has arrived, as far as that can be known: the peer's confirmation if
    /// it was asked for, else the answer to its last chunk, else that it has gone. Events that are
    /// passed over are lost.
    ///
    /// # Errors
    /// [`SendFailure`].
    pub async fn finished(&mut self) -> Result<(), SendFailure> {
        while let Some(event) = self.next().await {
            match event {
                SendEvent::Failed(failure) => return Err(failure),
                SendEvent::Sent { .. } if self.goal == Goal::Sent => return Ok(()),
                SendEvent::Answered if self.goal == Goal::Answered => return Ok(()),
                SendEvent::Reported { whole: true, .. } => return Ok(()),
                _ => {}
            }
        }
        Err(SendFailure::Lost(None))
    }

    /// Gives it up: the peer is told (`#`), and [`SendFailure::Aborted`] comes.
    pub async fn abort(&self) {
        self.shared.abort.store(true, Ordering::Release);
        // Without anybody there, it is over already.
        let _ = self.commands.send(Command::LookForAborts).await;
    }
}
