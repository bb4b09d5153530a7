//! The client's side of relays (RFC 4976): signing in, keeping the way open, and offers that lead
//! through it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
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

/// A connection to a relay, and the way that it gave us. It ends with the last session or offer that
/// uses it.
#[derive(Debug)]
pub(super) struct RelayHold {
    pub(super) commands: mpsc::Sender<Command>,
    use_path: Path,
    renewal: Mutex<Option<AbortHandle>>,
    /// The connection stays while this does.
    _open: Arc<()>,
}

impl RelayHold {
    /// The way through the relays, from us.
    pub(super) fn use_path(&self) -> &Path {
        &self.use_path
    }
}

impl Drop for RelayHold {
    fn drop(&mut self) {
        let renewal = self.renewal.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = renewal.take() {
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
        let hold = RelayHold {
            commands: commands.clone(),
            use_path,
            renewal: Mutex::new(None),
            _open: open,
        };
        if let Some(expires) = expires {
            let task = tokio::spawn(renew(login, commands.downgrade(), expires));
            *hold.renewal.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(task.abort_handle());
        }
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
/// the connection, and what came before goes on as long as the relay lets it.
async fn renew(mut login: Login, commands: mpsc::WeakSender<Command>, mut expires: Duration) {
    loop {
        tokio::time::sleep(expires.mul_f64(RENEW_AFTER).max(Duration::from_secs(1))).await;
        let Some(commands) = commands.upgrade() else { return };
        login.refresh();
        match sign_in(&mut login, &commands).await {
            Ok((_, Some(next))) => expires = next,
            Ok((_, None)) => return,
            Err(error) => {
                tracing::warn!(%error, "the relay does not renew our way");
                return;
            }
        }
    }
}
