//! The registration event package (RFC 3680): what a row says to who watches it.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::clock::{Tick, WallTime};
use crate::payload::reginfo::{Contact, Document, Event};
use crate::registrar::{Binding, Row, public_gruu};
use crate::sip::ConnectionId;
use crate::text::Params;

/// What is known beside the rows.
pub(super) struct Surroundings<'a> {
    pub(super) now: Tick,
    pub(super) wall: WallTime,
    /// Whether a connection still stands.
    pub(super) is_open: &'a dyn Fn(ConnectionId) -> bool,
}

/// Whether both rows have the same contacts bound, whatever time is left of each.
pub(super) fn same_contacts(before: &Row, after: &Row) -> bool {
    before.bindings.len() == after.bindings.len()
        && after.bindings.iter().all(|new| before.bindings.iter().any(|old| is_same(old, new)))
}

/// Whether it is one contact to a watcher: same URI, same flow of the same instance.
fn is_same(a: &Binding, b: &Binding) -> bool {
    a.contact == b.contact && a.reg_id == b.reg_id && a.instance == b.instance
}

/// Everything there is, for a subscriber who knows nothing yet (RFC 3680 s4.3).
pub(super) fn full(aor: &str, row: &Row, version: u32, around: &Surroundings<'_>) -> Document {
    let contacts =
        row.live(around.now).map(|binding| contact(aor, binding, Event::Registered, around));
    let contacts: Vec<Contact> = contacts.collect();
    Document { version, full: true, aor: uri(aor), active: !contacts.is_empty(), contacts }
}

/// What has changed between what a subscriber was told and now; `None` if that is no more than
/// that contacts were refreshed, which nobody needs to hear of at once (RFC 3680 s4.7.2).
pub(super) fn partial(
    aor: &str,
    (told, told_at): (&Row, Tick),
    gone: &[Binding],
    row: &Row,
    version: u32,
    around: &Surroundings<'_>,
) -> Option<Document> {
    let mut contacts = Vec::new();
    let mut news = false;
    for binding in row.live(around.now) {
        match told.bindings.iter().find(|old| is_same(old, binding)) {
            None => {
                news = true;
                contacts.push(contact(aor, binding, Event::Registered, around));
            }
            Some(old) if old.cseq != binding.cseq || old.call_id != binding.call_id => {
                contacts.push(contact(aor, binding, Event::Refreshed, around));
            }
            Some(_) => {}
        }
    }
    let active = row.live(around.now).next().is_some();
    for old in told.live(told_at) {
        if row.live(around.now).any(|binding| is_same(old, binding)) {
            continue;
        }
        news = true;
        // As it was in the end, if anybody saw that.
        let old = gone.iter().find(|last| is_same(last, old)).unwrap_or(old);
        let event = if old.expires <= around.now {
            Event::Expired
        } else if old.connection_bound && !(around.is_open)(old.flow.connection) {
            Event::Deactivated
        } else {
            Event::Unregistered
        };
        contacts.push(contact(aor, old, event, around));
    }
    news.then(|| Document { version, full: false, aor: uri(aor), active, contacts })
}

/// Contacts that one subscriber may have missed; who changes more within seconds is told less.
const MOST_GONE: usize = 32;

/// Notes what is in the row before a change and not after it.
pub(super) fn remember_gone(gone: &mut Vec<Binding>, before: &Row, after: &Row) {
    for old in &before.bindings {
        if after.bindings.iter().any(|new| is_same(old, new)) {
            continue;
        }
        gone.retain(|known| !is_same(known, old));
        if gone.len() < MOST_GONE {
            gone.push(old.clone());
        }
    }
}

fn uri(aor: &str) -> String {
    format!("sip:{aor}")
}

fn contact(aor: &str, binding: &Binding, event: Event, around: &Surroundings<'_>) -> Contact {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let instance = binding.instance.as_deref();
    let own = [
        instance.map(|instance| ("+sip.instance".to_owned(), Some(format!("\"{instance}\"")))),
        binding.reg_id.map(|reg_id| ("reg-id".to_owned(), Some(reg_id.to_string()))),
    ];
    let others = Params::after_semicolon(binding.params.as_deref().unwrap_or_default().as_bytes());
    let others = others.flatten().map(|param| (text(param.name), param.raw.map(text)));
    Contact {
        id: id(binding),
        event,
        uri: text(&binding.contact),
        expires: Some(binding.expires.since(around.now).as_secs()),
        registered_for: around.wall.since(binding.created).as_secs(),
        q: binding.q,
        call_id: text(&binding.call_id),
        cseq: binding.cseq,
        params: own.into_iter().flatten().chain(others).collect(),
        public_gruu: instance.and_then(|instance| public_gruu(aor, instance)),
    }
}

/// The same for the same contact in every document (RFC 3680 s5.1).
fn id(binding: &Binding) -> String {
    let mut hasher = DefaultHasher::new();
    (&binding.contact, &binding.instance, binding.reg_id).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
