//! How the server is, in a few numbers.

use super::attention::CERTIFICATE_DAYS;
use super::{Facts, Place, link};
use crate::admin::charts::number;
use crate::operations::Series;
use crate::tls::Source;
use crate::web::{Key, Shell};

/// Nobody counts the days of a certificate that has more of them.
const FAR: u64 = 3 * 365;

/// One number.
pub(super) struct Tile {
    /// What its element is called.
    pub(super) id: &'static str,
    pub(super) label: Key,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) level: &'static str,
    /// The page that has more.
    pub(super) link: Option<&'static str>,
}

pub(super) fn tiles(shell: &Shell, facts: &Facts) -> Vec<Tile> {
    let (t, status) = (shell.t, &facts.status);
    let tile = |id, label, value: String, note: String, level, place| Tile {
        id,
        label,
        value,
        note,
        level,
        link: link(shell, place),
    };
    let online = facts.now(Series::Online).map_or_else(
        || "–".to_owned(),
        // Of a minute in which somebody came or went.
        |people| number(t, people.round()),
    );
    let messages = facts
        .now(Series::Accepted)
        .map_or_else(|| "–".to_owned(), |rate| number(t, (rate * 60.0).round()));
    let delivery = match facts.now(Series::DeliveryTime) {
        Some(seconds) => t.of("messages-within", "time", millis(shell, seconds)),
        None if facts.now(Series::Accepted).is_some_and(|rate| rate > 0.0) => {
            t.get("messages-indirect")
        }
        None => t.get("messages-none"),
    };
    vec![
        tile(
            "live-devices",
            Key("tile-devices"),
            status.bindings.to_string(),
            t.of("watching-count", "count", status.subscriptions),
            "",
            Place::Registrations,
        ),
        tile(
            "live-people",
            Key("tile-people"),
            online,
            t.of("tile-people-count", "count", status.accounts),
            "",
            Place::People,
        ),
        tile("live-messages", Key("tile-messages"), messages, delivery, "", Place::Charts),
        tile(
            "live-held",
            Key("tile-held"),
            status.held_messages.to_string(),
            t.get("held-note"),
            "",
            Place::Queue,
        ),
        directory(shell, facts),
        certificate(shell, facts),
        store(shell, facts),
    ]
}

fn millis(shell: &Shell, seconds: f64) -> String {
    format!("{}\u{a0}ms", number(shell.t, (seconds * 1_000.0).max(0.1)))
}

fn directory(shell: &Shell, facts: &Facts) -> Tile {
    let t = shell.t;
    let (value, mut note, level) = match facts.status.ldap.state.as_str() {
        "off" => (t.get("directory-off"), t.get("directory-off-note"), ""),
        "up" => (t.get("directory-up"), String::new(), "ok"),
        "degraded" => (t.get("directory-degraded"), String::new(), "warn"),
        _ => (t.get("directory-down"), String::new(), "error"),
    };
    // Fast or slow says more than up; down says all.
    let time = facts.now(Series::DirectoryTime).filter(|_| level == "ok");
    let value = time.map_or(value, |seconds| millis(shell, seconds));
    if let Some(hits) = facts.now(Series::CacheHits) {
        note = t.of("directory-hits", "share", number(t, (hits * 100.0).round()));
    }
    let link = link(shell, Place::Directory);
    Tile { id: "live-directory", label: Key("tile-directory"), value, note, level, link }
}

fn certificate(shell: &Shell, facts: &Facts) -> Tile {
    let t = shell.t;
    let link = link(shell, Place::Certificates);
    let tile = |value, note, level| {
        let (id, label) = ("live-certificate", Key("tile-certificate"));
        Tile { id, label, value, note, level, link }
    };
    let Some(tls) = &facts.status.tls else {
        return tile(t.get("certificate-none"), String::new(), "error");
    };
    let (source, level) = match tls.source {
        Source::Internal => (t.get("certificate-internal"), "warn"),
        Source::Files => (t.get("certificate-files"), "ok"),
        Source::Acme => (t.get("certificate-acme"), "ok"),
        Source::None => return tile(t.get("certificate-none"), String::new(), "error"),
    };
    match tls.days_left {
        Some(days) if days > FAR => tile(t.get("certificate-far"), source, level),
        Some(0) => tile(t.get("certificate-ends-now"), source, "error"),
        Some(days) => {
            let soon = days <= CERTIFICATE_DAYS || tls.error.is_some();
            let level = if soon { "warn" } else { level };
            tile(t.of("tile-certificate-days", "count", days), source, level)
        }
        None => tile(source, String::new(), level),
    }
}

fn store(shell: &Shell, facts: &Facts) -> Tile {
    let (t, store) = (shell.t, &facts.status.store);
    let (value, level) = match store.state.as_str() {
        "ok" => (t.get("store-ok"), if store.detail.is_some() { "warn" } else { "ok" }),
        "read-only" => (t.get("store-read-only"), "error"),
        _ => (t.get("store-failed"), "error"),
    };
    let note = match (&store.detail, facts.now(Series::CommitTime)) {
        (Some(detail), _) => shell.show(detail),
        (None, Some(seconds)) => t.of("store-within", "time", millis(shell, seconds)),
        (None, None) => String::new(),
    };
    let link = link(shell, Place::Charts);
    Tile { id: "live-store", label: Key("tile-store"), value, note, level, link }
}
