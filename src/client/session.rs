//! An [`Agent`] on a [`Link`]: the thin shell that carries bytes and lets time pass.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::ClientError;
use super::account::{Account, Target};
use super::agent::{Agent, Event, RequestId, WatchId};
use super::carrier::Way;
use super::link::{Arrival, KEEP_ALIVE, Link};
use crate::clock::{Clock, Tick};
use crate::sip::transaction::Timing;

/// How long the end waits for the answer to its own unregistration.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// A user agent with its socket.
pub struct Session {
    agent: Agent,
    link: Link,
    clock: Clock,
    keep_alive: Tick,
    /// The connection has ended, and why.
    ended: Option<String>,
}

impl Session {
    /// Opens a way to a server for an account. `purpose` names the device; see
    /// [`Account::instance`].
    ///
    /// # Errors
    /// [`ClientError::Link`] if the server cannot be reached.
    pub async fn open(
        account: Account,
        way: impl Into<Way>,
        server: SocketAddr,
        purpose: &str,
        clock: Clock,
    ) -> Result<Session, ClientError> {
        let link = Link::open(&way.into(), server).await?;
        let instance = account.instance(&server.to_string(), purpose);
        let agent = Agent::new(account, link.flow(), &instance, Timing::default());
        let keep_alive = clock.now() + KEEP_ALIVE;
        Ok(Session { agent, link, clock, keep_alive, ended: None })
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Who it is.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.agent.account()
    }

    /// Registers, and refreshes from then on.
    pub fn register(&mut self, expires: u32) {
        self.agent.register(self.clock.now(), expires);
    }

    /// Sends text.
    pub fn message(&mut self, to: &Target, text: &str) -> RequestId {
        self.agent.message(self.clock.now(), to, text)
    }

    /// Publishes a presence document, and refreshes it from then on.
    pub fn publish(&mut self, document: &str, expires: u32) {
        self.agent.publish(self.clock.now(), document, expires);
    }

    /// Takes back what was published.
    pub fn unpublish(&mut self) {
        self.agent.unpublish(self.clock.now());
    }

    /// Watches somebody; see [`Agent::watch`].
    pub fn watch(&mut self, whom: &Target, event: &str, accept: &str, expires: u32) -> WatchId {
        self.agent.watch(self.clock.now(), whom, event, accept, expires)
    }

    /// Ends a subscription.
    pub fn unwatch(&mut self, id: WatchId) {
        self.agent.unwatch(self.clock.now(), id);
    }

    /// The next event. May be cancelled: nothing is lost.
    ///
    /// # Errors
    /// [`ClientError::Disconnected`] when the connection has ended and all is told.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.agent.poll_event() {
                return Ok(event);
            }
            if let Some(reason) = &self.ended {
                return Err(ClientError::Disconnected(reason.clone()));
            }
            while let Some(packet) = self.agent.poll_packet() {
                self.link.queue(packet);
            }
            if let Err(error) = self.step().await {
                self.failed(&error);
            }
        }
    }

    /// Sends what is to be sent, or waits for one thing to happen.
    async fn step(&mut self) -> io::Result<()> {
        let deadline = self.agent.next_deadline().min(self.keep_alive);
        let wait = deadline - self.clock.now();
        let flushed = tokio::time::timeout(wait.max(KEEP_ALIVE), self.link.flush()).await;
        flushed.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let wait = deadline - self.clock.now();
        let arrival = tokio::select! {
            biased;
            arrival = self.link.receive() => Some(arrival?),
            () = tokio::time::sleep(wait) => None,
        };
        let now = self.clock.now();
        if let Some(Arrival::Message(bytes)) = arrival {
            self.agent.receive(now, &bytes);
        }
        if now >= self.keep_alive {
            self.keep_alive = now + KEEP_ALIVE;
            self.link.keep_alive();
        }
        self.agent.advance(now);
        Ok(())
    }

    /// A datagram that nobody took ends what is under way; a stream that fails ends everything.
    fn failed(&mut self, error: &io::Error) {
        let reason = error.to_string();
        if self.link.flow().transport.is_reliable() {
            self.ended = Some(reason.clone());
        }
        self.agent.transport_failed(self.clock.now(), &reason);
    }

    /// The next event, or `None` when `until` has come or `stop` is done.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub async fn next_until<F: Future<Output = ()>>(
        &mut self,
        until: Option<Tick>,
        stop: Pin<&mut F>,
    ) -> Result<Option<Event>, ClientError> {
        let clock = self.clock.clone();
        let late = pin!(async move {
            match until {
                Some(until) => tokio::time::sleep(until - clock.now()).await,
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            biased;
            () = stop => Ok(None),
            event = self.next() => event.map(Some),
            () = late => Ok(None),
        }
    }

    /// Takes the registration back and waits a little for the answer. Messages that come
    /// meanwhile are given to `other`.
    pub async fn close(&mut self, mut other: impl FnMut(Event)) -> Option<Event> {
        self.agent.unregister(self.clock.now());
        let until = self.clock.now() + FAREWELL;
        let mut never = pin!(std::future::pending());
        loop {
            match self.next_until(Some(until), never.as_mut()).await {
                Ok(Some(event @ Event::Unregistered { .. })) => return Some(event),
                Ok(Some(event)) => other(event),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}
