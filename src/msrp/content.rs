//! Which media types a session takes (RFC 4975 s8.6), and the hook that looks into wrappers.

use crate::payload::cpim::{Cpim, CpimError};

/// The type of the common wrapper (RFC 3862), which every endpoint understands (s13).
pub const CPIM: &str = "message/cpim";

/// Types that every endpoint takes, listed or not (s7.3.1).
const ALWAYS: [&str; 2] = ["multipart/mixed", "multipart/alternative"];

/// `accept-types` and `accept-wrapped-types` of one side of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    types: Vec<Box<str>>,
    wrapped: Vec<Box<str>>,
}

impl Default for Accept {
    /// Everything.
    fn default() -> Accept {
        Accept::new("*", "")
    }
}

impl Accept {
    /// The types that the two SDP attributes list; the second is empty if there is none.
    #[must_use]
    pub fn new(accept_types: &str, accept_wrapped_types: &str) -> Accept {
        let list = |text: &str| text.split_ascii_whitespace().map(Into::into).collect();
        Accept { types: list(accept_types), wrapped: list(accept_wrapped_types) }
    }

    /// Whether a message of this `Content-Type` is taken.
    #[must_use]
    pub fn takes(&self, content_type: &str) -> bool {
        let media = media_type(content_type);
        ALWAYS.iter().any(|always| media.eq_ignore_ascii_case(always)) || listed(&self.types, media)
    }

    /// Whether a part of this `Content-Type` is taken within a wrapper (s8.6): what may stand alone
    /// may stand there too.
    #[must_use]
    pub fn takes_wrapped(&self, content_type: &str) -> bool {
        let media = media_type(content_type);
        listed(&self.wrapped, media) || self.takes(media)
    }
}

/// A media type without its parameters.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn listed(list: &[Box<str>], media: &str) -> bool {
    list.iter().any(|entry| {
        let entry = media_type(entry);
        match entry.strip_suffix("/*") {
            Some(family) => {
                media.split_once('/').is_some_and(|(own, _)| own.eq_ignore_ascii_case(family))
            }
            None => entry == "*" || entry.eq_ignore_ascii_case(media),
        }
    })
}

/// What a look at the beginning of a message gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is fine.
    Take,
    /// More of its beginning is needed to tell.
    More,
    /// It is denied with this code: 415 for a type that is not taken, 400 for what is malformed.
    Deny(u16),
}

/// Looks at the beginning of messages before the application gets them. Whoever has the bytes
/// calls it: the core keeps none.
pub trait Validator: std::fmt::Debug + Send + Sync {
    /// Judges a message by its first bytes; `whole` if they are all of it.
    fn look(&self, accept: &Accept, content_type: &str, beginning: &[u8], whole: bool) -> Verdict;
}

/// Looks into `message/cpim` for a part that is not taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpimValidator;

impl Validator for CpimValidator {
    fn look(&self, accept: &Accept, content_type: &str, beginning: &[u8], whole: bool) -> Verdict {
        if !media_type(content_type).eq_ignore_ascii_case(CPIM) {
            return Verdict::Take;
        }
        match Cpim::parse(beginning) {
            Ok(cpim) => match cpim.content_header("Content-Type") {
                Some(inner) if !accept.takes_wrapped(inner) => Verdict::Deny(415),
                _ => Verdict::Take,
            },
            Err(CpimError::Unterminated) if !whole => Verdict::More,
            Err(_) => Verdict::Deny(400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4975 s8.6
    #[test]
    fn listed_types_and_their_wildcards_are_taken() {
        let accept = Accept::new("text/plain image/* message/CPIM", "text/html");
        for taken in ["text/plain", "TEXT/plain;charset=utf-8", "image/png", "message/cpim"] {
            assert!(accept.takes(taken), "{taken}");
        }
        for other in ["text/html", "imagery/png", "text", "", "*"] {
            assert!(!accept.takes(other), "{other}");
        }
        assert!(Accept::default().takes("application/x-anything"));
        assert!(accept.takes_wrapped("text/html") && accept.takes_wrapped("text/plain"));
        assert!(!accept.takes_wrapped("video/mp4"));
    }

    // RFC 4975 s7.3.1
    #[test]
    fn multipart_mixed_and_alternative_are_always_taken() {
        let accept = Accept::new("text/plain", "");
        assert!(accept.takes("multipart/mixed; boundary=x"));
        assert!(accept.takes("Multipart/Alternative;boundary=\"y\""));
        assert!(!accept.takes("multipart/signed"));
    }

    // RFC 4975 s8.6, s13
    // features 1.3 "Data content wrapper validator, CPIM"
    #[test]
    fn a_wrapped_type_that_is_not_taken_is_denied_with_415() {
        let accept = Accept::new("message/cpim", "text/plain");
        let look =
            |text: &str, whole| CpimValidator.look(&accept, "message/cpim", text.as_bytes(), whole);
        let head = "From: <im:a@b>\r\nTo: <im:c@d>\r\n\r\n";
        assert_eq!(look(&format!("{head}Content-Type: text/plain\r\n\r\nHi"), true), Verdict::Take);
        assert_eq!(
            look(&format!("{head}Content-Type: text/html\r\n\r\nHi"), true),
            Verdict::Deny(415)
        );
        assert_eq!(look(&head[..20], false), Verdict::More);
        assert_eq!(look(&head[..20], true), Verdict::Deny(400));
        assert_eq!(CpimValidator.look(&accept, "text/plain", b"x", true), Verdict::Take);
    }
}
