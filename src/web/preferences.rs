//! Language and appearance, remembered in cookies.

use axum::response::Response;

use super::i18n::Language;
use super::page::Theme;
use super::visit::Visit;

/// The cookie of the language.
pub(super) const LANGUAGE: &str = "tagus-language";
/// The cookie of the theme.
pub(super) const THEME: &str = "tagus-theme";

/// `POST /preferences`.
pub(super) async fn set(visit: Visit) -> Response {
    let mut response = match super::visit::own_path(visit.form.get("back")) {
        Some(path) => visit.go(path),
        None => visit.go("/"),
    };
    if let Some(language) = Language::parse(visit.form.get("language")) {
        response = visit.remember(LANGUAGE, language.name(), response);
    }
    if let Some(theme) = Theme::parse(visit.form.get("theme")) {
        response = visit.remember(THEME, theme.name(), response);
    }
    response
}
