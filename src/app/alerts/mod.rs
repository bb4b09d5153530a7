//! Alerts: messages to owners about what goes wrong here, by the way that every message takes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use decide::{Alert, Trouble, Watch};

pub(super) use decide::Circumstances;

use super::server::Server;
use crate::accounts::Accounts;
use crate::model::AlertKind;
use crate::web::{Key, Language, Texts};

mod decide;

/// How often it is looked what is wrong.
const INTERVAL: Duration = Duration::from_secs(15);
/// A server that begins has the directory and its certificate to look at first.
const BEGIN: Duration = Duration::from_secs(5);

/// Looks after what is wrong for as long as there is a server.
pub(super) async fn watch(server: Weak<Server>, accounts: Arc<Accounts>) {
    let mut watch = Watch::new(accounts.alert_marks());
    tokio::time::sleep(BEGIN).await;
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(server) = server.upgrade() else { return };
        let alerted = accounts.alerted().unwrap_or_else(|error| {
            tracing::error!(event = "alerts_unread", %error, "nobody is told");
            Vec::new()
        });
        let wanted: Vec<AlertKind> = alerted.iter().flat_map(|one| one.kinds.clone()).collect();
        let (now, wall) = server.time();
        let alerts = watch.look(now, wall, &server.circumstances(), &wanted);
        if alerts.is_empty() {
            continue;
        }
        accounts.keep_alert_marks(&watch.marks());
        for alert in &alerts {
            tracing::info!(
                event = "alert",
                kind = alert.kind.name(),
                well = alert.trouble.is_none()
            );
            for settings in alerted.iter().filter(|settings| settings.kinds.contains(&alert.kind)) {
                let texts = texts(&settings.language);
                let text = framed(texts, server.domain(), &sentence(texts, alert));
                server.tell_person(&settings.person, &text);
            }
        }
    }
}

/// The texts in the language of a short name.
fn texts(language: &str) -> Texts {
    Texts(Language::parse(language).unwrap_or_default())
}

fn framed(t: Texts, domain: &str, sentence: &str) -> String {
    t.with("alert-frame", [("domain", domain.into()), ("text", sentence.into())])
}

/// What is sent to see whether it arrives.
pub(super) fn trial(language: &str, domain: &str) -> String {
    let t = texts(language);
    framed(t, domain, &t.get("alert-trial"))
}

fn sentence(t: Texts, alert: &Alert) -> String {
    match &alert.trouble {
        None => t.key(match alert.kind {
            AlertKind::Certificate => Key("alert-certificate-well"),
            AlertKind::Directory => Key("alert-directory-well"),
            AlertKind::Disk => Key("alert-disk-well"),
            AlertKind::Memory => Key("alert-memory-well"),
        }),
        Some(Trouble::Ends(Some(days))) => t.of("alert-certificate-ends", "days", *days),
        Some(Trouble::Ends(None)) => t.get("alert-certificate-ended"),
        Some(Trouble::Certificate(detail)) => {
            t.of("alert-certificate-error", "detail", detail.as_str())
        }
        Some(Trouble::Down(detail)) => t.of("alert-directory-down", "detail", detail.as_str()),
        Some(Trouble::PeopleHeld(count)) => t.of("alert-directory-held", "count", *count),
        Some(Trouble::SpaceLow) => t.get("alert-disk-low"),
        Some(Trouble::ReadOnly(reason)) => t.of("alert-disk-read-only", "detail", reason.as_str()),
        Some(Trouble::Memory) => t.get("alert-memory-short"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_is_a_sentence_in_each_language() {
        let troubles = [
            (AlertKind::Certificate, Trouble::Ends(Some(7))),
            (AlertKind::Certificate, Trouble::Ends(None)),
            (AlertKind::Certificate, Trouble::Certificate("x".to_owned())),
            (AlertKind::Directory, Trouble::Down("x".to_owned())),
            (AlertKind::Directory, Trouble::PeopleHeld(12)),
            (AlertKind::Disk, Trouble::SpaceLow),
            (AlertKind::Disk, Trouble::ReadOnly("x".to_owned())),
            (AlertKind::Memory, Trouble::Memory),
        ];
        let mut alerts: Vec<Alert> = troubles
            .map(|(kind, trouble)| Alert { kind, trouble: Some(trouble) })
            .into_iter()
            .collect();
        alerts.extend(AlertKind::ALL.map(|kind| Alert { kind, trouble: None }));
        let mut said = std::collections::BTreeSet::new();
        for language in Language::ALL {
            for alert in &alerts {
                let text =
                    framed(Texts(language), "campus.test", &sentence(Texts(language), alert));
                assert!(text.contains("campus.test") && text.ends_with('.'), "{text}");
                assert!(said.insert(text.clone()), "{text} is said twice");
            }
        }
    }
}
