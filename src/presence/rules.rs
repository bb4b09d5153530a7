//! What people's own documents say of their presence, read once and kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::compose::Publication;
use super::table::Parts;
use super::{device, policy};
use crate::clock::WallTime;
use crate::payload::pidf;
use crate::payload::pres_rules::{self, Ruleset};

/// The usage of rules of who may see a person (RFC 5025 s9.1).
pub const RULES: &str = "pres-rules";
/// The same by the Open Mobile Alliance's name, for clients of their own rules.
pub const OMA_RULES: &str = "org.openmobilealliance.pres-rules";
/// The usage of a status that is set by hand, on no device (RFC 4827 s4).
pub const HARD_STATE: &str = "pidf-manipulation";

/// People whose documents are kept in memory at the same time.
const MOST_KEPT: usize = 100_000;

/// What one person's documents say.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) rules: Vec<Arc<Ruleset>>,
    pub(super) hard_state: Option<Publication>,
    /// A document is there that cannot be read: nobody knows what it would have said.
    pub(super) damaged: bool,
    pub(super) minds_sphere: bool,
    /// When what they say may change by itself.
    review: Option<WallTime>,
}

/// The documents of everybody who was asked about lately.
#[derive(Default)]
pub(super) struct Rules {
    kept: papaya::HashMap<Box<str>, Arc<Kept>>,
    reviews: Mutex<BTreeSet<(WallTime, Box<str>)>>,
}

impl Rules {
    pub(super) fn get(&self, aor: &str) -> Option<Arc<Kept>> {
        self.kept.pin().get(aor).cloned()
    }

    /// Reads a person's documents. The caller holds the person's stripe, so that no document that
    /// changes meanwhile is missed.
    pub(super) fn load(&self, parts: &Parts, aor: &str) -> Arc<Kept> {
        let kept = Arc::new(read(parts, aor));
        let map = self.kept.pin();
        if map.len() >= MOST_KEPT {
            map.clear();
        }
        map.insert(aor.into(), Arc::clone(&kept));
        if let Some(at) = kept.review {
            self.reviews().insert((at, aor.into()));
        }
        kept
    }

    /// Forgets what was read. The caller holds the person's stripe.
    pub(super) fn forget(&self, aor: &str) {
        let review = self.kept.pin().remove(aor).and_then(|kept| kept.review);
        if let Some(at) = review {
            self.reviews().remove(&(at, aor.into()));
        }
    }

    /// People whose documents may say something else from now on.
    pub(super) fn due(&self, wall: WallTime) -> Vec<Box<str>> {
        let mut reviews = self.reviews();
        let mut due = Vec::new();
        while let Some((at, _)) = reviews.first()
            && *at <= wall
        {
            due.extend(reviews.pop_first().map(|(_, aor)| aor));
        }
        due
    }

    /// When the first of them may.
    pub(super) fn next_review(&self) -> Option<WallTime> {
        self.reviews().first().map(|(at, _)| *at)
    }

    fn reviews(&self) -> std::sync::MutexGuard<'_, BTreeSet<(WallTime, Box<str>)>> {
        self.reviews.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(parts: &Parts, aor: &str) -> Kept {
    let settings = &parts.settings;
    let mut kept = Kept::default();
    for auid in [RULES, OMA_RULES, HARD_STATE] {
        let rows = parts.documents.list(aor, Some(auid)).unwrap_or_else(|error| {
            tracing::error!(event = "documents_unreadable", aor, auid, %error);
            kept.damaged = true;
            Vec::new()
        });
        for row in rows {
            let outcome = if auid == HARD_STATE {
                let read = pidf::read_within(&row.body, &settings.publication);
                read.map_err(|error| error.to_string()).map(|document| {
                    kept.hard_state = Some(Publication {
                        device: device::by_hand(),
                        document: Arc::new(document),
                        changed: row.written,
                    });
                })
            } else {
                let rules = pres_rules::read_within(&row.body, &settings.rules);
                rules
                    .map_err(|error| error.to_string())
                    .map(|rules| kept.rules.push(Arc::new(rules)))
            };
            if let Err(error) = outcome {
                tracing::error!(event = "document_unreadable", aor, auid, path = %row.path, %error);
                // A status that cannot be read hides nothing; a rule might.
                kept.damaged |= auid != HARD_STATE;
            }
        }
    }
    kept.minds_sphere = policy::minds_sphere(&kept.rules);
    kept.review = policy::next_change(&kept.rules, parts.clock.wall());
    kept
}
