//! Search sessions: one for each of the first threads that ask, so that a thread with a runtime of
//! its own wakes nobody else to ask and to hear the answer. Threads beyond that share.

use std::sync::PoisonError;
use std::thread::ThreadId;

use ldap3::Ldap;
use tokio::sync::{Mutex, MutexGuard};

/// Sessions at most.
const MOST: usize = 3;

/// An open connection on which people are searched.
pub(super) struct Session {
    pub(super) ldap: Ldap,
    /// The server, by its place in the settings.
    pub(super) url: usize,
    pub(super) number: u64,
}

/// The sessions, and whose they are.
#[derive(Default)]
pub(super) struct Sessions {
    slots: [Mutex<Option<Session>>; MOST],
    threads: std::sync::Mutex<Vec<ThreadId>>,
}

impl Sessions {
    /// The slot of this thread; its lock is never held while an answer is awaited, only while a
    /// connection is made.
    pub(super) async fn own(&self) -> MutexGuard<'_, Option<Session>> {
        self.slots[self.place()].lock().await
    }

    fn place(&self) -> usize {
        let thread = std::thread::current().id();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = threads.iter().position(|known| *known == thread) {
            return place;
        }
        if threads.len() == MOST {
            return MOST - 1;
        }
        threads.push(thread);
        threads.len() - 1
    }

    /// Drops the session with this number, wherever it is kept.
    pub(super) async fn end(&self, number: u64) {
        for slot in &self.slots {
            let mut session = slot.lock().await;
            if session.as_ref().is_some_and(|current| current.number == number) {
                session.take();
            }
        }
    }

    /// Drops the sessions that broke since they were last used; whether there were any.
    pub(super) async fn take_lost(&self) -> bool {
        let mut lost = false;
        for slot in &self.slots {
            let mut session = slot.lock().await;
            if session.as_mut().is_some_and(|session| session.ldap.is_closed()) {
                session.take();
                lost = true;
            }
        }
        lost
    }
}
