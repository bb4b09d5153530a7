//! Notices: one to be written and sent after another look, and what became of it.

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::operations::{
    ApplicationView, Exit, Failure, NewNotice, NoticeReply, NoticeReport, NoticeRequest, Reply,
    Request, Right,
};
use crate::web::{
    Access, Faults, Form, Key, Language, Problem, Route, Shell, Texts, Visit, render,
};

/// Bytes of a notice at most, in both languages together.
const LONGEST: usize = 700;
/// How long a notice may wait, in hours.
const HOURS: [u64; 4] = [1, 8, 24, 72];

/// The routes of notices.
pub(super) fn routes() -> Vec<Route> {
    let help = Access::Right(Right::Help);
    let own = vec![
        Route::get("/admin/notice", Access::Right(Right::See), page),
        Route::post("/admin/notice/preview", help, preview),
        Route::post("/admin/notice/send", help, send),
        Route::get("/admin/notice/sent/{id}", help, sent),
    ];
    [own, super::notice_applications::routes()].concat()
}

#[derive(Template)]
#[template(path = "admin/notice.html")]
struct NoticePage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    may_send: bool,
    may_change: bool,
    whom: Vec<Choice>,
    waits: Vec<Choice>,
    draft: Draft,
    applications: Vec<ApplicationView>,
    /// What was typed for a new application.
    new: NewFields,
}

/// One of those that a field offers.
struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

/// What was typed for a new application.
pub(super) struct NewFields {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) per_minute: String,
    pub(super) per_person: String,
}

impl NewFields {
    /// As a form has them, or as they are at first.
    pub(super) fn of(form: &Form) -> NewFields {
        let or = |name: &str, usual: &str| match form.trimmed(name) {
            "" => usual.to_owned(),
            typed => typed.to_owned(),
        };
        NewFields {
            name: or("name", ""),
            title: or("title", ""),
            per_minute: or("per-minute", "60"),
            per_person: or("per-person", "10"),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/notice-preview.html")]
struct PreviewPage {
    shell: Shell,
    draft: Draft,
    text: String,
    to: String,
    people: u64,
    /// How long it waits.
    hours: u64,
}

#[derive(Template)]
#[template(path = "admin/notice-sent.html")]
struct SentPage {
    shell: Shell,
    report: NoticeReport,
    outcomes: Vec<(String, u64)>,
}

/// A notice as a form has it.
#[derive(Clone)]
struct Draft {
    whom: String,
    person: String,
    group: String,
    english: String,
    portuguese: String,
    hours: String,
}

impl Draft {
    fn of(form: &Form) -> Draft {
        let field = |name: &str| form.trimmed(name).replace("\r\n", "\n");
        let or = |text: String, usual: &str| if text.is_empty() { usual.to_owned() } else { text };
        Draft {
            whom: or(field("whom"), "person"),
            person: field("person"),
            group: field("group"),
            english: field("text-en"),
            portuguese: field("text-pt"),
            hours: or(field("hours"), "24"),
        }
    }

    /// Both texts, that of the writer's language first.
    fn text(&self, language: Language) -> String {
        let mut texts = [self.english.as_str(), self.portuguese.as_str()];
        if language == Language::Portuguese {
            texts.reverse();
        }
        let said: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        said.join("\n\n")
    }

    fn check(&self, t: Texts, faults: &mut Faults) {
        match self.whom.as_str() {
            "person" if self.person.is_empty() => {
                faults.add("person", t.get("notice-person-missing"));
            }
            "group" if self.group.is_empty() => faults.add("group", t.get("notice-group-missing")),
            "person" | "group" | "all" => {}
            _ => faults.add("whom", t.get("notice-whom-missing")),
        }
        let text = self.text(t.language());
        if text.is_empty() {
            faults.add("text-en", t.get("notice-text-missing"));
        } else if text.len() > LONGEST {
            faults.add("text-en", t.of("notice-text-long", "over", text.len() - LONGEST));
        }
        if self.ttl().is_none() {
            faults.add("hours", t.get("notice-wait-missing"));
        }
    }

    fn ttl(&self) -> Option<u64> {
        let hours = self.hours.parse().ok().filter(|hours| HOURS.contains(hours))?;
        Some(hours * 3_600)
    }

    fn request(&self, language: Language) -> NoticeRequest {
        let (text, ttl) = (self.text(language), self.ttl());
        match self.whom.as_str() {
            "all" => NoticeRequest::SendToAll { text, ttl },
            "group" => {
                let group = Some(self.group.clone());
                NoticeRequest::Send(NewNotice { group, text, ttl, ..NewNotice::default() })
            }
            _ => {
                let to = vec![self.person.clone()];
                NoticeRequest::Send(NewNotice { to, text, ttl, ..NewNotice::default() })
            }
        }
    }
}

/// Whether whoever visits has a right.
fn may(visit: &Visit, right: Right) -> bool {
    visit.principal().is_some_and(|principal| right.is_of_role(principal.role))
}

/// Asks for something about notices.
pub(super) async fn ask(visit: &Visit, request: NoticeRequest) -> Result<NoticeReply, Failure> {
    match visit.desk().perform(&visit.actor(), Request::Notice(request)).await? {
        Reply::Notice(reply) => Ok(*reply),
        _ => Err(Failure::failed("the answer is not what was expected")),
    }
}

/// The page with its form as it was sent, and what is wrong with it.
pub(super) async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let shell = visit.shell(Key("notice-title"));
    let t = shell.t;
    let known = ask(visit, NoticeRequest::Applications).await;
    let Ok(NoticeReply::Applications(applications)) = known else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Problem::new(status, "the applications cannot be read").into_response();
    };
    let done = match visit.query.get("done") {
        "made" => Some(t.get("application-made")),
        "set" => Some(t.get("application-set")),
        "removed" => Some(t.get("application-removed")),
        _ => None,
    };
    let may_change = may(visit, Right::Administer);
    let draft = Draft::of(&visit.form);
    let choice = |value: &str, chosen: &str, text: String| Choice {
        value: value.to_owned(),
        text,
        is_chosen: value == chosen,
    };
    let mut whom = vec![
        choice("person", &draft.whom, t.get("notice-whom-person")),
        choice("group", &draft.whom, t.get("notice-whom-group")),
    ];
    if may_change {
        whom.push(choice("all", &draft.whom, t.get("notice-whom-all")));
    }
    let wait =
        |hours: u64| choice(&hours.to_string(), &draft.hours, t.of("notice-hours", "hours", hours));
    let waits = HOURS.map(wait).into();
    // What was typed about one that is there is not taken for a new one's.
    let (nothing, is_new) = (Form::default(), visit.path() == "/admin/notice/applications");
    let page = NoticePage {
        faults,
        done,
        may_send: may(visit, Right::Help),
        may_change,
        whom,
        waits,
        draft,
        applications,
        new: NewFields::of(if is_new { &visit.form } else { &nothing }),
        shell,
    };
    render(status, &page)
}

/// `GET /admin/notice`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

/// What somebody reads of a failure, by the field that it is about.
fn refused(t: Texts, draft: &Draft, failure: &Failure) -> Faults {
    let mut faults = Faults::default();
    match failure.exit {
        _ if failure.retry_after.is_some() => faults.add("", t.get("notice-too-often")),
        Exit::NotFound if draft.whom == "group" => {
            faults.add("group", t.get("notice-group-unknown"));
        }
        Exit::Refused => faults.add("whom", t.get("notice-whom-missing")),
        Exit::Unreachable => faults.add("", t.get("notice-directory-away")),
        _ => faults.add("", t.get("failed")),
    }
    faults
}

/// `POST /admin/notice/preview`: how many would read it, and how.
async fn preview(visit: Visit) -> Response {
    if visit.form.is_set("back") {
        return show(&visit, StatusCode::OK, Faults::default()).await;
    }
    let (draft, t) = (Draft::of(&visit.form), visit.texts());
    let mut faults = Faults::default();
    draft.check(t, &mut faults);
    if !faults.is_empty() {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    let reach = match draft.whom.as_str() {
        "group" => Some(NoticeRequest::Reach { group: Some(draft.group.clone()) }),
        "all" => Some(NoticeRequest::Reach { group: None }),
        _ => None,
    };
    let people = match reach {
        None => 1,
        Some(reach) => match ask(&visit, reach).await {
            Ok(NoticeReply::Reach(people)) => people,
            Ok(_) => 0,
            Err(failure) => {
                let faults = refused(t, &draft, &failure);
                return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
            }
        },
    };
    let shell = visit.shell(Key("notice-preview-title"));
    let to = match draft.whom.as_str() {
        "all" => t.get("notice-whom-all"),
        "group" => shell.show(&draft.group),
        _ => shell.show(&draft.person),
    };
    let text = draft.text(t.language());
    let hours = draft.ttl().unwrap_or_default() / 3_600;
    render(StatusCode::OK, &PreviewPage { shell, draft, text, to, people, hours })
}

/// `POST /admin/notice/send`.
async fn send(visit: Visit) -> Response {
    let (draft, t) = (Draft::of(&visit.form), visit.texts());
    let mut faults = Faults::default();
    draft.check(t, &mut faults);
    if faults.is_empty() {
        match ask(&visit, draft.request(t.language())).await {
            Ok(NoticeReply::Report(report)) => {
                return visit.go(&format!("/admin/notice/sent/{}", report.id));
            }
            Ok(_) => faults.add("", t.get("failed")),
            Err(failure) => faults = refused(t, &draft, &failure),
        }
    }
    show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
}

/// `GET /admin/notice/sent/{id}`.
async fn sent(visit: Visit) -> Response {
    let none = || Problem::new(StatusCode::NOT_FOUND, "there is no such notice").into_response();
    let Ok(id) = visit.param("id").parse() else { return none() };
    let Ok(NoticeReply::Report(report)) = ask(&visit, NoticeRequest::Job { id }).await else {
        return none();
    };
    let shell = visit.shell(Key("notice-sent-title"));
    let t = shell.t;
    let counts = report.counts;
    let outcomes = [
        (t.get("notice-accepted"), counts.accepted),
        (t.get("notice-held"), counts.held),
        (t.get("notice-muted"), counts.muted),
        (t.get("notice-unknown"), counts.unknown),
        (t.get("notice-limited"), counts.limited),
        (t.get("notice-full"), counts.full),
        (t.get("notice-failed"), counts.failed),
    ];
    let outcomes = outcomes.into_iter().filter(|(_, count)| *count > 0).collect();
    render(StatusCode::OK, &SentPage { shell, report, outcomes })
}

/// Addresses and networks, as somebody types them: separated by blanks, commas or lines.
pub(super) fn networks(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split([' ', ',', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    let read = |part: &str| {
        let address = part.split('/').next().unwrap_or_default();
        if address.parse::<IpAddr>().is_ok() { Ok(part.to_owned()) } else { Err(part.to_owned()) }
    };
    parts.map(read).collect()
}
