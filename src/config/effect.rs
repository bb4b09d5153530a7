//! When a changed setting is in force.

/// When a setting that was changed while the server runs is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    Now,
    /// When the server starts next.
    NextStart,
    /// It was settled at the first start, or decides where everything else is stored.
    Settled,
}

/// Sections and keys that are in force at once. `app` sees to it; the rest is read at the start.
const NOW: &[&str] = &[
    "identity.source",
    "identity.digest_algorithms",
    "identity.md5_only_agents",
    "identity.md5_only_people",
    "identity.ldap.",
    "identity.cache.",
    "registrar.",
    "messages.",
    "presence.",
    "limits.failures_per_source_account",
    "limits.failures_per_source",
    "limits.failure_window",
    "limits.ban_time",
    "limits.subscriptions_per_user",
    "limits.watchers_per_user",
    "log.level",
];

/// Everybody's address and password was made with these, and the store is where this says.
const SETTLED: &[&str] = &["data_dir", "identity.realm"];

/// When a key is in force.
#[must_use]
pub fn effect(key: &str) -> Effect {
    let is_named = |names: &[&str]| {
        names.iter().any(
            |name| {
                if name.ends_with('.') { key.starts_with(name) } else { key == *name }
            },
        )
    };
    if is_named(SETTLED) {
        Effect::Settled
    } else if is_named(NOW) {
        Effect::Now
    } else {
        Effect::NextStart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::Schema;

    #[test]
    fn every_name_in_the_tables_is_a_key_or_a_section() {
        let schema = Schema::new();
        for name in NOW.iter().chain(SETTLED) {
            let known = match name.strip_suffix('.') {
                Some(section) => schema.is_section(section),
                None => schema.value(name).is_some(),
            };
            assert!(known, "{name}");
        }
    }
}
