//! Notices: who sends what to whom.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::sending::Sending;
use super::{Administration, refused};
use crate::accounts::people::{Query, State};
use crate::accounts::{
    Actor, ActorKind, ApplicationError, Deed, NewApplication, OF_ADMINISTRATORS,
};
use crate::identity::UserName;
use crate::model::{self, Application};
use crate::operations::{
    ApplicationTerms, ApplicationView, Failure, MuteView, NewNotice, NoticeOutcome, NoticeReply,
    NoticeReport, NoticeRequest, Reply, Secret, TokenSecret,
};

/// Bytes of a text at most: with its head it fits a datagram (RFC 3261 s18.1.1).
const LONGEST_TEXT: usize = 700;
/// People whom a notice names at most; more are a group.
const MOST_NAMED: usize = 100;
/// How long a notice waits for somebody, where nothing is said.
const USUAL_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// People of one look into the index.
const PAGE: usize = 500;

impl Administration {
    pub(super) async fn notice(
        &self,
        actor: &Actor,
        request: NoticeRequest,
    ) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        let reply = match request {
            NoticeRequest::Applications => {
                let all = accounts.applications().map_err(refused)?;
                NoticeReply::Applications(
                    all.into_iter().map(|one| self.application(one)).collect(),
                )
            }
            NoticeRequest::AddApplication(terms) => {
                let made = accounts.add_application(actor, new(&terms)).await.map_err(refused)?;
                NoticeReply::Applications(vec![self.application(made)])
            }
            NoticeRequest::SetApplication(terms) => {
                let set = accounts.set_application(actor, new(&terms)).await.map_err(refused)?;
                NoticeReply::Applications(vec![self.application(set)])
            }
            NoticeRequest::RemoveApplication { name } => {
                accounts.remove_application(actor, &name).await.map_err(refused)?;
                return Ok(Reply::Done);
            }
            NoticeRequest::MakeToken { name, expires_at, networks } => {
                let terms = (expires_at, &*networks);
                let made = accounts.make_application_token(actor, &name, terms).await;
                let (token, secret) = made.map_err(refused)?;
                let secret = Secret::new(secret.to_string());
                NoticeReply::Token(TokenSecret { token: super::console::token(token), secret })
            }
            NoticeRequest::Send(notice) => NoticeReply::Report(self.send(actor, notice).await?),
            NoticeRequest::SendToAll { text, ttl } => {
                NoticeReply::Report(self.send_to_all(actor, &text, ttl).await?)
            }
            NoticeRequest::Reach { group } => {
                let people = match group {
                    Some(group) => self.members(&group).await?.len(),
                    None => self.registered().len(),
                };
                NoticeReply::Reach(people as u64)
            }
            NoticeRequest::Job { id } => NoticeReply::Report(self.report(actor, id)?),
            NoticeRequest::Mutes { user } => {
                accounts.show(&user).map_err(refused)?;
                let mutes = accounts.mutes(&self.name(&user)).map_err(refused)?;
                NoticeReply::Mutes(mutes.into_iter().map(mute).collect())
            }
            NoticeRequest::Mute { user, application, muted } => {
                accounts.show(&user).map_err(refused)?;
                let wish = (application.as_str(), muted);
                accounts.mute_for(actor, &user, wish).await.map_err(refused)?;
                return Ok(Reply::Done);
            }
        };
        Ok(Reply::Notice(Box::new(reply)))
    }

    fn application(&self, application: Application) -> ApplicationView {
        let user = Application::user_part(&application.name);
        ApplicationView {
            address: format!("sip:{user}@{}", self.site.identity.domain()),
            name: application.name,
            title: application.title,
            per_minute: application.per_minute,
            per_person: application.per_person,
            tokens: application.tokens,
            created: application.created.to_string(),
        }
    }

    /// Who a notice is of: what the token of an application speaks for and nothing else, or what is
    /// named, or the administrators, who are no program.
    fn sender(&self, actor: &Actor, named: Option<&str>) -> Result<Application, Failure> {
        let accounts = &self.site.accounts;
        let own = match (actor.kind, actor.name.strip_prefix("token:")) {
            (ActorKind::Token, Some(id)) => accounts.application_of_token(id).map_err(refused)?,
            _ => None,
        };
        match (own, named) {
            (Some(own), None) => Ok(own),
            (Some(own), Some(named)) if own.name == named => Ok(own),
            (Some(own), Some(named)) => Err(Failure::refused(format!(
                "this token speaks for {} and not for {named}",
                own.name
            ))),
            (None, Some(named)) => {
                let known = accounts.application(named).map_err(refused)?;
                known.ok_or_else(|| refused(ApplicationError::None(named.to_owned()).into()))
            }
            (None, None) if actor.kind == ActorKind::Token => {
                Err(Failure::usage("name the application that this is of"))
            }
            (None, None) => Ok(self.administrators()),
        }
    }

    /// The sender of what administrators send: they are few, and know what they do.
    fn administrators(&self) -> Application {
        Application {
            name: OF_ADMINISTRATORS.to_owned(),
            title: self.site.identity.domain().to_owned(),
            per_minute: 30,
            per_person: 30,
            tokens: Vec::new(),
            created: self.site.clock.wall(),
        }
    }

    fn sending(&self, of: Application, text: &str, ttl: Option<u64>) -> Result<Sending, Failure> {
        let live = self.live.as_ref();
        let live = live.ok_or_else(|| Failure::unreachable("no server runs; it sends notices"))?;
        let text = cleaned(text);
        if text.is_empty() {
            return Err(Failure::usage("a notice without a text says nothing"));
        }
        if text.len() > LONGEST_TEXT {
            return Err(Failure::usage(format!("a notice has {LONGEST_TEXT} bytes at most")));
        }
        let longest = self.site.config.messages.retention;
        let ttl = ttl.map_or(USUAL_TTL, Duration::from_secs);
        if ttl.is_zero() {
            return Err(Failure::usage("a notice waits for a second at least"));
        }
        self.notices.may_send(self.site.clock.wall(), &of)?;
        Ok(Sending {
            site: Arc::clone(&self.site),
            live: Arc::clone(live),
            notices: Arc::clone(&self.notices),
            of,
            text,
            expires_at: self.site.clock.wall() + ttl.min(longest),
        })
    }

    async fn send(&self, actor: &Actor, notice: NewNotice) -> Result<NoticeReport, Failure> {
        let of = self.sender(actor, notice.application.as_deref())?;
        match (&notice.group, notice.to.len()) {
            (Some(_), 1..) => return Err(Failure::usage("a notice is for people or for a group")),
            (None, 0) => return Err(Failure::usage("a notice is for somebody")),
            (None, named) if named > MOST_NAMED => {
                return Err(Failure::usage(format!(
                    "a notice names {MOST_NAMED} people at most; more are a group"
                )));
            }
            _ => {}
        }
        if let Some(group) = &notice.group {
            let people = self.members(group).await?;
            let sending = self.sending(of, &notice.text, notice.ttl)?;
            self.note_of_person(actor, &format!("group {group}"), people.len()).await?;
            return self.begin_sending(sending, people);
        }
        let sending = self.sending(of, &notice.text, notice.ttl)?;
        let mut people: Vec<UserName> = Vec::new();
        for user in notice.to.iter().map(|user| self.name(user)) {
            if !people.contains(&user) {
                people.push(user);
            }
        }
        self.note_of_person(actor, &notice.to.join(" "), people.len()).await?;
        let mut report = self.notices.reports().begin(&sending.of.name, people.len() as u64);
        let outcomes = join_all(people.iter().map(|user| sending.deliver(user.clone()))).await;
        for (user, outcome) in people.iter().zip(outcomes) {
            report.counts.count(outcome);
            let outcome = outcome.to_owned();
            report.outcomes.push(NoticeOutcome { user: user.to_string(), outcome });
        }
        report.done = true;
        self.notices.reports().keep(&report);
        Ok(report)
    }

    async fn send_to_all(
        &self,
        actor: &Actor,
        text: &str,
        ttl: Option<u64>,
    ) -> Result<NoticeReport, Failure> {
        let sending = self.sending(self.administrators(), text, ttl)?;
        let people: Vec<UserName> = self.registered().into_iter().collect();
        self.note_of_person(actor, "everybody who is registered", people.len()).await?;
        self.begin_sending(sending, people)
    }

    /// What somebody of the console sends stands in the audit trail, without what it says; programs
    /// send too much for that, and are counted.
    async fn note_of_person(&self, actor: &Actor, to: &str, people: usize) -> Result<(), Failure> {
        if actor.kind == ActorKind::Token {
            return Ok(());
        }
        let subject: String = to.chars().take(200).collect();
        let detail = format!("{people} people");
        let deed = Deed { action: "notice.send", subject: &subject, detail: &detail };
        self.site.accounts.note(actor, deed).await.map_err(refused)
    }

    /// Begins to send to many, and does not wait for it.
    fn begin_sending(
        &self,
        sending: Sending,
        people: Vec<UserName>,
    ) -> Result<NoticeReport, Failure> {
        let report = self.notices.begin(&sending.of.name, people.len() as u64)?;
        tokio::spawn(sending.work(people, report.clone()));
        Ok(report)
    }

    /// The people of a group who may sign in, as the index of people has them.
    async fn members(&self, group: &str) -> Result<Vec<UserName>, Failure> {
        match self.site.identity.has_group(group) {
            Some(true) => {}
            Some(false) => return Err(Failure::not_found(format!("there is no group {group}"))),
            None => {
                return Err(Failure::unreachable("the directory's groups have not been read yet"));
            }
        }
        let (site, group) = (Arc::clone(&self.site), group.to_owned());
        let look = tokio::task::spawn_blocking(move || {
            let of_group = site.identity.members(&group);
            let mut members = Vec::new();
            let mut after: Option<String> = None;
            loop {
                let query = Query {
                    state: Some(State::Active),
                    among: Some(&of_group),
                    after: after.as_deref(),
                    limit: PAGE,
                    ..Query::default()
                };
                let page = site.accounts.find_people(&query)?;
                members.extend(page.people.into_iter().map(|person| person.user));
                match page.next {
                    Some(next) => after = Some(next),
                    None => return Ok(members),
                }
            }
        });
        look.await.map_err(Failure::failed)?.map_err(refused)
    }

    fn report(&self, actor: &Actor, id: u64) -> Result<NoticeReport, Failure> {
        let report = self.notices.reports().find(id);
        let is_own = |report: &NoticeReport| {
            let own = self.sender(actor, Some(&report.application));
            actor.kind != ActorKind::Token || own.is_ok()
        };
        let none = || Failure::not_found(format!("there is no notice {id}, or no longer"));
        report.filter(is_own).ok_or_else(none)
    }
}

fn new(terms: &ApplicationTerms) -> NewApplication<'_> {
    NewApplication {
        name: &terms.name,
        title: &terms.title,
        per_minute: terms.per_minute,
        per_person: terms.per_person,
    }
}

fn mute(mute: model::Mute) -> MuteView {
    MuteView { application: mute.application, since: mute.since.to_string() }
}

/// A text without what steers a terminal: its lines stay.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let seen = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.chars().map(seen).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_nothing_that_steers() {
        assert_eq!(cleaned(" one\r\ntwo\x1b[0m\0\n"), "one\ntwo [0m");
    }
}
