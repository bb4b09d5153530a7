//! The eighth step: how one person would sign in.

use ldap3::{Scope, SearchEntry, SearchOptions, SearchResult};

use super::census::{Census, fits};
use super::code::Code;
use super::finding::Finding;
use super::reach::in_seconds;
use super::report::{Answer, Detail, SignedIn, StepName};
use super::run::{Failure, Outcome, Run};
use super::secure::Way;
use super::{Person, active_directory};
use crate::identity::ldap::guard::Session;
use crate::identity::ldap::{Membership, values};
use crate::identity::name::fold;

impl Run<'_> {
    /// Looks for the person who was named, and tries the password if there is one.
    pub(super) async fn sign_in(
        &mut self,
        session: &Session,
        way: &Way,
        census: &Census,
        membership: Option<&Membership>,
    ) {
        let Some(person) = &self.trial.person else {
            self.end(StepName::SignIn, Outcome::of(Code::NoSignIn.alone()));
            return;
        };
        let began = self.clock.now();
        let entry = match self.find(session, &person.user).await {
            Ok(entry) => entry,
            Err(outcome) => {
                self.end(StepName::SignIn, outcome);
                return;
            }
        };
        let took = self.clock.now() - began;
        let ldap = &self.trial.ldap;
        let user = ("user", person.user.clone());
        let milliseconds = ("milliseconds", took.as_millis().to_string());
        let dn = ("dn", entry.dn.clone());
        let mut outcome = Outcome::of(Code::Found.with([user.clone(), dn, milliseconds.clone()]));
        if took > ldap.timeout {
            outcome.add(Code::Slow.with([milliseconds, ("limit", in_seconds(ldap.timeout))]));
        }
        let mut signed = SignedIn { dn: entry.dn.clone(), ..SignedIn::default() };
        match self.is_locked(session, &entry).await {
            Ok(false) => {}
            Ok(true) => outcome.add(Code::PersonLocked.with([user])),
            Err(failed) => outcome.findings.extend(failed.findings),
        }
        outcome.add(self.way_in(&person.user, &entry));
        if !ldap.group_base_dn.is_empty() {
            self.roles(session, person, &entry, (census, membership), &mut signed, &mut outcome)
                .await;
        }
        if let Some(password) = &person.password {
            self.try_password(way, person, password, &mut signed, &mut outcome).await;
        }
        self.end(StepName::SignIn, outcome.with(Detail::SignIn(signed)));
    }

    /// The one entry of this name.
    async fn find(&self, session: &Session, user: &str) -> Result<SearchEntry, Outcome> {
        let ldap = &self.trial.ldap;
        let filter = ldap.user_filter.replace("{user}", &ldap3::ldap_escape(user));
        let attributes = [&ldap.attribute_user, &ldap.secret_attribute];
        let attributes: Vec<&str> =
            attributes.into_iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if user.is_empty() {
            let place =
                [("user", String::new()), ("filter", filter), ("base", ldap.base_dn.clone())];
            return Err(Outcome::of(Code::UnknownPerson.with(place)));
        }
        let mut handle = session.ldap.clone();
        // Two are enough to know that a name is ambiguous.
        handle.with_search_options(SearchOptions::new().sizelimit(2));
        let question = handle.search(&ldap.base_dn, Scope::Subtree, &filter, attributes);
        let refused = |failure: Failure| failure.outcome(|answer| self.refusal(answer));
        let asked = self.ask(session, self.limit(), question).await;
        let SearchResult(rows, result) = asked.map_err(refused)?;
        let rows = rows.into_iter().filter(|row| !row.is_ref() && !row.is_intermediate());
        let mut entries: Vec<SearchEntry> = rows.map(SearchEntry::construct).collect();
        let answer = Some(Answer::from(&result));
        let named = ("user", user.to_owned());
        let finding = match entries.len() {
            // With two in hand the limit is our own.
            2.. => Code::Ambiguous.with([named, ("count", "2 or more".to_owned())]),
            _ if result.rc != 0 => return Err(refused(Failure::Answer(Box::new(result)))),
            0 => Code::UnknownPerson.with([
                named,
                ("filter", filter),
                ("base", ldap.base_dn.clone()),
            ]),
            _ => match entries.pop() {
                Some(entry) if has_name(&entry, &ldap.attribute_user, user) => return Ok(entry),
                other => {
                    let dn = other.map(|entry| entry.dn).unwrap_or_default();
                    Code::OtherName.with([named, ("dn", dn)])
                }
            },
        };
        Err(Outcome { findings: vec![finding], answer, detail: None })
    }

    async fn is_locked(&self, session: &Session, entry: &SearchEntry) -> Result<bool, Outcome> {
        let filter = &self.trial.ldap.disabled_filter;
        if filter.is_empty() {
            return Ok(false);
        }
        let mut handle = session.ldap.clone();
        let question = handle.search(&entry.dn, Scope::Base, filter, ["1.1"]);
        let refused = |failure: Failure| failure.outcome(|answer| self.refusal(answer));
        let asked = self.ask(session, self.limit(), question).await;
        let SearchResult(rows, result) = asked.map_err(refused)?;
        if result.rc != 0 {
            return Err(refused(Failure::Answer(Box::new(result))));
        }
        Ok(rows.iter().any(|row| !row.is_ref() && !row.is_intermediate()))
    }

    /// With what this person signs in over SIP.
    fn way_in(&self, user: &str, entry: &SearchEntry) -> Finding {
        let ldap = &self.trial.ldap;
        let user = ("user", user.to_owned());
        if ldap.secret_attribute.is_empty() {
            return Code::ByDevice.with([user]);
        }
        let attribute = ("attribute", ldap.secret_attribute.clone());
        match values(entry, &ldap.secret_attribute).first() {
            Some(secret) if fits(secret, ldap.secret_format) => {
                Code::BySecret.with([user, attribute])
            }
            Some(_) => {
                let format = ("format", format!("{:?}", ldap.secret_format));
                Code::BadSecret.with([attribute, format])
            }
            None => Code::NoSecret.with([attribute]),
        }
    }

    /// The groups, and what follows from them.
    async fn roles(
        &self,
        session: &Session,
        person: &Person,
        entry: &SearchEntry,
        (census, membership): (&Census, Option<&Membership>),
        signed: &mut SignedIn,
        outcome: &mut Outcome,
    ) {
        let own;
        let membership = match membership {
            Some(membership) if census.complete => membership,
            _ => match self.groups_of(session, entry).await {
                Some(read) => {
                    own = read;
                    &own
                }
                // The step before says why.
                None => return,
            },
        };
        let names = values(entry, &self.trial.ldap.attribute_user);
        let sets = names.iter().filter_map(|name| membership.people.get(fold(name).as_ref()));
        let mut groups: Vec<String> =
            sets.flat_map(|set| set.iter().map(ToString::to_string)).collect();
        groups.sort_unstable();
        groups.dedup();
        let user = ("user", person.user.clone());
        let admins = &self.trial.ldap.admin_group;
        signed.administers =
            !admins.is_empty() && groups.iter().any(|name| fold(name) == fold(admins));
        outcome.add(match groups.is_empty() {
            true => Code::InNoGroup.with([user.clone()]),
            false => Code::InGroups.with([user.clone(), ("groups", groups.join(", "))]),
        });
        if signed.administers {
            outcome.add(Code::IsAdmin.with([user, ("group", admins.clone())]));
        }
        groups.truncate(100);
        signed.groups = groups;
    }

    /// Tries a password, on a connection of its own as the server would.
    async fn try_password(
        &self,
        way: &Way,
        person: &Person,
        password: &str,
        signed: &mut SignedIn,
        outcome: &mut Outcome,
    ) {
        // RFC 4513 s5.1.2: servers take these for nobody and say yes.
        let dn = signed.dn.clone();
        if password.is_empty() || password.contains('\0') || dn.is_empty() {
            outcome.add(Code::NoPassword.alone());
            signed.accepted = Some(false);
            return;
        }
        let session = match way.again(self).await {
            Ok(session) => session,
            Err(finding) => return outcome.add(finding),
        };
        let began = self.clock.now();
        let mut handle = session.ldap.clone();
        let asked = self.ask(&session, self.limit(), handle.simple_bind(&dn, password)).await;
        let took = self.clock.now() - began;
        let failure = match asked {
            Ok(result) if result.rc == 0 => {
                outcome.answer = Some(Answer::from(&result));
                let milliseconds = ("milliseconds", took.as_millis().to_string());
                outcome.add(Code::Accepted.with([milliseconds]));
                signed.accepted = Some(true);
                return;
            }
            Ok(result) => Failure::Answer(Box::new(result)),
            Err(failure) => failure,
        };
        let failed = failure.outcome(|answer| refusal(answer, &person.user));
        // Trouble on the server's side says nothing about the password.
        let is_no =
            failed.answer.as_ref().is_some_and(|answer| matches!(answer.code, 32 | 48..=50));
        signed.accepted = is_no.then_some(false);
        outcome.findings.extend(failed.findings);
        outcome.answer = failed.answer;
    }
}

/// Whether one of an entry's own names is this one: directories match more loosely than we do.
fn has_name(entry: &SearchEntry, attribute: &str, user: &str) -> bool {
    values(entry, attribute).iter().any(|name| fold(name) == fold(user))
}

/// What it means that a person is not let in.
fn refusal(answer: &Answer, user: &str) -> Finding {
    let sub_code = answer.sub_code.as_deref().and_then(active_directory::meaning);
    match (answer.code, sub_code) {
        (49, Some(code)) => code.with([("who", user.to_owned())]),
        (49, None) => Code::WrongPassword.with([("user", user.to_owned())]),
        (8 | 13, _) => Code::NeedsEncryption.alone(),
        _ => Code::SignInRefused.with([("user", user.to_owned()), ("meaning", answer.meaning())]),
    }
}
