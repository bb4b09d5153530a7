//! Where sessions begin: listeners, offers, and connections to peers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use super::block::BLOCK;
use super::command::{Command, WAITING_MOST};
use super::dial::{self, Hop, Stream, Wire};
use super::dump::WireDump;
use super::engine::{Engine, Parts};
use super::fingerprint::Fingerprint;
use super::mailbox::Mailbox;
use super::outflow;
use super::registry::{Came, Expected, Registry};
use super::relay::{RelayHold, RelayWay};
use super::session::{
    CHUNK_THROUGH_RELAYS, Event, Inbox, OpenError, Session, SessionHandle, SessionOptions,
};
use super::silence::Patience;
use super::tls::{self, Identity, TlsError, Trust};
use crate::clock::Clock;
use crate::msrp::connection::Options;
use crate::msrp::ident::Ids;
use crate::msrp::session::SessionId;
use crate::msrp::uri::{Host, Path, Uri};

/// RFC 6135 s4.2.2: the port of who accepts no connections.
const NO_PORT: u16 = 9;

/// Handshakes that go on at once, for one listener; who comes then waits in the kernel's queue.
const HANDSHAKES: usize = 256;

/// How an endpoint shows itself, and whom it believes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointOptions {
    /// The host in our URIs: a name or an address at which peers reach us.
    pub host: String,
    /// What we show, as a server always, as a client when asked.
    pub identity: Option<Identity>,
    /// Whom we believe when we dial without fingerprints.
    pub trust: Trust,
    /// Is shown what goes over the wire.
    pub dump: Option<WireDump>,
    /// Where on a relay's web server MSRP is (RFC 7977 s5).
    pub websocket_path: String,
    /// How long the head of a request or a response may take to come: nothing else can come before its
    /// end, so a connection on which it takes longer is closed.
    pub head_patience: Duration,
    /// How long nothing may come of a body that has begun, while we are ready for it, before its
    /// connection is closed.
    pub body_patience: Duration,
    /// Who is asked for the SRV records of relays (feature `msrp-srv`); if nobody, the machine's own
    /// name servers.
    pub nameservers: Vec<SocketAddr>,
}

impl EndpointOptions {
    /// An endpoint at this host, with neither certificate nor trust.
    #[must_use]
    pub fn new(host: &str) -> EndpointOptions {
        EndpointOptions {
            host: host.to_owned(),
            identity: None,
            trust: Trust::Fingerprints(Vec::new()),
            dump: None,
            websocket_path: "/msrp".to_owned(),
            head_patience: Duration::from_secs(10),
            body_patience: Duration::from_secs(300),
            nameservers: Vec::new(),
        }
    }
}

/// What the tasks of an endpoint share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) options: EndpointOptions,
    host: Host,
    registry: Arc<Registry>,
    clock: Clock,
}

impl Common {
    /// Starts the task of a connection.
    pub(super) fn start(&self, wire: Wire, hold: Weak<()>) -> mpsc::Sender<Command> {
        let (sender, commands) = mpsc::channel(WAITING_MOST);
        let engine = Engine::new(Parts {
            wire,
            options: Options {
                fragment: BLOCK,
                out_bytes: outflow::WAITING_MOST,
                ..Options::default()
            },
            registry: Arc::clone(&self.registry),
            commands,
            handle: sender.clone(),
            hold,
            dump: self.options.dump.clone(),
            patience: Patience {
                head: self.options.head_patience,
                body: self.options.body_patience,
            },
            clock: self.clock.clone(),
        });
        tokio::spawn(engine.run());
        sender
    }

    pub(super) async fn dial(
        &self,
        hop: &Hop,
        hold: Weak<()>,
    ) -> Result<mpsc::Sender<Command>, dial::DialError> {
        let wire = hop.dial(&self.options).await?;
        tracing::debug!(local = %wire.local, remote = %wire.remote, "connected");
        Ok(self.start(wire, hold))
    }
}

#[derive(Debug, Default)]
struct Listening {
    plain: Option<SocketAddr>,
    secure: Option<SocketAddr>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// One peer of MSRP: any number of listeners, connections and sessions. Copies are the same endpoint;
/// with the last of them its listeners go.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) common: Arc<Common>,
    listening: Arc<Mutex<Listening>>,
}

impl Endpoint {
    /// An endpoint without listeners: it can dial.
    ///
    /// # Errors
    /// [`OpenError::Address`] when the host cannot stand in a URI.
    pub fn new(options: EndpointOptions) -> Result<Endpoint, OpenError> {
        let host = host_of(&options.host)?;
        let registry = Arc::default();
        let common = Common { options, host, registry, clock: Clock::system() };
        Ok(Endpoint { common: Arc::new(common), listening: Arc::default() })
    }

    /// Listens for connections over plain TCP; port 0 takes a free one. Returns where.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let local = self.serve(address, None).await?;
        self.listening().plain = Some(local);
        Ok(local)
    }

    /// Listens for connections over TLS with our [`Identity`].
    ///
    /// # Errors
    /// When there is no identity, it is of no use, or the address cannot be had.
    pub async fn listen_tls(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let identity = self.common.options.identity.as_ref();
        let missing = || io::Error::new(io::ErrorKind::InvalidInput, "there is no certificate");
        let acceptor = tls::acceptor(identity.ok_or_else(missing)?)
            .map_err(|error: TlsError| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let local = self.serve(address, Some(acceptor)).await?;
        self.listening().secure = Some(local);
        Ok(local)
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, Arc::clone(&self.common), tls));
        self.listening().tasks.push(task.abort_handle());
        Ok(local)
    }

    /// A URI of our own for a new session, to be told to a peer: `msrps` or `msrp`. Without a listener
    /// of that kind we can only connect ourselves, and the port is 9 (RFC 6135 s4.2.2).
    #[must_use]
    pub fn offer(&self, secure: bool, options: SessionOptions) -> Offer {
        let port = {
            let listening = self.listening();
            let address = if secure { listening.secure } else { listening.plain };
            address.map_or(NO_PORT, |address| address.port())
        };
        let local = Uri::fresh(Ids::default(), secure, &self.common.host, port, "tcp");
        Offer {
            endpoint: self.clone(),
            path: Path::from(local.clone()),
            local,
            options,
            fingerprints: Vec::new(),
            relay: None,
            reuse: true,
        }
    }

    /// Connects to a peer whose path is known, and needs not know ours before.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn connect(
        &self,
        remote: &Path,
        options: SessionOptions,
    ) -> Result<Session, OpenError> {
        self.offer(remote.first().is_secure(), options).connect(remote).await
    }

    /// Takes a WebSocket whose opening handshake is over, as the upgrade of a web server gives it
    /// (RFC 7977 s5.1): the server's end, for whose subprotocol `msrp` was agreed on.
    #[cfg(feature = "msrp-ws")]
    pub fn adopt_websocket(
        &self,
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        self.adopt(super::websocket::serve(Box::new(stream)), local, remote);
    }

    /// Takes a stream of the application's own, on which MSRP begins.
    pub fn adopt(
        &self,
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let stream: Box<dyn Stream> = Box::new(stream);
        // Who gives it says what it is worth.
        let wire = Wire { stream, local, remote, secure: true, certificate: None };
        let _ = self.common.start(wire, Weak::new());
    }
}

async fn serve(listener: TcpListener, common: Arc<Common>, tls: Option<TlsAcceptor>) {
    let handshakes = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, remote)) => {
                let (common, tls) = (Arc::clone(&common), tls.clone());
                tokio::spawn(async move {
                    match dial::accept(socket, tls.as_ref()).await {
                        Ok(wire) => drop(common.start(wire, Weak::new())),
                        Err(error) => tracing::debug!(%remote, %error, "no connection"),
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors: they come back.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn host_of(host: &str) -> Result<Host, OpenError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let written = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
    let uri = Uri::parse(&format!("msrp://{written}:9/x;tcp"))
        .map_err(|_| OpenError::Address(host.to_owned()))?;
    Ok(uri.host().clone())
}

/// Our side of a session that both sides have yet to agree on.
#[derive(Debug)]
pub struct Offer {
    endpoint: Endpoint,
    local: Uri,
    path: Path,
    options: SessionOptions,
    fingerprints: Vec<Fingerprint>,
    relay: Option<Arc<RelayHold>>,
    reuse: bool,
}

impl Offer {
    pub(super) fn through(
        endpoint: Endpoint,
        local: Uri,
        path: Path,
        options: SessionOptions,
        relay: Arc<RelayHold>,
    ) -> Offer {
        Offer {
            endpoint,
            local,
            path,
            options,
            fingerprints: Vec::new(),
            relay: Some(relay),
            reuse: true,
        }
    }

    /// What the peer has to know: the value of `a=path` (RFC 4975 s8.2).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The way through our relays, if there is one, to be watched for renewals.
    #[must_use]
    pub fn relay_way(&self) -> Option<RelayWay> {
        self.relay.as_ref().map(|relay| relay.way())
    }

    /// The peer's connection has to show a certificate with one of these fingerprints (RFC 4975
    /// s14.4), whether it dials or we do.
    #[must_use]
    pub fn fingerprints(mut self, announced: Vec<Fingerprint>) -> Offer {
        self.fingerprints = announced;
        self
    }

    /// Opens a connection of its own, instead of sharing one to the same place (RFC 4975 s5.4 allows
    /// both).
    #[must_use]
    pub fn own_connection(mut self) -> Offer {
        self.reuse = false;
        self
    }

    /// Connects to the peer, as the active side: who made the first offer, or who RFC 6135 says.
    /// Returns when the peer has taken the session.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn connect(self, remote: &Path) -> Result<Session, OpenError> {
        if let Some(relay) = &self.relay {
            // RFC 6135 s4.5: through the relay, whatever was agreed on.
            let way = Path::through(relay.use_path(), remote);
            let way = way.map_err(|error| OpenError::Address(error.to_string()))?;
            return self.open(relay.commands.clone(), way).await;
        }
        let hop = Hop::new(remote.first(), &self.fingerprints)?;
        let known = self.endpoint.common.registry.connection(&hop).filter(|_| self.reuse);
        if let Some(known) = known {
            match self.open(known, remote.clone()).await {
                // It was about to end, or its far end takes one session a connection.
                Err(OpenError::Closed | OpenError::Refused { code: 481 | 506, .. }) => {}
                outcome => return outcome,
            }
        }
        let commands = self.connection(hop).await?;
        self.open(commands, remote.clone()).await
    }

    /// Begins the session on a connection.
    async fn open(
        &self,
        commands: mpsc::Sender<Command>,
        remote: Path,
    ) -> Result<Session, OpenError> {
        let inbox = Inbox::new(&self.options, &self.local);
        let setup = Box::new(self.options.setup(self.local.clone(), remote));
        let (answer, opened) = oneshot::channel();
        let mut opening = Opening { opened, commands, events: Arc::clone(&inbox.events) };
        let open = Command::Open { setup, inbox, answer };
        opening.commands.send(open).await.map_err(|_| OpenError::Closed)?;
        let id = (&mut opening.opened).await.unwrap_or(Err(OpenError::Closed))?;
        let (commands, events) = (opening.commands.clone(), Arc::clone(&opening.events));
        let handle = SessionHandle { id, commands, local: self.local.clone() };
        Ok(Session { handle, events, relay: self.relay.clone() })
    }

    async fn connection(&self, hop: Hop) -> Result<mpsc::Sender<Command>, OpenError> {
        let common = &self.endpoint.common;
        let commands = common.dial(&hop, Weak::new()).await?;
        if self.reuse {
            common.registry.remember(hop, &commands);
        }
        Ok(commands)
    }

    /// Waits for the peer, as the passive side. `remote` is its path; `None` takes whoever names our
    /// URI, and answers to where its first request comes from. The peer may come from the call on,
    /// before the future is first polled.
    ///
    /// # Errors
    /// [`OpenError::Closed`] when the endpoint is gone.
    pub fn wait(
        self,
        remote: Option<&Path>,
    ) -> impl Future<Output = Result<Session, OpenError>> + Send + use<> {
        let waiting = self.expect(remote);
        async move { waiting?.came().await }
    }

    fn expect(self, remote: Option<&Path>) -> Result<Waiting, OpenError> {
        let inbox = Inbox::new(&self.options, &self.local);
        let events = Arc::clone(&inbox.events);
        let remote_open = remote.is_none();
        let mut way = remote.cloned().unwrap_or_else(|| self.path.clone());
        if let (Some(relay), false) = (&self.relay, remote_open) {
            way = Path::through(relay.use_path(), &way)
                .map_err(|error| OpenError::Address(error.to_string()))?;
        }
        let mut setup = self.options.setup(self.local.clone(), way);
        if remote_open {
            // Who comes may come through relays.
            setup.largest_chunk = setup.largest_chunk.or(Some(CHUNK_THROUGH_RELAYS));
        }
        let (tell, came) = oneshot::channel();
        let registry = Arc::clone(&self.endpoint.common.registry);
        let fingerprints = self.fingerprints.clone();
        registry.expect(Expected { setup, remote_open, fingerprints, inbox, tell });
        Ok(Waiting { offer: self, events, came, taken: false })
    }
}

/// A session that we begin. If nobody waits any more when it has begun, it ends.
struct Opening {
    opened: oneshot::Receiver<Result<SessionId, OpenError>>,
    commands: mpsc::Sender<Command>,
    events: Arc<Mailbox<Event>>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        // Once it was taken out, there is nothing here.
        if let Ok(Ok(session)) = self.opened.try_recv() {
            abandon(session, &self.commands, &self.events);
        }
    }
}

/// An offer that a peer may come to. If nobody waits any more, it leads nowhere, and a session that
/// has begun ends.
struct Waiting {
    offer: Offer,
    events: Arc<Mailbox<Event>>,
    came: oneshot::Receiver<Result<Came, OpenError>>,
    taken: bool,
}

impl Waiting {
    async fn came(mut self) -> Result<Session, OpenError> {
        let came = (&mut self.came).await.unwrap_or(Err(OpenError::Closed))?;
        self.taken = true;
        let (local, relay) = (self.offer.local.clone(), self.offer.relay.clone());
        tracing::debug!(%local, from = %came.from, "session bound");
        let handle = SessionHandle { id: came.id, commands: came.commands, local };
        Ok(Session { handle, events: Arc::clone(&self.events), relay })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        self.offer.endpoint.common.registry.forget(&self.offer.local);
        self.came.close();
        if let Ok(Ok(came)) = self.came.try_recv() {
            abandon(came.id, &came.commands, &self.events);
        }
    }
}

/// Ends a session that the application never got.
fn abandon(session: SessionId, commands: &mpsc::Sender<Command>, events: &Mailbox<Event>) {
    // The connection looks for closed mailboxes when its queue was full.
    events.close();
    let _ = commands.try_send(Command::End { session, told: None });
}
