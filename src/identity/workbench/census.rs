//! The sixth step: what becomes of the people. All are counted, some are shown as they will be.

use std::collections::HashMap;

use ldap3::{Scope, SearchEntry, SearchOptions, SearchResult};

use super::Trial;
use super::code::Code;
use super::finding::bounded;
use super::report::{Detail, Sample, StepName};
use super::run::{Outcome, Run};
use crate::config::SecretFormat;
use crate::identity::ldap::guard::Session;
use crate::identity::ldap::{Listing, Places, Roll, Template, identifier, values, visible};
use crate::identity::name::{fold, is_valid_name};

/// People who are shown.
const SHOWN: usize = 20;
/// Names of one kind of conflict that are shown.
const NAMED: usize = 10;
/// People who are remembered to find names that are there twice.
const MOST: usize = 200_000;

/// What was read of everybody.
pub(super) struct Census {
    ldap: crate::config::Ldap,
    domain: String,
    template: Template,
    pub(super) entries: u64,
    pub(super) complete: bool,
    pub(super) roll: Roll,
    pub(super) places: Places,
    users: HashMap<Box<str>, u32>,
    mails: HashMap<Box<str>, u32>,
    unfit: Vec<String>,
    unfit_count: u64,
    without: [u64; 4],
    samples: Vec<Sample>,
}

/// The places in `without`.
const USER: usize = 0;
const NAME: usize = 1;
const MAIL: usize = 2;
const ID: usize = 3;

impl Census {
    pub(super) fn new(trial: &Trial) -> Census {
        Census {
            ldap: trial.ldap.clone(),
            domain: trial.domain.clone(),
            template: Template::new(&trial.address_template).unwrap_or_default(),
            entries: 0,
            complete: false,
            roll: Roll::default(),
            places: Places::default(),
            users: HashMap::new(),
            mails: HashMap::new(),
            unfit: Vec::new(),
            unfit_count: 0,
            without: [0; 4],
            samples: Vec::new(),
        }
    }

    /// Takes one entry.
    pub(super) fn take(&mut self, entry: &SearchEntry) {
        self.entries += 1;
        let ldap = &self.ldap;
        let first = |name: &str| values(entry, name).first().copied().unwrap_or_default();
        let names = values(entry, &ldap.attribute_user);
        let id = identifier(entry, &ldap.attribute_id).unwrap_or_default();
        let mail = first(&ldap.attribute_mail);
        let name = first(&ldap.attribute_name);
        let missing = [names.is_empty(), name.is_empty(), mail.is_empty(), id.is_empty()];
        for (count, missing) in self.without.iter_mut().zip(missing) {
            *count += u64::from(missing);
        }
        let mut unfit = false;
        for name in &names {
            let folded = fold(name);
            let user = self.template.user_of(&folded);
            if !is_valid_name(&user) {
                unfit = true;
                self.unfit_count += 1;
                if self.unfit.len() < NAMED {
                    self.unfit.push(bounded(name));
                }
            }
            note(&mut self.users, &folded);
        }
        if !mail.is_empty() {
            note(&mut self.mails, &fold(mail));
        }
        if self.roll.people.len() < MOST && !ldap.group_base_dn.is_empty() {
            for name in &names {
                let listing = Listing::default();
                self.roll.people.insert(fold(name).into(), listing);
            }
            self.places.add(&entry.dn, &names);
        }
        if self.samples.len() < SHOWN {
            let user = names.first().map(|name| fold(name).into_owned()).unwrap_or_default();
            let address = match user.is_empty() || unfit {
                true => String::new(),
                false => format!("sip:{}@{}", self.template.user_of(&user), self.domain),
            };
            let mut sample = Sample {
                dn: bounded(&entry.dn),
                user: bounded(&user),
                address: bounded(&address),
                name: bounded(&visible(name)),
                mail: bounded(&visible(mail)),
                number: bounded(&visible(first(&ldap.attribute_number))),
                id: bounded(&id),
                conflicts: Vec::new(),
            };
            sample.conflicts.extend(unfit.then(|| Code::BadName.key()));
            let lacks = names.is_empty() || mail.is_empty() || id.is_empty();
            sample.conflicts.extend(lacks.then(|| Code::SomeLack.key()));
            self.samples.push(sample);
        }
    }

    /// Notes that an entry is locked out.
    pub(super) fn lock(&mut self, entry: &SearchEntry) {
        for name in values(entry, &self.ldap.attribute_user) {
            if let Some(listing) = self.roll.people.get_mut(fold(name).as_ref()) {
                listing.disabled = true;
            }
        }
    }

    /// The samples, with what is only known when all are counted.
    fn samples(&self) -> Vec<Sample> {
        let twice = |known: &HashMap<Box<str>, u32>, value: &str| {
            known.get(fold(value).as_ref()).is_some_and(|count| *count > 1)
        };
        let mut samples = self.samples.clone();
        for sample in &mut samples {
            if twice(&self.users, &sample.user) {
                sample.conflicts.push(Code::DuplicateUser.key());
            }
            if twice(&self.mails, &sample.mail) {
                sample.conflicts.push(Code::DuplicateMail.key());
            }
        }
        samples
    }

    /// What is wrong with the people as they are understood.
    fn judge(&self, outcome: &mut Outcome) {
        let ldap = &self.ldap;
        let everybody = |place: usize| self.without.get(place) == Some(&self.entries);
        if everybody(USER) {
            outcome.add(Code::NoUser.with([("attribute", ldap.attribute_user.clone())]));
        }
        if everybody(ID) {
            outcome.add(Code::NoId.with([("attribute", ldap.attribute_id.clone())]));
        }
        for (place, key, attribute) in [
            (USER, "attribute_user", &ldap.attribute_user),
            (NAME, "attribute_name", &ldap.attribute_name),
            (MAIL, "attribute_mail", &ldap.attribute_mail),
            (ID, "attribute_id", &ldap.attribute_id),
        ] {
            let count = self.without.get(place).copied().unwrap_or(0);
            let told = matches!(place, USER | ID) && everybody(place);
            if count > 0 && !told && !attribute.is_empty() {
                outcome.add(Code::SomeLack.with([
                    ("count", count.to_string()),
                    ("attribute", attribute.clone()),
                    ("key", key.to_owned()),
                ]));
            }
        }
        for (code, known) in
            [(Code::DuplicateUser, &self.users), (Code::DuplicateMail, &self.mails)]
        {
            let mut twice: Vec<&str> =
                known.iter().filter(|(_, count)| **count > 1).map(|(name, _)| &**name).collect();
            twice.sort_unstable();
            if !twice.is_empty() {
                let names = twice.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
                outcome.add(code.with([("count", twice.len().to_string()), ("names", names)]));
            }
        }
        if self.unfit_count > 0 {
            outcome.add(
                Code::BadName.with([
                    ("count", self.unfit_count.to_string()),
                    ("names", self.unfit.join(", ")),
                ]),
            );
        }
    }
}

/// What is read of everybody. Never the secret.
pub(super) fn attributes(ldap: &crate::config::Ldap) -> Vec<&str> {
    let names = [
        &ldap.attribute_user,
        &ldap.attribute_name,
        &ldap.attribute_mail,
        &ldap.attribute_id,
        &ldap.attribute_number,
    ];
    names.into_iter().map(String::as_str).filter(|name| !name.is_empty()).collect()
}

fn note(known: &mut HashMap<Box<str>, u32>, name: &str) {
    if let Some(count) = known.get_mut(name) {
        *count += 1;
    } else if known.len() < MOST {
        known.insert(name.into(), 1);
    }
}

impl Run<'_> {
    /// Shows what becomes of the people.
    pub(super) async fn map(&mut self, session: &Session, census: &Census) {
        let samples = census.samples();
        let count = ("count", samples.len().to_string());
        let mut outcome = Outcome::of(Code::Mapped.with([count]));
        census.judge(&mut outcome);
        if !self.trial.ldap.secret_attribute.is_empty() {
            self.secrets(session, &mut outcome).await;
        }
        self.end(StepName::Map, outcome.with(Detail::Samples(samples)));
    }

    /// Whether the secrets of some people can be read and used. They are looked at, and not kept.
    async fn secrets(&self, session: &Session, outcome: &mut Outcome) {
        let ldap = &self.trial.ldap;
        let name = ldap.secret_attribute.as_str();
        let filter = self.trial.everybody();
        let mut handle = session.ldap.clone();
        let most = i32::try_from(SHOWN).unwrap_or(i32::MAX);
        handle.with_search_options(SearchOptions::new().sizelimit(most));
        let question = handle.search(&ldap.base_dn, Scope::Subtree, &filter, [name]);
        let rows = match self.ask(session, self.limit(), question).await {
            Ok(SearchResult(rows, _)) => rows,
            Err(failure) => {
                let failed = failure.outcome(|answer| self.refusal(answer));
                outcome.findings.extend(failed.findings);
                return;
            }
        };
        let rows = rows.into_iter().filter(|row| !row.is_ref() && !row.is_intermediate());
        let entries: Vec<SearchEntry> = rows.map(SearchEntry::construct).collect();
        let secrets = entries.iter().filter_map(|entry| values(entry, name).into_iter().next());
        let (mut readable, mut fit) = (0, 0);
        for secret in secrets {
            readable += 1;
            fit += usize::from(fits(secret, ldap.secret_format));
        }
        let attribute = ("attribute", name.to_owned());
        if readable == 0 {
            outcome.add(Code::NoSecret.with([attribute]));
        } else if fit < readable {
            let format = ("format", format!("{:?}", ldap.secret_format));
            outcome.add(Code::BadSecret.with([attribute, format]));
        }
    }
}

/// Whether an attribute's value can serve as the secret that it is said to be.
pub(super) fn fits(secret: &str, format: SecretFormat) -> bool {
    let hex = |length: usize| {
        secret.len() == length && secret.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match format {
        // RFC 3112 and common practice: {SSHA}…, {CRYPT}…; {CLEARTEXT} is the password itself.
        SecretFormat::Cleartext => {
            !secret.starts_with('{') || secret.to_ascii_uppercase().starts_with("{CLEARTEXT}")
        }
        SecretFormat::Ha1Md5 => hex(32),
        SecretFormat::Ha1Sha256 => hex(64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_from_secrets() {
        assert!(fits("secret", SecretFormat::Cleartext));
        assert!(fits("{CLEARTEXT}secret", SecretFormat::Cleartext));
        assert!(!fits("{SSHA}AAAA", SecretFormat::Cleartext));
        assert!(fits(&"0a".repeat(16), SecretFormat::Ha1Md5));
        assert!(!fits(&"0a".repeat(32), SecretFormat::Ha1Md5));
        assert!(fits(&"0A".repeat(32), SecretFormat::Ha1Sha256));
    }
}
