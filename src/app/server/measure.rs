//! What is measured for the charts, and kept.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::Server;
use crate::app::administration::Measured;
use crate::app::alerts;
use crate::app::history::{self, History, Reading};
use crate::app::process;
use crate::operations::{HistoryRequest, HistoryView, Series};
use crate::store::Store as _;
use crate::web::Web;

/// The figures of the past, and who adds to them.
pub(super) struct Measuring {
    pub(super) history: Arc<History>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Measuring {
    pub(super) fn new(history: History) -> Measuring {
        Measuring { history: Arc::new(history), tasks: Mutex::default() }
    }

    /// Measures from now on, and looks after what is wrong.
    pub(super) fn begin(&self, server: &Arc<Server>, control: &Handle) {
        let measuring = measure(Arc::downgrade(server), Arc::clone(&self.history));
        let alerting = alerts::watch(Arc::downgrade(server), Arc::clone(&server.site.accounts));
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.extend([control.spawn(measuring), control.spawn(alerting)]);
    }

    /// Measures no more.
    pub(super) fn end(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        if !tasks.is_empty() {
            tasks.iter().for_each(JoinHandle::abort);
            self.history.save_last();
        }
    }
}

async fn measure(server: Weak<Server>, history: Arc<History>) {
    let mut interval = tokio::time::interval(history::INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(server) = server.upgrade() else { return };
        // Walks the table of contacts, and asks the kernel.
        let reading = tokio::task::spawn_blocking(move || server.reading()).await;
        if let Ok(reading) = reading {
            history.take(reading).await;
        }
    }
}

impl Server {
    fn reading(&self) -> Reading {
        let (counts, traffic) = (self.engine.counts(), self.engine.traffic());
        let store = self.site.store.health();
        let failures = traffic.answers().filter(|(_, class, _)| *class == "5xx");
        let web = self.web().map(Web::counters).unwrap_or_default();
        let mut reading = Reading {
            levels: vec![
                (Series::Devices, self.watching.registrar.len() as f64),
                (Series::Online, self.watching.registrar.registered() as f64),
                (Series::Waiting, self.page_mode.held().len() as f64),
                (Series::Bans, self.guard.bans().len() as f64),
                (Series::Subscriptions, self.watching.subscriptions.len() as f64),
            ],
            counters: vec![
                (Series::Accepted, counts.messages.load(Relaxed)),
                (Series::Delivered, counts.delivered.load(Relaxed)),
                (Series::Held, counts.held.load(Relaxed)),
                (Series::DeliveredLater, counts.replayed.load(Relaxed)),
                (Series::Failed, counts.failed.load(Relaxed)),
                (Series::AuthFailures, counts.refused_credentials.load(Relaxed)),
                (Series::SipRequests, counts.requests.load(Relaxed)),
                (Series::SipFailures, failures.map(|(.., count)| count).sum()),
                (Series::Notifies, counts.notifies.load(Relaxed)),
                (Series::WebRequests, web.requests),
            ],
            times: vec![
                (Series::DeliveryTime, self.engine.delivery()),
                (Series::CommitTime, store.commits),
            ],
            shares: Vec::new(),
        };
        if let Some((times, hits)) = self.site.identity.directory_times() {
            let asked = self.site.identity.state().lookups;
            reading.counters.push((Series::DirectoryErrors, times.errors));
            reading.times.push((Series::DirectoryTime, times.of_people()));
            reading.shares.push((Series::CacheHits, hits, hits + asked));
        }
        let known = [
            (Series::Memory, process::resident_bytes()),
            (Series::StoreSize, store.size_bytes),
            (Series::Descriptors, process::open_descriptors().map(|open| open as u64)),
        ];
        let known = known.into_iter().filter_map(|(series, value)| Some((series, value? as f64)));
        reading.levels.extend(known);
        reading
    }
}

impl Measured for Server {
    fn history(&self, request: &HistoryRequest) -> HistoryView {
        self.measuring.history.show(request)
    }

    fn tell(&self, person: &str, text: &str) -> usize {
        self.tell_person(person, text)
    }
}
