//! Notices: short texts of applications to people, and who does not want them.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::people::user;
use crate::operations::{
    MuteView, NewNotice, NoticeReply, NoticeReport, NoticeRequest, Reply, Request,
};
use crate::web::{Call, Problem};

/// A notice to be sent: to people, or to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Notify {
    /// The application that it is of; a token of an application speaks for that one.
    #[serde(default)]
    application: Option<String>,
    /// Whom it is for, by user name.
    #[serde(default)]
    #[schema(max_items = 100)]
    to: Vec<String>,
    /// The group that it is for, instead.
    #[serde(default)]
    group: Option<String>,
    /// What it says: plain text of 700 bytes at most.
    #[schema(min_length = 1, max_length = 700)]
    text: String,
    /// For how many seconds it waits for somebody who is away; a day, where nothing is said.
    #[serde(default)]
    #[schema(minimum = 1)]
    ttl: Option<u64>,
}

/// What somebody does not want to hear from.
#[derive(Debug, Serialize, ToSchema)]
struct Mutes {
    /// The applications.
    items: Vec<MuteView>,
}

fn report(reply: Reply) -> Option<NoticeReport> {
    match reply {
        Reply::Notice(reply) => match *reply {
            NoticeReply::Report(report) => Some(report),
            _ => None,
        },
        _ => None,
    }
}

fn muted(call: &Call, muted: bool) -> Request {
    let application = call.param("application").to_owned();
    Request::Notice(NoticeRequest::Mute { user: user(call), application, muted })
}

fn job(call: &Call) -> Result<Request, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "there is no such notice");
    let id = call.param("id").parse().map_err(none)?;
    Ok(Request::Notice(NoticeRequest::Job { id }))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const MUTE: &str = "/api/v1/people/{user}/mutes/{application}";
    let name = String::new;
    let sample = Request::Notice;
    let mute = |muted| sample(NoticeRequest::Mute { user: name(), application: name(), muted });
    vec![
        Endpoint::new(
            Method::POST,
            "/api/v1/notify",
            &sample(NoticeRequest::Send(NewNotice::default())),
            "Send a notice to people or to a group",
            |call| {
                let Notify { application, to, group, text, ttl } = call.json()?;
                let notice = NewNotice { application, to, group, text, ttl };
                Ok(Request::Notice(NoticeRequest::Send(notice)))
            },
        )
        .takes::<Notify>()
        .makes(StatusCode::ACCEPTED, report, |made| format!("/api/v1/notices/{}", made.id)),
        Endpoint::new(
            Method::GET,
            "/api/v1/notices/{id}",
            &sample(NoticeRequest::Job { id: 0 }),
            "How far a notice is",
            job,
        )
        .gives(|_, reply| report(reply)),
        Endpoint::new(
            Method::GET,
            "/api/v1/people/{user}/mutes",
            &sample(NoticeRequest::Mutes { user: name() }),
            "List the applications that a person does not want to hear from",
            |call| Ok(Request::Notice(NoticeRequest::Mutes { user: user(call) })),
        )
        .gives(|_, reply| match reply {
            Reply::Notice(reply) => match *reply {
                NoticeReply::Mutes(items) => Some(Mutes { items }),
                _ => None,
            },
            _ => None,
        }),
        Endpoint::new(Method::PUT, MUTE, &mute(true), "Mute an application for a person", |call| {
            Ok(muted(call, true))
        }),
        Endpoint::new(
            Method::DELETE,
            MUTE,
            &mute(false),
            "Let a person hear from an application again",
            |call| Ok(muted(call, false)),
        ),
    ]
}
