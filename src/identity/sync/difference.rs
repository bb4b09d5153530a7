//! What a reading of the directory changes, to be looked at before it does.

use std::collections::{HashMap, HashSet};

use super::Departure;
use super::plan::Plan;
use super::roll::People;
use crate::clock::WallTime;
use crate::identity::Identity;
use crate::identity::ldap::Listing;
use crate::model::SyncCounts;

/// People of one kind who are named.
pub const MOST_NAMED: usize = 200;

/// Somebody whom a reading concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The user name.
    pub user: String,
    /// The name that people read.
    pub name: String,
    /// What is another than before; empty where the kind says it.
    pub what: String,
}

/// What a reading changes: how many, and who, in the order of their names, up to [`MOST_NAMED`] of each
/// kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// People on the list.
    pub people: usize,
    /// People of the directory who were in before.
    pub known: usize,
    /// How many of each kind.
    pub counts: SyncCounts,
    /// Whether the directory was never read as it is set up now.
    pub anew: bool,
    /// On the list for the first time, or again.
    pub added: Vec<Mention>,
    /// Described in another way.
    pub changed: Vec<Mention>,
    /// No longer locked.
    pub returned: Vec<Mention>,
    /// Locked now.
    pub disabled: Vec<Mention>,
    /// No longer on the list.
    pub absent: Vec<Mention>,
    /// The name is another person's now.
    pub replaced: Vec<Mention>,
}

/// A reading that would put out more people than one may, and has not: an administrator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Names it; one that concerns other people has another.
    pub id: u64,
    /// When it was first read.
    pub at: WallTime,
    /// What it would do.
    pub difference: Difference,
    /// Who said that these people stay.
    pub kept_by: Option<String>,
}

impl Identity {
    /// Describes what a plan does, if these people stay in.
    pub(super) fn difference(
        &self,
        plan: &Plan,
        before: &People,
        held: &HashMap<Box<str>, Departure>,
    ) -> Difference {
        let mut kinds = Kinds::default();
        for (uid, listing) in &plan.next {
            match before.get(uid) {
                None => kinds.added.push((uid, String::new())),
                Some(known) => {
                    if known.disabled && !listing.disabled {
                        kinds.returned.push((uid, String::new()));
                    }
                    let what = what_differs(known, listing);
                    if !what.is_empty() && !is_another(known, listing) {
                        kinds.changed.push((uid, what));
                    }
                }
            }
        }
        let mut gone: HashSet<&str> = HashSet::new();
        for (uid, out) in &plan.out {
            gone.insert(uid);
            match out.why {
                Departure::Disabled | Departure::Locked => {
                    kinds.disabled.push((uid, String::new()));
                }
                Departure::Replaced => kinds.replaced.push((uid, String::new())),
                Departure::Removed | Departure::Deleted => kinds.absent.push((uid, String::new())),
            }
        }
        // Who was locked before is not put out any more, and is gone from the list all the same.
        let absent = before.keys().filter(|uid| !plan.next.contains_key(*uid));
        kinds.absent.extend(
            absent.filter(|uid| !gone.contains(&***uid)).map(|uid| (&**uid, String::new())),
        );
        let count = |kind: &[(&str, String)]| kind.len() as u64;
        let counts = SyncCounts {
            added: count(&kinds.added),
            changed: count(&kinds.changed),
            returned: count(&kinds.returned),
            disabled: count(&kinds.disabled),
            absent: count(&kinds.absent),
            replaced: count(&kinds.replaced),
            held: held.len() as u64,
        };
        let named = |kind: Vec<(&str, String)>| {
            let mention = |(uid, what): (&str, String)| {
                let listing = plan.next.get(uid).or_else(|| before.get(uid));
                let name = listing.map_or_else(String::new, |listing| listing.name.to_string());
                Mention { user: self.user_of(uid).to_string(), name, what }
            };
            first_of(kind).into_iter().map(mention).collect()
        };
        Difference {
            people: plan.next.len(),
            known: plan.known,
            counts,
            anew: false,
            added: named(kinds.added),
            changed: named(kinds.changed),
            returned: named(kinds.returned),
            disabled: named(kinds.disabled),
            absent: named(kinds.absent),
            replaced: named(kinds.replaced),
        }
    }
}

#[derive(Default)]
struct Kinds<'a> {
    added: Vec<(&'a str, String)>,
    changed: Vec<(&'a str, String)>,
    returned: Vec<(&'a str, String)>,
    disabled: Vec<(&'a str, String)>,
    absent: Vec<(&'a str, String)>,
    replaced: Vec<(&'a str, String)>,
}

/// The first ones in the order of names, without sorting all of them.
fn first_of(mut kind: Vec<(&str, String)>) -> Vec<(&str, String)> {
    if kind.len() > MOST_NAMED {
        kind.select_nth_unstable(MOST_NAMED);
        kind.truncate(MOST_NAMED);
    }
    kind.sort_unstable();
    kind
}

fn what_differs(known: &Listing, listing: &Listing) -> String {
    let differs = [
        ("name", known.name != listing.name),
        ("mail", known.mail != listing.mail),
        ("number", known.number != listing.number || known.numbers != listing.numbers),
        ("id", known.id != listing.id),
    ];
    let names: Vec<&str> =
        differs.iter().filter(|(_, differs)| *differs).map(|(n, _)| *n).collect();
    names.join(", ")
}

/// Whether the same name is another person's.
pub(super) fn is_another(known: &Listing, listing: &Listing) -> bool {
    matches!((&known.id, &listing.id), (Some(before), Some(now)) if before != now)
}
