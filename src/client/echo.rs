//! A resident person: always there, and answers each message with the same words.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::ClientError;
use super::account::{Account, Target};
use super::agent::Event;
use super::session::Session;
use crate::clock::Clock;
use crate::sip::Transport;

/// How long a registration is asked for; it is refreshed.
const EXPIRES: u32 = 600;
/// Replies under way at the same time; a message beyond is taken and not answered.
const MOST_REPLIES: usize = 256;
/// Longer words are cut, so that the reply fits a datagram (RFC 3261 s18.1.1).
const LONGEST_REPLY: usize = 600;

/// Who the resident is.
#[derive(Clone)]
pub struct Resident {
    /// The server's UDP listener.
    pub server: SocketAddr,
    /// The SIP domain.
    pub domain: String,
    /// The name.
    pub user: String,
    /// The Digest password.
    pub password: Zeroizing<String>,
}

/// Registers, answers each plain-text message with `echo: ` and its words, and unregisters when
/// `stop` is done. `ready` is told after the first registration.
///
/// # Errors
/// [`ClientError`] if there is no socket, or the registrar refuses the account.
pub async fn run(
    resident: Resident,
    clock: Clock,
    ready: oneshot::Sender<()>,
    stop: impl Future<Output = ()>,
) -> Result<(), ClientError> {
    let Resident { server, domain, user, password } = resident;
    let account = Account { user, domain, password };
    let own = account.canonical();
    let domain = account.domain.clone();
    let mut session = Session::open(account, Transport::Udp, server, "echo", clock).await?;
    let mut ready = Some(ready);
    let mut under_way = 0_usize;
    let mut stop = pin!(stop);
    session.register(EXPIRES);
    while let Some(event) = session.next_until(None, stop.as_mut()).await? {
        match event {
            Event::Registered { .. } => {
                if let Some(ready) = ready.take() {
                    // Whoever asked may have gone.
                    let _ = ready.send(());
                }
            }
            Event::RegistrationFailed { outcome, retry_in: None } => return Err(outcome.into()),
            Event::RegistrationFailed { outcome, retry_in: Some(_) } => {
                tracing::warn!(user = own, status = outcome.status, "resident not registered");
            }
            Event::Message(text) => {
                // Never to itself, nor to an echo: that would go on for ever.
                let words = String::from_utf8_lossy(&text.body);
                let answers = text.is_plain_text()
                    && text.from != own
                    && !words.starts_with("echo: ")
                    && under_way < MOST_REPLIES;
                if answers && let Ok(to) = Target::parse(&text.from_uri, &domain) {
                    session.message(&to, &format!("echo: {}", cut(&words)));
                    under_way += 1;
                }
            }
            Event::Answered { .. } => under_way = under_way.saturating_sub(1),
            _ => {}
        }
    }
    session.close(|_| {}).await;
    Ok(())
}

/// The beginning of a text that is not too long.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_REPLY);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
