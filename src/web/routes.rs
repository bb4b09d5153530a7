//! Which path is answered by whom, and what every request and every answer goes through.
//!
//! Nothing is answered to a stranger but what stands in [`Access::Public`]: who may is decided here,
//! by one layer around the whole router, from the route that the router itself found. A route that
//! the table does not know is refused.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::call::Shown;
use super::connection::Wire;
use super::cookie::Jar;
use super::i18n::Texts;
use super::origin::HostPort;
use super::page::{self, Theme};
use super::problem::{self, Problem};
use super::session::Session;
use super::table::{Access, Route};
use super::visit::{self, Caller};
use super::{
    Site, Stage, assets, authority, bearing, cookie, forgery, landing, preferences, readiness,
    session, sign_in, websocket,
};
use crate::accounts::{Actor, Principal};
use crate::operations::{Right, Rule};
use crate::tls::Source;

/// Paths that answer under any host name.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What whoever shows no token is told.
const NO_TOKEN: &str = "show a token: Authorization: Bearer tagus_…";

/// Our own styles, scripts and pictures; forms that lead here; nobody frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What no page of ours needs.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), \
                           usb=()";

/// The routes of the listener itself; the shells above add theirs.
#[must_use]
pub fn own() -> Vec<Route> {
    vec![
        Route::get("/", Access::Public, landing::page),
        Route::post("/preferences", Access::Public, preferences::set),
        Route::open("/assets/{name}", get(assets::asset)),
        Route::open("/sip", get(websocket::upgrade)),
        Route::open("/ca.pem", get(authority::pem)),
        Route::open("/ca.crt", get(authority::der)),
        Route::open("/ca.mobileconfig", get(authority::profile)),
        Route::open("/.well-known/acme-challenge/{token}", get(authority::proof)),
        Route::open("/healthz", get(readiness::healthz)),
        Route::open("/readyz", get(readiness::readyz)),
        Route::get("/admin/sign-in", Access::Entrance, sign_in::page),
        Route::post("/admin/sign-in", Access::Entrance, sign_in::enter),
        Route::post("/admin/sign-out", Access::Right(Right::See), sign_in::leave),
    ]
}

/// A router of the routes that exist at a stage.
pub(super) fn router(site: &Arc<Site>, stage: Stage) -> Router {
    let mut router = Router::new();
    for route in site.routes.iter().filter(|route| stage.has(route.access)) {
        router = router.route(route.path, route.answer.clone());
    }
    router
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is no such page") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this page does not take that method")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(site), pass))
        .with_state(Arc::clone(site))
}

/// Refuses what is too large, for somebody else, from a page of somebody else or without the right to
/// it, and puts the security headers on every answer.
async fn pass(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let began = site.clock.now();
    let path =
        request.extensions().get::<MatchedPath>().map(|path| Arc::<str>::from(path.as_str()));
    let secure = request.extensions().get::<Wire>().is_some_and(|wire| wire.secure);
    let is_program = is_of_api(request.uri().path());
    let as_page = !is_program && problem::wants_page(request.headers());
    let (caller, is_new) = caller(&site, &request);
    let admitted = admit(&site, &request).and_then(|()| permit(&site, &request, &caller));
    let response = match admitted {
        Ok(shown) => {
            request.extensions_mut().insert(caller.clone());
            if let Some(shown) = shown {
                request.extensions_mut().insert(shown);
            }
            next.run(request).await
        }
        Err(Refusal::SignIn) if as_page && request.method() == Method::GET => {
            let wanted = request.uri().path_and_query().map_or("/admin", |path| path.as_str());
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("next", wanted);
            Redirect::to(&format!("/admin/sign-in?{}", query.finish())).into_response()
        }
        Err(Refusal::SignIn) => {
            Problem::new(StatusCode::UNAUTHORIZED, "sign in first").into_response()
        }
        Err(Refusal::Token(detail)) => challenge(detail),
        Err(Refusal::Beyond(shown, rule)) => beyond(&site, &shown, rule).await,
        Err(Refusal::Wait(wait)) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::new(status, "this token asks too often");
            ([(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())], problem).into_response()
        }
        Err(Refusal::Denied(actor)) => {
            let path = request.uri().path();
            if let Err(error) = site.desk.accounts.note_denied_page(&actor, path).await {
                tracing::error!(event = "denial_not_noted", %error);
            }
            let detail = "your role does not permit this";
            Problem::new(StatusCode::FORBIDDEN, detail).into_response()
        }
        Err(Refusal::Problem(problem)) => problem.into_response(),
    };
    let mut response = match response.extensions().get::<Problem>() {
        // What a route says by itself, as how long to wait, stays.
        Some(problem) if as_page => {
            let has_owner = site.stage() != Stage::Ownerless;
            let page = page::error(&site, &caller, problem.status, has_owner);
            let kind = page.headers().get(header::CONTENT_TYPE).cloned();
            let (mut head, body) = (response.into_parts().0, page.into_body());
            head.headers.remove(header::CONTENT_LENGTH);
            if let Some(kind) = kind {
                head.headers.insert(header::CONTENT_TYPE, kind);
            }
            Response::from_parts(head, body)
        }
        _ => response,
    };
    if is_new
        && !is_program
        && is_page(&response)
        && let Some(cookie) = caller.jar.give(&caller.id)
    {
        // Before anybody signs in, so that the form of the sign-in belongs to this browser.
        let headers = response.headers_mut();
        if !headers.contains_key(header::SET_COOKIE) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    let headers = response.headers_mut();
    let mut put = |name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(header::REFERRER_POLICY, "same-origin");
    put(header::HeaderName::from_static("permissions-policy"), PERMISSIONS);
    put(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    // A browser that was promised a trusted certificate gets no way back; an authority of our own
    // cannot promise that.
    if secure && matches!(site.certificates.source(), Source::Files | Source::Acme) {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    site.counts.time(path.as_deref().unwrap_or_default(), site.clock.now().since(began));
    response
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Who asks, and whether his browser has no id of ours yet.
fn caller(site: &Site, request: &Request) -> (Caller, bool) {
    let headers = request.headers();
    let wire = request.extensions().get::<Wire>();
    let secure = wire.is_some_and(|wire| wire.secure);
    // Without a host nothing is answered anyway.
    let jar = host(headers).map_or(Jar::Host, |host| Jar::of(secure, &host));
    let brought = jar.session(headers).filter(|id| session::is_id(id));
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let quiet = site.routes.iter().any(|route| route.quiet && Some(route.path) == path);
    let (principal, session) = brought.and_then(|id| signed_in(site, id, quiet)).unzip();
    let theme = cookie::read(headers, preferences::THEME).and_then(Theme::parse);
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let caller = Caller {
        principal,
        session,
        id: brought.map_or_else(session::new_id, str::to_owned),
        jar,
        source: wire.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |wire| wire.peer.ip()),
        texts: Texts(visit::language(headers)),
        theme: theme.unwrap_or_default(),
        path: request.uri().path().to_owned(),
        agent: agent.unwrap_or_default().to_owned(),
    };
    (caller, brought.is_none())
}

/// Whose session an id is, as he stands now.
fn signed_in(site: &Site, id: &str, quiet: bool) -> Option<(Principal, Session)> {
    let session = if quiet { site.sessions.look(id)? } else { site.sessions.find(id)? };
    match site.desk.accounts.still(&session.principal) {
        Ok(Some(principal)) => Some((principal, session)),
        Ok(None) => {
            site.sessions.end(id);
            None
        }
        Err(error) => {
            tracing::error!(event = "account_unread", %error);
            None
        }
    }
}

/// Why a request goes no further.
enum Refusal {
    Problem(Problem),
    /// A role without the right, which is written down.
    Denied(Actor),
    /// Nobody is signed in.
    SignIn,
    /// No token, or none that is in force.
    Token(&'static str),
    /// The token is for something else, or its holder's role for less.
    Beyond(Box<Shown>, Rule),
    /// The token was used too often.
    Wait(Duration),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Problem(problem)
    }
}

/// Whether a path is one of the programs'.
fn is_of_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The answer to whoever shows no token that is in force (RFC 6750 s3).
pub(super) fn challenge(detail: &'static str) -> Response {
    let says = match detail {
        NO_TOKEN => "Bearer realm=\"tagus\"",
        _ => "Bearer realm=\"tagus\", error=\"invalid_token\"",
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
    ([(header::WWW_AUTHENTICATE, says)], problem).into_response()
}

/// The answer to whoever shows a token that is not for this. It stands in the audit trail, like that
/// to somebody of the console who asks for more than his role permits.
async fn beyond(site: &Site, shown: &Shown, rule: Rule) -> Response {
    let actor = shown.bearer.actor(shown.source);
    if let Err(error) = site.desk.accounts.note_denial(&actor, rule.deed).await {
        tracing::error!(event = "refusal_not_written", %error);
    }
    let scope = rule.scope.map_or("", |scope| scope.name());
    let detail = if rule.is_within(&shown.bearer.scopes) {
        "the role of this token does not permit this".to_owned()
    } else {
        format!("this token has not the scope {scope}")
    };
    let says = format!("Bearer realm=\"tagus\", error=\"insufficient_scope\", scope=\"{scope}\"");
    let problem = Problem::new(StatusCode::FORBIDDEN, detail);
    ([(header::WWW_AUTHENTICATE, says)], problem).into_response()
}

/// Who shows a token that is in force.
fn shown(site: &Site, request: &Request, caller: &Caller) -> Result<Shown, Refusal> {
    let Some(token) = bearing::shown(request.headers()) else {
        return Err(Refusal::Token(NO_TOKEN));
    };
    let bearer = site.desk.accounts.bearer(token, caller.source).map_err(|error| {
        tracing::error!(event = "token_unread", %error);
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "tokens cannot be read now")
    })?;
    let Some(bearer) = bearer else {
        return Err(Refusal::Token("this token is not in force here"));
    };
    site.rates.admit(site.clock.now(), &bearer.id).map_err(Refusal::Wait)?;
    Ok(Shown { bearer, source: caller.source })
}

/// Whether the caller may have the route that was found; who shows a token, where one is asked for.
fn permit(site: &Site, request: &Request, caller: &Caller) -> Result<Option<Shown>, Refusal> {
    // No route was found: whatever answers that says the same to everybody.
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(None) };
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let mut of_path = site.routes.iter().filter(|route| route.path == path.as_str()).peekable();
    let nobody = of_path.peek().is_none();
    let route = of_path.clone().find(|route| route.method == method);
    // Another method than the route has is told so only to who may have the route.
    let Some(access) = route.or_else(|| of_path.next()).map(|route| route.access) else {
        debug_assert!(nobody);
        return Err(Problem::new(StatusCode::FORBIDDEN, "this is nobody's").into());
    };
    if let Access::Token(rule) = access {
        let shown = shown(site, request, caller)?;
        let may = rule.is_within(&shown.bearer.scopes);
        if !may || !rule.right.is_of_role(shown.bearer.role) {
            return Err(Refusal::Beyond(Box::new(shown), rule));
        }
        return Ok(Some(shown));
    }
    if access == Access::Reader && (caller.principal.is_none() || has_token(request)) {
        return shown(site, request, caller).map(Some);
    }
    if let Access::Right(right) = access {
        let Some(principal) = &caller.principal else { return Err(Refusal::SignIn) };
        if !right.is_of_role(principal.role) {
            tracing::info!(
                event = "forbidden",
                account = principal.name,
                path = path.as_str(),
                "a role without the right"
            );
            return Err(Refusal::Denied(principal.actor(caller.source)));
        }
    }
    let changes = method != Method::GET && method != Method::OPTIONS && route.is_some();
    if changes && !forgery::is_from_our_page(request.headers(), &host(request.headers())?) {
        let detail = "a change comes from a page of this server";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail).into());
    }
    Ok(None)
}

fn has_token(request: &Request) -> bool {
    request.headers().contains_key(header::AUTHORIZATION)
}

fn admit(site: &Site, request: &Request) -> Result<(), Refusal> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > site.limits.uri_bytes {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "the target is too long").into());
    }
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if request.body().size_hint().lower() > site.longest_body(route) {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large").into());
    }
    let path = request.uri().path();
    // An ACME authority asks by each of our names (RFC 8555 s8.3).
    if PROBES.contains(&path) || path.starts_with("/.well-known/acme-challenge/") {
        return Ok(());
    }
    let host = host(request.headers())?;
    // A target in absolute form names the host instead (RFC 9112 s3.2.2).
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let host = match authority {
        Some(authority) => HostPort::parse(authority).ok_or_else(bad_host)?,
        None => host,
    };
    let local = request.extensions().get::<Wire>().map(|wire| wire.local.ip());
    if !site.names.contains(&host.host, local) {
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Err(Problem::new(status, "this server does not go by that name").into());
    }
    Ok(())
}

/// The one Host that a request must have (RFC 9112 s3.2).
pub(super) fn host(headers: &HeaderMap) -> Result<HostPort, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(bad_host());
    };
    host.to_str().ok().and_then(HostPort::parse).ok_or_else(bad_host)
}

fn bad_host() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "a request names one host")
}
