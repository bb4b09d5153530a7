//! The languages of the pages: English and European Portuguese, both complete, in Fluent files that
//! are part of the program. `tests` holds that both have the same texts and that each is used.

use std::borrow::Borrow;
use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

macro_rules! texts {
    ($($area:literal),+ $(,)?) => {
        /// The texts, a file an area of pages, in the order of [`Language::ALL`].
        const FILES: [&[&str]; 2] = [
            &[$(include_str!(concat!("../../templates/i18n/en/", $area, ".ftl"))),+],
            &[$(include_str!(concat!("../../templates/i18n/pt/", $area, ".ftl"))),+],
        ];
    };
}

texts![
    "account",
    "alerts",
    "audit",
    "charts",
    "dashboard",
    "directory",
    "entrance",
    "frame",
    "live",
    "network",
    "notice",
    "people",
    "person",
    "settings",
    "team",
    "tokens"
];

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Portuguese as it is written in Portugal.
    Portuguese,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::English, Language::Portuguese];

    /// The tag for `lang=` (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Portuguese => "pt-PT",
        }
    }

    /// The short name in cookies and forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Portuguese => "pt",
        }
    }

    /// What it is called in itself.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Portuguese => "Português",
        }
    }

    /// Reads a short name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The one that a browser likes best (RFC 9110 s12.5.4); Brazil's Portuguese is Portuguese.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Language {
        let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        let mut best = (0.0, Language::default());
        // A browser lists a handful.
        for range in ranges.take(32) {
            let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
            let weight =
                rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok());
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let (Some(language), Some(weight)) = (Language::parse(&primary), weight) else {
                continue;
            };
            if weight > best.0 && weight <= 1.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        let [english, portuguese] = &*BUNDLES;
        match self {
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }
}

static BUNDLES: LazyLock<[FluentBundle<FluentResource>; 2]> =
    LazyLock::new(|| [bundle(Language::English, FILES[0]), bundle(Language::Portuguese, FILES[1])]);

fn bundle(language: Language, files: &[&str]) -> FluentBundle<FluentResource> {
    let identifier: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    // Names are isolated by markup, which attributes and tests need not undo.
    bundle.set_use_isolating(false);
    for text in files {
        // What is readable of a file that is not: a test holds that all of each is.
        let resource = match FluentResource::try_new((*text).to_owned()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        let _ = bundle.add_resource(resource);
    }
    bundle
}

/// The name of a text, where code passes one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub &'static str);

/// The texts in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Language);

impl Texts {
    /// The language.
    #[must_use]
    pub const fn language(self) -> Language {
        self.0
    }

    /// A text without a place to fill in.
    #[must_use]
    pub fn get(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The same by its name.
    #[must_use]
    pub fn key(self, key: impl Borrow<Key>) -> String {
        self.get(key.borrow().0)
    }

    /// A text with one place to fill in: a number, of which the plural may depend, or a text.
    #[must_use]
    pub fn of<'a>(self, key: &str, name: &str, value: impl Into<FluentValue<'a>>) -> String {
        self.with(key, [(name, value.into())])
    }

    /// A text with several places to fill in.
    #[must_use]
    pub fn with<'a, const N: usize>(
        self,
        key: &str,
        values: [(&str, FluentValue<'a>); N],
    ) -> String {
        let mut arguments = FluentArgs::with_capacity(N);
        for (name, value) in values {
            arguments.set(name.to_owned(), value);
        }
        self.format(key, Some(&arguments))
    }

    fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.0.bundle();
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        match pattern {
            Some(pattern) => {
                let mut errors = Vec::new();
                bundle.format_pattern(pattern, arguments, &mut errors).into_owned()
            }
            // Tests hold that there is none.
            None => key.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
