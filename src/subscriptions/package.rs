//! Event packages, and the Event header that names them (RFC 6665 s8.2.1).

use crate::payload::{pidf, reginfo, watcherinfo};
use crate::text::{self, Params};

/// An event package that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// Registrations (RFC 3680).
    Registration,
    /// Presence (RFC 3856).
    Presence,
    /// Who watches somebody's presence (RFC 3857).
    Watchers,
}

impl Package {
    /// The names of all packages, as Allow-Events lists them (RFC 6665 s8.2.2).
    pub const ALL: &'static str = "presence, presence.winfo, reg";

    /// The package of this name; case matters (RFC 6665 s8.2.1), but some clients write `Reg`.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Package> {
        [Package::Presence, Package::Watchers, Package::Registration]
            .into_iter()
            .find(|package| name.eq_ignore_ascii_case(package.name().as_bytes()))
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Package::Registration => "reg",
            Package::Presence => "presence",
            Package::Watchers => "presence.winfo",
        }
    }

    /// The type of its documents.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Package::Registration => reginfo::MEDIA_TYPE,
            Package::Presence => pidf::MEDIA_TYPE,
            Package::Watchers => watcherinfo::MEDIA_TYPE,
        }
    }

    /// Whether everybody may ask for it, the person deciding what he gets; the others are for the
    /// person alone (RFC 3680 s4.6, RFC 3857 s4.6).
    #[must_use]
    pub const fn is_for_others(self) -> bool {
        matches!(self, Package::Presence)
    }

    /// Whether a subscriber with these Accept values reads its documents; without any, it does
    /// (RFC 3680 s4.5, RFC 3856 s6.7, RFC 3857 s4.5).
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
        let pidf = [&b"application/pidf+xml"[..]];
        assert!(Package::Presence.is_accepted(pidf.into_iter()));
        assert!(!Package::Watchers.is_accepted(pidf.into_iter()));
    }

    // RFC 6665 s8.2.1, RFC 3857 s4.1
    #[test]
    fn a_package_is_found_by_its_whole_name() {
        for package in [Package::Presence, Package::Watchers, Package::Registration] {
            assert_eq!(Package::named(package.name().as_bytes()), Some(package));
            assert!(Package::ALL.split(", ").any(|name| name == package.name()));
        }
        for other in ["presence.winfo.winfo", "presenc", "", "reg.winfo"] {
            assert_eq!(Package::named(other.as_bytes()), None, "{other}");
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
