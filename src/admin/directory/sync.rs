//! Readings of the directory: what they changed or would change, and who waits for a decision.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::standing::Standing;
use super::{may, number, view_of};
use crate::operations::{
    DifferenceView, Exit, Failure, KindView, MentionView, ProposalView, Reply, Request, Right,
    SyncRunView,
};
use crate::web::{Access, Faults, Key, Route, Shell, Texts, Visit, render};

/// People of each kind who are named.
const NAMED: usize = 30;
/// Readings that are shown beside a preview.
const BESIDE: usize = 5;
/// Characters of a name that are shown.
const LONGEST: usize = 80;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let administer = Access::Right(Right::Administer);
    vec![
        Route::get("/admin/directory/sync", Access::Right(Right::See), page),
        Route::post("/admin/directory/sync", administer, sync_now),
        Route::get("/admin/directory/sync/preview", administer, preview),
        Route::post("/admin/directory/sync/apply", administer, apply),
        Route::post("/admin/directory/sync/keep", administer, keep),
    ]
}

#[derive(Template)]
#[template(path = "admin/directory/sync.html")]
struct SyncPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    standing: Standing,
    may_decide: bool,
    proposal: Option<ProposalPart>,
    preview: Option<DifferencePart>,
    runs: Vec<RunRow>,
}

struct ProposalPart {
    id: u64,
    at: String,
    kept_by: Option<String>,
    held: u64,
    shown: String,
    text: String,
    difference: DifferencePart,
}

/// What a reading changes, or would.
struct DifferencePart {
    summary: String,
    held: String,
    is_anew: bool,
    kinds: Vec<KindPart>,
}

struct KindPart {
    title: String,
    people: Vec<MentionView>,
    /// Somebody is other than before in some way.
    has_what: bool,
    more: String,
}

struct RunRow {
    last: String,
    times: u64,
    by: String,
    word: String,
    level: &'static str,
    people: String,
    changes: String,
    trouble: String,
    took: String,
}

/// What a page says beside how things stand.
#[derive(Default)]
struct Said {
    faults: Faults,
    preview: Option<DifferenceView>,
}

async fn show(visit: &Visit, status: StatusCode, said: Said) -> Response {
    let mut view = match view_of(visit).await {
        Ok(view) => view,
        Err(response) => return response,
    };
    let shell = visit.shell(Key("sync-title"));
    let t = shell.t;
    let done = match visit.query.get("done") {
        "sync" => Some(t.get("sync-done")),
        "apply" => Some(t.get("sync-applied")),
        "keep" => Some(t.get("sync-kept")),
        _ => None,
    };
    if said.preview.is_some() {
        view.runs.truncate(BESIDE);
    }
    let page = SyncPage {
        faults: said.faults,
        done,
        standing: Standing::of(t, &view),
        may_decide: may(visit, Right::Administer),
        proposal: view.proposal.map(|proposal| proposal_part(t, proposal)),
        preview: said.preview.map(|difference| difference_part(t, difference)),
        runs: view.runs.into_iter().map(|run| run_row(t, run)).collect(),
        shell,
    };
    render(status, &page)
}

/// `GET /admin/directory/sync`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Said::default()).await
}

/// `GET /admin/directory/sync/preview`.
async fn preview(visit: Visit) -> Response {
    match visit.desk().perform(&visit.actor(), Request::DirectoryPreview).await {
        Ok(Reply::Difference(difference)) => {
            let said = Said { preview: Some(*difference), ..Said::default() };
            show(&visit, StatusCode::OK, said).await
        }
        Ok(_) => refused(&visit, &Failure::failed("another reply")).await,
        Err(failure) => refused(&visit, &failure).await,
    }
}

/// `POST /admin/directory/sync`.
async fn sync_now(visit: Visit) -> Response {
    match visit.desk().perform(&visit.actor(), Request::DirectorySync).await {
        Ok(_) => visit.go("/admin/directory/sync?done=sync"),
        Err(failure) => refused(&visit, &failure).await,
    }
}

/// `POST /admin/directory/sync/apply`: who has typed how many people go.
async fn apply(visit: Visit) -> Response {
    let (Some(proposal), held) = (proposal_of(&visit), visit.form.trimmed("count").to_owned())
    else {
        return refused(&visit, &Failure::not_found("no such proposal")).await;
    };
    let view = match view_of(&visit).await {
        Ok(view) => view,
        Err(response) => return response,
    };
    let current = view.proposal.filter(|current| current.id == proposal);
    let Some(current) = current else {
        return refused(&visit, &Failure::not_found("no such proposal")).await;
    };
    let digits: String = held.chars().filter(char::is_ascii_digit).collect();
    if digits != current.difference.held.to_string() {
        let mut faults = Faults::default();
        faults.add("count", visit.texts().get("proposal-count-wrong"));
        let said = Said { faults, ..Said::default() };
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, said).await;
    }
    match visit.desk().perform(&visit.actor(), Request::DirectoryApply { proposal }).await {
        Ok(_) => visit.go("/admin/directory/sync?done=apply"),
        Err(failure) => refused(&visit, &failure).await,
    }
}

/// `POST /admin/directory/sync/keep`.
async fn keep(visit: Visit) -> Response {
    let Some(proposal) = proposal_of(&visit) else {
        return refused(&visit, &Failure::not_found("no such proposal")).await;
    };
    match visit.desk().perform(&visit.actor(), Request::DirectoryDismiss { proposal }).await {
        Ok(_) => visit.go("/admin/directory/sync?done=keep"),
        Err(failure) => refused(&visit, &failure).await,
    }
}

fn proposal_of(visit: &Visit) -> Option<u64> {
    visit.form.trimmed("proposal").parse().ok()
}

/// The page again, with why something was not done.
async fn refused(visit: &Visit, failure: &Failure) -> Response {
    let t = visit.texts();
    let text = match failure.exit {
        Exit::NotFound => t.get("proposal-gone"),
        Exit::Refused => t.get("sync-refused"),
        _ => t.get("sync-failed"),
    };
    let mut faults = Faults::default();
    faults.add("", text);
    let said = Said { faults, ..Said::default() };
    show(visit, StatusCode::UNPROCESSABLE_ENTITY, said).await
}

fn proposal_part(t: Texts, proposal: ProposalView) -> ProposalPart {
    let ProposalView { id, at, kept_by, difference } = proposal;
    let (held, known) = (difference.held, difference.known);
    let key = if difference.people == 0 { Key("proposal-nobody") } else { Key("proposal-many") };
    let text = t.with(
        key.0,
        [
            ("count", held.into()),
            ("shown", number(t, held).into()),
            ("known", number(t, known).into()),
        ],
    );
    let shown = number(t, held);
    ProposalPart { id, at, kept_by, held, shown, text, difference: difference_part(t, difference) }
}

fn difference_part(t: Texts, difference: DifferenceView) -> DifferencePart {
    let DifferenceView { people, known, held, anew, .. } = difference;
    let summary = t.with(
        "preview-summary",
        [
            ("people", people.into()),
            ("shown", number(t, people).into()),
            ("known", number(t, known).into()),
        ],
    );
    let held = match held {
        0 => String::new(),
        held => t.with("preview-held", [("count", held.into()), ("shown", number(t, held).into())]),
    };
    let mut kinds = Vec::new();
    let mut add = |title: String, kind: KindView| {
        if kind.count == 0 {
            return;
        }
        let more = kind.count.saturating_sub(kind.people.len().min(NAMED) as u64);
        let more = match more {
            0 => String::new(),
            more => t.of("kind-more", "count", number(t, more)),
        };
        let has_what = kind.people.iter().any(|one| !one.what.is_empty());
        let people = kind.people.into_iter().take(NAMED).map(|one| MentionView {
            user: cut(one.user),
            name: cut(one.name),
            what: cut(one.what),
        });
        kinds.push(KindPart { title, people: people.collect(), has_what, more });
    };
    let count =
        |kind: &KindView| [("count", kind.count.into()), ("shown", number(t, kind.count).into())];
    add(t.with("kind-absent", count(&difference.absent)), difference.absent);
    add(t.with("kind-disabled", count(&difference.disabled)), difference.disabled);
    add(t.with("kind-replaced", count(&difference.replaced)), difference.replaced);
    add(t.with("kind-added", count(&difference.added)), difference.added);
    add(t.with("kind-changed", count(&difference.changed)), difference.changed);
    add(t.with("kind-returned", count(&difference.returned)), difference.returned);
    DifferencePart { summary, held, is_anew: anew, kinds }
}

/// A name, cut.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn run_row(t: Texts, run: SyncRunView) -> RunRow {
    let (word, level) = match run.outcome.as_str() {
        "applied" => (t.get("run-applied"), "ok"),
        "partly" => (t.get("run-partly"), "warn"),
        _ => (t.get("run-failed"), "error"),
    };
    let counts = run.counts;
    let mut changes = Vec::new();
    for (count, text) in [
        (counts.added, t.of("run-added", "count", number(t, counts.added))),
        (counts.changed, t.of("run-changed", "count", number(t, counts.changed))),
        (counts.returned, t.of("run-returned", "count", number(t, counts.returned))),
        (counts.disabled, t.of("run-disabled", "count", number(t, counts.disabled))),
        (counts.absent, t.of("run-absent", "count", number(t, counts.absent))),
        (counts.replaced, t.of("run-replaced", "count", number(t, counts.replaced))),
        (counts.held, t.of("run-held", "count", number(t, counts.held))),
    ] {
        if count > 0 {
            changes.push(text);
        }
    }
    let changes = match (run.outcome.as_str(), changes.is_empty()) {
        ("failed", _) => t.get("run-nothing-failed"),
        (_, true) => t.get("run-nothing"),
        _ => changes.join(", "),
    };
    let by = if run.by == "server" { t.get("run-by-server") } else { run.by };
    RunRow {
        last: run.last,
        times: run.times,
        by,
        word,
        level,
        people: number(t, run.people),
        changes,
        trouble: run.trouble,
        took: number(t, run.took_ms),
    }
}
