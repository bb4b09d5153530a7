//! A session of the command, from its first message to its last.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::notice::Notice;
use super::outbox::{self, Outbox, Questions};
use super::part::Part;
use super::range::{self, Answer, Question, Range};
use super::save::{self, Shelf};
use super::{MsrpError, Plan, Tell};
use crate::msrp::Priority;
use crate::msrp::peer::{
    Event, Incoming, Outbound, ReceiveFailure, Receiving, Session, SessionHandle, Whole,
};

/// What the tasks of a session tell.
pub(super) enum News {
    Notice(Notice),
    /// A message of ours arrived, or did not.
    Sent(Result<(), MsrpError>),
    /// A message of the peer's came, or did not.
    Came(Result<(), String>),
}

const NEWS_MOST: usize = 64;

/// Answers to questions of the peer's that wait for the connection at once. More are not given: who
/// asks and does not read gets none.
const ANSWERS_MOST: usize = 16;

/// How long a session that is over waits to hear what became of its messages.
const PARTING: Duration = Duration::from_secs(5);

/// What happened, for whoever counts.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    /// A message came.
    whole: bool,
    /// One is coming now.
    begun: bool,
}

/// What is at hand while the session goes on.
struct Table<'a> {
    plan: &'a Plan,
    session: SessionHandle,
    questions: Questions,
    answers: Arc<Semaphore>,
    news: mpsc::Sender<News>,
}

/// How far the session is.
struct Tally {
    unsent: usize,
    coming: u32,
    left: u64,
    failure: Option<MsrpError>,
}

impl Tally {
    fn hear(&mut self, item: News, tell: &mut Tell<'_>) {
        let failed = match item {
            News::Notice(notice) => return tell(notice),
            News::Sent(outcome) => {
                self.unsent -= 1;
                outcome.err()
            }
            News::Came(outcome) => {
                self.coming -= 1;
                self.left = self.left.saturating_sub(1);
                outcome.err().map(MsrpError::Receive)
            }
        };
        self.failure = self.failure.take().or(failed);
    }
}

pub(super) async fn talk(
    mut session: Session,
    plan: Plan,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), MsrpError> {
    let mut stop = pin!(stop);
    tell(Notice::Connected { local: session.local().to_string() });
    let files = outbox::open_all(&plan.files)?;
    let (news, mut heard) = mpsc::channel(NEWS_MOST);
    let table = Table {
        plan: &plan,
        session: session.handle(),
        questions: Questions::new(),
        answers: Arc::new(Semaphore::new(ANSWERS_MOST)),
        news,
    };
    let mut tally = Tally {
        unsent: plan.texts.len() + files.len(),
        coming: 0,
        left: plan.bounds.count.unwrap_or(u64::MAX),
        failure: None,
    };
    table.send_all(files).await;
    let mut over = pin!(tokio::time::sleep(plan.patience()));
    let mut ended = false;
    loop {
        let enough = tally.left == 0 || plan.bounds.when_sent && plan.bounds.count.is_none();
        if tally.unsent == 0 && tally.coming == 0 && (enough || ended) {
            break;
        }
        tokio::select! {
            event = session.next(), if !ended => match event {
                None | Some(Event::Closed) => {
                    ended = true;
                    table.questions.end();
                    tell(Notice::Closed);
                }
                Some(event) => {
                    let taken = table.take(event, tell).await;
                    tally.coming += u32::from(taken.begun);
                    tally.left = tally.left.saturating_sub(u64::from(taken.whole));
                }
            },
            Some(item) = heard.recv() => tally.hear(item, tell),
            () = &mut over => break,
            () = stop.as_mut() => break,
        }
    }
    let is_cut = tally.unsent > 0 || tally.coming > 0;
    let failure = tally.failure.take();
    table.questions.end();
    session.close().await;
    // What is under way ends with the session, and says what is kept of it.
    let parting = async {
        while tally.unsent > 0 || tally.coming > 0 {
            let Some(item) = heard.recv().await else { return };
            tally.hear(item, tell);
        }
    };
    let _ = tokio::time::timeout(PARTING, parting).await;
    match failure {
        Some(failure) => Err(failure),
        None if plan.bounds.count.is_some() && tally.left > 0 || is_cut => Err(MsrpError::Stopped),
        None => Ok(()),
    }
}

impl Table<'_> {
    async fn send_all(&self, files: Vec<outbox::Opened>) {
        for text in &self.plan.texts {
            let how = self.plan.how("text/plain;charset=utf-8");
            outbox::follow(self.session.send(how, text.clone()).await, None, self.news.clone());
        }
        let outbox = Outbox {
            session: self.session.clone(),
            how: self.plan.how(outbox::MEDIA),
            ledger: self.plan.ledger.clone(),
            questions: self.questions.clone(),
            news: self.news.clone(),
        };
        tokio::spawn(outbox.send_all(files));
    }

    /// Takes what the session tells.
    async fn take(&self, event: Event, tell: &mut Tell<'_>) -> Taken {
        match event {
            Event::Message(whole) if range::is_range(&whole.header.content_type) => {
                Taken { begun: self.range(&whole.body, tell), whole: false }
            }
            Event::Message(whole) => {
                let disposition = whole.header.disposition.as_deref();
                let is_file = disposition.is_some_and(save::is_attachment);
                match &self.plan.shelf {
                    Some(shelf) if is_file => tell(keep(shelf, &whole)),
                    _ => tell(Notice::message(&whole)),
                }
                Taken { whole: true, begun: false }
            }
            Event::Incoming(incoming) => {
                Taken { begun: self.incoming(incoming, tell).await, whole: false }
            }
            Event::Aborted { message_id, bytes } => {
                tell(Notice::incoming_failed(&message_id, bytes, "aborted by the peer"));
                Taken::default()
            }
            Event::Failed { code } => {
                tell(Notice::SessionFailed { code });
                Taken::default()
            }
            Event::Alive | Event::Closed => Taken::default(),
        }
    }

    /// `true` if the message comes now.
    async fn incoming(&self, incoming: Incoming, tell: &mut Tell<'_>) -> bool {
        let code = match (self.plan.deny, &self.plan.shelf) {
            (Some(code), _) => code,
            (None, None) => 413,
            (None, Some(shelf)) => {
                tell(Notice::incoming(incoming.header()));
                tokio::spawn(receive(incoming, shelf.clone(), self.news.clone()));
                return true;
            }
        };
        tell(Notice::denied(incoming.header(), code));
        incoming.deny(code).await;
        false
    }

    /// The peer asks what is here of a file, or answers. `true` if the rest of one comes now.
    fn range(&self, body: &[u8], tell: &mut Tell<'_>) -> bool {
        let question = match range::read(body) {
            Some(Range::Question(question)) => question,
            Some(Range::Answer(answer)) => {
                self.questions.answer(&answer);
                return false;
            }
            None => return false,
        };
        let Ok(permit) = Arc::clone(&self.answers).try_acquire_owned() else { return false };
        let found = self.plan.shelf.as_ref().and_then(|shelf| {
            let (part, state) = shelf.resume(&question)?;
            Some((Arc::new(part), state, shelf.clone()))
        });
        let begun = found.is_some();
        let (session, news) = (self.session.clone(), self.news.clone());
        let Question { message_id, size, .. } = question;
        let kept = found.as_ref().map_or(0, |(_, state, _)| state.received.prefix());
        if begun {
            let message_id = message_id.clone();
            tell(Notice::Resumed { message_id, bytes: kept, total: size });
        }
        tokio::spawn(async move {
            let mut rest = None;
            if let Some((part, state, shelf)) = found {
                // Before the answer: what comes after it has its place then.
                let receiving = session.expect(state, part.sink()).await;
                rest = Some((part, receiving, shelf));
            }
            let how = Outbound::new(range::media_type()).priority(Priority::Urgent);
            let answer = Answer { message_id, kept }.text();
            drop(session.send(how, answer).await);
            drop(permit);
            if let Some((part, receiving, shelf)) = rest {
                take_in(part, receiving, shelf, news).await;
            }
        });
        begun
    }
}

fn keep(shelf: &Shelf, whole: &Whole) -> Notice {
    let (header, bytes) = (&whole.header, whole.body.len() as u64);
    match shelf.keep(header, &whole.body) {
        Ok((path, hash)) => {
            Notice::saved(&header.message_id, &header.content_type, (&path, hash), bytes)
        }
        Err(error) => Notice::incoming_failed(&header.message_id, bytes, error),
    }
}

/// Takes a long message into a file.
async fn receive(incoming: Incoming, shelf: Shelf, news: mpsc::Sender<News>) {
    match shelf.begin(incoming.header()) {
        Ok(part) => {
            let part = Arc::new(part);
            let receiving = incoming.accept(part.sink()).await;
            take_in(part, receiving, shelf, news).await;
        }
        Err(error) => {
            let failed = Notice::incoming_failed(&incoming.header().message_id, 0, &error);
            incoming.deny(413).await;
            let _ = news.send(News::Notice(failed)).await;
            let _ = news.send(News::Came(Err(error.to_string()))).await;
        }
    }
}

/// Follows a message into its file.
async fn take_in(
    part: Arc<Part>,
    mut receiving: Receiving,
    shelf: Shelf,
    news: mpsc::Sender<News>,
) {
    let outcome = receiving.finished().await;
    let came = receiving.received();
    // Files are read to their end, and renamed.
    let settling = tokio::task::spawn_blocking(move || settle(&part, outcome, came, &shelf));
    let (notices, outcome) =
        settling.await.unwrap_or_else(|error| (Vec::new(), Err(error.to_string())));
    for notice in notices {
        let _ = news.send(News::Notice(notice)).await;
    }
    let _ = news.send(News::Came(outcome)).await;
}

/// What becomes of a part.
fn settle(
    part: &Part,
    outcome: Result<crate::msrp::peer::Received, ReceiveFailure>,
    came: u64,
    shelf: &Shelf,
) -> (Vec<Notice>, Result<(), String>) {
    let (id, media) = (&part.about().message_id, &part.about().content_type);
    let failure = match outcome {
        Ok(received) => match part.finish(received.length, shelf) {
            Ok((path, hash)) => {
                return (vec![Notice::saved(id, media, (&path, hash), received.length)], Ok(()));
            }
            Err(error) => {
                let failed = Notice::incoming_failed(id, received.length, &error);
                return (vec![failed], Err(error.to_string()));
            }
        },
        Err(failure) => failure,
    };
    let (bytes, kept) = match failure {
        ReceiveFailure::Lost { bytes, .. } => (bytes, part.cut_off()),
        ReceiveFailure::Aborted { bytes, .. } => (bytes, None),
        ReceiveFailure::Sink(_) => (came, None),
    };
    let mut notices = vec![Notice::incoming_failed(id, bytes, &failure)];
    match kept {
        Some(at) => {
            let file = at.display().to_string();
            notices.push(Notice::Kept { message_id: id.clone(), file });
        }
        None => part.discard(),
    }
    (notices, Err(failure.to_string()))
}
