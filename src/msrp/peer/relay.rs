//! The client's side of relays (RFC 4976): signing in, keeping the way open, and offers that lead
//! through it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::command::Command;
use super::dial::{DialError, Hop};
use super::endpoint::{Endpoint, Offer};
use super::session::SessionOptions;
use crate::msrp::auth::{AuthError, Login, Step};
use crate::msrp::message::SendError;
use crate::msrp::uri::{Path, Uri, UriError};

/// A way through relays is renewed when so much of its time is over.
const RENEW_AFTER: f64 = 0.8;

/// Who we are to our relays.
#[derive(Clone)]
pub struct RelayAccount {
    /// The relays, the one nearest to us first (RFC 4976 s5.1). A URI needs neither port nor session:
    /// `msrps://relay.example;tcp`.
    pub relays: Path,
    /// Our name there.
    pub user: String,
    /// Our password there.
    pub password: String,
    /// Takes relays without TLS: for tests on one machine, and relays behind a TLS proxy.
    pub allow_plain: bool,
}

impl std::fmt::Debug for RelayAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayAccount")
            .field("relays", &self.relays)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Why there is no way through a relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The relay cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The relay refuses.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A request cannot be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The paths together are too long.
    #[error(transparent)]
    Path(#[from] UriError),
    /// The connection to the relay ended.
    #[error("the relay closed the connection")]
    Closed,
}

/// Where a way through relays leads now.
#[derive(Clone, Debug)]
enum State {
    Open(Path),
    /// Why it was not renewed.
    Lost(Arc<str>),
}

/// The way through our relays was not renewed: what was told to peers leads nowhere soon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the way through the relay is not renewed: {0}")]
pub struct WayLost(Arc<str>);

/// The way through our relays, as peers have to know it. A renewal makes another one (RFC 4976 s9.4):
/// sessions that stand keep the old one while the relay lets them, and who comes later has to be told
/// the new one.
#[derive(Clone, Debug)]
pub struct RelayWay(watch::Receiver<State>);

impl RelayWay {
    /// What a peer has to know now: the value of `a=path`.
    ///
    /// # Errors
    /// [`WayLost`].
    pub fn path(&self) -> Result<Path, WayLost> {
        match &*self.0.borrow() {
            State::Open(path) => Ok(path.clone()),
            State::Lost(why) => Err(WayLost(Arc::clone(why))),
        }
    }

    /// Waits for the next renewal, and tells the new path.
    ///
    /// # Errors
    /// [`WayLost`], also when the offer and its session are gone.
    pub async fn renewed(&mut self) -> Result<Path, WayLost> {
        match self.0.changed().await {
            Ok(()) => {
                self.0.mark_unchanged();
                self.path()
            }
            Err(_) => Err(WayLost("nobody uses it".into())),
        }
    }
}

/// A connection to a relay, and the way that it gave us. It ends with the last session or offer that
/// uses it.
#[derive(Debug)]
pub(super) struct RelayHold {
    pub(super) commands: mpsc::Sender<Command>,
    use_path: Path,
    way: Arc<watch::Sender<State>>,
    renewal: Option<AbortHandle>,
    /// The connection stays while this does.
    _open: Arc<()>,
}

impl RelayHold {
    /// The way through the relays, from us.
    pub(super) fn use_path(&self) -> &Path {
        &self.use_path
    }

    pub(super) fn way(&self) -> RelayWay {
        RelayWay(self.way.subscribe())
    }
}

impl Drop for RelayHold {
    fn drop(&mut self) {
        if let Some(task) = &self.renewal {
            task.abort();
        }
    }
}

impl Endpoint {
    /// A URI of our own behind our relays: signs in and gets a way through them. Each offer gets its
    /// own (RFC 4976 s5.1: one session for each), and its own connection. The sign-in is repeated
    /// before it expires, for as long as the offer or its session lives.
    ///
    /// # Errors
    /// [`RelayError`].
    pub async fn offer_through(
        &self,
        account: &RelayAccount,
        options: SessionOptions,
    ) -> Result<Offer, RelayError> {
        let first = account.relays.first();
        let open = Arc::new(());
        let hop = Hop::new(first, &[])?;
        let commands = self.common.dial(&hop, Arc::downgrade(&open)).await?;
        let own = self.offer(first.is_secure(), options.clone());
        let local = own.path().last().clone();
        let mut login = login(account, local.clone())?;
        let (use_path, expires) = sign_in(&mut login, &commands).await?;
        let path = Path::offered(&use_path, &local)?;
        let (way, _) = watch::channel(State::Open(path.clone()));
        let way = Arc::new(way);
        let renewal = expires.map(|expires| {
            let (commands, way, own) = (commands.downgrade(), Arc::clone(&way), local.clone());
            tokio::spawn(async move {
                let why = renew(login, commands, expires, &own, &way).await;
                tracing::warn!(session = %own, why, "the relay does not renew our way");
                way.send_replace(State::Lost(why.into()));
            })
            .abort_handle()
        });
        let hold = RelayHold { commands, use_path, way, renewal, _open: open };
        Ok(Offer::through(self.clone(), local, path, options, Arc::new(hold)))
    }
}

fn login(account: &RelayAccount, own: Uri) -> Result<Login, AuthError> {
    let RelayAccount { relays, user, password, allow_plain } = account;
    if *allow_plain {
        return Ok(Login::over_any_transport(relays.clone(), own, user, password, None));
    }
    Login::new(relays.clone(), own, user, password, None)
}

/// Goes through AUTH with each relay in turn.
async fn sign_in(
    login: &mut Login,
    commands: &mpsc::Sender<Command>,
) -> Result<(Path, Option<Duration>), RelayError> {
    loop {
        let request = Box::new(login.request()?);
        let (answer, answered) = oneshot::channel();
        let request = Command::Request { request, answer };
        commands.send(request).await.map_err(|_| RelayError::Closed)?;
        let response = answered.await.map_err(|_| RelayError::Closed)??;
        if let Step::Done { use_path, expires } = login.answer(&response)? {
            return Ok((use_path, expires));
        }
    }
}

/// Signs in again and again, each time before the last one expires. A relay that is asked anew keeps
/// the connection, and what came before goes on as long as the relay lets it. Returns why it ends.
async fn renew(
    mut login: Login,
    commands: mpsc::WeakSender<Command>,
    mut expires: Duration,
    own: &Uri,
    way: &watch::Sender<State>,
) -> String {
    loop {
        tokio::time::sleep(expires.mul_f64(RENEW_AFTER).max(Duration::from_secs(1))).await;
        let Some(commands) = commands.upgrade() else { return "the connection ended".to_owned() };
        login.refresh();
        let (use_path, next) = match sign_in(&mut login, &commands).await {
            Ok(done) => done,
            Err(error) => return error.to_string(),
        };
        match Path::offered(&use_path, own) {
            Ok(path) => way.send_replace(State::Open(path)),
            Err(error) => return error.to_string(),
        };
        // A relay that says no more how long lets it stand.
        let Some(next) = next else { return std::future::pending().await };
        expires = next;
    }
}
