//! Rules as they can be told to people: whom each names, and what they get.

use super::conditions::Condition;
use super::{Handling, Ruleset};

/// What one rule says, as far as it can be told in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSummary {
    /// What becomes of the subscription.
    pub handling: Handling,
    /// People: `user@domain`.
    pub people: Vec<String>,
    /// Domains all of whose people it names.
    pub domains: Vec<String>,
    /// Whether it names everybody.
    pub everybody: bool,
    /// Whether it is for those whom no other rule names.
    pub others: bool,
    /// Whether it is for those who did not prove who they are.
    pub strangers: bool,
    /// Whether it names people by lists.
    pub lists: bool,
    /// Whether something narrows it further: a time, a sphere, an exception, or what is not known
    /// here.
    pub is_limited: bool,
}

impl Ruleset {
    /// Its rules, in the order in which they stand.
    #[must_use]
    pub fn summaries(&self) -> Vec<RuleSummary> {
        self.rules.iter().map(|rule| summary(rule.handling, &rule.conditions)).collect()
    }
}

fn summary(handling: Handling, conditions: &[Condition]) -> RuleSummary {
    let mut told = RuleSummary { handling, everybody: true, ..RuleSummary::default() };
    for condition in conditions {
        match condition {
            Condition::Sphere(_) | Condition::Validity(_) => {
                told.is_limited = true;
                continue;
            }
            Condition::Identity(identity) => {
                told.everybody = identity.many.iter().any(|many| many.domain.is_none());
                told.strangers |= identity.empty;
                told.people.extend(identity.ones.iter().map(ToString::to_string));
                for many in &identity.many {
                    told.domains.extend(many.domain.as_deref().map(str::to_owned));
                    let excepts = many.except.len() + many.except_domains.len();
                    told.is_limited |= many.unclear || excepts > 0;
                }
                continue;
            }
            Condition::ExternalList(_) => told.lists = true,
            Condition::AnonymousRequest => told.strangers = true,
            Condition::OtherIdentity => told.others = true,
            Condition::Unknown => told.is_limited = true,
        }
        told.everybody = false;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::{COMMON_POLICY, PRES_RULES, read};
    use super::*;

    fn told(rules: &str) -> Vec<RuleSummary> {
        let document =
            format!("<ruleset xmlns='{COMMON_POLICY}' xmlns:pr='{PRES_RULES}'>{rules}</ruleset>");
        read(document.as_bytes()).unwrap().summaries()
    }

    #[test]
    fn each_rule_says_whom_it_names_and_what_they_get() {
        let rules = told(
            "<rule id='a'><conditions><identity><one id='sip:rui@campus.test'/>\
             <many domain='example.org'/></identity></conditions>\
             <actions><pr:sub-handling>allow</pr:sub-handling></actions></rule>\
             <rule id='b'><conditions><identity><many/></identity></conditions>\
             <actions><pr:sub-handling>polite-block</pr:sub-handling></actions></rule>\
             <rule id='c'><conditions><sphere value='home'/></conditions></rule>",
        );
        assert_eq!(rules[0].people, ["rui@campus.test"]);
        assert_eq!(rules[0].domains, ["example.org"]);
        assert_eq!((rules[0].handling, rules[0].everybody), (Handling::Allow, false));
        assert_eq!((rules[1].handling, rules[1].everybody), (Handling::PoliteBlock, true));
        assert!(rules[2].everybody && rules[2].is_limited);
    }
}
