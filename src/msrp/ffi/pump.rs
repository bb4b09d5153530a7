//! Tasks that turn what sessions and messages tell into events.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use super::event::{TagusMsrpEvent, TagusMsrpKind};
use super::peer::{Desk, Live, Thing, Told};
use crate::msrp::message::By;
use crate::msrp::peer::{Event, OpenError, ReceiveFailure, Receiving, Sending, Session};

/// Questions that wait for one message.
pub(super) const ASKS_MOST: usize = 4;

/// What is asked of a message on its way.
pub(super) enum Ask {
    Abort,
    /// How many bytes have come; nothing is answered for one that goes out.
    Received(oneshot::Sender<u64>),
}

/// Held by each task that tells of a session's messages: what it has to tell comes before the
/// session's end.
#[derive(Clone)]
pub(super) struct Member {
    _held: mpsc::Sender<Infallible>,
}

impl Member {
    /// One, and what hears when the last of its copies is gone.
    fn new() -> (Member, mpsc::Receiver<Infallible>) {
        let (sender, gone) = mpsc::channel(1);
        (Member { _held: sender }, gone)
    }

    /// Stays until the task is done.
    pub(super) async fn until(self, task: impl Future<Output = ()>) {
        task.await;
    }
}

/// Opens a session, and follows it to its end.
pub(super) async fn open(
    desk: Arc<Desk>,
    id: u64,
    told: Told,
    opened: impl Future<Output = Result<Session, OpenError>>,
    stop: Arc<Notify>,
) {
    // Nothing is sent through it; it ends when the offer was told of.
    let _: Result<Infallible, _> = told.await;
    let outcome = tokio::select! {
        outcome = opened => outcome,
        () = stop.notified() => Err(OpenError::Closed),
    };
    match outcome {
        Ok(session) => {
            let (member, gone) = Member::new();
            let live = Live { handle: session.handle(), stop, member };
            desk.replace(id, Thing::Session(live.clone()));
            desk.tell(TagusMsrpEvent::new(TagusMsrpKind::Opened, id, 0)).await;
            follow(&desk, id, session, live).await;
            end(&desk, id, gone).await;
        }
        Err(error) => {
            desk.remove(id);
            let code = if let OpenError::Refused { code, .. } = &error { *code } else { 0 };
            let event = TagusMsrpEvent::new(TagusMsrpKind::NotOpened, id, 0);
            desk.tell(event.code(code).text(&error.to_string())).await;
        }
    }
}

async fn follow(desk: &Desk, id: u64, mut session: Session, live: Live) {
    loop {
        let event = tokio::select! {
            event = session.next() => event,
            () = live.stop.notified() => None,
        };
        let of = |kind| TagusMsrpEvent::new(kind, id, 0);
        let event = match event {
            None | Some(Event::Closed) => break,
            Some(Event::Message(whole)) => {
                of(TagusMsrpKind::Message).header(&whole.header).data(whole.body)
            }
            Some(Event::Incoming(incoming)) => {
                let header = incoming.header().clone();
                // Beyond the bound it is denied, by being dropped.
                let incoming = Box::new(incoming);
                let member = live.member.clone();
                let announced = Thing::Announced { session: id, incoming, member };
                let Ok(message) = desk.add(announced) else { continue };
                TagusMsrpEvent::new(TagusMsrpKind::Incoming, id, message).header(&header)
            }
            Some(Event::Aborted { message_id, bytes }) => {
                let failure = ReceiveFailure::Aborted { by: By::Remote, bytes };
                of(TagusMsrpKind::NotReceived).message_id(&message_id).receive_failure(&failure)
            }
            Some(Event::Alive) => of(TagusMsrpKind::Alive),
            Some(Event::Failed { code }) => of(TagusMsrpKind::SessionFailed).code(code),
        };
        desk.tell(event).await;
    }
    session.close().await;
}

/// Tells that a session is over, once its messages have told what became of them.
async fn end(desk: &Desk, id: u64, mut gone: mpsc::Receiver<Infallible>) {
    desk.remove_announced(id);
    desk.remove(id);
    let _: Option<Infallible> = gone.recv().await;
    desk.tell(TagusMsrpEvent::new(TagusMsrpKind::Closed, id, 0)).await;
}

/// Follows a message on its way out.
pub(super) async fn sending(
    desk: Arc<Desk>,
    session: u64,
    id: u64,
    mut sending: Sending,
    mut asks: mpsc::Receiver<Ask>,
) {
    loop {
        tokio::select! {
            event = sending.next() => match event {
                Some(event) => desk.tell(TagusMsrpEvent::sending(session, id, event)).await,
                None => break,
            },
            Some(ask) = asks.recv() => if let Ask::Abort = ask { sending.abort().await },
        }
    }
    desk.remove(id);
    desk.tell(TagusMsrpEvent::new(TagusMsrpKind::SendOver, session, id)).await;
}

/// Follows a message on its way in.
pub(super) async fn receiving(
    desk: Arc<Desk>,
    session: u64,
    id: u64,
    mut receiving: Receiving,
    mut asks: mpsc::Receiver<Ask>,
) {
    let outcome = loop {
        let ask = tokio::select! {
            outcome = receiving.finished() => break outcome,
            Some(ask) = asks.recv() => ask,
        };
        match ask {
            Ask::Abort => receiving.abort().await,
            Ask::Received(tell) => drop(tell.send(receiving.received())),
        }
    };
    desk.remove(id);
    let event = match outcome {
        Ok(received) => TagusMsrpEvent::new(TagusMsrpKind::Received, session, id)
            .data(received.memory)
            .amount(received.length, Some(received.length)),
        Err(failure) => {
            TagusMsrpEvent::new(TagusMsrpKind::NotReceived, session, id).receive_failure(&failure)
        }
    };
    desk.tell(event).await;
}
