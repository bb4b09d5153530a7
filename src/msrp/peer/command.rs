//! What handles ask of a connection's task.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::receiving::Arriving;
use super::sending::{Goal, Shared};
use super::session::{Inbox, OpenError};
use super::source::Source;
use crate::msrp::connection::Request;
use crate::msrp::message::{IncomingId, Message, Response, SendError};
use crate::msrp::resume::{IncomingState, OutgoingState};
use crate::msrp::session::{SessionId, Setup};

/// How many wait at most; who asks for more waits.
pub(super) const WAITING_MOST: usize = 256;

/// The far end's answer, or why there is none.
pub(super) type Answer<T, E> = oneshot::Sender<Result<T, E>>;

#[derive(Debug)]
pub(super) enum Command {
    /// A session that we begin: greets the peer, and answers when that was taken.
    Open {
        setup: Box<Setup>,
        inbox: Inbox,
        answer: Answer<SessionId, OpenError>,
    },
    Send {
        session: SessionId,
        message: Box<Outgoing>,
        shared: Arc<Shared>,
    },
    LookForAborts,
    Accept {
        id: IncomingId,
        session: SessionId,
        arriving: Box<Arriving>,
    },
    Deny {
        id: IncomingId,
        code: u16,
    },
    AbortIncoming {
        id: IncomingId,
    },
    Expect {
        session: SessionId,
        state: Box<IncomingState>,
        arriving: Box<Arriving>,
    },
    Request {
        request: Box<Request>,
        answer: Answer<Response, SendError>,
    },
    End {
        session: SessionId,
        /// Once what was queued for it has gone.
        told: Option<oneshot::Sender<()>>,
    },
}

/// A message with its bytes.
pub(super) struct Outgoing {
    pub(super) message: Message,
    pub(super) source: Source,
    pub(super) resume: Option<OutgoingState>,
    pub(super) goal: Goal,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("message", &self.message).finish_non_exhaustive()
    }
}
