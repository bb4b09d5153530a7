//! Long work: imports and the same deed for many people. It is asked for here, goes on in the server, and
//! is looked at again under its own path.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::failure::unfit;
use super::query::{self, Kind, Param, param};
use crate::operations::{
    Existing, JobRequest, JobView, PeopleDeed, PeopleQuery, PersonSource, PersonState, Reply,
    Request, Secret, Whom,
};
use crate::web::{Call, Problem};

/// The largest import, in bytes: as much as the console takes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// How to import.
const HOW: &[Param] = &[
    EXISTING,
    param("dry_run", Kind::Flag, "Tell what would become of each row, and change nothing."),
    param("file", Kind::Text, "What it is called among the jobs."),
];
/// How to import what was tried.
const HOW_AGAIN: &[Param] =
    &[EXISTING, param("dry_run", Kind::Flag, "Try it again, and change nothing.")];
const EXISTING: Param = param(
    "existing",
    Kind::Choice(&["fail", "skip", "update"]),
    "What becomes of rows whose names are taken: they fail, unless this says otherwise.",
);

/// The jobs that are remembered, for a day and 64 at most, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Jobs {
    /// The jobs.
    items: Vec<JobView>,
}

/// What is imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Brought {
    /// CSV with a header line; it may hold passwords.
    csv: Secret,
}

/// With whom something is done: with `users`, or with all whom `matching` finds if they are `count`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    /// User names.
    #[serde(default)]
    users: Option<Vec<String>>,
    /// Whom to look for.
    #[serde(default)]
    matching: Option<Matching>,
    /// How many these are; if it is another number of people now, nothing is done.
    #[serde(default)]
    count: Option<u64>,
}

/// Who is looked for, as `GET /people` looks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Matching {
    /// Beginnings of words of the name, user name or mail address; empty is everybody.
    #[serde(default)]
    text: String,
    /// Only those who come from there.
    #[serde(default)]
    source: Option<PersonSource>,
    /// Only those.
    #[serde(default)]
    state: Option<PersonState>,
    /// Only those with, or without, a device credential.
    #[serde(default)]
    has_devices: Option<bool>,
    /// Only those who are, or are not, registered now.
    #[serde(default)]
    online: Option<bool>,
    /// Only those in this group.
    #[serde(default)]
    group: Option<String>,
}

fn job(reply: Reply) -> Option<JobView> {
    match reply {
        Reply::Job(job) => Some(*job),
        _ => None,
    }
}

fn place(job: &JobView) -> String {
    format!("/api/v1/jobs/{}", job.id)
}

/// The job that a path names.
fn id(call: &Call) -> String {
    call.param("job").to_owned()
}

fn existing(call: &Call) -> Existing {
    match call.query.get("existing") {
        "skip" => Existing::Skip,
        "update" => Existing::Update,
        _ => Existing::Fail,
    }
}

fn import(call: &Call) -> Result<Request, Problem> {
    let csv = if call.has_csv() {
        Secret::new(call.text()?)
    } else {
        let Brought { csv } = call.json()?;
        csv
    };
    let dry_run = query::wanted(call, "dry_run").unwrap_or_default();
    let file = call.query.get("file").to_owned();
    Ok(Request::Jobs(JobRequest::Import { csv, file, existing: existing(call), dry_run }))
}

fn import_tried(call: &Call) -> Result<Request, Problem> {
    let dry_run = query::wanted(call, "dry_run").unwrap_or_default();
    let existing = existing(call);
    Ok(Request::Jobs(JobRequest::ImportTried { job: id(call), existing, dry_run }))
}

fn many(call: &Call, deed: PeopleDeed) -> Result<Request, Problem> {
    let whom = match call.json()? {
        Many { users: Some(users), matching: None, count: None } => Whom::Named(users),
        Many { users: None, matching: Some(matching), count: Some(count) } => {
            let Matching { text, source, state, has_devices, online, group } = matching;
            let (after, limit) = (None, 1);
            let query =
                PeopleQuery { text, source, state, has_devices, online, group, after, limit };
            Whom::Matching { query, count }
        }
        _ => return Err(unfit("name users; or say whom matching finds, and their count")),
    };
    Ok(Request::Jobs(JobRequest::People { deed, whom }))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ONE: &str = "/api/v1/jobs/{job}";
    let (name, existing, dry_run) = (String::new, Existing::Fail, true);
    let sample = Request::Jobs;
    let list = sample(JobRequest::List);
    let show = sample(JobRequest::Show { job: name() });
    let cancel = sample(JobRequest::Cancel { job: name() });
    let result = sample(JobRequest::Result { job: name(), after: None });
    let csv = Secret::default();
    let first = sample(JobRequest::Import { csv, file: name(), existing, dry_run });
    let again = sample(JobRequest::ImportTried { job: name(), existing, dry_run });
    let people = |deed| sample(JobRequest::People { deed, whom: Whom::Named(Vec::new()) });
    let (disable, enable, delete) =
        (people(PeopleDeed::Disable), people(PeopleDeed::Enable), people(PeopleDeed::Delete));
    vec![
        Endpoint::new(Method::GET, "/api/v1/jobs", &list, "List jobs", |_| {
            Ok(Request::Jobs(JobRequest::List))
        })
        .gives(|_, reply| match reply {
            Reply::Jobs(items) => Some(Jobs { items }),
            _ => None,
        }),
        Endpoint::new(Method::GET, ONE, &show, "How far a job is", |call| {
            Ok(Request::Jobs(JobRequest::Show { job: id(call) }))
        })
        .gives(|_, reply| job(reply)),
        Endpoint::new(
            Method::POST,
            "/api/v1/jobs/{job}/cancel",
            &cancel,
            "End a job before it is done; what it did stays done",
            |call| Ok(Request::Jobs(JobRequest::Cancel { job: id(call) })),
        )
        .gives(|_, reply| job(reply)),
        Endpoint::new(
            Method::GET,
            "/api/v1/jobs/{job}/result",
            &result,
            "What a job could not do, as CSV",
            |call| Ok(Request::Jobs(JobRequest::Result { job: id(call), after: None })),
        )
        .streams("not-done.csv", |job, after| {
            Request::Jobs(JobRequest::Result { job: job.to_owned(), after })
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/imports",
            &first,
            "Import local accounts from CSV, or try it",
            import,
        )
        .with(HOW)
        .takes::<Brought>()
        .or_csv(LARGEST)
        .makes(StatusCode::ACCEPTED, job, place),
        Endpoint::new(
            Method::POST,
            "/api/v1/jobs/{job}/import",
            &again,
            "Import what a job tried, or try it in another way",
            import_tried,
        )
        .called("user.import_tried")
        .with(HOW_AGAIN)
        .makes(StatusCode::ACCEPTED, job, place),
        Endpoint::new(
            Method::POST,
            "/api/v1/bulk/disable",
            &disable,
            "Lock many accounts out",
            |call| many(call, PeopleDeed::Disable),
        )
        .called("bulk.disable")
        .takes::<Many>()
        .makes(StatusCode::ACCEPTED, job, place),
        Endpoint::new(
            Method::POST,
            "/api/v1/bulk/enable",
            &enable,
            "Let many accounts in again",
            |call| many(call, PeopleDeed::Enable),
        )
        .called("bulk.enable")
        .takes::<Many>()
        .makes(StatusCode::ACCEPTED, job, place),
        Endpoint::new(
            Method::POST,
            "/api/v1/bulk/delete",
            &delete,
            "Remove many accounts and all of them",
            |call| many(call, PeopleDeed::Delete),
        )
        .called("bulk.delete")
        .takes::<Many>()
        .makes(StatusCode::ACCEPTED, job, place),
    ]
}
