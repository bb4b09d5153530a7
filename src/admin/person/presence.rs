//! What a person shows, who watches, and who may, in words.

use super::live;
use crate::operations::{PersonDetail, RuleView};
use crate::web::{Shell, Texts};

/// Watchers that are shown, rules, and people of one rule.
const MOST: usize = 30;
const MOST_RULES: usize = 20;
const MOST_OF_RULE: usize = 5;

/// The part of the page about presence.
pub(super) struct PresencePart {
    pub(super) is_open: bool,
    pub(super) says: String,
    pub(super) published: Vec<PublishedRow>,
    pub(super) watchers: Vec<WatcherRow>,
    pub(super) more_watchers: Option<String>,
    pub(super) rules: Vec<String>,
    pub(super) is_unreadable: bool,
}

/// What one device published.
pub(super) struct PublishedRow {
    pub(super) device: String,
    pub(super) is_open: bool,
    pub(super) says: String,
    pub(super) changed: String,
    pub(super) left: String,
}

/// Somebody who watches.
pub(super) struct WatcherRow {
    pub(super) watcher: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) level: &'static str,
    pub(super) left: String,
}

impl PresencePart {
    pub(super) fn new(t: Texts, shell: &Shell, detail: &PersonDetail) -> PresencePart {
        let presence = &detail.presence;
        let published = presence.publications.iter().take(MOST).map(|one| PublishedRow {
            device: live::cut_at(&device(t, detail, &one.device), 60),
            is_open: one.open,
            says: says(&one.activities, &one.notes),
            changed: one.changed.clone(),
            left: live::span(t, one.expires),
        });
        let watchers = detail.watchers.iter().take(MOST).map(|one| {
            let (status, level) = match one.status.as_str() {
                "active" => (t.get("watcher-active"), "ok"),
                "pending" => (t.get("watcher-pending"), "warn"),
                _ => (t.get("watcher-waiting"), "warn"),
            };
            WatcherRow {
                watcher: live::cut(&one.watcher),
                name: live::cut_at(one.name.as_deref().unwrap_or_default(), 60),
                status,
                level,
                left: one.expires.map(|left| live::span(t, left)).unwrap_or_default(),
            }
        });
        let more = detail.watchers.len().saturating_sub(MOST);
        let mut rules: Vec<String> = detail
            .rules
            .rules
            .iter()
            .take(MOST_RULES)
            .map(|rule| in_words(t, shell, rule))
            .collect();
        rules.push(match detail.rules.default_policy.as_str() {
            "allow" => t.get("rules-default-allow"),
            "confirm" => t.get("rules-default-confirm"),
            _ => t.get("rules-default-block"),
        });
        PresencePart {
            is_open: presence.open,
            says: says(&presence.activities, &presence.notes),
            published: published.collect(),
            watchers: watchers.collect(),
            more_watchers: (more > 0).then(|| t.of("and-more", "count", more)),
            rules,
            is_unreadable: detail.rules.is_unreadable,
        }
    }
}

/// What a device is called by its person, or how it names itself.
fn device(t: Texts, detail: &PersonDetail, key: &str) -> String {
    let id = key.strip_prefix("credential:");
    let labelled = detail.devices.iter().find(|one| id == Some(one.device.as_str()));
    match labelled {
        Some(one) if !one.name.is_empty() => one.name.clone(),
        _ => live::device_name(t, key),
    }
}

fn says(activities: &[String], notes: &[String]) -> String {
    let said: Vec<String> =
        activities.iter().chain(notes).take(5).map(|text| live::cut(text)).collect();
    said.join(" · ")
}

/// A rule as a sentence.
fn in_words(t: Texts, shell: &Shell, rule: &RuleView) -> String {
    let mut whom: Vec<String> = Vec::new();
    if rule.everybody {
        whom.push(t.get("rule-everybody"));
    }
    whom.extend(rule.people.iter().take(MOST_OF_RULE).map(|one| live::cut_at(one, 80)));
    for domain in rule.domains.iter().take(MOST_OF_RULE) {
        whom.push(t.of("rule-domain", "domain", live::cut_at(domain, 80)));
    }
    let left_out = rule.people.len().saturating_sub(MOST_OF_RULE)
        + rule.domains.len().saturating_sub(MOST_OF_RULE);
    if left_out > 0 {
        whom.push(t.of("and-more", "count", left_out));
    }
    if rule.lists {
        whom.push(t.get("rule-lists"));
    }
    if rule.others {
        whom.push(t.get("rule-others"));
    }
    if rule.strangers {
        whom.push(t.get("rule-strangers"));
    }
    if whom.is_empty() {
        whom.push(t.get("rule-nobody"));
    }
    let whom = shell.show(&whom.join(", "));
    let sentence = match rule.handling.as_str() {
        "allow" => t.of("rule-allow", "whom", whom),
        "confirm" => t.of("rule-confirm", "whom", whom),
        "polite-block" => t.of("rule-polite", "whom", whom),
        _ => t.of("rule-block", "whom", whom),
    };
    if rule.is_limited { format!("{sentence} {}", t.get("rule-limited")) } else { sentence }
}
