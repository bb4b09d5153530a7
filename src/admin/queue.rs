//! Messages that wait for people: for whom, since when, for which devices; never what they say.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live;
use crate::operations::{HeldView, LiveReply, LiveRequest, QueueView, Reply, Request, Right};
use crate::web::{Access, Faults, Key, Route, Shell, Texts, Visit, render};

/// The routes of the queue.
pub(super) fn routes() -> Vec<Route> {
    let help = Access::Right(Right::Help);
    vec![
        Route::get("/admin/queue", super::EVERYBODY, list),
        Route::get("/admin/queue/{user}", super::EVERYBODY, one),
        Route::post("/admin/queue/{user}/deliver", help, deliver),
        Route::post("/admin/queue/{user}/drop", help, drop_all),
        Route::post("/admin/queue/{user}/messages/{message}/drop", help, drop_one),
    ]
}

#[derive(Template)]
#[template(path = "admin/queue.html")]
struct QueueList {
    shell: Shell,
    text: String,
    total: String,
    rows: Vec<QueueRow>,
    first: Option<String>,
    next: Option<String>,
}

struct QueueRow {
    user: String,
    link: String,
    name: String,
    count: u64,
    size: String,
    oldest: String,
    first_expiry: String,
    online: bool,
}

#[derive(Template)]
#[template(path = "admin/queue-of.html")]
struct QueueOf {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    link: String,
    person: String,
    summary: String,
    queue: QueueRow,
    messages: Vec<MessageRow>,
    may_help: bool,
    first: Option<String>,
    next: Option<String>,
}

struct MessageRow {
    sender: String,
    received: String,
    expires: String,
    size: String,
    tries: u32,
    state: String,
    level: &'static str,
    notification: bool,
    devices: Vec<String>,
    drop: String,
}

fn row(queue: &QueueView) -> QueueRow {
    QueueRow {
        link: link(&queue.user),
        user: live::cut(&queue.user),
        name: live::cut_at(&queue.name, 60),
        count: queue.count,
        size: live::size(queue.bytes),
        oldest: queue.oldest.clone(),
        first_expiry: queue.first_expiry.clone(),
        online: queue.online,
    }
}

fn link(user: &str) -> String {
    format!("/admin/queue/{}", live::encoded(user))
}

fn message(t: Texts, user: &str, held: HeldView) -> MessageRow {
    let (state, level) = if held.is_being_sent {
        (t.get("held-being-sent"), "ok")
    } else if held.delivered {
        (t.get("held-partly"), "")
    } else {
        (t.get("held-waiting"), "warn")
    };
    let mut devices: Vec<String> =
        held.devices.iter().map(|device| live::cut_at(&live::device_name(t, device), 60)).collect();
    if held.anybody {
        devices.push(t.get("held-anybody"));
    }
    MessageRow {
        sender: live::cut(&held.sender),
        received: held.received,
        expires: held.expires,
        size: live::size(held.bytes),
        tries: held.tries,
        state,
        level,
        notification: held.notification,
        devices,
        drop: format!("{}/messages/{}/drop", link(user), held.message),
    }
}

/// `GET /admin/queue`.
async fn list(visit: Visit) -> Response {
    let text = visit.query.trimmed("q").to_owned();
    let after = Some(visit.query.get("after").to_owned()).filter(|after| !after.is_empty());
    let is_first = after.is_none();
    let request = LiveRequest::Queues { text: text.clone(), after, limit: live::ROWS };
    let found = match live::ask(&visit, request).await {
        Ok(LiveReply::Queues(found)) => found,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let shell = visit.shell(Key("queue-title"));
    let query = format!("/admin/queue?q={}", live::encoded(&text));
    let page = QueueList {
        total: shell.t.with(
            "queue-total",
            [("messages", found.messages.into()), ("people", found.total.into())],
        ),
        rows: found.queues.iter().map(row).collect(),
        first: (!is_first).then(|| query.clone()),
        next: found.next.map(|next| format!("{query}&after={}", live::encoded(&next))),
        text: live::cut(&text),
        shell,
    };
    render(StatusCode::OK, &page)
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let user = visit.param("user").to_owned();
    let after: Option<u64> = visit.query.get("after").parse().ok();
    let request = LiveRequest::Queue { user: user.clone(), after, limit: live::ROWS };
    let found = match live::ask(visit, request).await {
        Ok(LiveReply::Queue(found)) => found,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let shell = visit.shell(Key("queue-of-title"));
    let t = shell.t;
    let done = match visit.query.get("done") {
        "dropped" => Some(t.get("held-dropped")),
        "offered" => Some(t.get("held-offered")),
        "nobody" => Some(t.get("held-nobody-here")),
        _ => None,
    };
    let user = found.queue.user.clone();
    let here = link(&user);
    let page = QueueOf {
        faults,
        done,
        person: live::person_link(&user),
        summary: t.with(
            "queue-of-summary",
            [("count", found.queue.count.into()), ("size", live::size(found.queue.bytes).into())],
        ),
        queue: row(&found.queue),
        messages: found.messages.into_iter().map(|held| message(t, &user, held)).collect(),
        may_help: live::may(visit, Right::Help),
        first: after.map(|_| here.clone()),
        next: found.next.map(|next| format!("{here}?after={next}")),
        link: here,
        shell,
    };
    render(status, &page)
}

/// `GET /admin/queue/{user}`.
async fn one(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

/// `POST /admin/queue/{user}/deliver`.
async fn deliver(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    match live::ask(&visit, LiveRequest::Deliver { user: user.clone() }).await {
        Ok(LiveReply::Offered(0)) => visit.go(&format!("{}?done=nobody", link(&user))),
        Ok(_) => visit.go(&format!("{}?done=offered", link(&user))),
        Err(failure) => live::refusal(&failure),
    }
}

async fn drop_held(visit: &Visit, message: Option<u64>) -> Response {
    let user = visit.param("user").to_owned();
    let request = LiveRequest::Drop { user: user.clone(), message };
    match visit.desk().perform(&visit.actor(), Request::Live(request)).await {
        Ok(Reply::Count(_)) => visit.go(&format!("{}?done=dropped", link(&user))),
        Ok(_) => live::refusal(&live::unexpected()),
        Err(failure) => live::refusal(&failure),
    }
}

/// `POST /admin/queue/{user}/drop`: everything, by whoever typed the name.
async fn drop_all(visit: Visit) -> Response {
    if visit.form.trimmed("confirm").to_lowercase() != visit.param("user").to_lowercase() {
        let mut faults = Faults::default();
        faults.add("confirm", visit.texts().get("held-drop-all-name"));
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    drop_held(&visit, None).await
}

/// `POST /admin/queue/{user}/messages/{message}/drop`.
async fn drop_one(visit: Visit) -> Response {
    match visit.param("message").parse() {
        Ok(message) => drop_held(&visit, Some(message)).await,
        Err(_) => live::refusal(&crate::operations::Failure::not_found("there is no such message")),
    }
}
