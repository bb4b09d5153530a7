//! Who may see what of somebody's presence: documents of common policy (RFC 4745) with the
//! conditions, actions and transformations of presence (RFC 5025) and those of OMA, read into
//! [`Ruleset`]s; what they grant together is [`Permissions`], and [`transform`] applies these to a
//! document.
//!
//! A grant is always positive: what nobody understands grants nothing, and a condition that is not
//! known does not hold (RFC 4745 s7).

mod conditions;
mod date_time;
mod permissions;
mod read;
mod transform;
mod words;

pub use conditions::{Circumstances, Lists, NoLists, Request, Watcher};
pub use date_time::parse as read_date_time;
pub use permissions::{InputDetail, Permissions, Selection, Selector, Unknowns};
pub use read::{RulesError, read, read_within};
pub use transform::{Shape, transform};
pub use words::RuleSummary;

use conditions::Condition;

use crate::clock::WallTime;

/// The media type.
pub const MEDIA_TYPE: &str = "application/auth-policy+xml";

/// The namespace of common policy (RFC 4745 s13).
pub const COMMON_POLICY: &str = "urn:ietf:params:xml:ns:common-policy";
/// The namespace of presence rules (RFC 5025 s7).
pub const PRES_RULES: &str = "urn:ietf:params:xml:ns:pres-rules";
/// The namespace of OMA's conditions.
pub const OMA_COMMON_POLICY: &str = "urn:oma:xml:xdm:common-policy";
/// The namespace of OMA's transformations.
pub const OMA_PRES_RULES: &str = "urn:oma:xml:prs:pres-rules";

/// What becomes of a subscription (RFC 5025 s3.2.1); the greater one wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Handling {
    /// It is ended.
    #[default]
    Block,
    /// It waits for the person's decision.
    Confirm,
    /// It is told that the person is not there, whatever is true.
    PoliteBlock,
    /// It is told what the permissions give.
    Allow,
}

impl Handling {
    /// The value of `<sub-handling>`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Handling::Block => "block",
            Handling::Confirm => "confirm",
            Handling::PoliteBlock => "polite-block",
            Handling::Allow => "allow",
        }
    }
}

/// A document of rules, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    rules: Box<[Rule]>,
}

/// A rule: when it holds and what it grants.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// All of them must hold.
    conditions: Box<[Condition]>,
    handling: Handling,
    permissions: Permissions,
}

/// What the rules that match grant together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The greatest handling.
    pub handling: Handling,
    /// All permissions united.
    pub permissions: Permissions,
}

impl Ruleset {
    /// Adds to `grant` what the rules that match give (RFC 4745 s10.2); whether one matches.
    pub fn grant(&self, request: &Request<'_>, grant: &mut Grant) -> bool {
        let mut matched = false;
        for rule in &self.rules {
            if rule.conditions.iter().all(|condition| condition.holds(request)) {
                matched = true;
                grant.handling = grant.handling.max(rule.handling);
                grant.permissions.add(&rule.permissions);
            }
        }
        matched
    }

    /// Whether a rule names the watcher, by identity or list, whatever else it asks for.
    #[must_use]
    pub fn names(&self, request: &Request<'_>) -> bool {
        self.conditions().any(|condition| condition.names(request))
    }

    /// When the time alone may next change what matches, after `now`.
    #[must_use]
    pub fn next_change(&self, now: WallTime) -> Option<WallTime> {
        self.conditions().filter_map(|condition| condition.next_change(now)).min()
    }

    /// Whether a rule depends on the sphere.
    #[must_use]
    pub fn minds_sphere(&self) -> bool {
        self.conditions().any(|condition| matches!(condition, Condition::Sphere(_)))
    }

    /// Whether a rule is for those whom no other rule names.
    #[must_use]
    pub fn minds_names(&self) -> bool {
        self.conditions().any(|condition| matches!(condition, Condition::OtherIdentity))
    }

    /// The external lists that rules refer to.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        self.conditions()
            .flat_map(|condition| match condition {
                Condition::ExternalList(lists) => &**lists,
                _ => &[],
            })
            .map(|list| &**list)
    }

    /// How many rules it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.rules.iter().flat_map(|rule| &rule.conditions)
    }
}

#[cfg(test)]
mod tests;
