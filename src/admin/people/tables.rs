//! People from CSV, and as CSV.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{problem, unexpected};
use crate::operations::{Existing, Failure, JobRequest, Reply, Request, Secret};
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
    pasted: String,
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
    let page = ImportPage {
        modes: modes(shell.t),
        mode,
        pasted: visit.form.get("pasted").to_owned(),
        faults,
        shell,
    };
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
        Err(failure) => problem(&failure),
    }
}

/// `GET /admin/people/export`: local accounts, however many, in parts as they go out.
pub(super) async fn export(visit: Visit) -> Response {
    let (desk, actor) = (visit.desk().clone(), visit.actor());
    csv_download("people.csv", move |after| {
        let (desk, actor) = (desk.clone(), actor.clone());
        async move {
            match desk.perform(&actor, Request::UserExport { after }).await? {
                Reply::Exported { csv, next } => Ok((csv, next)),
                _ => Err(Failure::failed("the answer is to another question")),
            }
        }
    })
}
