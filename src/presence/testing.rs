//! A service of presence for tests, of this module and of those above it.

use std::sync::Arc;

use super::{Parts, Presence, Settings};
use crate::clock::Clock;
use crate::documents::Settings as Limits;
pub(crate) use crate::documents::{Condition, Documents, Place};
use crate::registrar::Registrar;
use crate::store::Store;

/// The service of `campus.example`, and the documents that it reads. Everybody is in the group of
/// his own friends and in `staff`.
pub(crate) fn over(
    settings: Settings,
    clock: &Clock,
    store: &Arc<dyn Store>,
    registrar: &Arc<Registrar>,
) -> (Arc<Presence>, Arc<Documents>) {
    let limits = Limits { document_bytes: 10_000, person_bytes: 10_000 };
    let documents = Arc::new(Documents::new(limits, clock.clone(), Arc::clone(store)));
    let presence = Presence::open(Parts {
        settings: Settings { domains: vec!["campus.example".to_owned()], ..settings },
        clock: clock.clone(),
        store: Arc::clone(store),
        registrar: Arc::clone(registrar),
        documents: Arc::clone(&documents),
        groups: Box::new(|user| vec![format!("friends of {user}"), "staff".to_owned()]),
        key: [7; 32],
    });
    (Arc::new(presence.unwrap()), documents)
}
