//! What is said of each key: a sentence in each language, the unit, the words that it takes.

use crate::web::Key;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// What the sentence says.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Hundredths.
    Percent,
}

impl Unit {
    /// What it is called.
    pub(super) const fn title(self) -> Option<Key> {
        match self {
            Unit::None => None,
            Unit::Seconds => Some(Key("unit-seconds")),
            Unit::Bytes => Some(Key("unit-bytes")),
            Unit::Percent => Some(Key("unit-percent")),
        }
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    pub(super) key: &'static str,
    pub(super) help: Key,
    pub(super) unit: Unit,
}

const fn plain(key: &'static str, help: Key) -> Described {
    Described { key, help, unit: Unit::None }
}

const fn counted(key: &'static str, unit: Unit, help: Key) -> Described {
    Described { key, help, unit }
}

/// The words that a key takes, where it takes no others.
pub(super) fn words(key: &str) -> &'static [&'static str] {
    match key {
        "identity.source" => &["local", "ldap"],
        "identity.ldap.secret_format" => &["cleartext", "ha1-md5", "ha1-sha256"],
        "presence.default_policy" => &["allow", "confirm", "block"],
        "presence.tuples" => &["all", "one"],
        "tls.mode" => &["auto", "files", "acme", "internal"],
        "log.format" => &["text", "json"],
        _ => &[],
    }
}

/// What is said of a key.
pub(super) fn described(key: &str) -> Option<&'static Described> {
    KEYS.iter().find(|known| known.key == key)
}

/// Every key, in the order of the configuration file.
pub(super) const KEYS: &[Described] = &[
    plain("domain", Key("set-domain")),
    plain("aliases", Key("set-aliases")),
    plain("public_name", Key("set-public-name")),
    plain("data_dir", Key("set-data-dir")),
    plain("sip.listen", Key("set-sip-listen")),
    plain("sip.workers", Key("set-sip-workers")),
    plain("sip.trusted_peers", Key("set-sip-trusted-peers")),
    plain("sip.allow_trusting_everybody", Key("set-sip-allow-trusting-everybody")),
    plain("sip.t1", Key("set-sip-t1")),
    plain("sip.t2", Key("set-sip-t2")),
    plain("sip.t4", Key("set-sip-t4")),
    plain("sip.ring", Key("set-sip-ring")),
    plain("sip.route", Key("set-sip-route")),
    plain("sip.name_servers", Key("set-sip-name-servers")),
    counted("registrar.min_expires", Unit::Seconds, Key("set-registrar-min-expires")),
    counted("registrar.default_expires", Unit::Seconds, Key("set-registrar-default-expires")),
    counted("registrar.max_expires", Unit::Seconds, Key("set-registrar-max-expires")),
    plain("registrar.max_contacts", Key("set-registrar-max-contacts")),
    plain("web.listen", Key("set-web-listen")),
    plain("web.allow_plain", Key("set-web-allow-plain")),
    plain("web.allowed_origins", Key("set-web-allowed-origins")),
    plain("msrp.listen", Key("set-msrp-listen")),
    plain("metrics.listen", Key("set-metrics-listen")),
    plain("tls.mode", Key("set-tls-mode")),
    plain("tls.cert_file", Key("set-tls-cert-file")),
    plain("tls.key_file", Key("set-tls-key-file")),
    plain("tls.acme", Key("set-tls-acme")),
    plain("tls.acme_directory", Key("set-tls-acme-directory")),
    plain("tls.acme_contact", Key("set-tls-acme-contact")),
    plain("tls.acme_ca_file", Key("set-tls-acme-ca-file")),
    plain("tls.ca_file", Key("set-tls-ca-file")),
    plain("identity.source", Key("set-identity-source")),
    plain("identity.realm", Key("set-identity-realm")),
    plain("identity.digest_algorithms", Key("set-identity-digest-algorithms")),
    plain("identity.md5_only_agents", Key("set-identity-md5-only-agents")),
    plain("identity.md5_only_people", Key("set-identity-md5-only-people")),
    plain("identity.address_template", Key("set-identity-address-template")),
    plain("identity.ldap.urls", Key("set-identity-ldap-urls")),
    plain("identity.ldap.start_tls", Key("set-identity-ldap-start-tls")),
    plain("identity.ldap.ca_file", Key("set-identity-ldap-ca-file")),
    plain("identity.ldap.ca_pem", Key("set-identity-ldap-ca-pem")),
    plain("identity.ldap.bind_dn", Key("set-identity-ldap-bind-dn")),
    plain("identity.ldap.bind_password_file", Key("set-identity-ldap-bind-password-file")),
    plain("identity.ldap.bind_password", Key("set-identity-ldap-bind-password")),
    plain("identity.ldap.base_dn", Key("set-identity-ldap-base-dn")),
    plain("identity.ldap.user_filter", Key("set-identity-ldap-user-filter")),
    plain("identity.ldap.attribute_user", Key("set-identity-ldap-attribute-user")),
    plain("identity.ldap.attribute_name", Key("set-identity-ldap-attribute-name")),
    plain("identity.ldap.attribute_mail", Key("set-identity-ldap-attribute-mail")),
    plain("identity.ldap.attribute_photo", Key("set-identity-ldap-attribute-photo")),
    plain("identity.ldap.attribute_id", Key("set-identity-ldap-attribute-id")),
    plain("identity.ldap.attribute_number", Key("set-identity-ldap-attribute-number")),
    plain("identity.ldap.secret_attribute", Key("set-identity-ldap-secret-attribute")),
    plain("identity.ldap.secret_format", Key("set-identity-ldap-secret-format")),
    plain("identity.ldap.disabled_filter", Key("set-identity-ldap-disabled-filter")),
    plain("identity.ldap.group_base_dn", Key("set-identity-ldap-group-base-dn")),
    plain("identity.ldap.group_filter", Key("set-identity-ldap-group-filter")),
    plain("identity.ldap.admin_group", Key("set-identity-ldap-admin-group")),
    plain("identity.ldap.timeout", Key("set-identity-ldap-timeout")),
    plain("identity.ldap.sync_interval", Key("set-identity-ldap-sync-interval")),
    counted("identity.ldap.guard_percent", Unit::Percent, Key("set-identity-ldap-guard-percent")),
    plain("identity.ldap.guard_people", Key("set-identity-ldap-guard-people")),
    plain("identity.cache.enabled", Key("set-identity-cache-enabled")),
    plain("identity.cache.ttl", Key("set-identity-cache-ttl")),
    plain("identity.cache.negative_ttl", Key("set-identity-cache-negative-ttl")),
    plain("identity.cache.grace", Key("set-identity-cache-grace")),
    plain("identity.cache.capacity", Key("set-identity-cache-capacity")),
    plain("messages.retention", Key("set-messages-retention")),
    plain("messages.max_held_per_user", Key("set-messages-max-held-per-user")),
    plain("messages.max_held_per_sender", Key("set-messages-max-held-per-sender")),
    plain("messages.notification_retention", Key("set-messages-notification-retention")),
    plain("messages.device_memory", Key("set-messages-device-memory")),
    plain("messages.patience", Key("set-messages-patience")),
    plain("presence.default_policy", Key("set-presence-default-policy")),
    plain("presence.group_policy", Key("set-presence-group-policy")),
    counted("presence.min_expires", Unit::Seconds, Key("set-presence-min-expires")),
    counted("presence.default_expires", Unit::Seconds, Key("set-presence-default-expires")),
    counted("presence.max_expires", Unit::Seconds, Key("set-presence-max-expires")),
    plain("presence.grace", Key("set-presence-grace")),
    plain("presence.interval", Key("set-presence-interval")),
    plain("presence.tuples", Key("set-presence-tuples")),
    plain("presence.one_tuple_agents", Key("set-presence-one-tuple-agents")),
    plain("limits.memory", Key("set-limits-memory")),
    counted("limits.message_bytes", Unit::Bytes, Key("set-limits-message-bytes")),
    counted("limits.header_bytes", Unit::Bytes, Key("set-limits-header-bytes")),
    counted("limits.header_line_bytes", Unit::Bytes, Key("set-limits-header-line-bytes")),
    plain("limits.header_lines", Key("set-limits-header-lines")),
    counted("limits.uri_bytes", Unit::Bytes, Key("set-limits-uri-bytes")),
    plain("limits.via", Key("set-limits-via")),
    plain("limits.route", Key("set-limits-route")),
    counted("limits.pager_body_bytes", Unit::Bytes, Key("set-limits-pager-body-bytes")),
    counted("limits.publish_body_bytes", Unit::Bytes, Key("set-limits-publish-body-bytes")),
    plain("limits.max_breadth", Key("set-limits-max-breadth")),
    plain("limits.xml_depth", Key("set-limits-xml-depth")),
    plain("limits.xml_elements", Key("set-limits-xml-elements")),
    plain("limits.xml_attributes", Key("set-limits-xml-attributes")),
    plain("limits.xml_namespaces", Key("set-limits-xml-namespaces")),
    counted("limits.xcap_document_bytes", Unit::Bytes, Key("set-limits-xcap-document-bytes")),
    counted("limits.xcap_user_bytes", Unit::Bytes, Key("set-limits-xcap-user-bytes")),
    plain("limits.first_byte_to_message", Key("set-limits-first-byte-to-message")),
    plain("limits.tls_handshake", Key("set-limits-tls-handshake")),
    plain("limits.websocket_upgrade", Key("set-limits-websocket-upgrade")),
    plain("limits.idle_unauthenticated", Key("set-limits-idle-unauthenticated")),
    plain("limits.connections_per_source", Key("set-limits-connections-per-source")),
    plain("limits.connections_unauthenticated", Key("set-limits-connections-unauthenticated")),
    plain("limits.connections_total", Key("set-limits-connections-total")),
    counted(
        "limits.connection_write_queue_bytes",
        Unit::Bytes,
        Key("set-limits-connection-write-queue-bytes"),
    ),
    counted(
        "limits.write_queue_total_bytes",
        Unit::Bytes,
        Key("set-limits-write-queue-total-bytes"),
    ),
    plain("limits.connection_write_deadline", Key("set-limits-connection-write-deadline")),
    plain("limits.transactions", Key("set-limits-transactions")),
    plain("limits.subscriptions_per_user", Key("set-limits-subscriptions-per-user")),
    plain("limits.watchers_per_user", Key("set-limits-watchers-per-user")),
    plain("limits.list_entries", Key("set-limits-list-entries")),
    plain("limits.list_nesting", Key("set-limits-list-nesting")),
    plain("limits.nonce_lifetime", Key("set-limits-nonce-lifetime")),
    plain("limits.nonces", Key("set-limits-nonces")),
    plain("limits.failures_per_source_account", Key("set-limits-failures-per-source-account")),
    plain("limits.failures_per_source", Key("set-limits-failures-per-source")),
    plain("limits.failure_window", Key("set-limits-failure-window")),
    plain("limits.ban_time", Key("set-limits-ban-time")),
    plain("limits.source_rate", Key("set-limits-source-rate")),
    plain("limits.source_burst", Key("set-limits-source-burst")),
    plain("limits.message_rate", Key("set-limits-message-rate")),
    plain("limits.message_burst", Key("set-limits-message-burst")),
    plain("limits.console_idle", Key("set-limits-console-idle")),
    plain("limits.console_session", Key("set-limits-console-session")),
    plain("log.level", Key("set-log-level")),
    plain("log.format", Key("set-log-format")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{BIND_PASSWORD, Config, Loaded};

    #[test]
    fn something_is_said_of_every_key_and_of_no_other() {
        let mut known: BTreeSet<String> =
            Loaded::from(Config::default()).settings().into_keys().collect();
        known.insert(BIND_PASSWORD.to_owned());
        let said: BTreeSet<String> = KEYS.iter().map(|one| one.key.to_owned()).collect();
        assert_eq!(said, known);
    }

    /// A word that is offered is taken, and where there are words no other is.
    #[test]
    fn the_words_of_a_key_are_those_that_it_takes() {
        let config = Config { domain: "campus.test".to_owned(), ..Config::default() };
        let loaded = Loaded::from(config);
        let takes = |key: &str, word: &str| {
            let values = vec![(key.to_owned(), loaded.read(key, word).unwrap())];
            let stored = crate::config::Stored { values, ..Default::default() };
            let problems = loaded.with(&stored).err().map(|error| error.0).unwrap_or_default();
            !problems.iter().any(|one| one.key == key && one.message.contains("unknown variant"))
        };
        for described in KEYS {
            let words = words(described.key);
            for word in words {
                assert!(takes(described.key, word), "{} {word}", described.key);
            }
            assert!(words.is_empty() || !takes(described.key, "nothing"), "{}", described.key);
        }
    }
}
