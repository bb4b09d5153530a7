//! One request for a page, as its handler sees it: who asks, in which language, with which form.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, MatchedPath, RawPathParams, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::cookie::Jar;
use super::form::Form;
use super::i18n::{Key, Language, Texts};
use super::page::{Shell, Theme};
use super::problem::Problem;
use super::session::Session;
use super::{Desk, Sessions, Site, upload};
use crate::accounts::{Actor, ActorKind, Principal};
use crate::model::Role;

/// The field of every form that holds its token.
pub(super) const TOKEN_FIELD: &str = "token";

/// What is known of a request before anybody answers it.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) principal: Option<Principal>,
    pub(super) session: Option<Session>,
    /// The id that the browser brought, or the one that it is given now.
    pub(super) id: String,
    pub(super) jar: Jar,
    pub(super) source: IpAddr,
    pub(super) texts: Texts,
    pub(super) theme: Theme,
    /// Of the path that was asked for.
    pub(super) path: String,
    pub(super) agent: String,
}

/// A request for a page.
pub struct Visit {
    site: Arc<Site>,
    caller: Caller,
    params: Vec<(String, String)>,
    /// The query.
    pub query: Form,
    /// The form, of a POST; its token is checked.
    pub form: Form,
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visit").field("path", &self.caller.path).finish_non_exhaustive()
    }
}

impl FromRequest<Arc<Site>> for Visit {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Visit, Response> {
        let (mut parts, body) = request.into_parts();
        let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(Problem::new(status, "the caller is unknown").into_response());
        };
        let params = match RawPathParams::from_request_parts(&mut parts, site).await {
            Ok(params) => params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            Err(_) => {
                let status = StatusCode::BAD_REQUEST;
                return Err(Problem::new(status, "the path cannot be read").into_response());
            }
        };
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = query.map_err(Problem::into_response)?;
        let mut form = Form::default();
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let is_ours = |token: &str| site.form_tokens.is_of(&caller.id, token);
            let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
            let takes_files = site.routes.iter().any(|r| r.longest > 0 && Some(r.path) == route);
            let read = if takes_files && upload::is_upload(&parts.headers) {
                let Ok(_place) = site.uploads.try_acquire() else {
                    let status = StatusCode::TOO_MANY_REQUESTS;
                    let problem = Problem::new(status, "other files are being sent; try again");
                    return Err(([(header::RETRY_AFTER, "10")], problem).into_response());
                };
                let longest = usize::try_from(site.longest_body(route)).unwrap_or(usize::MAX);
                upload::read(&parts.headers, body, longest, is_ours).await
            } else {
                Form::read(&parts.headers, body, site.limits.request).await
            };
            form = read.map_err(Problem::into_response)?;
            if !is_ours(form.get(TOKEN_FIELD)) {
                let detail = "the form is not of this session; load its page again";
                return Err(Problem::new(StatusCode::FORBIDDEN, detail).into_response());
            }
        }
        let changes = parts.method != Method::GET && parts.method != Method::HEAD;
        let visit = Visit { site: Arc::clone(site), caller, params, query, form };
        // A form may take its time, and what its sender may do can end meanwhile.
        if changes && visit.principal().is_some() && !visit.stands() {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "sign in first").into_response());
        }
        Ok(visit)
    }
}

impl Visit {
    /// Whom this server's deeds are asked of.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.site.desk
    }

    /// The sessions of the console.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.site.sessions
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// The texts in the language of the visitor.
    #[must_use]
    pub fn texts(&self) -> Texts {
        self.caller.texts
    }

    /// Who is signed in.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.caller.principal.as_ref()
    }

    /// Where the request comes from.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.caller.source
    }

    /// What the browser calls itself.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.caller.agent
    }

    /// The path that was asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.caller.path
    }

    /// The id of the browser before anybody has signed in; only hashes of it may be kept.
    #[must_use]
    pub fn browser(&self) -> &str {
        &self.caller.id
    }

    /// A part of the path.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        let param = self.params.iter().find(|(known, _)| known == name);
        param.map_or("", |(_, value)| value)
    }

    /// Who stands in the audit trail for what this request changes.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self.principal() {
            Some(principal) => principal.actor(self.source()),
            // A stranger, who may nothing.
            None => Actor {
                name: String::new(),
                source: self.source().to_string(),
                role: Role::ReadOnly,
                kind: ActorKind::Directory,
            },
        }
    }

    /// The session that brought the request.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.caller.session.as_ref()
    }

    /// Whether the session with this handle goes on, and whoever has it is as he was.
    pub(super) fn still_stands(&self, handle: &str) -> bool {
        let Some(principal) = self.principal() else { return false };
        let same = self.site.desk.accounts.still(principal);
        self.site.sessions.goes_on(handle) && same.is_ok_and(|now| now.as_ref() == Some(principal))
    }

    /// Whether whoever asked is still signed in as he was: an answer that takes long, as a file, ends
    /// with that.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.session().is_some_and(|session| self.still_stands(&session.handle))
    }

    /// He typed a wrong password of his own. Whoever found a session open does not guess for long: it
    /// ends, and so says the answer.
    #[must_use]
    pub fn mistyped(&self) -> bool {
        self.site.sessions.mistyped(&self.caller.id)
    }

    /// What stands around the page's own part.
    #[must_use]
    pub fn shell(&self, title: Key) -> Shell {
        Shell::new(&self.site, &self.caller, title)
    }

    /// Sends the browser to one of our pages.
    #[must_use]
    pub fn go(&self, path: &str) -> Response {
        Redirect::to(path).into_response()
    }

    /// Sends the browser to the page that it wanted before, if that is one of ours.
    #[must_use]
    pub fn go_on(&self, wanted: &str) -> Response {
        self.go(own_path(wanted).unwrap_or("/admin"))
    }

    /// Begins a session, in place of whatever id the browser brought.
    #[must_use]
    pub fn sign_in(&self, principal: Principal, response: Response) -> Response {
        self.site.sessions.end(&self.caller.id);
        let id = self.site.sessions.begin(principal, self.caller.source, &self.caller.agent);
        with_cookie(response, self.caller.jar.give(&id))
    }

    /// Ends the session.
    #[must_use]
    pub fn sign_out(&self, response: Response) -> Response {
        self.site.sessions.end(&self.caller.id);
        with_cookie(response, self.caller.jar.take())
    }

    /// Gives the session another id, after its holder changed his own rights. His other sessions end
    /// by themselves: they hold how he stood before.
    #[must_use]
    pub fn renew(&self, response: Response) -> Response {
        let name = self.principal().map_or("", |principal| &principal.name);
        let Ok(Some(standing)) = self.site.desk.accounts.principal_of(name) else {
            return self.sign_out(response);
        };
        match self.site.sessions.renew(&self.caller.id, standing) {
            Some(id) => with_cookie(response, self.caller.jar.give(&id)),
            None => response,
        }
    }

    pub(super) fn remember(&self, name: &str, value: &str, response: Response) -> Response {
        with_cookie(response, self.caller.jar.remember(name, value))
    }
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A path of this server and nothing else: no other host, no scheme, no back-slash that a browser
/// reads as a slash (W27).
#[must_use]
pub(super) fn own_path(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('/')?;
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (plain && !rest.starts_with('/') && text.len() <= 1_024).then_some(text)
}

/// The language that a request is answered in: the one that was chosen here, or else the browser's.
pub(super) fn language(headers: &axum::http::HeaderMap) -> Language {
    let chosen = super::cookie::read(headers, super::preferences::LANGUAGE);
    chosen.and_then(Language::parse).unwrap_or_else(|| Language::accepted(headers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // W27.
    #[test]
    fn only_our_own_paths_are_gone_to() {
        for own in ["/", "/admin", "/admin/people?q=a%20b&x=1", "/a#b"] {
            assert_eq!(own_path(own), Some(own));
        }
        for wrong in [
            "",
            "admin",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https:evil.test",
            "https://evil.test",
            "/\t/evil.test",
            "/a b",
            "javascript:alert(1)",
            "/ç",
        ] {
            assert_eq!(own_path(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_path_of_ours_leads_to_another_host(text in "[/\\\\a:.\\t\\r\\n@?#-]{0,12}") {
            if let Some(path) = own_path(&text) {
                prop_assert!(path.starts_with('/') && !path.starts_with("//"));
                prop_assert!(!path.contains(['\\', '\t', '\r', '\n']));
            }
        }
    }
}
