//! One request of a program, as the API sees it: who asks, with which query, with which document.
//!
//! Programs show a token; whatever cookies they bring are not looked at, so nothing that a browser
//! does by itself reaches the API. What is not understood is refused: a field, a query parameter or a
//! media type that nobody asked for is a mistake that is better found at once.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, MatchedPath, RawPathParams, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::form::Form;
use super::problem::Problem;
use super::routes::challenge;
use super::{Desk, Site, bearing};
use crate::accounts::{Actor, Bearer};

/// The longest document.
const LONGEST: usize = 512 * 1024;
/// How many times as long as a header a document may take.
const SLOWNESS: u32 = 6;

/// Whoever showed a token, and where he is.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) bearer: Bearer,
    pub(super) source: IpAddr,
}

impl Shown {
    /// Whether the token is in force for the same as before.
    fn stands(&self, site: &Site, headers: &HeaderMap) -> bool {
        let bearer = bearing::shown(headers)
            .and_then(|token| site.desk.accounts.bearer(token, self.source).ok().flatten());
        bearer.as_ref() == Some(&self.bearer)
    }
}

/// A request of a program.
pub struct Call {
    site: Arc<Site>,
    shown: Option<Shown>,
    /// The header that shows the token.
    proof: HeaderMap,
    params: Vec<(String, String)>,
    /// The query.
    pub query: Form,
    path: String,
    kind: String,
    body: Bytes,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FromRequest<Arc<Site>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Call, Response> {
        let (mut parts, body) = request.into_parts();
        let shown = parts.extensions.get::<Shown>().cloned();
        let Ok(params) = RawPathParams::from_request_parts(&mut parts, site).await else {
            return Err(unread(StatusCode::BAD_REQUEST, "the path cannot be read"));
        };
        let params = params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = query.map_err(Problem::into_response)?;
        let mut bytes = Bytes::new();
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
            let longest = site.longest_upload(route).and_then(|bytes| usize::try_from(bytes).ok());
            let body = axum::body::to_bytes(body, longest.unwrap_or(LONGEST));
            let patience = site.limits.request.saturating_mul(SLOWNESS);
            let too_slow = |_| unread(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
            let read = tokio::time::timeout(patience, body).await;
            bytes = read.map_err(too_slow)?.map_err(|_| too_large())?;
            // A body may take its time, and what its sender may do can end meanwhile.
            if shown.as_ref().is_some_and(|shown| !shown.stands(site, &parts.headers)) {
                return Err(challenge("this token is no longer in force here"));
            }
        }
        let proof = parts.headers.get(header::AUTHORIZATION).cloned();
        Ok(Call {
            site: Arc::clone(site),
            shown,
            proof: proof.map(|proof| (header::AUTHORIZATION, proof)).into_iter().collect(),
            params,
            query,
            path: parts.uri.path().to_owned(),
            kind: media_type(&parts.headers),
            body: bytes,
        })
    }
}

fn unread(status: StatusCode, detail: &str) -> Response {
    Problem::new(status, detail).into_response()
}

fn too_large() -> Response {
    unread(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
}

fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

impl Call {
    /// Whom deeds are asked of.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.site.desk
    }

    /// Says whenever it is asked whether the token is still in force: an answer that takes long, as a
    /// file, ends with that.
    pub fn standing(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (site, shown) = (Arc::clone(&self.site), self.shown.clone());
        let proof = self.proof.clone();
        move || shown.as_ref().is_none_or(|shown| shown.stands(&site, &proof))
    }

    /// Whoever showed the token; nobody where somebody who is signed in reads what is no secret.
    #[must_use]
    pub fn bearer(&self) -> Option<&Bearer> {
        self.shown.as_ref().map(|shown| &shown.bearer)
    }

    /// Who stands in the audit trail for what this changes.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.shown.as_ref().map(|shown| shown.bearer.actor(shown.source))
    }

    /// The path that was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A part of the path.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        let param = self.params.iter().find(|(known, _)| known == name);
        param.map_or("", |(_, value)| value)
    }

    /// The document of the request.
    ///
    /// # Errors
    /// A [`Problem`] if it is no JSON (400), not said to be (415), or not what is asked for (422).
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.kind != "application/json" {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "this takes application/json"));
        }
        read(&self.body)
    }

    /// Whether a table was brought, and no document.
    #[must_use]
    pub fn has_csv(&self) -> bool {
        self.kind == "text/csv"
    }

    /// The text that was brought.
    ///
    /// # Errors
    /// A [`Problem`] (400) if it is no UTF-8.
    pub fn text(&self) -> Result<String, Problem> {
        let text = std::str::from_utf8(&self.body).map(str::to_owned);
        text.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
    }
}

/// Reads JSON as strictly as it is written: a document is an object, a name stands once in it, numbers
/// are numbers, text is Unicode, and nothing is nested without end.
fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let document = serde_json::from_slice(text).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Io | Category::Syntax | Category::Eof => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error.to_string())
    })?;
    // Values without their names would be taken for those of the fields, in their order.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this takes an object"));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        share: f64,
    }

    // W29, W33.
    #[test]
    fn json_is_read_strictly() {
        let read = |text: &str| read::<Sample>(text.as_bytes()).map_err(|problem| problem.status);
        let good = read(r#"{"name":"Ana","share":0.5}"#).unwrap();
        assert_eq!((good.name.as_str(), good.share), ("Ana", 0.5));
        for (text, status) in [
            ("", 400),
            ("{", 400),
            (r#"{"name":"a"} x"#, 400),
            (r#"{"name":"\ud800"}"#, 400),
            (r#"{"name":"a","share":NaN}"#, 400),
            (r#"{"name":"a","share":1e999}"#, 400),
            (r#"{"name":"a","name":"b"}"#, 422),
            (r#"{"name":"a","role":"admin"}"#, 422),
            (r#"{"name":1}"#, 422),
            ("{}", 422),
            ("[]", 422),
            (r#" ["Ana", 0.5]"#, 422),
        ] {
            assert_eq!(read(text).err().map(|status| status.as_u16()), Some(status), "{text}");
        }
        let deep = format!(r#"{{"name":{}"#, "[".repeat(10_000));
        assert!(read(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_of_json_panic(bytes: Vec<u8>) {
            let _ = read::<Sample>(&bytes);
        }
    }
}
