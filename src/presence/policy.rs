//! Decides what a watcher gets: from the rules of the person (RFC 4745 s10), and where none of them
//! is about him, from the institution's.

use std::sync::{Arc, LazyLock};

use crate::clock::WallTime;
use crate::payload::pidf::Document;
use crate::payload::pres_rules::{Grant, Request};

pub use crate::payload::pres_rules::{
    Circumstances, Handling, Lists, NoLists, Permissions, Ruleset, Watcher,
};

/// What becomes of a watcher's subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How it is handled.
    pub handling: Handling,
    /// What he sees; nothing unless it is allowed.
    pub permissions: Arc<Permissions>,
    /// Who decided.
    pub source: Source,
}

/// Who decided about a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nobody had to: people see themselves.
    Own,
    /// The person's rules.
    Rules,
    /// The institution.
    Default,
}

static EVERYTHING: LazyLock<Arc<Permissions>> =
    LazyLock::new(|| Arc::new(Permissions::everything()));
static NOTHING: LazyLock<Arc<Permissions>> = LazyLock::new(|| Arc::new(Permissions::nothing()));

/// Decides about a watcher, or about one who did not prove who he is. All documents of the owner
/// count together (RFC 5025 s9.7). `default` is for a watcher for whom no rule of theirs holds; a
/// rule that holds and says nothing of subscriptions blocks them (RFC 5025 s3.2.1).
#[must_use]
pub fn evaluate(
    owner: &Watcher<'_>,
    watcher: Option<&Watcher<'_>>,
    documents: &[Arc<Ruleset>],
    circumstances: &Circumstances<'_>,
    default: Handling,
) -> Decision {
    if watcher.is_some_and(|watcher| watcher.is(owner)) {
        return decision(Handling::Allow, &EVERYTHING, Source::Own);
    }
    let request = Request::new(watcher, circumstances);
    // Only a rule for all others asks whether any rule names him.
    let named = documents.iter().any(|document| document.minds_names())
        && documents.iter().any(|document| document.names(&request));
    let request = request.named(named);
    let mut grant = Grant::default();
    let mut matched = false;
    for document in documents {
        matched |= document.grant(&request, &mut grant);
    }
    match (matched, grant.handling) {
        (false, _) => decision(default, &EVERYTHING, Source::Default),
        (true, Handling::Allow) if grant.permissions == **EVERYTHING => {
            decision(Handling::Allow, &EVERYTHING, Source::Rules)
        }
        (true, handling) => decision(handling, &Arc::new(grant.permissions), Source::Rules),
    }
}

fn decision(handling: Handling, permissions: &Arc<Permissions>, source: Source) -> Decision {
    let permissions = if handling == Handling::Allow { permissions } else { &NOTHING };
    Decision { handling, permissions: Arc::clone(permissions), source }
}

/// The person's sphere: the one value that all documents with a sphere have (RFC 5025 s3.1.2);
/// undefined if they do not agree.
#[must_use]
pub fn sphere<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Option<&'a str> {
    let mut spheres = documents.into_iter().flat_map(Document::spheres);
    let first = spheres.next()?;
    spheres.all(|other| other.to_lowercase() == first.to_lowercase()).then_some(&**first)
}

/// When a decision may next change by time alone, after `now`.
#[must_use]
pub fn next_change(documents: &[Arc<Ruleset>], now: WallTime) -> Option<WallTime> {
    documents.iter().filter_map(|document| document.next_change(now)).min()
}

/// Whether a decision may depend on the sphere.
#[must_use]
pub fn minds_sphere(documents: &[Arc<Ruleset>]) -> bool {
    documents.iter().any(|document| document.minds_sphere())
}

#[cfg(test)]
mod tests;
