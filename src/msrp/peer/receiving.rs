//! A message on its way in, as the application holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::sink::Sink;
use crate::msrp::message::{By, IncomingId};
use crate::msrp::resume::IncomingState;
use crate::msrp::session::SessionId;

/// Why a message did not come whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveFailure {
    /// It was given up.
    #[error("aborted by {}, after {bytes} bytes", if *.by == By::Local { "us" } else { "the peer" })]
    Aborted {
        /// By whom.
        by: By,
        /// Bytes that had come by then.
        bytes: u64,
    },
    /// Its session ended first. The sender may go on from here, on another connection.
    #[error("the connection ended after {bytes} bytes")]
    Lost {
        /// Bytes that had come by then.
        bytes: u64,
        /// What has come, to be kept for [`SessionHandle::expect`](super::SessionHandle::expect).
        state: Option<Box<IncomingState>>,
    },
    /// The sink does not take it: it is full, or the message is longer than it may be.
    #[error("it cannot be kept: {0}")]
    Sink(String),
}

/// A message that was received whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes, when the sink was a memory.
    pub memory: Bytes,
}

/// What stands in the head of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Its Message-ID.
    pub message_id: String,
    /// Its media type, with parameters.
    pub content_type: String,
    /// Its length in bytes, if its sender told.
    pub size: Option<u64>,
    /// `Content-Disposition`, with parameters: the name of a file stands there.
    pub disposition: Option<String>,
    /// Whether its sender wants to know that it came.
    pub success_report: bool,
    /// Whether a message of this Message-ID came whole before (RFC 4975 s5.4).
    pub duplicate: bool,
}

/// A message that wants to come. Nothing of it is read from the connection until it is accepted or
/// denied; undecided for 5 s, or dropped, it is denied with 413.
#[derive(Debug)]
pub struct Incoming {
    pub(super) id: IncomingId,
    pub(super) session: SessionId,
    pub(super) header: Header,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) decided: bool,
}

impl Incoming {
    /// What stands in its head.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Takes it.
    pub async fn accept(mut self, sink: Sink) -> Receiving {
        self.decided = true;
        let (tell, finished) = oneshot::channel();
        let received = Arc::new(AtomicU64::new(0));
        let arriving = Arriving { sink, received: Arc::clone(&received), tell };
        let (id, session) = (self.id, self.session);
        let accept = Command::Accept { id, session, arriving: Box::new(arriving) };
        // Without a connection, `finished` tells so.
        let _ = self.commands.send(accept).await;
        Receiving { id: Some(self.id), commands: self.commands.clone(), received, finished }
    }

    /// Refuses it with this code: 413 to have its sender stop, 415 for its type, 403 (RFC 4975 s10).
    pub async fn deny(mut self, code: u16) {
        self.decided = true;
        let _ = self.commands.send(Command::Deny { id: self.id, code }).await;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.decided {
            // Full: then the time for deciding runs out.
            let _ = self.commands.try_send(Command::Deny { id: self.id, code: 413 });
        }
    }
}

/// What the connection needs to take a message in.
pub(super) struct Arriving {
    pub(super) sink: Sink,
    pub(super) received: Arc<AtomicU64>,
    pub(super) tell: oneshot::Sender<Result<Received, ReceiveFailure>>,
}

impl std::fmt::Debug for Arriving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arriving").field("received", &self.received).finish_non_exhaustive()
    }
}

/// A message on its way in. Dropping it changes nothing: the sink gets all of it.
#[derive(Debug)]
pub struct Receiving {
    /// Absent when the connection gave it none yet.
    pub(super) id: Option<IncomingId>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) received: Arc<AtomicU64>,
    pub(super) finished: oneshot::Receiver<Result<Received, ReceiveFailure>>,
}

impl Receiving {
    /// Bytes that have come so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Waits until the sink has all of it.
    ///
    /// # Errors
    /// [`ReceiveFailure`].
    pub async fn finished(&mut self) -> Result<Received, ReceiveFailure> {
        let lost = ReceiveFailure::Lost { bytes: self.received(), state: None };
        (&mut self.finished).await.unwrap_or(Err(lost))
    }

    /// Gives it up: its sender is told 413, and [`ReceiveFailure::Aborted`] comes.
    pub async fn abort(&self) {
        if let Some(id) = self.id {
            let _ = self.commands.send(Command::AbortIncoming { id }).await;
        }
    }
}
