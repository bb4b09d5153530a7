//! Forms and queries (`application/x-www-form-urlencoded`): bounded, each name once.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use super::problem::Problem;

/// The longest body of a form.
const LONGEST: usize = 64 * 1024;
/// The most fields: a list has up to 200 boxes to tick.
const MOST_FIELDS: usize = 220;

/// Fields with their values. What they held is wiped: passwords are among it.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, Zeroizing<String>)>);

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads the text of a form, or the query of a target.
    ///
    /// # Errors
    /// A [`Problem`] if it has too many fields, or one of them twice: whoever asks for one must not
    /// get another than who checked it.
    pub fn parse(text: &[u8]) -> Result<Form, Problem> {
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(text) {
            form.put(name.into_owned(), value.into_owned())?;
        }
        Ok(form)
    }

    /// Takes in another field.
    pub(super) fn put(&mut self, name: String, value: String) -> Result<(), Problem> {
        let value = Zeroizing::new(value);
        if self.0.len() == MOST_FIELDS || self.0.iter().any(|(known, _)| *known == name) {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::new(status, "the form has a field twice, or too many"));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The names of the fields that begin so, without that beginning: boxes that are ticked in a list.
    pub fn names<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |(name, _)| name.strip_prefix(beginning))
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// A [`Problem`] if it is no form, too large, or takes longer than `patience`.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: Body,
        patience: Duration,
    ) -> Result<Form, Problem> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "this takes a form"));
        }
        match tokio::time::timeout(patience, axum::body::to_bytes(body, LONGEST)).await {
            Ok(Ok(bytes)) => Form::parse(&bytes),
            Ok(Err(_)) => Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large")),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the form came too slowly")),
        }
    }

    /// The fields with their values.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a field; empty if it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map_or("", |(_, value)| value.as_str())
    }

    /// The same without white space at its ends.
    #[must_use]
    pub fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    /// Whether there is such a field, empty or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Whether a box is ticked.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_and_a_field_that_stands_twice_is_refused() {
        let form = Form::parse(b"name=Ana+Gon%C3%A7alves&empty=&x=%00").unwrap();
        assert_eq!(form.get("name"), "Ana Gonçalves");
        assert_eq!((form.get("empty"), form.get("absent")), ("", ""));
        assert!(Form::parse(b"role=readonly&role=owner").is_err());
        assert!(!format!("{form:?}").contains("Ana"));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_of_forms_panic(bytes: Vec<u8>) {
            let _ = Form::parse(&bytes);
        }
    }
}
