//! What all pages share: the frame around their own part, its language and its theme.

use std::borrow::Borrow;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

use super::i18n::{Key, Language, Texts};
use super::problem::Problem;
use super::table::{NavGroup, NavPage};
use super::visit::Caller;
use super::{Site, assets};
use crate::accounts::Principal;
use crate::model::Role;
use crate::text::visible;

/// Light, dark, or what the machine says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the machine is set.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// The name in cookies, forms and markup.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// What it is called on pages.
    #[must_use]
    pub const fn title(self) -> Key {
        match self {
            Theme::Auto => Key("theme-auto"),
            Theme::Light => Key("theme-light"),
            Theme::Dark => Key("theme-dark"),
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// The frame of a page. Templates read it as `shell`.
pub struct Shell {
    /// The texts.
    pub t: Texts,
    /// The theme.
    pub theme: Theme,
    /// The page's title, as it is shown.
    pub title: String,
    /// The SIP domain.
    pub domain: String,
    /// Who is signed in.
    pub principal: Option<Principal>,
    /// The token of this session's forms.
    pub token: String,
    /// Where this page is.
    pub path: String,
    navigation: &'static [NavGroup],
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shell {
    pub(super) fn new(site: &Arc<Site>, caller: &Caller, title: Key) -> Shell {
        Shell {
            t: caller.texts,
            theme: caller.theme,
            title: caller.texts.key(title),
            domain: site.about.domain.clone(),
            principal: caller.principal.clone(),
            token: site.form_tokens.of(&caller.id),
            path: caller.path.clone(),
            navigation: site.navigation,
        }
    }

    /// The path of an asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// Every language.
    #[must_use]
    pub fn languages(&self) -> [Language; 2] {
        Language::ALL
    }

    /// Every theme.
    #[must_use]
    pub fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }

    /// The groups of the navigation that this visitor has pages of.
    #[must_use]
    pub fn groups(&self) -> Vec<&'static NavGroup> {
        let groups = self.navigation.iter();
        groups.filter(|group| !self.pages(group).is_empty()).collect()
    }

    /// The pages of a group that this visitor may see.
    #[must_use]
    pub fn pages(&self, group: &NavGroup) -> Vec<&'static NavPage> {
        let Some(principal) = &self.principal else { return Vec::new() };
        group.pages.iter().filter(|page| page.right.is_of_role(principal.role)).collect()
    }

    /// Whether the visitor is on this page, or below it.
    #[must_use]
    pub fn is_here(&self, page: &NavPage) -> bool {
        let below = self.path.strip_prefix(page.path);
        // The overview is above everything, and is not everything.
        let nested = page.path != "/admin" && below.is_some_and(|rest| rest.starts_with('/'));
        below == Some("") || nested
    }

    /// Whether there is such a page, and this visitor may see it.
    #[must_use]
    pub fn has_page(&self, path: &str) -> bool {
        self.navigation.iter().any(|group| self.pages(group).iter().any(|page| page.path == path))
    }

    /// A text of somebody else's as it may be shown: what would steer what is read is written out.
    #[must_use]
    pub fn show(&self, text: &str) -> String {
        visible::line(text)
    }

    /// What a role is called.
    #[must_use]
    pub fn role(&self, role: impl Borrow<Role>) -> String {
        match *role.borrow() {
            Role::Owner => self.t.get("role-owner"),
            Role::Admin => self.t.get("role-admin"),
            Role::Helpdesk => self.t.get("role-helpdesk"),
            Role::ReadOnly => self.t.get("role-readonly"),
        }
    }

    /// A moment of RFC 3339, as people read it: the day and the minute, in UTC.
    #[must_use]
    pub fn when(&self, moment: &str) -> String {
        match moment.split_once('T') {
            Some((day, time)) => {
                format!("{day} {}\u{a0}UTC", time.get(..5).unwrap_or(time))
            }
            None => moment.to_owned(),
        }
    }
}

/// Sends a page.
#[must_use]
pub fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(event = "page_not_made", %error);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "the page could not be made").into_response()
        }
    }
}

/// Why fields of a form were not taken.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<(&'static str, String)>);

impl Faults {
    /// Notes one.
    pub fn add(&mut self, field: &'static str, text: String) {
        self.0.push((field, text));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, with their fields; an empty field is the form as a whole.
    #[must_use]
    pub fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, text)| text.as_str())
    }
}

/// An error as a page.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    detail: String,
}

/// The page for an error of this status.
pub(super) fn error(
    site: &Arc<Site>,
    caller: &Caller,
    status: StatusCode,
    has_owner: bool,
) -> Response {
    let (title, detail) = match status {
        StatusCode::NOT_FOUND if !has_owner => {
            (Key("error-no-owner"), Key("error-no-owner-detail"))
        }
        StatusCode::NOT_FOUND => (Key("error-not-found"), Key("error-not-found-detail")),
        StatusCode::UNAUTHORIZED => (Key("error-signed-out"), Key("error-signed-out-detail")),
        StatusCode::FORBIDDEN => (Key("error-forbidden"), Key("error-forbidden-detail")),
        StatusCode::TOO_MANY_REQUESTS => (Key("error-too-many"), Key("error-too-many-detail")),
        StatusCode::MISDIRECTED_REQUEST => (Key("error-name"), Key("error-name-detail")),
        status if status.is_server_error() => (Key("error-server"), Key("error-server-detail")),
        _ => (Key("error-request"), Key("error-request-detail")),
    };
    let shell = Shell::new(site, caller, title);
    let detail = shell.t.key(detail);
    render(status, &ErrorPage { shell, detail })
}
