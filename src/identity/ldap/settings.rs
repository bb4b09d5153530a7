//! The directory's settings, checked.

use std::path::PathBuf;
use std::time::Duration;

use ldap3::{dn_escape, ldap_escape};
use zeroize::Zeroizing;

use super::Wanted;
use crate::config;
use crate::config::{Password, SecretFormat};

/// Why the settings cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No server.
    #[error("identity.ldap.urls names no server")]
    NoServer,
    /// A filter does not say where the name goes.
    #[error("identity.ldap.user_filter must contain {{user}}")]
    UserFilter,
    /// The template does not say where the name goes.
    #[error("identity.address_template must contain {{user}} exactly once")]
    Template,
    /// The pool of connections cannot be made.
    #[error("connections to the directory: {0}")]
    Pool(String),
    /// A file cannot be used.
    #[error("identity.ldap.{key}: {problem}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// What the directory holds that Digest can be verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretAttribute {
    /// The attribute.
    pub name: String,
    /// What it holds.
    pub format: SecretFormat,
}

/// How a person is found and read. See `[identity.ldap]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of config::Ldap")]
pub struct Settings {
    pub urls: Vec<String>,
    pub start_tls: bool,
    /// Empty is the system's authorities.
    pub ca_file: PathBuf,
    pub ca_pem: String,
    pub bind_dn: String,
    /// Read at each connection, so that a password can be changed while the server runs.
    pub bind_password_file: PathBuf,
    /// Goes before the file's.
    pub bind_password: Option<Password>,
    pub base_dn: String,
    pub user_filter: String,
    pub attribute_user: String,
    pub attribute_name: String,
    pub attribute_mail: String,
    pub attribute_number: String,
    pub attribute_id: String,
    pub secret: Option<SecretAttribute>,
    pub disabled_filter: String,
    /// Empty is no groups.
    pub group_base_dn: String,
    pub group_filter: String,
    pub timeout: Duration,
    pub sync_interval: Duration,
    pub guard_percent: u32,
    pub guard_people: u32,
}

impl TryFrom<&config::Ldap> for Settings {
    type Error = SettingsError;

    fn try_from(ldap: &config::Ldap) -> Result<Settings, SettingsError> {
        if ldap.urls.is_empty() {
            return Err(SettingsError::NoServer);
        }
        if !ldap.user_filter.contains("{user}") {
            return Err(SettingsError::UserFilter);
        }
        let secret = (!ldap.secret_attribute.is_empty()).then(|| SecretAttribute {
            name: ldap.secret_attribute.clone(),
            format: ldap.secret_format,
        });
        Ok(Settings {
            urls: ldap.urls.clone(),
            start_tls: ldap.start_tls,
            ca_file: ldap.ca_file.clone(),
            ca_pem: ldap.ca_pem.clone(),
            bind_dn: ldap.bind_dn.clone(),
            bind_password_file: ldap.bind_password_file.clone(),
            bind_password: ldap.bind_password.clone(),
            base_dn: ldap.base_dn.clone(),
            user_filter: ldap.user_filter.clone(),
            attribute_user: ldap.attribute_user.clone(),
            attribute_name: ldap.attribute_name.clone(),
            attribute_mail: ldap.attribute_mail.clone(),
            attribute_number: ldap.attribute_number.clone(),
            attribute_id: ldap.attribute_id.clone(),
            secret,
            disabled_filter: ldap.disabled_filter.clone(),
            group_base_dn: ldap.group_base_dn.clone(),
            group_filter: ldap.group_filter.clone(),
            timeout: ldap.timeout.max(Duration::from_millis(50)),
            sync_interval: ldap.sync_interval.max(Duration::from_secs(1)),
            guard_percent: ldap.guard_percent,
            guard_people: ldap.guard_people,
        })
    }
}

impl Settings {
    /// The password of the service account, in no case an empty one: that would bind as nobody and
    /// seem to work.
    pub(super) fn password(&self) -> Result<Zeroizing<String>, String> {
        if let Some(password) = &self.bind_password {
            return Ok(Zeroizing::new(password.expose().to_owned()));
        }
        let named = |problem: String| format!("identity.ldap.bind_password_file: {problem}");
        let password = super::read_password(&self.bind_password_file).map_err(named)?;
        if password.is_empty() {
            return Err("identity.ldap.bind_password_file is empty".to_owned());
        }
        Ok(password)
    }

    /// The authorities that the settings name in place of the system's, PEM; `None`: the system's.
    pub(super) fn authorities(&self) -> Option<Result<Vec<u8>, SettingsError>> {
        if !self.ca_pem.is_empty() {
            return Some(Ok(self.ca_pem.clone().into_bytes()));
        }
        let file = Some(&self.ca_file).filter(|file| !file.as_os_str().is_empty())?;
        Some(std::fs::read(file).map_err(|error| SettingsError::File {
            key: self.authority_key(),
            problem: format!("{}: {error}", file.display()),
        }))
    }

    /// The key that names the authorities.
    pub(super) const fn authority_key(&self) -> &'static str {
        if self.ca_pem.is_empty() { "ca_file" } else { "ca_pem" }
    }

    /// Whether these people are found in the same place and in the same way, so that what is known of
    /// them counts on.
    #[must_use]
    pub fn finds_as(&self, other: &Settings) -> bool {
        let paced = Settings {
            timeout: other.timeout,
            sync_interval: other.sync_interval,
            guard_percent: other.guard_percent,
            guard_people: other.guard_people,
            ..self.clone()
        };
        paced == *other
    }

    /// The filter for one person. The name goes in escaped (RFC 4515 s3), so it can only ever be
    /// a value.
    pub(super) fn filter_for(&self, uid: &str) -> String {
        self.user_filter.replace("{user}", &ldap_escape(uid))
    }

    /// The filter for everybody.
    pub(super) fn filter_for_all(&self) -> String {
        self.user_filter.replace("{user}", "*")
    }

    /// Whether the directory's groups are read.
    #[must_use]
    pub const fn has_groups(&self) -> bool {
        !self.group_base_dn.is_empty()
    }

    /// A place for `uid` where nobody is.
    pub(crate) fn decoy_dn(&self, uid: &str) -> String {
        format!("{}={},{}", self.attribute_user, dn_escape(uid), self.base_dn)
    }

    /// What is read of one person. Never the photograph: it is asked for by those who show it.
    pub(super) fn attributes(&self, wanted: Wanted) -> Vec<&str> {
        let secret = self.secret.as_ref().map_or("", |secret| secret.name.as_str());
        let mut names = vec![self.attribute_user.as_str(), self.attribute_id.as_str(), secret];
        if wanted == Wanted::Everything {
            names.extend([
                self.attribute_name.as_str(),
                self.attribute_mail.as_str(),
                self.attribute_number.as_str(),
            ]);
        }
        names.retain(|name| !name.is_empty());
        names
    }
}

/// How the user part of an address is formed of the directory's name: `{user}` with text around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    before: String,
    after: String,
}

impl Default for Template {
    /// `{user}`
    fn default() -> Template {
        Template { before: String::new(), after: String::new() }
    }
}

impl Template {
    /// Reads `identity.address_template`.
    ///
    /// # Errors
    /// [`SettingsError::Template`] unless `{user}` stands in it once.
    pub fn new(template: &str) -> Result<Template, SettingsError> {
        let (before, after) = template.split_once("{user}").ok_or(SettingsError::Template)?;
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(SettingsError::Template);
        }
        // Names are folded character by character, and so must be what stands around them.
        let fold = |text| crate::identity::name::fold(text).into_owned();
        Ok(Template { before: fold(before), after: fold(after) })
    }

    /// The directory's name for the canonical user part of an address, if it can have one.
    #[must_use]
    pub fn uid_of<'a>(&self, user: &'a str) -> Option<&'a str> {
        let uid = user.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        (!uid.is_empty()).then_some(uid)
    }

    /// The user part of the address for the directory's name.
    #[must_use]
    pub fn user_of(&self, uid: &str) -> String {
        format!("{}{uid}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::try_from(&config::Ldap::default()).unwrap()
    }

    #[test]
    fn a_name_never_leaves_its_place_in_the_filter() {
        let settings = settings();
        for (name, inside) in [
            ("alice", "alice"),
            ("*", "\\2a"),
            ("*)(uid=*", "\\2a\\29\\28uid=\\2a"),
            ("admin)(!(&(1=0", "admin\\29\\28!\\28&\\281=0"),
            ("a\\b\0", "a\\5cb\\00"),
        ] {
            let expected = format!("(&(objectClass=inetOrgPerson)(uid={inside}))");
            assert_eq!(settings.filter_for(name), expected);
        }
    }

    #[test]
    fn settings_that_cannot_work_are_errors() {
        let user_filter = "(uid=alice)".to_owned();
        let mut ldap = config::Ldap { user_filter, ..config::Ldap::default() };
        assert_eq!(Settings::try_from(&ldap).unwrap_err(), SettingsError::UserFilter);
        ldap.urls.clear();
        assert_eq!(Settings::try_from(&ldap).unwrap_err(), SettingsError::NoServer);
    }

    #[test]
    fn the_address_template_goes_both_ways() {
        let plain = Template::new("{user}").unwrap();
        assert_eq!(plain.uid_of("alice"), Some("alice"));
        let around = Template::new("im.{user}.x").unwrap();
        assert_eq!(around.user_of("alice"), "im.alice.x");
        assert_eq!(around.uid_of("im.alice.x"), Some("alice"));
        assert_eq!(around.uid_of("alice"), None);
        assert_eq!(around.uid_of("im..x"), None);
        for wrong in ["", "user", "{user}{user}", "{user}.{mail}"] {
            assert!(Template::new(wrong).is_err(), "{wrong}");
        }
    }

    /// What an assertion value of a filter stands for (RFC 4515 s3).
    fn unescape(value: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = value.as_bytes();
        while let [first, tail @ ..] = rest {
            if *first == b'\\' {
                let digits = std::str::from_utf8(&tail[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &tail[2..];
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_template_is_folded_as_names_are() {
        let template = Template::new("ΑΣ{user}").unwrap();
        let user = crate::identity::UserName::canonical("ΑΣana");
        assert_eq!(template.uid_of(&user), Some("ana"));
    }

    proptest::proptest! {
        /// RFC 4515 s3: whatever the name, the filter has its own brackets and stars alone, and
        /// the value stands for the name.
        #[test]
        fn any_name_is_a_value_in_the_filter(name in "([*()\\\\\\x00=&|!a]|\\PC){0,20}") {
            let filter = settings().filter_for(&name);
            let value = filter.strip_prefix("(&(objectClass=inetOrgPerson)(uid=").unwrap();
            let value = value.strip_suffix("))").unwrap();
            proptest::prop_assert!(!value.contains(['(', ')', '*', '\0']), "{value}");
            proptest::prop_assert_eq!(unescape(value), name);
        }

        #[test]
        fn a_template_gives_back_the_name(uid in "[a-z0-9.]{1,8}", around in "[A-Za-z.]{0,4}\\{user\\}[A-Za-z.]{0,4}") {
            let template = Template::new(&around).unwrap();
            let user = template.user_of(&uid);
            proptest::prop_assert_eq!(template.uid_of(&user), Some(uid.as_str()));
        }
    }
}
