use crate::clock::Clock;
use std::net::SocketAddr;
use zeroize::Zeroizing;
pub struct Resident {
    pub server: SocketAddr,
    pub domain: String,
    pub user: String,
    pub password: Zeroizing<String>,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ClientError;
pub async fn run(
    _r: Resident,
    _c: Clock,
    ready: tokio::sync::oneshot::Sender<()>,
    stop: impl Future<Output = ()>,
) -> Result<(), ClientError> {
    let _ = ready.send(());
    stop.await;
    Ok(())
}
