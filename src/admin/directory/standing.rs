//! How the directory stands, in words: what is wrong, what that means for people, what to do.

use super::number;
use crate::operations::DirectoryView;
use crate::web::Texts;

/// How the directory stands.
pub(super) struct Standing {
    pub(super) word: String,
    /// `ok`, `warn`, `error` or nothing.
    pub(super) level: &'static str,
    /// What is wrong.
    pub(super) what: String,
    /// What that means for people.
    pub(super) means: String,
    /// What to do.
    pub(super) to_do: String,
    /// What the server noted, as it stands in the log.
    pub(super) detail: String,
    pub(super) url: String,
    pub(super) since: Option<String>,
    pub(super) last_answer: Option<String>,
    pub(super) latency: Option<String>,
    pub(super) people: String,
    pub(super) last_sync: Option<String>,
    pub(super) is_off: bool,
}

impl Standing {
    pub(super) fn of(t: Texts, view: &DirectoryView) -> Standing {
        let held = view.proposal.as_ref().map_or(0, |proposal| proposal.difference.held);
        let timeout = view.timeout_ms;
        // It answers, but half of what anybody waits is gone by then.
        let is_slow = view.latency_ms.is_some_and(|took| took.saturating_mul(2) >= timeout);
        let (word, level) = match view.state.as_str() {
            "off" => (t.get("directory-off"), ""),
            "up" if is_slow => (t.get("standing-slow"), "warn"),
            "up" => (t.get("directory-up"), "ok"),
            "degraded" => (t.get("directory-degraded"), "warn"),
            _ => (t.get("directory-down"), "error"),
        };
        let cause = view.cause.as_deref().unwrap_or_default();
        let (what, to_do) = match (view.state.as_str(), cause) {
            ("off", _) => (t.get("why-off"), String::new()),
            ("up", _) if is_slow => (t.get("why-slow"), t.get("do-slow")),
            ("up", _) => (t.get("why-none"), String::new()),
            (_, "not_yet") => (t.get("why-not-yet"), t.get("do-not-yet")),
            (_, "silent") => (t.of("why-silent", "seconds", seconds(timeout)), t.get("do-silent")),
            (_, "account") => (t.get("why-account"), t.get("do-account")),
            (_, "answer") => (t.get("why-answer"), t.get("do-answer")),
            (_, "settings") => (t.get("why-settings"), t.get("do-settings")),
            (_, "held") => (
                t.with("why-held", [("count", held.into()), ("shown", number(t, held).into())]),
                t.get("do-held"),
            ),
            (_, "list") => (t.get("why-list"), t.get("do-list")),
            (_, "groups") => (t.get("why-groups"), t.get("do-groups")),
            _ => (t.get("why-unreachable"), t.get("do-unreachable")),
        };
        let people = [("count", view.people.into()), ("shown", number(t, view.people).into())];
        let means = match view.state.as_str() {
            "off" | "up" => String::new(),
            "down" => {
                let [count, shown] = people;
                t.with("means-down", [count, shown, ("hours", view.grace_hours.into())])
            }
            _ if cause == "groups" => t.get("means-groups"),
            _ => t.with("means-degraded", people),
        };
        Standing {
            word,
            level,
            what,
            means,
            to_do,
            detail: view.detail.clone().unwrap_or_default(),
            url: view.url.clone(),
            since: view.since.clone(),
            last_answer: view.last_answer.clone(),
            latency: view.latency_ms.map(|took| match took {
                0 => t.get("standing-at-once"),
                took => t.of("standing-milliseconds", "time", number(t, took)),
            }),
            people: number(t, view.people),
            last_sync: view.last_sync.clone(),
            is_off: view.state == "off",
        }
    }
}

/// Seconds of milliseconds.
fn seconds(milliseconds: u64) -> String {
    let whole = milliseconds / 1_000;
    match milliseconds % 1_000 {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:03}").trim_end_matches('0').to_owned(),
    }
}
