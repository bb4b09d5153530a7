//! `client msrp`: a session of MSRP without any SIP. One side prints its path, the other is given it.

mod notice;
mod save;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;

pub use notice::Notice;
pub use save::{SaveError, Shelf};

use crate::msrp::peer::{
    Endpoint, EndpointOptions, Event, HashFunction, Incoming, Offer, OpenError, Outbound,
    ReceiveFailure, RelayAccount, RelayError, SendEvent, SendFailure, Session, SessionOptions,
    Sink, Source, Whole,
};
use crate::msrp::{Granularity, Path, Priority};

/// What a session of the command does.
#[derive(Debug)]
pub struct Plan {
    /// Texts to be sent.
    pub texts: Vec<String>,
    /// Files to be sent.
    pub files: Vec<PathBuf>,
    /// Asks for confirmations.
    pub report: bool,
    /// Of everything that is sent.
    pub priority: Priority,
    /// How often progress and confirmations are told.
    pub granularity: Granularity,
    /// Where files that come are kept; without it they are denied.
    pub shelf: Option<Shelf>,
    /// Denies everything that comes with this code.
    pub deny: Option<u16>,
    /// When it ends.
    pub bounds: Bounds,
}

/// When a session of the command ends, beside the end of the session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// After so long.
    pub duration: Option<Duration>,
    /// When so many messages have come, and everything was sent.
    pub count: Option<u64>,
    /// When everything was sent.
    pub when_sent: bool,
}

/// How to be reached.
#[derive(Debug)]
pub struct Way {
    /// Who we are and whom we believe.
    pub endpoint: EndpointOptions,
    /// Where to listen, if we do.
    pub listen: Option<SocketAddr>,
    /// Over TLS.
    pub tls: bool,
    /// Through relays.
    pub relay: Option<RelayAccount>,
    /// What the peer has to show.
    pub fingerprints: Vec<crate::msrp::peer::Fingerprint>,
}

/// Why the command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum MsrpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No session.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No way through a relay.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A message did not arrive.
    #[error("a message did not arrive: {0}")]
    Send(#[from] SendFailure),
    /// A message did not come whole, or cannot be kept.
    #[error("a message did not come: {0}")]
    Receive(String),
    /// Told to stop before it was done.
    #[error("stopped before it was done")]
    Stopped,
}

/// Takes what is told while the command runs.
pub type Tell<'a> = dyn FnMut(Notice) + 'a;

impl Way {
    async fn offer(self, options: SessionOptions) -> Result<Offer, MsrpError> {
        let endpoint = Endpoint::new(self.endpoint)?;
        if let Some(account) = &self.relay {
            return Ok(endpoint
                .offer_through(account, options)
                .await?
                .fingerprints(self.fingerprints));
        }
        if let Some(address) = self.listen {
            let listening = if self.tls {
                endpoint.listen_tls(address).await
            } else {
                endpoint.listen(address).await
            };
            listening.map_err(|error| MsrpError::Listen(address, error))?;
        }
        Ok(endpoint.offer(self.tls, options).fingerprints(self.fingerprints))
    }

    fn fingerprint(&self) -> Option<String> {
        let own = self.endpoint.identity.as_ref().filter(|_| self.tls);
        own.map(|own| own.fingerprint(HashFunction::Sha256).to_string())
    }
}

/// Prints our path and waits for who is told it.
///
/// # Errors
/// [`MsrpError`].
pub async fn listen(
    way: Way,
    plan: Plan,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), MsrpError> {
    let mut stop = pin!(stop);
    let fingerprint = way.fingerprint();
    let offer = way.offer(plan.options()).await?;
    tell(Notice::Listening { path: offer.path().to_string(), fingerprint });
    let patience = plan.bounds.duration.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let session = tokio::select! {
        session = offer.wait(None) => session?,
        () = stop.as_mut() => return Err(MsrpError::Stopped),
        () = tokio::time::sleep(patience) => return Err(MsrpError::Stopped),
    };
    talk(session, plan, stop, tell).await
}

/// Connects to who printed this path.
///
/// # Errors
/// [`MsrpError`].
pub async fn connect(
    way: Way,
    remote: &Path,
    plan: Plan,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), MsrpError> {
    let offer = way.offer(plan.options()).await?;
    let session = offer.connect(remote).await?;
    talk(session, plan, stop, tell).await
}

impl Plan {
    fn options(&self) -> SessionOptions {
        let collect = if self.deny.is_some() { 0 } else { SessionOptions::default().collect };
        SessionOptions { reports: self.granularity, collect, ..SessionOptions::default() }
    }

    fn how(&self, content_type: &str) -> Outbound {
        let how = Outbound::new(content_type).priority(self.priority).progress(self.granularity);
        if self.report { how.report() } else { how }
    }
}

/// What the tasks of a session tell.
enum News {
    Notice(Notice),
    /// A message of ours arrived, or did not.
    Sent(Result<(), SendFailure>),
    /// A message of the peer's came, or did not.
    Came(Result<(), String>),
}

const NEWS_MOST: usize = 64;

async fn talk(
    mut session: Session,
    plan: Plan,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), MsrpError> {
    let mut stop = pin!(stop);
    tell(Notice::Connected { local: session.local().to_string() });
    let (news, mut heard) = mpsc::channel(NEWS_MOST);
    let mut unsent = send_all(&session, &plan, &news).await?;
    let patience = plan.bounds.duration.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let mut over = pin!(tokio::time::sleep(patience));
    let mut left = plan.bounds.count.unwrap_or(u64::MAX);
    let mut failure = None;
    let mut coming = 0_u32;
    let mut ended = false;
    loop {
        let enough = left == 0 || plan.bounds.when_sent && plan.bounds.count.is_none();
        if unsent == 0 && coming == 0 && (enough || ended) {
            break;
        }
        tokio::select! {
            event = session.next(), if !ended => match event {
                None | Some(Event::Closed) => {
                    ended = true;
                    tell(Notice::Closed);
                }
                Some(event) => {
                    let whole = matches!(event, Event::Message(_));
                    coming += u32::from(take(event, &plan, &news, tell).await);
                    left = left.saturating_sub(u64::from(whole));
                }
            },
            Some(item) = heard.recv() => match item {
                News::Notice(notice) => tell(notice),
                News::Sent(outcome) => {
                    unsent -= 1;
                    failure = failure.or(outcome.err().map(MsrpError::Send));
                }
                News::Came(outcome) => {
                    coming -= 1;
                    left = left.saturating_sub(1);
                    failure = failure.or(outcome.err().map(MsrpError::Receive));
                }
            },
            () = &mut over => break,
            () = stop.as_mut() => break,
        }
    }
    session.close().await;
    match failure {
        Some(failure) => Err(failure),
        None if plan.bounds.count.is_some() && left > 0 || unsent > 0 => Err(MsrpError::Stopped),
        None => Ok(()),
    }
}

async fn send_all(
    session: &Session,
    plan: &Plan,
    news: &mpsc::Sender<News>,
) -> Result<usize, MsrpError> {
    let mut count = 0;
    for text in &plan.texts {
        let how = plan.how("text/plain;charset=utf-8");
        watch(session.send(how, text.clone()).await, news.clone());
        count += 1;
    }
    for path in &plan.files {
        let source =
            Source::file(path).map_err(|error| MsrpError::File { path: path.clone(), error })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let how = plan
            .how("application/octet-stream")
            .disposition(&format!("attachment; filename=\"{}\"", save::quoted(&name)));
        watch(session.send(how, source).await, news.clone());
        count += 1;
    }
    Ok(count)
}

/// Tells what becomes of a message.
fn watch(mut sending: crate::msrp::peer::Sending, news: mpsc::Sender<News>) {
    tokio::spawn(async move {
        let id = sending.message_id().to_owned();
        let mut outcome = Ok(());
        while let Some(event) = sending.next().await {
            if let SendEvent::Failed(failure) = &event {
                outcome = Err(failure.clone());
            }
            let _ = news.send(News::Notice(Notice::of_sending(&id, event))).await;
        }
        let _ = news.send(News::Sent(outcome)).await;
    });
}

/// Takes what the session tells; `true` if a message is on its way now.
async fn take(event: Event, plan: &Plan, news: &mpsc::Sender<News>, tell: &mut Tell<'_>) -> bool {
    match event {
        Event::Message(whole) => {
            let is_file = whole.header.disposition.as_deref().is_some_and(save::is_attachment);
            match &plan.shelf {
                Some(shelf) if is_file => tell(keep(shelf, &whole)),
                _ => tell(Notice::message(&whole)),
            }
            false
        }
        Event::Incoming(incoming) => match (plan.deny, &plan.shelf) {
            (Some(code), _) => {
                tell(Notice::denied(incoming.header(), code));
                incoming.deny(code).await;
                false
            }
            (None, None) => {
                tell(Notice::denied(incoming.header(), 413));
                incoming.deny(413).await;
                false
            }
            (None, Some(shelf)) => {
                tell(Notice::incoming(incoming.header()));
                tokio::spawn(receive(incoming, shelf.clone(), news.clone()));
                true
            }
        },
        Event::Aborted { message_id, bytes } => {
            tell(Notice::IncomingFailed {
                message_id,
                bytes,
                reason: "aborted by the peer".into(),
            });
            false
        }
        Event::Failed { code } => {
            tell(Notice::SessionFailed { code });
            false
        }
        Event::Alive | Event::Closed => false,
    }
}

fn keep(shelf: &Shelf, whole: &Whole) -> Notice {
    match shelf.keep(&whole.header, &whole.body) {
        Ok(path) => Notice::saved(&whole.header, &path, whole.body.len() as u64),
        Err(error) => Notice::IncomingFailed {
            message_id: whole.header.message_id.clone(),
            bytes: whole.body.len() as u64,
            reason: error.to_string(),
        },
    }
}

/// Takes a long message into a file.
async fn receive(incoming: Incoming, shelf: Shelf, news: mpsc::Sender<News>) {
    let header = incoming.header().clone();
    let failed = |bytes, reason: String| Notice::IncomingFailed {
        message_id: header.message_id.clone(),
        bytes,
        reason,
    };
    let (notice, outcome) = match shelf.open(&header) {
        Err(error) => {
            incoming.deny(413).await;
            (failed(0, error.to_string()), Err(error.to_string()))
        }
        Ok((file, path)) => {
            let mut receiving = incoming.accept(Sink::from(file)).await;
            match receiving.finished().await {
                Ok(received) => (Notice::saved(&header, &path, received.length), Ok(())),
                Err(failure) => {
                    // Half a file looks like a whole one.
                    let _ = std::fs::remove_file(&path);
                    let bytes = match failure {
                        ReceiveFailure::Aborted { bytes, .. }
                        | ReceiveFailure::Lost { bytes, .. } => bytes,
                        ReceiveFailure::Sink(_) => receiving.received(),
                    };
                    (failed(bytes, failure.to_string()), Err(failure.to_string()))
                }
            }
        }
    };
    let _ = news.send(News::Notice(notice)).await;
    let _ = news.send(News::Came(outcome)).await;
}
