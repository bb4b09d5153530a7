//! People as they are now: where they are registered, what waits for them, what failed. What changes
//! anything is written to the audit trail before, or where only the deed tells how much, after it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Administration, refused};
use crate::accounts::people::{State, fold};
use crate::accounts::{Actor, Deed};
use crate::app::watching::Watching;
use crate::clock::WallTime;
use crate::identity::{Existence, UserName};
use crate::model::DeviceKey;
use crate::net::guard::Why;
use crate::net::{Ending, Engine, Guard, Heard};
use crate::operations::{
    BoundView, FailingView, Failure, FailureView, HeldPage, HeldView, LiveReply, LiveRequest,
    QueuePage, QueueView, RegistrationPage, RegistrationView, Reply, TestView, TriedDevice,
};
use crate::page_mode::{HeldEntry, PageMode};
use crate::registrar::{Binding, Row};
use crate::sip::subscription::EndReason;
use crate::sip::uri::{Host, Uri};
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

/// Registrations or people of one page at most.
const LARGEST_PAGE: u32 = 500;
/// Accounts that are close to a ban and shown.
const MOST_FAILING: usize = 100;
/// Failures of one person that are shown.
const MOST_FAILURES: usize = 50;

/// What is sent to see whether a message arrives, in both languages: whose device it is is not known to
/// read one of them.
const TEST: &str = "This is a test message of your messaging server. Nothing needs to be done.\n\
                    Esta é uma mensagem de teste do seu servidor de mensagens. Não é preciso fazer nada.";

/// The bounds that are shown: those of people and of strangers, not those of the wire.
const BOUNDS: [&str; 18] = [
    "limits.failures_per_source_account",
    "limits.failures_per_source",
    "limits.failure_window",
    "limits.ban_time",
    "limits.source_rate",
    "limits.source_burst",
    "limits.message_rate",
    "limits.message_burst",
    "limits.connections_per_source",
    "limits.connections_unauthenticated",
    "limits.connections_total",
    "limits.subscriptions_per_user",
    "limits.watchers_per_user",
    "registrar.max_contacts",
    "messages.max_held_per_user",
    "messages.max_held_per_sender",
    "messages.retention",
    "limits.console_idle",
];

/// What a running server holds in memory.
#[derive(Clone)]
pub struct Inside {
    /// Contacts, presence and who watches.
    pub watching: Watching,
    /// Messages that wait.
    pub page_mode: Arc<PageMode>,
    /// Failures and bans.
    pub guard: Arc<Guard>,
    /// What sends.
    pub engine: Arc<Engine>,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inside").finish_non_exhaustive()
    }
}

/// The failure where only a running server knows.
pub(super) fn not_running() -> Failure {
    Failure::unreachable("no server runs; what people do now is known to a running one alone")
}

impl Administration {
    pub(super) async fn live(&self, actor: &Actor, request: LiveRequest) -> Result<Reply, Failure> {
        let inside = self.live.as_ref().ok_or_else(not_running)?.inside()?;
        let reply = match request {
            LiveRequest::Person { user } => {
                LiveReply::Person(Box::new(self.person_detail(&inside, &user)?))
            }
            LiveRequest::Registrations { text, after, limit } => LiveReply::Registrations(
                self.registrations(&inside, &text, after.as_deref(), limit)?,
            ),
            LiveRequest::EndRegistration { user, registration } => {
                return self.end_registration(actor, &inside, &user, &registration).await;
            }
            LiveRequest::LogOut { user } => return self.log_out(actor, &inside, &user).await,
            LiveRequest::Queues { text, after, limit } => {
                LiveReply::Queues(self.queues(&inside, &text, after.as_deref(), limit)?)
            }
            LiveRequest::Queue { user, after, limit } => {
                LiveReply::Queue(self.queue(&inside, &user, after, limit)?)
            }
            LiveRequest::Deliver { user } => {
                let name = self.known(&inside, &user)?;
                self.note_about(actor, "queue.deliver", &name, "").await?;
                LiveReply::Offered(inside.engine.deliver_held(&self.aor(&user)) as u64)
            }
            LiveRequest::Drop { user, message } => {
                return self.drop_held(actor, &inside, &user, message).await;
            }
            LiveRequest::Failures { user } => {
                let failed = inside.guard.failed(&self.name(&user));
                let failed = failed.into_iter().take(MOST_FAILURES).map(failure);
                LiveReply::Failures(failed.collect())
            }
            LiveRequest::Failing => {
                let most = inside.guard.limits().failures_per_source_account;
                let failing = inside.guard.failing(MOST_FAILING).into_iter();
                let view = |(source, user, failures)| FailingView { source, user, failures, most };
                LiveReply::Failing(failing.map(view).collect())
            }
            LiveRequest::Bounds => LiveReply::Bounds(self.bounds()?),
            LiveRequest::TestMessage { user } => {
                LiveReply::Tried(self.test_message(actor, &inside, &user).await?)
            }
        };
        Ok(Reply::Live(Box::new(reply)))
    }

    /// The name of somebody of whom anything is known here; the directory is not asked.
    pub(super) fn known(&self, inside: &Inside, user: &str) -> Result<UserName, Failure> {
        let name = self.name(user);
        let aor = self.aor(user);
        let is_known = self.site.accounts.person(&name).map_err(refused)?.is_some()
            || inside.watching.registrar.lookup(&aor).is_some()
            || matches!(
                self.site.identity.exists_now(&name),
                Existence::Local | Existence::Directory
            );
        if is_known {
            Ok(name)
        } else {
            Err(Failure::not_found(format!("there is nobody called {name}")))
        }
    }

    async fn note_about(
        &self,
        actor: &Actor,
        action: &str,
        subject: &str,
        detail: &str,
    ) -> Result<(), Failure> {
        let deed = Deed { action, subject, detail };
        self.site.accounts.note(actor, deed).await.map_err(refused)
    }

    /// The name of an address-of-record of ours.
    fn user_of<'a>(&self, aor: &'a str) -> &'a str {
        let domain = self.site.identity.domain();
        aor.strip_suffix(domain).and_then(|rest| rest.strip_suffix('@')).unwrap_or(aor)
    }

    fn display_name(&self, user: &str) -> Result<String, Failure> {
        let person = self.site.accounts.person(&UserName::canonical(user)).map_err(refused)?;
        Ok(person.map(|person| person.name).unwrap_or_default())
    }

    fn registrations(
        &self,
        inside: &Inside,
        text: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<RegistrationPage, Failure> {
        let limit = limit.clamp(1, LARGEST_PAGE) as usize;
        let now = self.site.clock.now();
        let wanted = fold(text.trim());
        let mut rows: Vec<(String, Arc<Row>)> = Vec::new();
        inside.watching.registrar.each(|aor, row| {
            if row.live(now).next().is_some() {
                rows.push((self.user_of(aor).to_owned(), Arc::clone(row)));
            }
        });
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut page = RegistrationPage::default();
        for (user, row) in rows {
            let of_person = wanted.is_empty() || fold(&user).contains(&wanted) || {
                fold(&self.display_name(&user)?).contains(&wanted)
            };
            let fitting = row.live(now).filter(|one| of_person || is_found_by(one, &wanted));
            let fitting: Vec<&Binding> = fitting.collect();
            page.total += fitting.len() as u64;
            if fitting.is_empty() || after.is_some_and(|after| user.as_str() <= after) {
                continue;
            }
            if page.registrations.len() >= limit {
                // There is more; the last one that is shown says where it goes on.
                let last = page.registrations.last().map(|last| last.user.clone());
                page.next = page.next.or(last);
                continue;
            }
            let views = self.registrations_of(&user, fitting.into_iter())?;
            page.registrations.extend(views);
        }
        Ok(page)
    }

    pub(super) fn registrations_of<'a>(
        &self,
        user: &str,
        bindings: impl Iterator<Item = &'a Binding>,
    ) -> Result<Vec<RegistrationView>, Failure> {
        let name = self.display_name(user)?;
        let labels = self.labels(user)?;
        let now = self.site.clock.now();
        let view = |binding: &Binding| RegistrationView {
            handle: binding.handle(),
            user: user.to_owned(),
            name: name.clone(),
            contact: String::from_utf8_lossy(&binding.contact).into_owned(),
            transport: binding.flow.transport.listener_scheme().to_owned(),
            address: binding.flow.remote.to_string(),
            is_behind_nat: is_behind_nat(binding),
            is_bound: binding.connection_bound,
            flow: binding.reg_id,
            path: binding.route.as_deref().map(|p| String::from_utf8_lossy(p).into_owned()),
            agent: binding.user_agent.as_deref().unwrap_or_default().to_owned(),
            label: match &binding.device {
                DeviceKey::Credential(id) => labels.get(id).cloned().unwrap_or_default(),
                DeviceKey::Instance(_) | DeviceKey::Anonymous => String::new(),
            },
            device: binding.device.to_string(),
            since: binding.created.to_string(),
            expires: binding.expires.since(now).as_secs(),
        };
        Ok(bindings.map(view).collect())
    }

    /// What a person calls his devices.
    fn labels(&self, user: &str) -> Result<HashMap<String, String>, Failure> {
        let devices = self.site.accounts.devices(user).map_err(refused)?;
        Ok(devices.into_iter().map(|device| (device.id, device.label)).collect())
    }

    async fn end_registration(
        &self,
        actor: &Actor,
        inside: &Inside,
        user: &str,
        handle: &str,
    ) -> Result<Reply, Failure> {
        let aor = self.aor(user);
        let row = inside.watching.registrar.lookup(&aor);
        let binding = row.and_then(|row| {
            row.bindings.iter().find(|binding| binding.handle() == handle).cloned()
        });
        let gone = || Failure::not_found(format!("{user} has no such registration any more"));
        let binding = binding.ok_or_else(gone)?;
        let contact = String::from_utf8_lossy(&binding.contact);
        self.note_about(actor, "registration.end", &self.name(user), &contact).await?;
        if inside.watching.registrar.end(&aor, handle) { Ok(Reply::Done) } else { Err(gone()) }
    }

    async fn log_out(&self, actor: &Actor, inside: &Inside, user: &str) -> Result<Reply, Failure> {
        let name = self.known(inside, user)?;
        let aor = self.aor(user);
        let Watching { registrar, presence, subscriptions, .. } = &inside.watching;
        subscriptions.end_of_watcher(&aor, EndReason::Deactivated);
        let ended = registrar.end_all(&aor);
        presence.remove(&aor);
        self.note_about(actor, "user.log_out", &name, &format!("{ended} registrations")).await?;
        Ok(Reply::Count(ended as u64))
    }

    pub(super) fn queue_view(
        &self,
        inside: &Inside,
        user: &str,
        now: WallTime,
    ) -> Result<QueueView, Failure> {
        let aor = self.aor(user);
        let entries = inside.page_mode.held().entries(&aor, now);
        let time = |at: Option<WallTime>| at.map(|at| at.to_string()).unwrap_or_default();
        let tick = self.site.clock.now();
        let row = inside.watching.registrar.lookup(&aor);
        Ok(QueueView {
            user: self.name(user).to_string(),
            name: self.display_name(user)?,
            count: entries.len() as u64,
            bytes: inside.page_mode.held().bytes(&aor, now).map_err(Failure::failed)?,
            oldest: time(entries.iter().map(|entry| entry.received_at).min()),
            first_expiry: time(entries.iter().map(|entry| entry.expires_at).min()),
            online: row.is_some_and(|row| row.live(tick).next().is_some()),
        })
    }

    fn queues(
        &self,
        inside: &Inside,
        text: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<QueuePage, Failure> {
        let limit = limit.clamp(1, LARGEST_PAGE) as usize;
        let now = self.site.clock.wall();
        let wanted = fold(text.trim());
        let place = |after: &str| {
            let (millis, user) = after.split_once('.')?;
            Some((millis.parse::<u64>().ok()?, user.to_owned()))
        };
        let no_place = || Failure::usage("no page of the queues ended there");
        let after = after.map(|after| place(after).ok_or_else(no_place)).transpose()?;
        let mut page = QueuePage::default();
        let mut waiting = Vec::new();
        for one in inside.page_mode.held().overview(now) {
            let user = self.user_of(&one.aor).to_owned();
            let fits = wanted.is_empty()
                || fold(&user).contains(&wanted)
                || fold(&self.display_name(&user)?).contains(&wanted);
            if fits {
                page.total += 1;
                page.messages += one.count as u64;
                waiting.push((one.oldest.unix_millis(), user));
            }
        }
        waiting.sort_unstable();
        let rest = waiting.into_iter().filter(|one| after.as_ref().is_none_or(|a| one > a));
        let mut rest = rest.peekable();
        while let Some((oldest, user)) = rest.next() {
            page.queues.push(self.queue_view(inside, &user, now)?);
            if page.queues.len() == limit {
                page.next = rest.peek().map(|_| format!("{oldest}.{user}"));
                break;
            }
        }
        Ok(page)
    }

    fn queue(
        &self,
        inside: &Inside,
        user: &str,
        after: Option<u64>,
        limit: u32,
    ) -> Result<HeldPage, Failure> {
        self.known(inside, user)?;
        let limit = limit.clamp(1, LARGEST_PAGE) as usize;
        let now = self.site.clock.wall();
        let aor = self.aor(user);
        let labels = self.labels(user)?;
        let mut page =
            HeldPage { queue: self.queue_view(inside, user, now)?, ..HeldPage::default() };
        let entries = inside.page_mode.held().entries(&aor, now);
        let mut rest =
            entries.into_iter().filter(|one| after.is_none_or(|a| one.sequence > a)).peekable();
        while let Some(entry) = rest.next() {
            let sequence = entry.sequence;
            page.messages.push(self.held_view(inside, &aor, entry, &labels)?);
            if page.messages.len() == limit {
                page.next = rest.peek().map(|_| sequence);
                break;
            }
        }
        Ok(page)
    }

    fn held_view(
        &self,
        inside: &Inside,
        aor: &str,
        entry: HeldEntry,
        labels: &HashMap<String, String>,
    ) -> Result<HeldView, Failure> {
        let stored = inside.page_mode.held().request(aor, entry.sequence);
        let request = stored.map_err(Failure::failed)?.unwrap_or_default();
        let sender = match entry.sender.as_str() {
            "" => sender_of(&request).unwrap_or_default(),
            user => format!("{user}@{}", self.site.identity.domain()),
        };
        let label = |device: &DeviceKey| match device {
            DeviceKey::Credential(id) => labels.get(id).cloned().unwrap_or_else(|| id.clone()),
            other => other.to_string(),
        };
        Ok(HeldView {
            message: entry.sequence,
            sender,
            received: entry.received_at.to_string(),
            expires: entry.expires_at.to_string(),
            bytes: request.len() as u64,
            tries: entry.tries,
            is_being_sent: entry.is_being_sent,
            delivered: entry.delivered,
            notification: entry.notification,
            devices: entry.pending.iter().map(label).collect(),
            anybody: entry.unclaimed,
        })
    }

    async fn drop_held(
        &self,
        actor: &Actor,
        inside: &Inside,
        user: &str,
        message: Option<u64>,
    ) -> Result<Reply, Failure> {
        let name = self.known(inside, user)?;
        let aor = self.aor(user);
        let held = inside.page_mode.held();
        let entries = held.entries(&aor, self.site.clock.wall());
        let mut wanted: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
        wanted.retain(|sequence| message.is_none_or(|message| message == *sequence));
        if wanted.is_empty() && message.is_some() {
            return Err(Failure::not_found(format!("no such message waits for {name} any more")));
        }
        let detail = match message {
            Some(message) => format!("message {message}"),
            None => format!("{} messages", wanted.len()),
        };
        self.note_about(actor, "queue.drop", &name, &detail).await?;
        let mut undelivered = Vec::new();
        let mut writes = Vec::new();
        for sequence in wanted {
            let Some((durable, unread)) = held.discard(&aor, sequence) else { continue };
            undelivered.extend(unread);
            writes.extend(durable);
        }
        let dropped = writes.len() as u64;
        for durable in writes {
            durable.await.map_err(Failure::failed)?;
        }
        // Whoever asked to be told is told.
        inside.engine.report_undelivered(&undelivered);
        Ok(Reply::Count(dropped))
    }

    async fn test_message(
        &self,
        actor: &Actor,
        inside: &Inside,
        user: &str,
    ) -> Result<TestView, Failure> {
        let name = self.known(inside, user)?;
        let person = self.site.accounts.person(&name).map_err(refused)?;
        let is_out = person.is_some_and(|person| person.state != State::Active)
            && !self.site.identity.is_held(&name);
        if is_out || self.site.identity.is_locked_out(&name) {
            return Err(Failure::refused(format!("{name} is locked out and gets no messages")));
        }
        self.note_about(actor, "message.test", &name, "").await?;
        let trial = inside.engine.try_devices(&self.aor(user), TEST).await;
        let labels = self.labels(user)?;
        let mut devices = Vec::new();
        for (binding, heard) in &trial.devices {
            let views = self.registrations_of(&name, std::iter::once(binding))?;
            devices.extend(views.into_iter().map(|registration| TriedDevice {
                registration,
                status: match heard {
                    Heard::Status(status) => Some(*status),
                    Heard::Nothing | Heard::Unreachable => None,
                },
                is_unreachable: *heard == Heard::Unreachable,
            }));
        }
        let (ending, status) = match trial.ending {
            Ending::Delivered => ("delivered", None),
            Ending::Held => ("held", None),
            Ending::Refused(status) => ("refused", Some(status)),
            Ending::NoRoom => ("full", None),
            Ending::Failed => ("failed", None),
        };
        let label = |device: &DeviceKey| match device {
            DeviceKey::Credential(id) => labels.get(id).cloned().unwrap_or_else(|| id.clone()),
            other => other.to_string(),
        };
        let later = trial.later.iter().map(label).collect();
        Ok(TestView { ending: ending.to_owned(), status, devices, later })
    }

    fn bounds(&self) -> Result<Vec<BoundView>, Failure> {
        let config = serde_json::to_value(&self.site.loaded().config).map_err(Failure::failed)?;
        let bound = |key: &str| {
            let value = key.split('.').try_fold(&config, |at, part| at.get(part))?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some(BoundView { key: key.to_owned(), value })
        };
        Ok(BOUNDS.iter().filter_map(|key| bound(key)).collect())
    }
}

fn failure(failed: crate::net::guard::Failed) -> FailureView {
    FailureView {
        at: failed.at.to_string(),
        reason: match failed.why {
            Why::Password => "password",
            Why::Unknown => "unknown",
            Why::Locked => "locked",
            Why::Banned => "banned",
            Why::AnotherName => "another-name",
        }
        .to_owned(),
        source: failed.source.to_string(),
        agent: failed.agent.into(),
        times: failed.times,
    }
}

/// Whether a registration is found by a folded text, beside by whose it is.
fn is_found_by(binding: &Binding, wanted: &str) -> bool {
    let contact = String::from_utf8_lossy(&binding.contact);
    let agent = binding.user_agent.as_deref().unwrap_or_default();
    let address = binding.flow.remote.to_string();
    [&*contact, agent, &address].iter().any(|text| fold(text).contains(wanted))
}

/// Whether a contact names another address than its requests come from. One that is reached by a
/// proxy, or names no address, tells nothing.
fn is_behind_nat(binding: &Binding) -> bool {
    if binding.route.is_some() {
        return false;
    }
    let Ok(uri) = Uri::parse(&binding.contact) else { return false };
    let named: std::net::IpAddr = match uri.host() {
        Host::V4(address) => address.into(),
        Host::V6(address) => address.into(),
        Host::Name(_) => return false,
    };
    named.to_canonical() != binding.flow.remote.ip().to_canonical()
}

/// The address in From of a stored request.
fn sender_of(request: &[u8]) -> Option<String> {
    let mut layout = Layout::default();
    scan(request, Framing::Datagram, &Limits::default(), &mut layout).ok()?;
    let message = Message::new(request, &layout);
    let from = message.from().ok()?;
    let uri = String::from_utf8_lossy(from.uri()).into_owned();
    Some(uri.strip_prefix("sip:").map_or(uri.clone(), str::to_owned))
}
