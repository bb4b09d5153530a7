//! People from CSV, and as CSV.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::list::Filter;
use super::{fault, problem, unexpected};
use crate::accounts::csv;
use crate::operations::{
    Existing, Failure, JobRequest, PeopleQuery, PersonSource, PersonState, PersonView, Reply,
    Request, Secret,
};
use crate::web::{Faults, Form, Key, Shell, Texts, Visit, csv_download, render};

/// The largest file, with the rest of its form.
pub(super) const LARGEST: u64 = 16 * 1024 * 1024;

#[derive(Template)]
#[template(path = "admin/people/import.html")]
struct ImportPage {
    shell: Shell,
    faults: Faults,
    modes: Vec<(&'static str, String)>,
    mode: String,
}

/// What may become of rows whose names are taken.
pub(super) fn modes(t: Texts) -> Vec<(&'static str, String)> {
    vec![
        ("skip", t.get("import-skip")),
        ("update", t.get("import-update")),
        ("fail", t.get("import-fail")),
    ]
}

/// The one that was chosen.
pub(super) fn mode(form: &Form) -> Option<Existing> {
    match form.get("mode") {
        "skip" => Some(Existing::Skip),
        "update" => Some(Existing::Update),
        "fail" => Some(Existing::Fail),
        _ => None,
    }
}

/// Its name in a form.
pub(super) const fn name_of(mode: Existing) -> &'static str {
    match mode {
        Existing::Skip => "skip",
        Existing::Update => "update",
        Existing::Fail => "fail",
    }
}

fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let shell = visit.shell(Key("import-title"));
    let mode = mode(&visit.form).map_or("skip", name_of).to_owned();
    let page = ImportPage { modes: modes(shell.t), mode, faults, shell };
    render(status, &page)
}

/// `GET /admin/people/import`.
pub(super) async fn import_page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default())
}

/// `POST /admin/people/import`: tries it, and changes nothing.
pub(super) async fn import(visit: Visit) -> Response {
    let (t, form) = (visit.texts(), &visit.form);
    let refuse = |field, text| {
        let mut faults = Faults::default();
        faults.add(field, text);
        show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults)
    };
    let Some(existing) = mode(form) else { return refuse("mode", t.get("import-mode-missing")) };
    let (csv, file) = match (form.get("file"), form.get("pasted")) {
        ("", pasted) if pasted.trim().is_empty() => {
            return refuse("file", t.get("import-nothing"));
        }
        ("", pasted) => (pasted, ""),
        (file, _) => (file, form.get("file.name")),
    };
    let request = JobRequest::Import {
        csv: Secret::new(csv.to_owned()),
        file: file.to_owned(),
        existing,
        dry_run: true,
    };
    match visit.desk().perform(&visit.actor(), Request::Jobs(request)).await {
        Ok(Reply::Job(job)) => visit.go(&format!("/admin/jobs/{}", job.id)),
        Ok(_) => unexpected(),
        Err(failure) => {
            let mut faults = Faults::default();
            match fault(t, &failure, &mut faults) {
                true => show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults),
                false => problem(&failure),
            }
        }
    }
}

/// People of one part of a table.
const PART: u32 = 500;

/// `GET /admin/people/table`: everybody whom the filter of the list finds, those of the directory too.
pub(super) async fn table(visit: Visit) -> Response {
    let Some(filter) = Filter::read(&visit.query) else { return super::list::unreadable() };
    let query = PeopleQuery { limit: PART, after: None, ..filter.query() };
    let (desk, actor) = (visit.desk().clone(), visit.actor());
    csv_download(visit, "people.csv", move |after| {
        let (desk, actor) = (desk.clone(), actor.clone());
        let is_first = after.is_none();
        let query = PeopleQuery { after, ..query.clone() };
        async move {
            let Reply::People(page) = desk.perform(&actor, Request::PeopleFind(query)).await?
            else {
                return Err(Failure::failed("the answer is to another question"));
            };
            let mut text = String::new();
            if is_first {
                csv::write(&COLUMNS, &mut text);
            }
            for person in &page.people {
                line(person, &mut text);
            }
            Ok((text, page.next))
        }
    })
}

const COLUMNS: [&str; 9] =
    ["user", "name", "mail", "number", "source", "state", "devices", "registered", "last_used"];

fn line(person: &PersonView, out: &mut String) {
    let source = match person.source {
        PersonSource::Local => "local",
        PersonSource::Directory => "directory",
    };
    let state = match person.state {
        PersonState::Active => "active",
        PersonState::Disabled => "disabled",
        PersonState::Absent => "absent",
        PersonState::Held => "held",
    };
    let devices = person.devices.to_string();
    let registered = if person.online { "yes" } else { "no" };
    let used = person.last_used.as_deref().unwrap_or_default();
    let PersonView { user, name, mail, number, .. } = person;
    csv::write_guarded(&[user, name, mail, number, source, state, &devices, registered, used], out);
}

/// `GET /admin/people/export`: local accounts, however many, in parts as they go out.
pub(super) async fn export(visit: Visit) -> Response {
    let (desk, actor) = (visit.desk().clone(), visit.actor());
    csv_download(visit, "people.csv", move |after| {
        let (desk, actor) = (desk.clone(), actor.clone());
        async move {
            match desk.perform(&actor, Request::UserExport { after }).await? {
                Reply::Exported { csv, next } => Ok((csv, next)),
                _ => Err(Failure::failed("the answer is to another question")),
            }
        }
    })
}
