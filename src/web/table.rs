//! The table of routes: method, path, who may, and what answers. The router is built from it and from
//! nothing else, and tests walk it.

use std::future::Future;
use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::call::Call;
use super::visit::Visit;
use super::{Site, live};
use crate::operations::{Right, Rule};

/// Who may ask for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, at any time.
    Public,
    /// Whoever has the set-up link; the route exists only while there is one.
    SetUp,
    /// Anybody, once there is an owner: signing in.
    Entrance,
    /// Whoever is signed in and has this right.
    Right(Right),
    /// A program whose token is for this. Nobody else: not whoever is signed in.
    Token(Rule),
    /// A program with any token, or whoever is signed in: what tells how this server is made and is
    /// no secret.
    Reader,
}

/// One line of the table.
#[derive(Clone)]
pub struct Route {
    /// The method. HEAD goes with GET.
    pub method: Method,
    /// The path; parts in braces take any value.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// The largest file that it takes, in bytes; 0 where it takes none.
    pub(super) longest: u64,
    pub(super) answer: MethodRouter<Arc<Site>>,
    /// Whether it is no use of the session: a page asks by itself.
    pub(super) quiet: bool,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.access)
    }
}

impl Route {
    /// A page to look at.
    pub fn get<F, A>(path: &'static str, access: Access, page: F) -> Route
    where
        F: Fn(Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let answer = on(MethodFilter::GET, move |visit: Visit| page(visit));
        Route { method: Method::GET, path, access, longest: 0, answer, quiet: false }
    }

    /// A form that is sent.
    pub fn post<F, A>(path: &'static str, access: Access, deed: F) -> Route
    where
        F: Fn(Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let answer = on(MethodFilter::POST, move |visit: Visit| deed(visit));
        Route { method: Method::POST, path, access, longest: 0, answer, quiet: false }
    }

    /// A form that may bring files of up to so many bytes; its token is its first field.
    pub fn upload<F, A>(path: &'static str, access: Access, longest: u64, deed: F) -> Route
    where
        F: Fn(Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        Route { longest, ..Route::post(path, access, deed) }
    }

    /// Something that programs ask for.
    pub fn api<F, A>(method: Method, path: &'static str, access: Access, deed: F) -> Route
    where
        F: Fn(Call) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let answer = on(filter, move |call: Call| deed(call));
        Route { method, path, access, longest: 0, answer, quiet: false }
    }

    /// The same with a body of up to so many bytes, where most take fewer.
    #[must_use]
    pub fn taking(self, longest: u64) -> Route {
        Route { longest, ..self }
    }

    /// A stream of what is new on a page, told every few seconds while somebody looks at it; it ends
    /// when `tell` has nothing to say.
    pub fn live<F, A>(path: &'static str, access: Access, tell: F) -> Route
    where
        F: Fn(Arc<Visit>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<String>> + Send + 'static,
    {
        let answer = on(MethodFilter::GET, move |headers: HeaderMap, visit: Visit| {
            live::stream(headers, visit, tell.clone())
        });
        Route { method: Method::GET, path, access, longest: 0, answer, quiet: true }
    }

    /// Something for anybody that is neither a page nor a form.
    pub(super) fn open(path: &'static str, answer: MethodRouter<Arc<Site>>) -> Route {
        Route {
            method: Method::GET,
            path,
            access: Access::Public,
            longest: 0,
            answer,
            quiet: false,
        }
    }
}

/// A group of pages in the navigation.
#[derive(Clone, Copy, Debug)]
pub struct NavGroup {
    /// Its title.
    pub title: super::i18n::Key,
    /// Its pages.
    pub pages: &'static [NavPage],
}

/// A page in the navigation.
#[derive(Clone, Copy, Debug)]
pub struct NavPage {
    /// Where it is.
    pub path: &'static str,
    /// Its name.
    pub title: super::i18n::Key,
    /// Its icon in the sprite.
    pub icon: &'static str,
    /// Who sees it.
    pub right: Right,
}

/// What the shells above bring: their routes and the navigation.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// The routes.
    pub routes: Vec<Route>,
    /// The navigation.
    pub navigation: &'static [NavGroup],
}
