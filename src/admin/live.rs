//! What the pages about people, registrations, waiting messages and bans have in common: how they
//! ask, and how they put spans, sizes and texts of others.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::operations::{
    Exit, Failure, LiveReply, LiveRequest, RegistrationView, Reply, Request, Right,
};
use crate::text::visible;
use crate::web::{Problem, Texts, Visit};

/// Rows of one page of a list.
pub(super) const ROWS: u32 = 40;
/// Characters of a text of somebody else's that a row shows.
const SHOWN: usize = 120;

/// Asks about the present.
pub(super) async fn ask(visit: &Visit, request: LiveRequest) -> Result<LiveReply, Failure> {
    match visit.desk().perform(&visit.actor(), Request::Live(request)).await? {
        Reply::Live(reply) => Ok(*reply),
        _ => Err(unexpected()),
    }
}

/// The failure where an answer is to another question.
pub(super) fn unexpected() -> Failure {
    Failure::failed("the answer is to another question")
}

/// The error page of something that was not done.
pub(super) fn refusal(failure: &Failure) -> Response {
    let status = match failure.exit {
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Refused => StatusCode::CONFLICT,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Done | Exit::Failed => {
            tracing::error!(event = "deed_failed", %failure);
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    Problem::new(status, failure.message.clone()).into_response()
}

/// Whether the visitor has a right.
pub(super) fn may(visit: &Visit, right: Right) -> bool {
    visit.principal().is_some_and(|principal| right.is_of_role(principal.role))
}

/// A name as a part of a path or a value of a query.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The page of a person.
pub(super) fn person_link(user: &str) -> String {
    super::people::path_of(user)
}

/// As much of a text of somebody else's as a row shows.
pub(super) fn cut(text: &str) -> String {
    cut_at(text, SHOWN)
}

/// The same with another bound.
pub(super) fn cut_at(text: &str, longest: usize) -> String {
    let mut out = String::new();
    visible::push(&mut out, text, longest);
    out
}

/// A span of time in one unit.
pub(super) fn span(t: Texts, seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..120 => t.of("span-seconds", "count", seconds),
        120..7_200 => t.of("span-minutes", "count", seconds / MINUTE),
        7_200..172_800 => t.of("span-hours", "count", seconds / HOUR),
        _ => t.of("span-days", "count", seconds / DAY),
    }
}

/// A size in bytes or kilobytes.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 10_000 { format!("{bytes} B") } else { format!("{} kB", bytes.div_ceil(1_000)) }
}

/// A registration, as a table shows it.
pub(super) struct RegistrationRow {
    pub(super) user: String,
    pub(super) link: String,
    pub(super) name: String,
    /// What ends it.
    pub(super) end: String,
    pub(super) device: String,
    pub(super) agent: String,
    pub(super) transport: String,
    pub(super) address: String,
    pub(super) contact: String,
    pub(super) path: String,
    pub(super) is_behind_nat: bool,
    pub(super) is_bound: bool,
    pub(super) flow: Option<u32>,
    pub(super) since: String,
    pub(super) left: String,
}

impl RegistrationRow {
    pub(super) fn new(t: Texts, one: &RegistrationView) -> RegistrationRow {
        let link = person_link(&one.user);
        let unnamed = device_name(t, &one.device);
        let (device, agent) = match (one.label.as_str(), one.agent.as_str()) {
            ("", "") => (unnamed, String::new()),
            // What the program calls itself says more than the number of its instance.
            ("", agent) => (agent.to_owned(), unnamed),
            (label, agent) => (label.to_owned(), agent.to_owned()),
        };
        RegistrationRow {
            end: format!("{link}/registrations/{}/end", encoded(&one.handle)),
            link,
            user: cut(&one.user),
            name: cut_at(&one.name, 60),
            device: cut_at(&device, 60),
            agent: cut(&agent),
            transport: one.transport.to_uppercase(),
            address: one.address.clone(),
            contact: cut_at(&one.contact, 80),
            path: cut(one.path.as_deref().unwrap_or_default()),
            is_behind_nat: one.is_behind_nat,
            is_bound: one.is_bound,
            flow: one.flow,
            since: one.since.clone(),
            left: span(t, one.expires),
        }
    }
}

/// What a device without a label is called: by its instance, or as the one that says nothing.
pub(super) fn device_name(t: Texts, device: &str) -> String {
    match device {
        "anonymous" => t.get("device-anonymous"),
        named => {
            let instance = named.strip_prefix("instance:").unwrap_or(named);
            instance.trim_matches(['<', '>']).to_owned()
        }
    }
}
