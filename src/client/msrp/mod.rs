//! `client msrp`: a session of MSRP without any SIP. One side prints its path, the other is given it.

mod hash;
mod kept;
mod ledger;
mod notice;
mod outbox;
mod part;
mod range;
mod save;
mod talk;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

pub use ledger::Ledger;
pub use notice::Notice;
pub use save::{SaveError, Shelf};

use crate::msrp::peer::{
    Endpoint, EndpointOptions, HashFunction, Offer, OpenError, Outbound, RelayAccount, RelayError,
    SendFailure, SessionOptions,
};
use crate::msrp::{Granularity, Path, Priority};
use talk::{News, talk};

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
    /// Where is kept what is needed to go on with files that were cut off; without it nothing is.
    pub ledger: Option<Ledger>,
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
    let patience = plan.patience();
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

    fn patience(&self) -> Duration {
        self.bounds.duration.unwrap_or(Duration::from_secs(u64::from(u32::MAX)))
    }
}
