//! Tries the directory step by step, for the person who sets it up: each step says how long it took,
//! what it found, and what to do if it failed.

use std::net::SocketAddr;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::clock::{Clock, Tick};
use crate::config::Ldap as Settings;

mod groups;
mod trouble;

use groups::Sight;
use trouble::{Trouble, authority, bind_trouble, fits, search_trouble, tls_trouble};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// As it should, but something is odd.
    Doubtful,
    /// It did not, and the steps after it were not tried.
    Failed,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The server that it concerns.
    pub url: String,
    /// `resolve`, `connect`, `tls`, `bind`, `search`, `map`, `user`, `groups`, `password`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What was found, in a plain sentence.
    pub found: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// Whom to look for.
#[derive(Clone, Copy, Default)]
pub struct Person<'a> {
    /// The user name; none looks for anybody.
    pub user: Option<&'a str>,
    /// A password to try, in the directory alone.
    pub password: Option<&'a str>,
}

/// Tries one server. Each step is reported as it ends; `true` if none failed.
pub async fn probe(
    settings: &Settings,
    url: &str,
    person: Person<'_>,
    clock: &Clock,
    report: &mut (dyn FnMut(Step) + Send),
) -> bool {
    let mut probe = Probe { settings, url, clock, report, began: clock.now() };
    let Some(mut ldap) = probe.reach().await else { return false };
    let passed = probe.ask(&mut ldap, person).await.is_some();
    // The answer does not matter any more.
    let _ = timeout(settings.timeout, ldap.unbind()).await;
    passed
}

struct Probe<'a> {
    settings: &'a Settings,
    url: &'a str,
    clock: &'a Clock,
    report: &'a mut (dyn FnMut(Step) + Send),
    began: Tick,
}

/// Where a URL points: the host, the port, whether TLS comes first.
fn target(url: &str) -> Option<(String, u16, bool)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = match scheme {
        "ldap" => false,
        "ldaps" => true,
        _ => return None,
    };
    let authority = rest.split(['/', '?']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, if secure { 636 } else { 389 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // ldap3 panics on an address without a host.
    (!host.is_empty()).then(|| (host.to_owned(), port, secure))
}

impl Probe<'_> {
    fn step(&mut self, name: &'static str, result: Result<String, Trouble>) -> Option<()> {
        let (outcome, found, fix) = match result {
            Ok(found) => (Outcome::Passed, found, None),
            Err(Trouble(found, fix)) => (Outcome::Failed, found, Some(fix)),
        };
        self.tell(name, outcome, found, fix);
        (outcome == Outcome::Passed).then_some(())
    }

    fn tell(&mut self, name: &'static str, outcome: Outcome, found: String, fix: Option<String>) {
        let now = self.clock.now();
        let took = now - self.began;
        self.began = now;
        (self.report)(Step { url: self.url.to_owned(), name, outcome, took, found, fix });
    }

    async fn reach(&mut self) -> Option<Ldap> {
        let Some((host, port, secure)) = target(self.url) else {
            let trouble = Trouble(
                format!("{:?} is not an LDAP address", self.url),
                "write ldaps://host or ldap://host:port in identity.ldap.urls".to_owned(),
            );
            self.step("resolve", Err(trouble));
            return None;
        };
        let limit = self.settings.timeout;
        let addresses: Vec<SocketAddr> =
            match timeout(limit, lookup_host((host.as_str(), port))).await {
                Ok(Ok(found)) => found.collect(),
                _ => Vec::new(),
            };
        let listed: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
        let resolved = if listed.is_empty() {
            Err(Trouble(
                format!("the name {host} has no address"),
                "check the name in identity.ldap.urls and this machine's name server".to_owned(),
            ))
        } else if listed == [host.as_str()] {
            Ok(format!("{host} is an address already"))
        } else {
            Ok(format!("{host} is {}", listed.join(", ")))
        };
        self.step("resolve", resolved)?;

        let mut last = "it does not answer".to_owned();
        let mut stream = None;
        for address in addresses {
            match timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(connected)) => {
                    stream = Some(connected);
                    break;
                }
                Ok(Err(error)) => last = format!("{address}: {error}"),
                Err(_) => last = format!("{address}: no answer within {limit:?}"),
            }
        }
        let connected = match &stream {
            Some(stream) => Ok(match stream.peer_addr() {
                Ok(address) => format!("connected to {address}"),
                Err(_) => "connected".to_owned(),
            }),
            None => Err(Trouble(
                last,
                format!(
                    "check that the directory listens on port {port} and that no firewall \
                         stands between"
                ),
            )),
        };
        self.step("connect", connected)?;
        self.secure(stream?, secure).await
    }

    async fn secure(&mut self, stream: TcpStream, secure: bool) -> Option<Ldap> {
        let encrypted = secure || self.settings.start_tls;
        let mut connection =
            LdapConnSettings::new().set_starttls(self.settings.start_tls && !secure);
        if encrypted && !self.settings.ca_file.as_os_str().is_empty() {
            match authority(&self.settings.ca_file) {
                Ok(config) => connection = connection.set_config(config),
                Err(trouble) => {
                    self.step("tls", Err(trouble));
                    return None;
                }
            }
        }
        let stream = match stream.into_std() {
            Ok(stream) => ldap3::StdStream::Tcp(stream),
            Err(error) => {
                self.step("tls", Err(Trouble(error.to_string(), "try again".to_owned())));
                return None;
            }
        };
        let connection = connection.set_std_stream(stream);
        let made =
            timeout(self.settings.timeout, LdapConnAsync::with_settings(connection, self.url));
        let made = match made.await {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(error)) => Err(tls_trouble(&error)),
            Err(_) => Err(Trouble(
                format!("no TLS within {:?}", self.settings.timeout),
                "is this the right port? 636 speaks TLS at once, 389 after start_tls".to_owned(),
            )),
        };
        match made {
            Ok((driver, ldap)) => {
                tokio::spawn(async move {
                    if let Err(error) = driver.drive().await {
                        tracing::debug!(%error, "the directory's connection ended");
                    }
                });
                if encrypted {
                    self.step("tls", Ok("the certificate is good".to_owned()))?;
                } else {
                    let found = "the connection is not encrypted".to_owned();
                    let fix = "use ldaps:// or start_tls = true; passwords pass in the clear";
                    self.tell("tls", Outcome::Doubtful, found, Some(fix.to_owned()));
                }
                Some(ldap)
            }
            Err(trouble) => {
                self.step("tls", Err(trouble));
                None
            }
        }
    }

    async fn ask(&mut self, ldap: &mut Ldap, person: Person<'_>) -> Option<()> {
        let bound = self.bind(ldap).await;
        self.step("bind", bound)?;
        self.look_at_password_file();
        let who =
            person.user.map_or_else(|| "*".to_owned(), |user| ldap3::ldap_escape(user).into());
        let filter = self.settings.user_filter.replace("{user}", &who);
        let found = self.search(ldap, &filter, person.user).await;
        let entries = match found {
            Ok(entries) => entries,
            Err(trouble) => {
                self.step("search", Err(trouble));
                return None;
            }
        };
        let found = match person.user {
            Some(user) => format!("{user} is {}", entries.first().map_or("", |e| e.dn.as_str())),
            None => format!("people are there, as {}", entries.first().map_or("", |e| &e.dn)),
        };
        self.step("search", Ok(found))?;
        let entry = entries.into_iter().next()?;
        let user = self.map(&entry)?;
        self.user(ldap, &entry, &user).await?;
        if !self.settings.group_base_dn.is_empty() {
            let found = groups::look(ldap, self.settings, &entry, person.user).await;
            match found {
                Ok(Sight::Found(found)) => self.step("groups", Ok(found))?,
                Ok(Sight::Odd(found, fix)) => {
                    self.tell("groups", Outcome::Doubtful, found, Some(fix));
                }
                Err(trouble) => {
                    self.step("groups", Err(trouble));
                    return None;
                }
            }
        }
        match person.password {
            Some(password) => self.password(ldap, &entry.dn, password).await,
            None => Some(()),
        }
    }

    /// A password that others on this machine may read is the directory's problem, too.
    fn look_at_password_file(&mut self) {
        use std::os::unix::fs::MetadataExt as _;
        let settings = self.settings;
        if settings.bind_dn.is_empty() {
            return;
        }
        let shown = settings.bind_password_file.display();
        let mode = std::fs::metadata(&settings.bind_password_file).map_or(0, |file| file.mode());
        if mode & 0o077 != 0 {
            let found = format!("{shown} has mode {:04o}: others may read it", mode & 0o7777);
            self.tell("file", Outcome::Doubtful, found, Some(format!("chmod 600 {shown}")));
        }
    }

    async fn bind(&mut self, ldap: &mut Ldap) -> Result<String, Trouble> {
        let settings = self.settings;
        let name = if settings.bind_dn.is_empty() { "anonymously" } else { &settings.bind_dn };
        let password = if settings.bind_dn.is_empty() {
            String::new()
        } else {
            let path = &settings.bind_password_file;
            let text = std::fs::read_to_string(path).map_err(|error| {
                Trouble(
                    format!("{}: {error}", path.display()),
                    "identity.ldap.bind_password_file must be readable by the server".to_owned(),
                )
            })?;
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            if text.is_empty() {
                // RFC 4513 s5.1.2: an empty password binds nobody, and says it went well.
                return Err(Trouble(
                    format!("{} is empty", path.display()),
                    "put the service account's password into it".to_owned(),
                ));
            }
            text
        };
        let answer = ldap.with_timeout(settings.timeout).simple_bind(&settings.bind_dn, &password);
        match answer.await.and_then(ldap3::LdapResult::success) {
            Ok(_) => Ok(format!("bound as {name}").replace("as anonymously", "anonymously")),
            Err(error) => Err(bind_trouble(&error)),
        }
    }

    async fn search(
        &mut self,
        ldap: &mut Ldap,
        filter: &str,
        user: Option<&str>,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let settings = self.settings;
        let attributes: Vec<&str> = [
            &settings.attribute_user,
            &settings.attribute_name,
            &settings.attribute_mail,
            &settings.attribute_id,
            &settings.attribute_number,
            &settings.secret_attribute,
        ]
        .into_iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
        let answer = ldap
            .with_timeout(settings.timeout)
            .with_search_options(SearchOptions::new().sizelimit(2))
            .search(&settings.base_dn, Scope::Subtree, filter, attributes)
            .await
            .map_err(|error| search_trouble(&error, settings, filter))?;
        let ldap3::SearchResult(rows, result) = answer;
        // 4: the limit of two was reached, which is what was asked for.
        if result.rc != 0 && result.rc != 4 {
            return Err(search_trouble(&LdapError::from(result), settings, filter));
        }
        let entries: Vec<SearchEntry> = rows
            .into_iter()
            .filter(|row| !row.is_ref() && !row.is_intermediate())
            .map(SearchEntry::construct)
            .collect();
        match (entries.len(), user) {
            (0, Some(user)) => Err(Trouble(
                format!("nobody matches {filter} below {}", settings.base_dn),
                format!(
                    "is {user:?} spelt right? else check base_dn and user_filter, and that \
                         bind_dn may read the people"
                ),
            )),
            (0, None) => Err(Trouble(
                format!("nobody matches {filter} below {}", settings.base_dn),
                "check base_dn and user_filter, and that bind_dn may read the people".to_owned(),
            )),
            (2.., Some(user)) => Err(Trouble(
                format!("more than one entry matches {filter}, so {user} could not sign in"),
                "make user_filter so narrow that it finds one".to_owned(),
            )),
            _ => Ok(entries),
        }
    }

    fn map(&mut self, entry: &SearchEntry) -> Option<String> {
        let settings = self.settings;
        let first = |name: &str| {
            let values = |(key, values): (&String, &Vec<String>)| {
                key.eq_ignore_ascii_case(name).then(|| values.first().cloned()).flatten()
            };
            entry.attrs.iter().find_map(values)
        };
        let mut missing = Vec::new();
        let mut pairs = Vec::new();
        for (key, name) in [
            ("attribute_user", &settings.attribute_user),
            ("attribute_name", &settings.attribute_name),
            ("attribute_mail", &settings.attribute_mail),
            ("attribute_id", &settings.attribute_id),
            ("attribute_number", &settings.attribute_number),
        ] {
            match first(name) {
                _ if name.is_empty() => {}
                Some(value) => pairs.push(format!("{name} = {value}")),
                None => missing.push((key, name)),
            }
        }
        let lacks = |key: &str| missing.iter().any(|(missing, _)| *missing == key);
        if lacks("attribute_user") || lacks("attribute_id") {
            let names: Vec<&str> = missing.iter().map(|(_, name)| name.as_str()).collect();
            let trouble = Trouble(
                format!("{} has no {}", entry.dn, names.join(", ")),
                "attribute_user and attribute_id must name attributes that everybody has and that \
                 bind_dn may read"
                    .to_owned(),
            );
            self.step("map", Err(trouble));
            return None;
        }
        if missing.is_empty() {
            self.step("map", Ok(pairs.join(", ")))?;
        } else {
            let keys: Vec<&str> = missing.iter().map(|(key, _)| *key).collect();
            let fix = format!("nothing, if that is meant; else check {}", keys.join(", "));
            let names: Vec<&str> = missing.iter().map(|(_, name)| name.as_str()).collect();
            let found = format!("{}; no {}", pairs.join(", "), names.join(", "));
            self.tell("map", Outcome::Doubtful, found, Some(fix));
        }
        first(&settings.attribute_user)
    }

    /// How this person would sign in.
    async fn user(&mut self, ldap: &mut Ldap, entry: &SearchEntry, user: &str) -> Option<()> {
        let settings = self.settings;
        if !settings.disabled_filter.is_empty() {
            let answer = ldap
                .with_timeout(settings.timeout)
                .search(&entry.dn, Scope::Base, &settings.disabled_filter, vec!["1.1"])
                .await;
            match answer.and_then(ldap3::SearchResult::success) {
                Ok((rows, _)) if !rows.is_empty() => {
                    let found = format!("{user} is locked out by disabled_filter");
                    let fix = "nothing, if that is meant".to_owned();
                    self.tell("user", Outcome::Doubtful, found, Some(fix));
                    return Some(());
                }
                Ok(_) => {}
                Err(error) => {
                    let filter = &settings.disabled_filter;
                    self.step("user", Err(search_trouble(&error, settings, filter)));
                    return None;
                }
            }
        }
        if settings.secret_attribute.is_empty() {
            let found = format!("{user} signs in with a password per device (tagus device add)");
            return self.step("user", Ok(found));
        }
        let name = &settings.secret_attribute;
        let text = entry.attrs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let binary = entry.bin_attrs.keys().any(|key| key.eq_ignore_ascii_case(name));
        let secret = text.and_then(|(_, values)| values.first());
        match secret {
            Some(secret) if fits(secret, settings.secret_format) => {
                self.step("user", Ok(format!("{user} signs in with what {name} holds")))
            }
            Some(_) => {
                let trouble = Trouble(
                    format!("what {name} holds is not of the format {:?}", settings.secret_format),
                    "a salted hash cannot serve Digest: leave secret_attribute empty and use \
                     device credentials"
                        .to_owned(),
                );
                self.step("user", Err(trouble))
            }
            None => {
                let what = if binary { "holds no text" } else { "cannot be read" };
                let trouble = Trouble(
                    format!("{name} of {user} {what}"),
                    format!("permit bind_dn to read {name}, or leave secret_attribute empty"),
                );
                self.step("user", Err(trouble))
            }
        }
    }

    async fn password(&mut self, ldap: &mut Ldap, dn: &str, password: &str) -> Option<()> {
        let result = if password.is_empty() || password.contains('\0') {
            Err(Trouble("an empty password is never tried".to_owned(), "give one".to_owned()))
        } else {
            let bind = ldap.with_timeout(self.settings.timeout).simple_bind(dn, password).await;
            match bind.and_then(ldap3::LdapResult::success) {
                Ok(_) => Ok("the directory takes this password".to_owned()),
                Err(LdapError::LdapResult { result }) if result.rc == 49 => Err(Trouble(
                    "the directory refuses this password".to_owned(),
                    "it is wrong, expired, or the account is locked in the directory".to_owned(),
                )),
                Err(error) => Err(bind_trouble(&error)),
            }
        };
        self.step("password", result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_point_to_hosts_and_ports() {
        let is = |url, host: &str, port, secure| {
            assert_eq!(target(url), Some((host.to_owned(), port, secure)), "{url}");
        };
        is("ldap://a.example", "a.example", 389, false);
        is("ldaps://a.example/", "a.example", 636, true);
        is("ldap://127.0.0.1:3890", "127.0.0.1", 3890, false);
        is("ldaps://[::1]:6360", "::1", 6360, true);
        is("ldap://[::1]", "::1", 389, false);
        assert_eq!(target("http://a"), None);
        assert_eq!(target("ldap://a:b"), None);
        assert_eq!(target("ldap:///"), None);
    }
}
