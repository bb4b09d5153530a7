//! Why nobody was found: whether there is anything at all, whether another filter finds people, and
//! whether they are elsewhere.

use ldap3::{Scope, SearchEntry, SearchOptions, SearchResult};

use super::code::Code;
use super::finding::{Finding, bounded};
use super::run::Run;
use crate::identity::ldap::guard::Session;

/// Filters that find people in one directory or another.
const FILTERS: [&str; 4] = [
    "(&(objectClass=inetOrgPerson)(uid={user}))",
    "(&(objectCategory=person)(objectClass=user)(sAMAccountName={user}))",
    "(&(objectClass=posixAccount)(uid={user}))",
    "(&(objectClass=person)(uid={user}))",
];
/// Contexts that are looked into.
const CONTEXTS: usize = 4;

impl Run<'_> {
    /// What might help when the base is there and nobody below it matches.
    pub(super) async fn hints(&self, session: &Session, filter: &str) -> Option<Finding> {
        let ldap = &self.trial.ldap;
        let base = ldap.base_dn.as_str();
        for other in FILTERS.iter().filter(|other| **other != ldap.user_filter) {
            let everybody = other.replace("{user}", "*");
            if self.first(session, base, &everybody).await.is_some() {
                let other = ("filter", (*other).to_owned());
                return Some(Code::OtherFilter.with([("base", base.to_owned()), other]));
            }
        }
        if let Some(found) = self.elsewhere(session, filter).await {
            return Some(found);
        }
        // The base itself is not below itself.
        let below = self.first(session, base, "(!(objectClass=organizationalUnit))").await;
        below.is_none().then(|| Code::NothingBelow.with([("base", base.to_owned())]))
    }

    /// Where else the filter finds somebody: the place of the first who is found.
    pub(super) async fn elsewhere(&self, session: &Session, filter: &str) -> Option<Finding> {
        for context in self.contexts.iter().take(CONTEXTS) {
            if let Some(dn) = self.first(session, context, filter).await
                && let Some(base) = parent(&dn)
            {
                let found = [("filter", filter.to_owned()), ("base", bounded(base))];
                return Some(Code::Elsewhere.with(found));
            }
        }
        None
    }

    /// One entry that a filter finds.
    async fn first(&self, session: &Session, base: &str, filter: &str) -> Option<String> {
        let mut ldap = session.ldap.clone();
        ldap.with_search_options(SearchOptions::new().sizelimit(1));
        let question = ldap.search(base, Scope::Subtree, filter, ["1.1"]);
        // One is enough: that there are more is no failure.
        let SearchResult(rows, _) = self.ask(session, self.limit() / 4, question).await.ok()?;
        let row = rows.into_iter().find(|row| !row.is_ref() && !row.is_intermediate())?;
        Some(SearchEntry::construct(row).dn)
    }
}

/// What an entry stands in: its name without the first part (RFC 4514 s3; a comma may be escaped).
fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (place, octet) in dn.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                return dn.get(place + 1..).map(str::trim_start).filter(|rest| !rest.is_empty());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stands_in_what_follows_its_first_part() {
        assert_eq!(parent("uid=ana,ou=people,dc=x"), Some("ou=people,dc=x"));
        assert_eq!(parent("cn=Sousa\\, Ana, ou=people"), Some("ou=people"));
        assert_eq!(parent("dc=x"), None);
        assert_eq!(parent("cn=x\\"), None);
        assert_eq!(parent(""), None);
    }
}
