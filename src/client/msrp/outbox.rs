//! Files on their way out: hashed, perhaps gone on with, sent, and followed.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::hash::Hash;
use super::ledger::Ledger;
use super::notice::Notice;
use super::range::{self, Answer, Question};
use super::save::attachment;
use super::{MsrpError, News};
use crate::msrp::ident::Ids;
use crate::msrp::peer::{Outbound, ReadAt, SendEvent, SendFailure, Sending, SessionHandle, Source};
use crate::msrp::ranges::Ranges;
use crate::msrp::{FailureReport, OutgoingState, Priority};

pub(super) const MEDIA: &str = "application/octet-stream";

/// How long a peer may take to say what it has. Who does not know the question never does.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    path: PathBuf,
    file: Arc<File>,
}

/// Opens files, all of them or none.
pub(super) fn open_all(paths: &[PathBuf]) -> Result<Vec<Opened>, MsrpError> {
    let open = |path: &PathBuf| {
        let file = File::open(path).and_then(|file| {
            let is_directory = file.metadata()?.is_dir();
            if is_directory { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
        });
        let file = file.map_err(|error| MsrpError::File { path: path.clone(), error })?;
        Ok(Opened { path: path.clone(), file: Arc::new(file) })
    };
    paths.iter().map(open).collect()
}

/// Bytes that were hashed: what is written behind them later is no part of the message.
#[derive(Debug)]
struct Hashed {
    file: Arc<File>,
    size: u64,
}

impl ReadAt for Hashed {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        FileExt::read_at(self.file.as_ref(), buffer.get_mut(..room).unwrap_or_default(), offset)
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }
}

/// Questions that wait for their answers; `None` when the session is over.
#[derive(Clone, Debug)]
pub(super) struct Questions(Arc<Mutex<Option<Waiting>>>);

/// By Message-ID.
type Waiting = HashMap<String, oneshot::Sender<u64>>;

impl Questions {
    pub(super) fn new() -> Questions {
        Questions(Arc::new(Mutex::new(Some(HashMap::new()))))
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever asked gets it.
    pub(super) fn answer(&self, answer: &Answer) {
        let asked = self.waiting().as_mut().and_then(|all| all.remove(&answer.message_id));
        // Who no longer waits has begun anew.
        let _ = asked.map(|asked| asked.send(answer.kept));
    }

    /// Nobody answers any more.
    pub(super) fn end(&self) {
        *self.waiting() = None;
    }

    fn is_over(&self) -> bool {
        self.waiting().is_none()
    }

    fn ask(&self, message_id: &str) -> Option<oneshot::Receiver<u64>> {
        let (tell, told) = oneshot::channel();
        self.waiting().as_mut()?.insert(message_id.to_owned(), tell);
        Some(told)
    }
}

/// What a peer says that it has.
enum Has {
    /// So many bytes, from the first one on.
    Kept(u64),
    Nothing,
    /// The session ended before it said anything.
    Gone,
}

/// Sends the files of a session.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) session: SessionHandle,
    pub(super) how: Outbound,
    pub(super) ledger: Option<Ledger>,
    pub(super) questions: Questions,
    pub(super) news: mpsc::Sender<News>,
}

/// What has to be known of a file until it has arrived.
#[derive(Clone, Debug)]
pub(super) struct Slip {
    message_id: String,
    name: String,
    hash: Hash,
    size: u64,
}

impl Slip {
    fn state(&self, kept: u64) -> OutgoingState {
        let mut confirmed = Ranges::default();
        // The first range of an empty set always fits.
        let _ = confirmed.insert(0, kept);
        OutgoingState {
            message_id: self.message_id.clone(),
            content_type: MEDIA.to_owned(),
            total: Some(self.size),
            confirmed,
            success_report: true,
            failure_report: FailureReport::Yes,
        }
    }
}

impl Outbox {
    /// Sends them one behind the other; each is told of by one [`News::Sent`].
    pub(super) async fn send_all(self, files: Vec<Opened>) {
        for opened in files {
            let outcome = if self.questions.is_over() {
                Err(SendFailure::Lost(None).into())
            } else {
                self.send(&opened).await
            };
            if let Err(error) = outcome {
                let _ = self.news.send(News::Sent(Err(error))).await;
            }
        }
    }

    async fn send(&self, opened: &Opened) -> Result<(), MsrpError> {
        let io = |error| MsrpError::File { path: opened.path.clone(), error };
        let file = Arc::clone(&opened.file);
        let hashing = tokio::task::spawn_blocking(move || Hash::of_file(&file, u64::MAX));
        let (hash, size) =
            hashing.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(io)?;
        let name = opened.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut slip = Slip { message_id: Ids::default().message(), name, hash, size };
        let source = Source::at(Hashed { file: Arc::clone(&opened.file), size });
        let how = self.how.clone().disposition(&attachment(&slip.name, &hash));
        let Some(ledger) = &self.ledger else {
            let how = how.message_id(&slip.message_id);
            self.tell(&opened.path, &slip).await;
            let sending = self.session.send(how, source).await;
            follow(sending, None, self.news.clone());
            return Ok(());
        };
        let mut kept = 0;
        if let Some(state) = ledger.look(&hash, size) {
            let question = Question { message_id: state.message_id.clone(), size, hash };
            match self.ask(&question).await {
                Has::Kept(bytes) => (slip.message_id, kept) = (state.message_id, bytes),
                Has::Nothing => {}
                Has::Gone => return Err(SendFailure::Lost(None).into()),
            }
        }
        let state = slip.state(kept);
        ledger.keep(&slip.name, &hash, &state).map_err(io)?;
        self.tell(&opened.path, &slip).await;
        if kept > 0 {
            let message_id = slip.message_id.clone();
            let resumed = Notice::Resumed { message_id, bytes: kept, total: size };
            let _ = self.news.send(News::Notice(resumed)).await;
        }
        // Only the peer's word says that it is on its disk.
        let sending = self.session.resume(how.report(), state, source).await;
        follow(sending, Some((ledger.clone(), slip)), self.news.clone());
        Ok(())
    }

    async fn tell(&self, path: &Path, slip: &Slip) {
        let notice = Notice::Sending {
            message_id: slip.message_id.clone(),
            file: path.display().to_string(),
            bytes: slip.size,
            sha256: slip.hash.to_string(),
        };
        let _ = self.news.send(News::Notice(notice)).await;
    }

    /// What the peer has of a file.
    async fn ask(&self, question: &Question) -> Has {
        let Some(told) = self.questions.ask(&question.message_id) else { return Has::Gone };
        let how = Outbound::new(range::media_type()).priority(Priority::Urgent);
        let mut asking = self.session.send(how, question.text()).await;
        match asking.finished().await {
            Ok(()) => {}
            // Does not take such questions.
            Err(SendFailure::Refused { code, .. }) if code != 481 => return Has::Nothing,
            Err(_) => return Has::Gone,
        }
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(kept)) if (1..=question.size).contains(&kept) => Has::Kept(kept),
            Ok(Ok(_)) => Has::Nothing,
            Ok(Err(_)) => Has::Gone,
            Err(_) if self.questions.is_over() => Has::Gone,
            Err(_) => Has::Nothing,
        }
    }
}

/// Tells what becomes of a message, and keeps what is needed to go on with it.
pub(super) fn follow(mut sending: Sending, kept: Option<(Ledger, Slip)>, news: mpsc::Sender<News>) {
    tokio::spawn(async move {
        let id = sending.message_id().to_owned();
        let mut outcome = Ok(());
        while let Some(event) = sending.next().await {
            if let SendEvent::Failed(failure) = &event {
                outcome = Err(failure.clone());
            }
            let _ = news.send(News::Notice(Notice::of_sending(&id, event))).await;
        }
        if let Some(at) = kept.and_then(|(ledger, slip)| settle(&ledger, &slip, &outcome)) {
            let file = at.display().to_string();
            let _ = news.send(News::Notice(Notice::Kept { message_id: id, file })).await;
        }
        let _ = news.send(News::Sent(outcome.map_err(MsrpError::Send))).await;
    });
}

/// What is kept of a message whose end is known, and where.
fn settle(ledger: &Ledger, slip: &Slip, outcome: &Result<(), SendFailure>) -> Option<PathBuf> {
    let Slip { message_id, name, hash, size } = slip;
    match outcome {
        // The session or the way is over, and not the message.
        Err(
            SendFailure::Lost(state)
            | SendFailure::Unreported(state)
            | SendFailure::Timeout(state)
            | SendFailure::Refused { code: 408 | 481 | 506, state, .. },
        ) => {
            // Where it cannot be written, the first one is still there.
            let written = state.as_ref().and_then(|state| ledger.keep(name, hash, state).ok());
            written.or_else(|| ledger.place(hash, *size, message_id))
        }
        Ok(()) | Err(_) => {
            ledger.forget(hash, *size, message_id);
            None
        }
    }
}
