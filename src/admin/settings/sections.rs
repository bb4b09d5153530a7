//! The sections that settings are shown in.

use super::keys::{Described, KEYS};
use crate::web::Key;

/// A section: its name in paths, what it is called, and what begins its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: Key,
    pub(super) about: Key,
    /// What comes before the last part of its keys.
    prefix: &'static str,
}

const fn section(id: &'static str, prefix: &'static str, title: Key, about: Key) -> Section {
    Section { id, title, about, prefix }
}

/// Every section, in the order of the configuration file.
pub(super) const SECTIONS: &[Section] = &[
    section("general", "", Key("section-general"), Key("section-general-about")),
    section("identity", "identity", Key("section-identity"), Key("section-identity-about")),
    section("directory", "identity.ldap", Key("section-directory"), Key("section-directory-about")),
    section("cache", "identity.cache", Key("section-cache"), Key("section-cache-about")),
    section("presence", "presence", Key("section-presence"), Key("section-presence-about")),
    section("messages", "messages", Key("section-messages"), Key("section-messages-about")),
    section("registrar", "registrar", Key("section-registrar"), Key("section-registrar-about")),
    section("sip", "sip", Key("section-sip"), Key("section-sip-about")),
    section("web", "web", Key("section-web"), Key("section-web-about")),
    section("msrp", "msrp", Key("section-msrp"), Key("section-msrp-about")),
    section("tls", "tls", Key("section-tls"), Key("section-tls-about")),
    section("limits", "limits", Key("section-limits"), Key("section-limits-about")),
    section("metrics", "metrics", Key("section-metrics"), Key("section-metrics-about")),
    section("log", "log", Key("section-log"), Key("section-log-about")),
];

impl Section {
    /// The section of that name.
    pub(super) fn named(id: &str) -> Option<&'static Section> {
        SECTIONS.iter().find(|section| section.id == id)
    }

    /// The section that a key is in.
    pub(super) fn of(key: &str) -> &'static Section {
        let prefix = key.rsplit_once('.').map_or("", |(prefix, _)| prefix);
        SECTIONS.iter().find(|section| section.prefix == prefix).unwrap_or(&SECTIONS[0])
    }

    /// Its keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static Described> {
        let prefix = self.prefix;
        KEYS.iter()
            .filter(move |one| one.key.rsplit_once('.').map_or("", |(prefix, _)| prefix) == prefix)
    }

    /// The page that sets the same with more help, if there is one, and what leads there.
    pub(super) fn elsewhere(&self) -> Option<(&'static str, Key)> {
        match self.id {
            "directory" => Some(("/admin/directory", Key("section-directory-elsewhere"))),
            "tls" => Some(("/admin/certificates", Key("section-tls-elsewhere"))),
            _ => None,
        }
    }

    /// Where its page is.
    pub(super) fn path(&self) -> String {
        format!("/admin/settings/{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_a_section_of_its_own_prefix() {
        let all: usize = SECTIONS.iter().map(|section| section.keys().count()).sum();
        assert_eq!(all, KEYS.len());
        assert_eq!(Section::of("identity.ldap.urls").id, "directory");
        assert_eq!(Section::of("domain").id, "general");
    }
}
