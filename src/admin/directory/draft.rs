//! The form of settings that are not saved: what is in its fields, and what fills them.

use std::collections::BTreeMap;

use crate::config::{Ldap, SecretFormat};
use crate::identity::workbench::{Kind, preset};
use crate::operations::{DirectorySettings, Secret, TrialSettings};
use crate::web::Form;

/// The fields, but for passwords, which are never sent back. Those of the configuration go by the names
/// that it gives them.
const FIELDS: [&str; 19] = [
    "urls",
    "start_tls",
    "ca_pem",
    "bind_dn",
    "base_dn",
    "user_filter",
    "attribute_user",
    "attribute_name",
    "attribute_mail",
    "attribute_number",
    "attribute_photo",
    "attribute_id",
    "disabled_filter",
    "group_base_dn",
    "group_filter",
    "admin_group",
    "secret_attribute",
    "secret_format",
    "person",
];
/// Servers at most.
const MOST_SERVERS: usize = 8;
/// Characters of one field at most; an authority's certificate may be longer.
const LONGEST: usize = 2_000;

/// What is in the form.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft(BTreeMap<&'static str, String>);

impl Draft {
    /// The settings in force. Where none are in use those that are examples are left out.
    pub(super) fn of_settings(settings: &DirectorySettings) -> Draft {
        let ldap = &settings.ldap;
        let mut draft = Draft::default();
        let lines = ldap.urls.join("\n");
        let format = format_name(ldap.secret_format);
        for (field, value) in [
            ("urls", lines.as_str()),
            ("start_tls", if ldap.start_tls { "yes" } else { "" }),
            ("ca_pem", &ldap.ca_pem),
            ("bind_dn", &ldap.bind_dn),
            ("base_dn", &ldap.base_dn),
            ("user_filter", &ldap.user_filter),
            ("attribute_user", &ldap.attribute_user),
            ("attribute_name", &ldap.attribute_name),
            ("attribute_mail", &ldap.attribute_mail),
            ("attribute_number", &ldap.attribute_number),
            ("attribute_photo", &ldap.attribute_photo),
            ("attribute_id", &ldap.attribute_id),
            ("disabled_filter", &ldap.disabled_filter),
            ("group_base_dn", &ldap.group_base_dn),
            ("group_filter", &ldap.group_filter),
            ("admin_group", &ldap.admin_group),
            ("secret_attribute", &ldap.secret_attribute),
            ("secret_format", format),
        ] {
            draft.set(field, value);
        }
        let example = Ldap::default();
        if !settings.in_use && ldap.urls == example.urls {
            draft.set("urls", "");
            let parts = settings.domain.split('.').map(|part| format!("dc={part}"));
            draft.set("base_dn", &parts.collect::<Vec<_>>().join(","));
        }
        draft
    }

    /// What was typed.
    pub(super) fn of_form(form: &Form) -> Draft {
        let mut draft = Draft::default();
        for field in FIELDS {
            draft.set(field, form.trimmed(field));
        }
        draft
    }

    /// What is in a field.
    pub(super) fn value(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(super) fn is_set(&self, field: &str) -> bool {
        !self.value(field).is_empty()
    }

    fn set(&mut self, field: &str, value: &str) {
        let Some(field) = Draft::field(field) else { return };
        let most = if field == "ca_pem" { 32 * LONGEST } else { LONGEST };
        // A text of several lines comes from a browser with other ends of lines.
        let value = value.chars().filter(|c| *c != '\r').take(most).collect();
        self.0.insert(field, value);
    }

    /// Fills in what a button brings: fields and their values, as a form has them.
    pub(super) fn fill(&mut self, pairs: &str) {
        for (field, value) in form_urlencoded::parse(pairs.as_bytes()).take(FIELDS.len()) {
            self.set(&field, &value);
        }
    }

    /// The servers.
    pub(super) fn urls(&self) -> Vec<String> {
        let urls = self.value("urls").split([' ', '\n', '\r', ',']).filter(|url| !url.is_empty());
        urls.take(MOST_SERVERS).map(str::to_owned).collect()
    }

    /// The field of this name.
    pub(super) fn field(name: &str) -> Option<&'static str> {
        FIELDS.into_iter().find(|known| *known == name)
    }

    /// What is in the fields of settings, by the keys of the configuration.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let settings = self.0.iter().filter(|(field, _)| **field != "person");
        settings.map(|(field, value)| {
            let value = match *field {
                "urls" => self.urls().join(","),
                "start_tls" => self.is_set("start_tls").to_string(),
                _ => value.clone(),
            };
            (format!("identity.ldap.{field}"), value)
        })
    }

    /// The settings, with what has no field as it is in force.
    pub(super) fn ldap(&self, in_force: &Ldap) -> Ldap {
        let text = |field| self.value(field).to_owned();
        Ldap {
            urls: self.urls(),
            start_tls: self.is_set("start_tls"),
            ca_pem: text("ca_pem"),
            bind_dn: text("bind_dn"),
            base_dn: text("base_dn"),
            user_filter: text("user_filter"),
            attribute_user: text("attribute_user"),
            attribute_name: text("attribute_name"),
            attribute_mail: text("attribute_mail"),
            attribute_number: text("attribute_number"),
            attribute_photo: text("attribute_photo"),
            attribute_id: text("attribute_id"),
            disabled_filter: text("disabled_filter"),
            group_base_dn: text("group_base_dn"),
            group_filter: text("group_filter"),
            admin_group: text("admin_group"),
            secret_attribute: text("secret_attribute"),
            secret_format: format_of(self.value("secret_format")),
            ..in_force.clone()
        }
    }

    /// What is to be tried; passwords are taken from the form.
    pub(super) fn trial(&self, in_force: &Ldap, form: &Form) -> TrialSettings {
        let typed = |field| {
            let text = form.get(field);
            (!text.is_empty()).then(|| Secret::new(text.to_owned()))
        };
        let some = |field| Some(self.value(field).to_owned()).filter(|text| !text.is_empty());
        TrialSettings {
            ldap: self.ldap(in_force),
            password: typed("password"),
            person: some("person"),
            person_password: typed("person_password").filter(|_| self.is_set("person")),
        }
    }
}

const fn format_name(format: SecretFormat) -> &'static str {
    match format {
        SecretFormat::Cleartext => "cleartext",
        SecretFormat::Ha1Md5 => "ha1-md5",
        SecretFormat::Ha1Sha256 => "ha1-sha256",
    }
}

fn format_of(name: &str) -> SecretFormat {
    match name {
        "ha1-md5" => SecretFormat::Ha1Md5,
        "ha1-sha256" => SecretFormat::Ha1Sha256,
        _ => SecretFormat::Cleartext,
    }
}

/// Fields and their values, as a button brings them.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs);
    out.finish()
}

/// What a button fills in for a kind of directory.
pub(super) fn preset_pairs(kind: Kind) -> String {
    let nothing = Ldap {
        base_dn: String::new(),
        user_filter: String::new(),
        attribute_user: String::new(),
        attribute_name: String::new(),
        attribute_mail: String::new(),
        attribute_id: String::new(),
        group_filter: String::new(),
        ..Ldap::default()
    };
    let mut all = preset(kind, "", &nothing);
    if !all.iter().any(|(key, _)| *key == "disabled_filter") {
        all.push(("disabled_filter", String::new()));
    }
    pairs(all.iter().map(|(key, value)| (*key, value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(in_use: bool) -> DirectorySettings {
        DirectorySettings {
            in_use,
            ldap: Ldap::default(),
            password_is_kept: false,
            domain: "campus.test".to_owned(),
        }
    }

    #[test]
    fn a_form_of_the_settings_in_force_gives_them_back() {
        let draft = Draft::of_settings(&settings(true));
        assert_eq!(draft.ldap(&Ldap::default()), Ldap::default());
        let fresh = Draft::of_settings(&settings(false));
        assert_eq!((fresh.value("urls"), fresh.value("base_dn")), ("", "dc=campus,dc=test"));
    }

    #[test]
    fn a_button_fills_fields_that_there_are_and_no_others() {
        let mut draft = Draft::of_settings(&settings(true));
        draft.fill(&pairs([("urls", "ldap://a b"), ("start_tls", "yes"), ("password", "x")]));
        assert_eq!(draft.urls(), ["ldap://a", "b"]);
        assert!(draft.is_set("start_tls") && draft.value("password").is_empty());
        draft.fill(&preset_pairs(Kind::ActiveDirectory));
        assert_eq!(draft.value("attribute_id"), "objectGUID");
        assert!(draft.value("user_filter").contains("(sAMAccountName={user})"));
        draft.fill(&preset_pairs(Kind::OpenLdap));
        assert_eq!(
            (draft.value("attribute_id"), draft.value("disabled_filter")),
            ("entryUUID", "")
        );
        assert_eq!(draft.urls().len(), 2, "a preset leaves the servers alone");
    }

    #[test]
    fn a_name_without_a_password_is_looked_for_and_a_password_without_a_name_is_nobodys() {
        let form = Form::parse(b"urls=ldap://a&person=&person_password=x&password=y").unwrap();
        let trial = Draft::of_form(&form).trial(&Ldap::default(), &form);
        assert_eq!((trial.person, trial.person_password), (None, None));
        assert_eq!(trial.password, Some(Secret::new("y".to_owned())));
    }
}
