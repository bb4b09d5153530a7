//! One line of the table: what is asked for by which method and path, who may, and what is answered.

use std::mem::discriminant;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::failure;
use super::query::{self, Param};
use crate::operations::{Failure, Reply, Request, Rule};
use crate::web::{Access, Call, Problem, Route, csv_onwards};

/// Reads the request that a call is.
pub(super) type Ask = fn(&Call) -> Result<Request, Problem>;
type Answer = Arc<dyn Fn(&Call, Reply) -> Option<Response> + Send + Sync>;
/// Schemas by name.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A document that is sent or answered, as the description names it.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) name: String,
    /// Its own schema and those that it is made of.
    pub(super) schemas: fn(&mut Schemas),
}

impl Document {
    fn of<T: ToSchema>() -> Document {
        let schemas = |all: &mut Schemas| {
            all.push((T::name().into_owned(), T::schema()));
            T::schemas(all);
        };
        Document { name: T::name().into_owned(), schemas }
    }
}

/// What is answered beside the status.
#[derive(Clone)]
pub(super) enum Given {
    Nothing,
    Document(Document),
    Csv,
}

/// One line of the table.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) rule: Rule,
    /// A request of the kind that is asked for.
    pub(super) sample: Request,
    /// Its name in the description, one of its own.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) params: &'static [Param],
    pub(super) takes: Option<Document>,
    /// The largest CSV that it takes in the document's place; 0 where it takes none.
    pub(super) longest_csv: u64,
    pub(super) status: StatusCode,
    pub(super) gives: Given,
    ask: Ask,
    answer: Answer,
}

impl Endpoint {
    /// A line whose requests are of the same kind as `sample`; it answers nothing but that it is done.
    pub(super) fn new(
        method: Method,
        path: &'static str,
        sample: &Request,
        summary: &'static str,
        ask: Ask,
    ) -> Endpoint {
        Endpoint {
            method,
            path,
            rule: sample.rule(),
            sample: sample.clone(),
            name: sample.rule().deed,
            summary,
            params: &[],
            takes: None,
            longest_csv: 0,
            status: StatusCode::NO_CONTENT,
            gives: Given::Nothing,
            ask,
            answer: Arc::new(|_, _| Some(StatusCode::NO_CONTENT.into_response())),
        }
    }

    /// Under a name of its own, where others do the same deed.
    pub(super) fn called(self, name: &'static str) -> Endpoint {
        Endpoint { name, ..self }
    }

    /// With these parameters of the query, and no others.
    pub(super) fn with(self, params: &'static [Param]) -> Endpoint {
        Endpoint { params, ..self }
    }

    /// With a document that is sent; the line's `ask` reads it.
    pub(super) fn takes<T: ToSchema>(self) -> Endpoint {
        Endpoint { takes: Some(Document::of::<T>()), ..self }
    }

    /// With CSV of up to so many bytes, if one likes; so long may a document be too.
    pub(super) fn or_csv(self, longest: u64) -> Endpoint {
        Endpoint { longest_csv: longest, ..self }
    }

    /// With CSV that is answered in parts, while it is made; `part` asks for those behind the first,
    /// by the job that the path names, if it names one.
    pub(super) fn streams(
        self,
        name: &'static str,
        part: fn(&str, Option<String>) -> Request,
    ) -> Endpoint {
        let answer = move |call: &Call, reply| {
            let first = exported(reply)?;
            let (desk, actor, job) =
                (call.desk().clone(), call.actor()?, call.param("job").to_owned());
            Some(csv_onwards(call.standing(), name, first, move |after| {
                let (desk, actor) = (desk.clone(), actor.clone());
                let request = part(&job, after);
                async move {
                    let reply = desk.perform(&actor, request).await?;
                    let other = || Failure::failed("the answer is to another question");
                    exported(reply).ok_or_else(other)
                }
            }))
        };
        Endpoint { status: StatusCode::OK, gives: Given::Csv, answer: Arc::new(answer), ..self }
    }

    /// With a document that is answered.
    pub(super) fn gives<T: Serialize + ToSchema + 'static>(
        self,
        pick: fn(&Call, Reply) -> Option<T>,
    ) -> Endpoint {
        let answer = move |call: &Call, reply| Some(json(StatusCode::OK, &pick(call, reply)?));
        Endpoint {
            status: StatusCode::OK,
            gives: Given::Document(Document::of::<T>()),
            answer: Arc::new(answer),
            ..self
        }
    }

    /// With something new that is answered, and where it is from here on.
    pub(super) fn makes<T: Serialize + ToSchema + 'static>(
        self,
        status: StatusCode,
        pick: fn(Reply) -> Option<T>,
        place: fn(&T) -> String,
    ) -> Endpoint {
        let answer = move |_: &Call, reply| {
            let made = pick(reply)?;
            let mut response = json(status, &made);
            if let Ok(place) = HeaderValue::from_str(&place(&made)) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            Some(response)
        };
        let gives = Given::Document(Document::of::<T>());
        Endpoint { status, gives, answer: Arc::new(answer), ..self }
    }

    /// The route of this line.
    pub(super) fn into_route(self) -> Route {
        let (method, path, access) = (self.method.clone(), self.path, Access::Token(self.rule));
        let longest = self.longest_csv;
        let endpoint = Arc::new(self);
        let route = Route::api(method, path, access, move |call| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.perform(&call).await.unwrap_or_else(|refusal| refusal) }
        });
        if longest > 0 { route.taking(longest) } else { route }
    }

    async fn perform(&self, call: &Call) -> Result<Response, Response> {
        query::check(&call.query, self.params).map_err(Problem::into_response)?;
        let request = (self.ask)(call).map_err(Problem::into_response)?;
        debug_assert_eq!(request.rule(), self.rule, "{} {}", self.method, self.path);
        debug_assert_eq!(discriminant(&request), discriminant(&self.sample), "{}", self.path);
        // Whoever asks showed a token, or the layer would not have let him come here.
        let actor = call.actor().ok_or_else(|| {
            let detail = "show a token: Authorization: Bearer tagus_…";
            Problem::new(StatusCode::UNAUTHORIZED, detail).into_response()
        })?;
        let reply =
            call.desk().perform(&actor, request).await.map_err(|error| failure::answer(&error))?;
        (self.answer)(call, reply).ok_or_else(|| {
            tracing::error!(event = "reply_unexpected", path = self.path);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "the answer is not what was expected").into_response()
        })
    }
}

fn exported(reply: Reply) -> Option<(String, Option<String>)> {
    match reply {
        Reply::Exported { csv, next } => Some((csv, next)),
        _ => None,
    }
}

/// A document as an answer.
fn json(status: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = status;
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => {
            tracing::error!(event = "answer_not_written", %error);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "the answer could not be written").into_response()
        }
    }
}
