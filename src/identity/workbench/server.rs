//! Who a server is: what its root says (RFC 4512 s5.1), and which settings would fit.

use std::time::Duration;

use ldap3::{Scope, SearchEntry, SearchResult};

use super::code::Code;
use super::finding::bounded;
use super::report::{Kind, Server};
use super::run::{Outcome, Run};
use crate::config;
use crate::identity::ldap::guard::Session;
use crate::identity::ldap::guard::wire;
use crate::identity::ldap::{Dn, values};

/// The operation that begins TLS (RFC 4511 s4.14.1).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// That this is Active Directory.
const IS_ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
/// What is read of the root.
const ATTRIBUTES: [&str; 12] = [
    "objectClass",
    "vendorName",
    "vendorVersion",
    "namingContexts",
    "defaultNamingContext",
    "supportedControl",
    "supportedExtension",
    "supportedCapabilities",
    "dnsHostName",
    "ipaDomainLevel",
    "ipaTopologyPluginVersion",
    "configContext",
];
/// Naming contexts that are kept.
const MOST: usize = 20;

impl Run<'_> {
    /// Reads the root. A server that tells nothing of itself is a server all the same.
    pub(super) async fn root(&self, session: &Session, limit: Duration) -> Result<Server, Outcome> {
        let mut ldap = session.ldap.clone();
        let question = ldap.search("", Scope::Base, "(objectClass=*)", ATTRIBUTES);
        let read = self.ask(session, limit, question).await;
        match read {
            Ok(SearchResult(rows, _)) => {
                let row = rows.into_iter().find(|row| !row.is_ref() && !row.is_intermediate());
                Ok(row
                    .map(SearchEntry::construct)
                    .map_or_else(Server::default, |root| describe(&root, &self.trial.ldap)))
            }
            Err(failure) => {
                Err(failure
                    .outcome(|answer| Code::SearchRefused.with([("meaning", answer.meaning())])))
            }
        }
    }
}

/// What the root says.
fn describe(root: &SearchEntry, tried: &config::Ldap) -> Server {
    let first = |name: &str| values(root, name).first().map_or("", |value| value).to_owned();
    let has = |name: &str, value: &str| values(root, name).contains(&value);
    let contexts: Vec<String> =
        values(root, "namingContexts").into_iter().take(MOST).map(bounded).collect();
    let kind = kind(root);
    let vendor = match (kind, first("vendorName")) {
        (Some(Kind::FreeIpa), _) => "FreeIPA".to_owned(),
        (Some(Kind::ActiveDirectory), vendor) if vendor.is_empty() => "Active Directory".to_owned(),
        (Some(Kind::OpenLdap), vendor) if vendor.is_empty() => "OpenLDAP".to_owned(),
        (_, vendor) => bounded(&vendor),
    };
    let mut server = Server {
        vendor,
        version: bounded(&first("vendorVersion")),
        paging: has("supportedControl", wire::PAGED),
        start_tls: has("supportedExtension", START_TLS),
        kind,
        preset: Vec::new(),
        naming_contexts: contexts,
    };
    let main = first("defaultNamingContext");
    let main = if main.is_empty() { main_context(&server.naming_contexts) } else { main };
    if let Some(kind) = kind {
        server.preset = preset(kind, &main, tried);
    }
    server
}

fn kind(root: &SearchEntry) -> Option<Kind> {
    let has = |name: &str, value: &str| {
        values(root, name).iter().any(|found| found.eq_ignore_ascii_case(value))
    };
    let vendor =
        values(root, "vendorName").first().map_or("", |vendor| vendor).to_ascii_lowercase();
    let is_ipa = !values(root, "ipaDomainLevel").is_empty()
        || !values(root, "ipaTopologyPluginVersion").is_empty();
    if has("supportedCapabilities", IS_ACTIVE_DIRECTORY) {
        Some(Kind::ActiveDirectory)
    } else if is_ipa {
        Some(Kind::FreeIpa)
    } else if vendor.contains("389 project") || vendor.contains("red hat") {
        Some(Kind::Ds389)
    } else if has("objectClass", "OpenLDAProotDSE") || vendor.contains("openldap") {
        Some(Kind::OpenLdap)
    } else {
        None
    }
}

/// The context that people are in, if one can be told.
fn main_context(contexts: &[String]) -> String {
    let is_of_server = |context: &&String| {
        let lower = context.to_ascii_lowercase();
        ["cn=", "ou=system", "o=ipaca", "o=netscaperoot"].iter().any(|no| lower.starts_with(no))
    };
    contexts.iter().find(|context| !is_of_server(context)).cloned().unwrap_or_default()
}

/// Settings that fit a kind of directory, as far as they differ from those that are tried.
#[must_use]
pub fn preset(kind: Kind, context: &str, tried: &config::Ldap) -> Vec<(&'static str, String)> {
    let of_uid = "(&(objectClass=inetOrgPerson)(uid={user}))";
    let (filter, user, name, id, locked, groups) = match kind {
        Kind::OpenLdap => {
            let groups = "(|(objectClass=groupOfNames)(objectClass=posixGroup))";
            (of_uid, "uid", "cn", "entryUUID", "", groups)
        }
        Kind::ActiveDirectory => (
            "(&(objectCategory=person)(objectClass=user)(sAMAccountName={user}))",
            "sAMAccountName",
            "displayName",
            "objectGUID",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(objectClass=group)",
        ),
        Kind::Ds389 => {
            let groups = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))";
            (of_uid, "uid", "cn", "nsUniqueId", "(nsAccountLock=true)", groups)
        }
        Kind::FreeIpa => {
            let filter = "(&(objectClass=posixAccount)(uid={user}))";
            (
                filter,
                "uid",
                "cn",
                "ipaUniqueID",
                "(nsAccountLock=true)",
                "(objectClass=groupOfNames)",
            )
        }
    };
    let (people, groups_at) = match kind {
        _ if context.is_empty() => (String::new(), String::new()),
        Kind::FreeIpa => {
            (format!("cn=users,cn=accounts,{context}"), format!("cn=groups,cn=accounts,{context}"))
        }
        _ => (context.to_owned(), String::new()),
    };
    // A base that lies within the one that would fit is somebody's choice.
    let base = if within(&tried.base_dn, &people) { tried.base_dn.clone() } else { people };
    let groups_at = match tried.group_base_dn.is_empty() {
        true => groups_at,
        false => tried.group_base_dn.clone(),
    };
    let fitting = [
        ("base_dn", base, &tried.base_dn),
        ("user_filter", filter.to_owned(), &tried.user_filter),
        ("attribute_user", user.to_owned(), &tried.attribute_user),
        ("attribute_name", name.to_owned(), &tried.attribute_name),
        ("attribute_mail", "mail".to_owned(), &tried.attribute_mail),
        ("attribute_id", id.to_owned(), &tried.attribute_id),
        ("disabled_filter", locked.to_owned(), &tried.disabled_filter),
        ("group_base_dn", groups_at, &tried.group_base_dn),
        ("group_filter", groups.to_owned(), &tried.group_filter),
    ];
    let differs = fitting.into_iter().filter(|(_, fits, tried)| !fits.is_empty() && fits != *tried);
    differs.map(|(key, fits, _)| (key, fits)).collect()
}

/// Whether a place is another one or lies below it.
fn within(place: &str, above: &str) -> bool {
    let (Some(place), Some(above)) = (Dn::parse(place), Dn::parse(above)) else { return false };
    place == above || place.as_str().ends_with(&format!(",{}", above.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn root(attributes: &[(&str, &[&str])]) -> SearchEntry {
        let attrs = attributes.iter().map(|(name, values)| {
            ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
        });
        SearchEntry { dn: String::new(), attrs: attrs.collect(), bin_attrs: HashMap::new() }
    }

    fn value<'a>(server: &'a Server, key: &str) -> Option<&'a str> {
        server.preset.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn kinds_of_servers_are_told_apart_and_each_has_its_settings() {
        let tried = config::Ldap::default();
        let ad = describe(
            &root(&[
                ("supportedCapabilities", &["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"]),
                ("namingContexts", &["CN=Configuration,DC=uni,DC=pt", "DC=uni,DC=pt"]),
                ("defaultNamingContext", &["DC=uni,DC=pt"]),
                ("supportedControl", &[wire::PAGED]),
            ]),
            &tried,
        );
        assert_eq!(
            (ad.kind, ad.vendor.as_str()),
            (Some(Kind::ActiveDirectory), "Active Directory")
        );
        assert!(ad.paging && !ad.start_tls);
        assert_eq!(value(&ad, "attribute_user"), Some("sAMAccountName"));
        assert_eq!(value(&ad, "attribute_id"), Some("objectGUID"));
        assert_eq!(value(&ad, "base_dn"), Some("DC=uni,DC=pt"));

        let ipa = describe(
            &root(&[
                ("vendorName", &["389 Project"]),
                ("ipaDomainLevel", &["1"]),
                ("namingContexts", &["cn=changelog", "dc=uni,dc=pt", "o=ipaca"]),
            ]),
            &tried,
        );
        assert_eq!((ipa.kind, ipa.vendor.as_str()), (Some(Kind::FreeIpa), "FreeIPA"));
        assert_eq!(value(&ipa, "base_dn"), Some("cn=users,cn=accounts,dc=uni,dc=pt"));
        assert_eq!(value(&ipa, "group_base_dn"), Some("cn=groups,cn=accounts,dc=uni,dc=pt"));

        let ds = describe(&root(&[("vendorName", &["389 Project"])]), &tried);
        assert_eq!(ds.kind, Some(Kind::Ds389));
        assert_eq!(value(&ds, "base_dn"), None, "nothing is known of its contexts");

        let unknown = describe(&root(&[("vendorName", &["Acme"])]), &tried);
        assert_eq!((unknown.kind, unknown.preset.len()), (None, 0));
    }

    #[test]
    fn a_base_within_the_fitting_one_is_left_alone() {
        let chosen = "OU=People, dc=Uni,dc=pt".to_owned();
        let tried = config::Ldap { base_dn: chosen, ..config::Ldap::default() };
        let server = describe(
            &root(&[
                ("objectClass", &["top", "OpenLDAProotDSE"]),
                ("namingContexts", &["dc=uni,dc=pt"]),
            ]),
            &tried,
        );
        assert_eq!(server.kind, Some(Kind::OpenLdap));
        assert_eq!(value(&server, "base_dn"), None);
        assert_eq!(value(&server, "user_filter"), None, "the default fits");
        assert!(!within("ou=people,dc=other", "dc=uni,dc=pt") && !within("", "dc=uni"));
    }
}
