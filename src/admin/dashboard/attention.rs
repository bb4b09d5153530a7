//! What needs attention: the most urgent first, each with where to do something about it.

use super::{Facts, Place, link};
use crate::operations::Series;
use crate::web::{Key, Shell};

/// As much as a person takes in at a glance.
const MOST: usize = 5;
/// A certificate is complained about for so many days before its end.
pub(super) const CERTIFICATE_DAYS: u64 = 14;
/// Delivery that takes longer than this is slow, in seconds.
const SLOW_DELIVERY: f64 = 1.0;
/// A directory that takes longer than this is slow, in seconds.
const SLOW_DIRECTORY: f64 = 0.5;
/// A disk that takes longer than this is slow, in seconds.
const SLOW_DISK: f64 = 0.25;

/// One thing that needs attention.
pub(super) struct Attention {
    pub(super) level: &'static str,
    pub(super) text: String,
    /// Where something can be done about it, and what the button says.
    pub(super) button: Option<(&'static str, String)>,
}

pub(super) fn attention(shell: &Shell, facts: &Facts) -> Vec<Attention> {
    let (t, status) = (shell.t, &facts.status);
    let mut all = Vec::new();
    let mut add = |level, text, to: Option<(Place, Key)>| {
        let button = to.and_then(|(place, label)| Some((link(shell, place)?, t.key(label))));
        all.push(Attention { level, text, button });
    };
    let detail = |detail: &Option<String>| shell.show(detail.as_deref().unwrap_or_default());
    let charts = Some((Place::Charts, Key("to-charts")));
    if status.store.state != "ok" {
        add("error", t.of("attention-store", "detail", detail(&status.store.detail)), charts);
    }
    if ["tight", "critical"].contains(&status.memory.state.as_str()) {
        add("error", t.get("attention-memory"), charts);
    }
    let directory = Some((Place::Directory, Key("to-directory")));
    if ["down", "degraded"].contains(&status.ldap.state.as_str()) {
        let level = if status.ldap.state == "down" { "error" } else { "warn" };
        let text = t.of("attention-directory", "detail", detail(&status.ldap.detail));
        add(level, text, directory);
    }
    if status.ldap.held_people > 0 {
        let text = t.of("attention-people-held", "count", status.ldap.held_people);
        add("error", text, Some((Place::Readings, Key("to-decide"))));
    }
    let certificates = Some((Place::Certificates, Key("to-certificates")));
    if let Some(error) = status.tls.as_ref().and_then(|tls| tls.error.as_deref()) {
        let text = t.of("attention-certificate", "detail", shell.show(error));
        add("warn", text, certificates);
    }
    if status.store.state == "ok" && status.store.detail.is_some() {
        add("warn", t.get("attention-space"), charts);
    }
    let slow = |series, limit| facts.now(series).is_some_and(|seconds| seconds > limit);
    if slow(Series::DirectoryTime, SLOW_DIRECTORY) {
        add("warn", t.get("attention-slow-directory"), directory);
    }
    if slow(Series::DeliveryTime, SLOW_DELIVERY) {
        add("warn", t.get("attention-slow-delivery"), charts);
    }
    if slow(Series::CommitTime, SLOW_DISK) {
        add("warn", t.get("attention-slow-disk"), charts);
    }
    if status.md5_only_accounts > 0 {
        let text = t.of("attention-md5", "count", status.md5_only_accounts);
        add("warn", text, Some((Place::People, Key("to-people"))));
    }
    if facts.beside.has_code == Some(false) {
        let button = Some(("/admin/account/code", t.get("check-code-link")));
        all.push(Attention { level: "warn", text: t.get("attention-no-code"), button });
    }
    // The errors first, each group in the order above.
    all.sort_by_key(|item| item.level != "error");
    all.truncate(MOST);
    all
}
