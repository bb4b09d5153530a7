//! The fifth step: whether the server shows the people, how many, and how it gives a long list.

use std::time::Duration;

use ldap3::controls::{Control, ControlType, PagedResults};
use ldap3::{LdapResult, Scope, SearchEntry, parse_refs};
use tokio::time::timeout;

use super::census::{self, Census};
use super::code::Code;
use super::finding::{Finding, bounded};
use super::reach::in_seconds;
use super::report::{Answer, Count, Detail, StepName};
use super::run::{Failure, Outcome, Run};
use crate::identity::ldap::guard::Session;

/// Entries of one page, as the server asks for them.
const PAGE: i32 = 500;
/// Servers with other parts of the tree that are named.
const REFERENCES: usize = 8;
/// Characters of a filter at most, and brackets within brackets: the library follows them however deep.
const LONGEST_FILTER: usize = 4_096;
const DEEPEST_FILTER: usize = 32;

/// How the reading of a list ended.
pub(super) enum End {
    /// With its last entry.
    Complete,
    /// With the time for it.
    TimeUp,
    /// With trouble.
    Failed(Failure),
}

/// How a list was given.
pub(super) struct Listed {
    pub(super) pages: u32,
    pub(super) references: Vec<String>,
    pub(super) end: End,
}

impl Run<'_> {
    /// Reads everybody.
    pub(super) async fn search(&mut self, session: &Session) -> Option<Census> {
        let ldap = &self.trial.ldap;
        if let Some(finding) = self.wrong_filter() {
            self.end(StepName::Search, Outcome::of(finding));
            return None;
        }
        let filter = self.trial.everybody();
        let began = self.clock.now();
        let limit = self.list_limit();
        let mut census = Census::new(self.trial);
        let attributes = census::attributes(ldap);
        let place = (ldap.base_dn.as_str(), filter.as_str());
        let listed =
            self.each(session, place, &attributes, limit, |entry| census.take(&entry)).await;
        let took = self.clock.now() - began;
        let count = ("count", census.entries.to_string());
        let mut outcome = Outcome::default();
        match listed.end {
            End::Complete if census.entries == 0 => {
                let place = [("filter", filter.clone()), ("base", ldap.base_dn.clone())];
                outcome.add(Code::Nobody.with(place));
                outcome.findings.extend(self.hints(session, &filter).await);
            }
            End::Complete => census.complete = true,
            End::TimeUp if census.entries == 0 => outcome.add(self.silence(limit)),
            End::TimeUp => {
                outcome
                    .add(Code::CountedInPart.with([count.clone(), ("limit", in_seconds(limit))]));
            }
            End::Failed(Failure::Answer(result)) if result.rc == 4 && census.entries > 0 => {
                outcome.answer = Some(Answer::from(&*result));
                outcome.add(Code::SizeLimit.with([count.clone()]));
            }
            End::Failed(failure) => {
                let no_base = matches!(&failure, Failure::Answer(result) if result.rc == 32);
                outcome = failure.outcome(|answer| self.refusal(answer));
                if no_base {
                    outcome.findings.extend(self.elsewhere(session, &filter).await);
                }
            }
        }
        let mut counted = Count {
            entries: census.entries,
            complete: census.complete,
            pages: listed.pages,
            locked: None,
            references: listed.references,
        };
        if census.entries > 0 {
            let base = ("base", ldap.base_dn.clone());
            let milliseconds = ("milliseconds", took.as_millis().to_string());
            outcome.findings.insert(0, Code::Counted.with([count, base, milliseconds]));
            if listed.pages > 1 {
                outcome.add(Code::Paged.with([("pages", listed.pages.to_string())]));
            }
            counted.locked = self.locked(session, &filter, &mut census, &mut outcome).await;
        }
        if !counted.references.is_empty() {
            let servers = counted.references.join(", ");
            outcome.add(Code::References.with([("servers", servers)]));
        }
        let passed = self.end(StepName::Search, outcome.with(Detail::Count(counted)));
        passed.then_some(census)
    }

    /// Counts who is locked out, and notes it.
    async fn locked(
        &self,
        session: &Session,
        everybody: &str,
        census: &mut Census,
        outcome: &mut Outcome,
    ) -> Option<u64> {
        let ldap = &self.trial.ldap;
        if ldap.disabled_filter.is_empty() {
            return None;
        }
        let filter = format!("(&{everybody}{})", ldap.disabled_filter);
        let mut count = 0;
        let (place, attributes) =
            ((ldap.base_dn.as_str(), filter.as_str()), [ldap.attribute_user.as_str()]);
        let limit = self.limit();
        let listed = self
            .each(session, place, &attributes, limit, |entry| {
                count += 1;
                census.lock(&entry);
            })
            .await;
        match listed.end {
            End::Complete => {
                outcome.add(Code::LockedOut.with([("count", count.to_string())]));
                Some(count)
            }
            End::TimeUp => None,
            End::Failed(failure) => {
                let failed = failure.outcome(|answer| self.refusal(answer));
                // A limit was told of everybody already.
                let is_limit = failed.answer.as_ref().is_some_and(|answer| answer.code == 4);
                if !is_limit {
                    outcome.findings.extend(failed.findings);
                    outcome.answer = failed.answer;
                }
                None
            }
        }
    }

    /// Calls `take` with each entry that a filter finds below a base.
    pub(super) async fn each(
        &self,
        session: &Session,
        place: (&str, &str),
        attributes: &[&str],
        limit: Duration,
        mut take: impl FnMut(SearchEntry),
    ) -> Listed {
        let mut listed = Listed { pages: 0, references: Vec::new(), end: End::Complete };
        let deadline = self.clock.now() + limit;
        let mut cookie = Vec::new();
        loop {
            let left = deadline.since(self.clock.now());
            let page = self.page(session, place, attributes, cookie, &mut listed, &mut take);
            let result = match timeout(left, page).await {
                Ok(Ok(result)) => result,
                Ok(Err(failure)) => {
                    listed.end = End::Failed(failure);
                    return listed;
                }
                Err(_) => {
                    listed.end = End::TimeUp;
                    return listed;
                }
            };
            let more = next_page(&result);
            listed.pages += u32::from(more.is_some());
            if result.rc != 0 {
                listed.end = End::Failed(Failure::Answer(Box::new(result)));
                return listed;
            }
            match more {
                Some(next) if !next.is_empty() => cookie = next,
                _ => return listed,
            }
        }
    }

    /// One page; a server that gives none gives everything.
    async fn page(
        &self,
        session: &Session,
        (base, filter): (&str, &str),
        attributes: &[&str],
        cookie: Vec<u8>,
        listed: &mut Listed,
        take: &mut impl FnMut(SearchEntry),
    ) -> Result<LdapResult, Failure> {
        // The caller keeps the time.
        let limit = Duration::MAX;
        let mut ldap = session.ldap.clone();
        ldap.with_controls(PagedResults { size: PAGE, cookie });
        let question = ldap.streaming_search(base, Scope::Subtree, filter, attributes);
        let mut stream = self.ask(session, limit, question).await?;
        while let Some(row) = self.ask(session, limit, stream.next()).await? {
            if row.is_ref() {
                let urls = parse_refs(row.0).into_iter().map(|url| bounded(&url));
                let free = REFERENCES.saturating_sub(listed.references.len());
                listed.references.extend(urls.take(free));
            } else if !row.is_intermediate() {
                take(SearchEntry::construct(row));
            }
        }
        Ok(stream.finish().await)
    }

    /// What is wrong with the filters, before a server is asked.
    fn wrong_filter(&self) -> Option<Finding> {
        let ldap = &self.trial.ldap;
        if !ldap.user_filter.contains("{user}") {
            return Some(Code::NoUserInFilter.alone());
        }
        let everybody = self.trial.everybody();
        let filters = [
            ("user_filter", everybody.as_str(), &ldap.user_filter),
            ("disabled_filter", ldap.disabled_filter.as_str(), &ldap.disabled_filter),
        ];
        let wrong = |(_, filter, _): &(_, &str, _)| !filter.is_empty() && !is_filter(filter);
        filters.into_iter().find(wrong).map(|(key, _, written)| {
            Code::BadFilter.with([("key", key.to_owned()), ("filter", written.clone())])
        })
    }

    /// What it means that people cannot be searched.
    pub(super) fn refusal(&self, answer: &Answer) -> Finding {
        let ldap = &self.trial.ldap;
        let base = ("base", ldap.base_dn.clone());
        let meaning = ("meaning", answer.meaning());
        match answer.code {
            32 if answer.matched.is_empty() => Code::NoBase.with([base]),
            32 => Code::NoBaseNear.with([base, ("nearest", answer.matched.clone())]),
            34 => Code::BadBase.with([base]),
            // Active Directory answers 1 to those who did not sign in, OpenLDAP 53.
            1 | 8 | 48 | 53 if ldap.bind_dn.is_empty() => Code::SignInFirst.alone(),
            50 => {
                let who = if ldap.bind_dn.is_empty() { "nobody" } else { &ldap.bind_dn };
                Code::NoRights.with([("who", who.to_owned()), base])
            }
            10 => Code::Referral.with([base, ("servers", answer.referrals.join(", "))]),
            3 | 4 | 11 => Code::GaveUp.with([meaning]),
            _ => Code::SearchRefused.with([meaning]),
        }
    }
}

/// Where the next page begins; empty on the last one, none if the server gives no pages.
fn next_page(result: &LdapResult) -> Option<Vec<u8>> {
    result.ctrls.iter().find_map(|control| match control {
        Control(Some(ControlType::PagedResults), raw) => {
            // The guard has seen that it can be read.
            raw.val.is_some().then(|| raw.parse::<PagedResults>().cookie)
        }
        _ => None,
    })
}

/// Whether a text is a filter (RFC 4515) that anybody would write.
pub(super) fn is_filter(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for octet in text.bytes() {
        match octet {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    text.len() <= LONGEST_FILTER && deepest <= DEEPEST_FILTER && ldap3::parse_filter(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_before_they_are_sent() {
        for good in ["(uid=*)", "(&(objectClass=person)(!(uid=a)))", "(cn=a\\28b)"] {
            assert!(is_filter(good), "{good}");
        }
        let deep = format!("{}(uid=*){}", "(!".repeat(100_000), ")".repeat(100_000));
        for bad in ["", "(uid=*", "(&(uid=*)", "x)(", "(uid=*))", &deep, &"(".repeat(1_000)] {
            assert!(!is_filter(bad), "{}", &bad[..bad.len().min(20)]);
        }
    }
}
