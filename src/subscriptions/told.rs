//! What a NOTIFY tells, by its package.

use std::sync::Arc;

use bytes::Bytes;

use super::index::{Entry, Inner, Known};
use super::package::Package;
use super::registration::{self, Surroundings};
use super::request::Notify;
use super::table::Subscriptions;
use super::view::Document;
use super::watchers;
use crate::clock::Tick;
use crate::presence::Presence;
use crate::registrar::Row;
use crate::sip::subscription::{EndReason, NotifyState};

impl Subscriptions {
    /// The NOTIFY that is due of a subscription; none if it would tell nothing.
    pub(super) fn compose(
        &self,
        inner: &mut Inner,
        id: u64,
        now: Tick,
        row: impl Fn(&str) -> Option<Arc<Row>>,
        around: &Surroundings<'_>,
    ) -> Option<Notify> {
        let entry = inner.entries.get_mut(&id)?;
        let state = entry.subscription.poll(now)?;
        let body = match entry.package {
            Package::Registration => {
                let row = row(&entry.resource).unwrap_or_default();
                registration(entry, row, state, around)
            }
            Package::Presence => self.tell_presence(inner, id, state),
            Package::Watchers => self.tell_watchers(inner, id, state, around),
        };
        let entry = inner.entries.get_mut(&id)?;
        let Some(body) = body else {
            entry.subscription.unchanged();
            return None;
        };
        // Nobody holds it, but for a NOTIFY whose answer was overtaken.
        Arc::make_mut(&mut entry.dialog).next_cseq();
        entry.version = entry.version.saturating_add(1);
        self.keep_ahead(entry);
        let package = entry.package.name();
        Some(Notify {
            id,
            dialog: Arc::clone(&entry.dialog),
            flow: entry.flow,
            event: match &entry.event_id {
                Some(id) => format!("{package};id={id}").into(),
                None => package.into(),
            },
            state,
            media_type: entry.package.media_type(),
            body,
        })
    }

    /// A document of presence; as long as nobody decided about the watcher one of a person who is
    /// not there (RFC 5025 s3.2.1), and nothing more to one who may not be told anything.
    fn tell_presence(&self, inner: &mut Inner, id: u64, state: NotifyState) -> Option<Bytes> {
        let entry = inner.entries.get_mut(&id)?;
        let Document { bytes: body, number } = match state {
            NotifyState::Terminated(
                EndReason::Rejected | EndReason::NoResource | EndReason::Deactivated,
            ) => Document::default(),
            _ => {
                let watched = inner.by_resource.get_mut(&entry.resource)?;
                let view = watched.view.get_or_insert_with(|| {
                    inner.viewed.push(Arc::clone(&entry.resource));
                    Box::default()
                });
                view.document(
                    &self.hasher,
                    &entry.access,
                    entry.one_tuple,
                    || self.presence.compose(&entry.resource),
                    || (Presence::absent(&entry.resource), Arc::clone(&self.everything)),
                )
            }
        };
        let ends = matches!(state, NotifyState::Terminated(_));
        // The same document in another state is news.
        let told = number ^ u64::from(entry.is_pending());
        let before = std::mem::replace(&mut entry.known, Known::Presence(told));
        let same = matches!(before, Known::Presence(known) if known == told);
        (ends || !same).then_some(body)
    }

    fn tell_watchers(
        &self,
        inner: &mut Inner,
        id: u64,
        state: NotifyState,
        around: &Surroundings<'_>,
    ) -> Option<Bytes> {
        let entry = inner.entries.get_mut(&id)?;
        let (resource, version) = (Arc::clone(&entry.resource), entry.version);
        let ends = matches!(state, NotifyState::Terminated(_));
        let news = match std::mem::replace(&mut entry.known, Known::Watchers(Vec::new())) {
            Known::Watchers(changes) if changes.is_empty() && !ends => return None,
            Known::Watchers(changes) if !ends => Some(changes),
            _ => None,
        };
        let full = news.is_none();
        let changes = news.unwrap_or_else(|| inner.watchers_of(&resource));
        let times = (around.now, around.wall);
        let document = watchers::document(&resource, changes, (version, full), self.salt, times);
        Some(document.write().into())
    }
}

fn registration(
    entry: &mut Entry,
    row: Arc<Row>,
    state: NotifyState,
    around: &Surroundings<'_>,
) -> Option<Bytes> {
    let (resource, version) = (&*entry.resource, entry.version);
    let ends = matches!(state, NotifyState::Terminated(_));
    let news = match &entry.known {
        Known::Registration(known) => {
            let (told, at, gone) = &**known;
            let news = registration::partial(resource, (told, *at), gone, &row, version, around);
            if news.is_none() && !ends {
                return None;
            }
            news
        }
        _ => None,
    };
    let document = news.unwrap_or_else(|| registration::full(resource, &row, version, around));
    entry.known = Known::Registration(Box::new((row, around.now, Vec::new())));
    Some(document.write().into())
}
