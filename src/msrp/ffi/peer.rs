//! What is behind the handles.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::border::CallError;
use super::event::{TagusMsrpEvent, TagusMsrpKind};
use super::pump::{self, Ask, Member};
use crate::msrp::peer::{
    Endpoint, EndpointOptions, Fingerprint, HashFunction, Incoming, Offer, Outbound, RelayAccount,
    SessionHandle, SessionOptions, Sink, Source,
};
use crate::msrp::resume::{IncomingState, OutgoingState};
use crate::msrp::uri::Path;

/// Sessions and messages of a peer at most.
const THINGS_MOST: usize = 65_536;

/// Events that wait to be taken before the connections wait.
const EVENTS_MOST: usize = 1_024;

/// Threads of a peer: one that reads can always run while another encrypts.
const THREADS: usize = 2;

/// How long a peer that is freed waits for files that are being written.
const PARTING: Duration = Duration::from_secs(2);

/// What a number stands for.
pub(super) enum Thing {
    /// A session that a relay is being asked for.
    Asked,
    /// With what hears when it was told of.
    Offer(Box<Offer>, Told),
    /// A session that is being opened.
    Opening(Arc<Notify>),
    Session(Live),
    Announced {
        session: u64,
        incoming: Box<Incoming>,
        member: Member,
    },
    /// A message on its way, out or in.
    Moving(mpsc::Sender<Ask>),
}

/// Is over when an offer was told of: what becomes of it is told behind that.
pub(super) type Told = oneshot::Receiver<Infallible>;

/// A session that is open.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) handle: SessionHandle,
    pub(super) stop: Arc<Notify>,
    pub(super) member: Member,
}

/// What the tasks of a peer share.
pub(super) struct Desk {
    events: mpsc::Sender<TagusMsrpEvent>,
    next: AtomicU64,
    things: Mutex<HashMap<u64, Thing>>,
}

impl Desk {
    fn things(&self) -> MutexGuard<'_, HashMap<u64, Thing>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for something new.
    pub(super) fn add(&self, thing: Thing) -> Result<u64, CallError> {
        let mut things = self.things();
        if things.len() >= THINGS_MOST {
            return Err(CallError::Full);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        things.insert(id, thing);
        Ok(id)
    }

    /// Puts something else under a number, unless that is over.
    pub(super) fn replace(&self, id: u64, thing: Thing) -> bool {
        self.things().get_mut(&id).map(|place| *place = thing).is_some()
    }

    pub(super) fn remove(&self, id: u64) {
        let thing = self.things().remove(&id);
        drop(thing);
    }

    /// What nobody has decided about goes with its session.
    pub(super) fn remove_announced(&self, session: u64) {
        let of_it =
            |thing: &Thing| matches!(thing, Thing::Announced { session: s, .. } if *s == session);
        let gone: Vec<_> = self.things().extract_if(|_, thing| of_it(thing)).collect();
        drop(gone);
    }

    /// Takes something out if it is of the kind that `pick` takes.
    fn take<T>(
        &self,
        id: u64,
        name: &'static str,
        pick: impl FnOnce(Thing) -> Result<(T, Option<Thing>), Thing>,
    ) -> Result<T, CallError> {
        let mut things = self.things();
        let thing = things.remove(&id).ok_or(CallError::Handle(name))?;
        let (found, left) = match pick(thing) {
            Ok((found, left)) => (Ok(found), left),
            Err(other) => (Err(CallError::Handle(name)), Some(other)),
        };
        if let Some(left) = left {
            things.insert(id, left);
        }
        found
    }

    fn look<T>(
        &self,
        id: u64,
        name: &'static str,
        look: impl FnOnce(&Thing) -> Option<T>,
    ) -> Result<T, CallError> {
        self.things().get(&id).and_then(look).ok_or(CallError::Handle(name))
    }

    /// Queues an event; waits while nobody takes any.
    pub(super) async fn tell(&self, event: TagusMsrpEvent) {
        // Without a reader, the peer is being freed.
        let _ = self.events.send(event).await;
    }
}

/// A peer with its own threads.
pub(super) struct Peer {
    endpoint: Endpoint,
    fingerprint: Option<String>,
    desk: Arc<Desk>,
    events: tokio::sync::Mutex<mpsc::Receiver<TagusMsrpEvent>>,
    stop: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

/// The peers of this process.
static PEERS: LazyLock<Mutex<HashMap<u64, Arc<Peer>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn peers() -> MutexGuard<'static, HashMap<u64, Arc<Peer>>> {
    PEERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(PARTING);
        }
    }
}

impl Peer {
    /// Makes a peer. Returns its number.
    pub(super) fn begin(options: EndpointOptions) -> Result<u64, CallError> {
        let fingerprint =
            options.identity.as_ref().map(|own| own.fingerprint(HashFunction::Sha256).to_string());
        let endpoint = Endpoint::new(options)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("tagus-msrp")
            .enable_all()
            .build()?;
        let (sender, receiver) = mpsc::channel(EVENTS_MOST);
        let desk = Desk { events: sender, next: AtomicU64::new(1), things: Mutex::default() };
        let peer = Peer {
            endpoint,
            fingerprint,
            desk: Arc::new(desk),
            events: tokio::sync::Mutex::new(receiver),
            stop: watch::Sender::new(false),
            runtime: Some(runtime),
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        peers().insert(id, Arc::new(peer));
        Ok(id)
    }

    pub(super) fn of(id: u64) -> Result<Arc<Peer>, CallError> {
        peers().get(&id).cloned().ok_or(CallError::Handle("peer"))
    }

    /// Ends a peer. Calls of other threads return soon, and the last one's end is the peer's.
    pub(super) fn end(id: u64) -> Result<(), CallError> {
        let peer = peers().remove(&id).ok_or(CallError::Handle("peer"))?;
        peer.stop.send_replace(true);
        Ok(())
    }

    fn runtime(&self) -> Result<&Runtime, CallError> {
        self.runtime.as_ref().ok_or(CallError::Stopped)
    }

    /// Waits in the caller's thread, until the peer is freed.
    fn wait<T>(&self, what: impl Future<Output = T>) -> Result<T, CallError> {
        let mut stop = self.stop.subscribe();
        self.runtime()?.block_on(async {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => Err(CallError::Stopped),
                done = what => Ok(done),
            }
        })
    }

    pub(super) fn listen(&self, address: &str, tls: bool) -> Result<SocketAddr, CallError> {
        let to: SocketAddr = address.parse().map_err(|_| CallError::Address(address.to_owned()))?;
        let listening = async {
            if tls { self.endpoint.listen_tls(to).await } else { self.endpoint.listen(to).await }
        };
        Ok(self.wait(listening)??)
    }

    pub(super) fn offer(&self, tls: bool) -> Result<u64, CallError> {
        let offer = self.endpoint.offer(tls, SessionOptions::default());
        let path = offer.path().to_string();
        let (tell, told) = oneshot::channel();
        let session = self.desk.add(Thing::Offer(Box::new(offer), told))?;
        let event = TagusMsrpEvent::offered(session, &path, self.fingerprint.as_deref());
        let desk = Arc::clone(&self.desk);
        self.runtime()?.spawn(async move {
            desk.tell(event).await;
            drop(tell);
        });
        Ok(session)
    }

    pub(super) fn offer_through(&self, account: RelayAccount) -> Result<u64, CallError> {
        let session = self.desk.add(Thing::Asked)?;
        let (desk, endpoint) = (Arc::clone(&self.desk), self.endpoint.clone());
        let fingerprint = self.fingerprint.clone();
        self.runtime()?.spawn(async move {
            let (tell, told) = oneshot::channel();
            let event = match endpoint.offer_through(&account, SessionOptions::default()).await {
                Ok(offer) => {
                    let path = offer.path().to_string();
                    if !desk.replace(session, Thing::Offer(Box::new(offer), told)) {
                        return;
                    }
                    TagusMsrpEvent::offered(session, &path, fingerprint.as_deref())
                }
                Err(error) => {
                    desk.remove(session);
                    TagusMsrpEvent::new(TagusMsrpKind::NotOpened, session, 0)
                        .text(&error.to_string())
                }
            };
            desk.tell(event).await;
            drop(tell);
        });
        Ok(session)
    }

    /// Opens a session that was offered: dials, or waits for the peer.
    pub(super) fn open(
        &self,
        session: u64,
        dials: bool,
        remote: Option<Path>,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<(), CallError> {
        let runtime = self.runtime()?;
        let stop = Arc::new(Notify::new());
        let opening = Thing::Opening(Arc::clone(&stop));
        let (offer, told) = self.desk.take(session, "session", |thing| match thing {
            Thing::Offer(offer, told) => Ok(((offer, told), Some(opening))),
            other => Err(other),
        })?;
        let offer = offer.fingerprints(fingerprints);
        let desk = Arc::clone(&self.desk);
        match remote {
            Some(remote) if dials => {
                let opened = async move { offer.connect(&remote).await };
                runtime.spawn(pump::open(desk, session, told, opened, stop));
            }
            // Called here, so that the peer may come as soon as the call returns.
            remote => {
                let opened = offer.wait(remote.as_ref());
                runtime.spawn(pump::open(desk, session, told, opened, stop));
            }
        }
        Ok(())
    }

    fn session(&self, session: u64) -> Result<Live, CallError> {
        self.desk.look(session, "session", |thing| match thing {
            Thing::Session(live) => Some(live.clone()),
            _ => None,
        })
    }

    /// Sends a message. Waits while so much is queued that the connection takes no more.
    pub(super) fn send(
        &self,
        session: u64,
        how: Outbound,
        source: Source,
        resume: Option<OutgoingState>,
    ) -> Result<u64, CallError> {
        let Live { handle, member, .. } = self.session(session)?;
        let (asker, asks) = mpsc::channel(pump::ASKS_MOST);
        let message = self.desk.add(Thing::Moving(asker))?;
        let sending = self.wait(async {
            match resume {
                Some(state) => handle.resume(how, state, source).await,
                None => handle.send(how, source).await,
            }
        });
        let sending = sending.inspect_err(|_| self.desk.remove(message))?;
        let desk = Arc::clone(&self.desk);
        self.runtime()?.spawn(member.until(pump::sending(desk, session, message, sending, asks)));
        Ok(message)
    }

    /// Takes a message that was announced.
    pub(super) fn accept(&self, message: u64, sink: Sink) -> Result<(), CallError> {
        let (asker, asks) = mpsc::channel(pump::ASKS_MOST);
        let (session, incoming, member) =
            self.desk.take(message, "message", |thing| match thing {
                Thing::Announced { session, incoming, member } => {
                    Ok(((session, incoming, member), Some(Thing::Moving(asker))))
                }
                other => Err(other),
            })?;
        let desk = Arc::clone(&self.desk);
        self.runtime()?.spawn(member.until(async move {
            let receiving = incoming.accept(sink).await;
            pump::receiving(desk, session, message, receiving, asks).await;
        }));
        Ok(())
    }

    /// Whether a message waits to be accepted, so that no file is made for one that does not.
    pub(super) fn is_announced(&self, message: u64) -> Result<(), CallError> {
        self.desk.look(message, "message", |thing| {
            matches!(thing, Thing::Announced { .. }).then_some(())
        })
    }

    pub(super) fn deny(&self, message: u64, code: u16) -> Result<(), CallError> {
        let incoming = self.desk.take(message, "message", |thing| match thing {
            Thing::Announced { incoming, .. } => Ok((incoming, None)),
            other => Err(other),
        })?;
        self.runtime()?.spawn(incoming.deny(code));
        Ok(())
    }

    /// Takes the rest of a message that was cut off.
    pub(super) fn expect(
        &self,
        session: u64,
        state: IncomingState,
        sink: Sink,
    ) -> Result<u64, CallError> {
        let Live { handle, member, .. } = self.session(session)?;
        let (asker, asks) = mpsc::channel(pump::ASKS_MOST);
        let message = self.desk.add(Thing::Moving(asker))?;
        let receiving = self.wait(handle.expect(state, sink));
        let receiving = receiving.inspect_err(|_| self.desk.remove(message))?;
        let desk = Arc::clone(&self.desk);
        self.runtime()?
            .spawn(member.until(pump::receiving(desk, session, message, receiving, asks)));
        Ok(message)
    }

    fn asker(&self, message: u64) -> Result<mpsc::Sender<Ask>, CallError> {
        self.desk.look(message, "message", |thing| match thing {
            Thing::Moving(asker) => Some(asker.clone()),
            _ => None,
        })
    }

    pub(super) fn abort(&self, message: u64) -> Result<(), CallError> {
        let asker = self.asker(message)?;
        self.wait(asker.send(Ask::Abort))?.map_err(|_| CallError::Handle("message"))
    }

    /// Bytes of a message that have come so far.
    pub(super) fn received(&self, message: u64) -> Result<u64, CallError> {
        let asker = self.asker(message)?;
        let (tell, told) = oneshot::channel();
        let answer = self.wait(async {
            asker.send(Ask::Received(tell)).await.ok()?;
            told.await.ok()
        })?;
        answer.ok_or(CallError::Handle("message"))
    }

    /// Ends a session in whatever state it is. One that was only offered is over at once.
    pub(super) fn close(&self, session: u64) -> Result<(), CallError> {
        self.desk.take(session, "session", |thing| match thing {
            Thing::Asked | Thing::Offer(..) => Ok(((), None)),
            Thing::Opening(stop) => {
                stop.notify_one();
                Ok(((), Some(Thing::Opening(stop))))
            }
            Thing::Session(live) => {
                live.stop.notify_one();
                Ok(((), Some(Thing::Session(live))))
            }
            other => Err(other),
        })
    }

    /// What happens next; `None` for any time.
    pub(super) fn next(&self, patience: Option<Duration>) -> Result<TagusMsrpEvent, CallError> {
        let next = async { self.events.lock().await.recv().await };
        let event = self.wait(async {
            match patience {
                Some(patience) => {
                    tokio::time::timeout(patience, next).await.map_err(|_| CallError::Timeout)
                }
                None => Ok(next.await),
            }
        })?;
        event?.ok_or(CallError::Stopped)
    }
}

/// A new file for a message. What is there already stays as it is.
pub(super) fn new_file(path: &str) -> Result<Sink, CallError> {
    file_sink(File::create_new(FilePath::new(path)), path)
}

/// A file that has the beginning of a message.
pub(super) fn begun_file(path: &str) -> Result<Sink, CallError> {
    file_sink(File::options().write(true).open(FilePath::new(path)), path)
}

fn file_sink(opened: io::Result<File>, path: &str) -> Result<Sink, CallError> {
    opened.map(Sink::from).map_err(|error| CallError::File(path.to_owned(), error))
}

/// A file to send.
pub(super) fn file_source(path: &str) -> Result<Source, CallError> {
    Source::file(path).map_err(|error| CallError::File(path.to_owned(), error))
}
