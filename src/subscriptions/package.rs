//! Event packages, and the Event header that names them (RFC 6665 s8.2.1).

use crate::payload::reginfo;
use crate::text::{self, Params};

/// An event package that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// Registrations (RFC 3680).
    Registration,
}

impl Package {
    /// The names of all packages, as Allow-Events lists them (RFC 6665 s8.2.2).
    pub const ALL: &'static str = "reg";

    /// The package of this name; case matters (RFC 6665 s8.2.1), but some clients write `Reg`.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Package> {
        name.eq_ignore_ascii_case(b"reg").then_some(Package::Registration)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Package::Registration => "reg",
        }
    }

    /// The type of its documents.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Package::Registration => reginfo::MEDIA_TYPE,
        }
    }

    /// Whether a subscriber with these Accept values reads its documents; without any, it does
    /// (RFC 3680 s4.5).
    pub fn is_accepted<'a>(self, accept: impl Iterator<Item = &'a [u8]>) -> bool {
        let (kind, _) = self.media_type().split_once('/').unwrap_or_default();
        let mut none = true;
        let accepted = accept.filter(|value| !value.is_empty()).any(|value| {
            none = false;
            let range = text::trim(&value[..text::element_end(value, b';')]);
            let Ok(range) = std::str::from_utf8(range) else { return false };
            range == "*/*"
                || range.eq_ignore_ascii_case(self.media_type())
                || range.strip_suffix("/*").is_some_and(|named| named.eq_ignore_ascii_case(kind))
        });
        accepted || none
    }
}

/// The value of an Event header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHeader<'a> {
    /// The package as it was named.
    pub package: &'a [u8],
    /// The `id` parameter.
    pub id: Option<&'a str>,
}

impl<'a> EventHeader<'a> {
    /// Longest `id` that is kept.
    const LONGEST_ID: usize = 256;

    /// Reads a value; `None` if it is malformed.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<EventHeader<'a>> {
        let end = text::element_end(value, b';');
        let package = text::trim(value.get(..end)?);
        if !text::is_token(package) {
            return None;
        }
        let mut id = None;
        for param in Params::after_semicolon(value.get(end..)?) {
            let param = param.ok()?;
            if param.is("id") {
                let value = param.raw.filter(|value| text::is_token(value))?;
                id = Some(
                    std::str::from_utf8(value).ok().filter(|id| id.len() <= Self::LONGEST_ID)?,
                );
            }
        }
        Some(EventHeader { package, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&str]) -> bool {
        Package::Registration.is_accepted(values.iter().map(|value| value.as_bytes()))
    }

    // RFC 3680 s4.5
    #[test]
    fn accept_must_name_the_documents_of_the_package() {
        for good in [
            &[][..],
            &["application/reginfo+xml"],
            &["text/plain", "Application/Reginfo+XML;q=0.5"],
            &["*/*"],
            &["application/*;q=0.1"],
        ] {
            assert!(accepts(good), "{good:?}");
        }
        for bad in [&["text/plain"][..], &["application/pidf+xml", "text/*"], &["\u{1}"]] {
            assert!(!accepts(bad), "{bad:?}");
        }
    }

    // RFC 6665 s8.2.1
    #[test]
    fn an_event_is_a_package_and_an_id() {
        let event = EventHeader::parse(b"reg;id=7;x=\"y\"").unwrap();
        assert_eq!((event.package, event.id), (&b"reg"[..], Some("7")));
        assert_eq!(EventHeader::parse(b" reg ").unwrap().id, None);
        for bad in [&b""[..], b";id=1", b"a b", b"reg;id", b"reg;id=\"q\"", b"reg;=1"] {
            assert_eq!(EventHeader::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_event_makes_the_parser_panic(value: Vec<u8>, near in "[a-z;=\" .]{0,20}") {
            let _ = EventHeader::parse(&value);
            let _ = EventHeader::parse(near.as_bytes());
        }
    }
}
