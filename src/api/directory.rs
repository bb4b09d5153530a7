//! The directory that people come from: how it stands, and what reading it changes.

use axum::http::{Method, StatusCode};

use super::endpoint::Endpoint;
use crate::operations::{Reply, Request, SyncRunView};
use crate::web::{Call, Problem};

fn run(_: &Call, reply: Reply) -> Option<SyncRunView> {
    match reply {
        Reply::Synced(run) => Some(*run),
        _ => None,
    }
}

/// The proposal that a path names.
fn proposal(call: &Call) -> Result<u64, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "there is no such proposal");
    call.param("proposal").parse().map_err(none)
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let apply = Request::DirectoryApply { proposal: 0 };
    let dismiss = Request::DirectoryDismiss { proposal: 0 };
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/directory",
            &Request::DirectoryShow,
            "How the directory stands",
            |_| Ok(Request::DirectoryShow),
        )
        .gives(|_, reply| match reply {
            Reply::Directory(directory) => Some(*directory),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/directory/preview",
            &Request::DirectoryPreview,
            "Read the directory and tell what that would change",
            |_| Ok(Request::DirectoryPreview),
        )
        .gives(|_, reply| match reply {
            Reply::Difference(difference) => Some(*difference),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/directory/sync",
            &Request::DirectorySync,
            "Read the directory now",
            |_| Ok(Request::DirectorySync),
        )
        .gives(run),
        Endpoint::new(
            Method::POST,
            "/api/v1/directory/proposals/{proposal}/apply",
            &apply,
            "Put out the people of a proposal",
            |call| Ok(Request::DirectoryApply { proposal: proposal(call)? }),
        )
        .gives(run),
        Endpoint::new(
            Method::POST,
            "/api/v1/directory/proposals/{proposal}/dismiss",
            &dismiss,
            "Keep the people of a proposal in",
            |call| Ok(Request::DirectoryDismiss { proposal: proposal(call)? }),
        ),
    ]
}
