//! Request methods (RFC 3261 s7.1 and the extensions that Tagus knows).

use std::fmt;

/// A request method. Methods are case-sensitive; one that is not known is kept as it was written
/// (RFC 3261 s7.1, s25.1: `extension-method`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method<'a> {
    /// RFC 3261 s10.
    Register,
    /// RFC 3428.
    Message,
    /// RFC 3261 s13.
    Invite,
    /// RFC 3261 s13, s17.
    Ack,
    /// RFC 3261 s9.
    Cancel,
    /// RFC 3261 s15.
    Bye,
    /// RFC 3261 s11.
    Options,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3903.
    Publish,
    /// RFC 6086.
    Info,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 3515.
    Refer,
    /// Any other token.
    Other(&'a [u8]),
}

impl<'a> Method<'a> {
    /// The method of this spelling.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        match text {
            b"REGISTER" => Method::Register,
            b"MESSAGE" => Method::Message,
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"CANCEL" => Method::Cancel,
            b"BYE" => Method::Bye,
            b"OPTIONS" => Method::Options,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"PUBLISH" => Method::Publish,
            b"INFO" => Method::Info,
            b"PRACK" => Method::Prack,
            b"UPDATE" => Method::Update,
            b"REFER" => Method::Refer,
            other => Method::Other(other),
        }
    }

    /// The method as it stands in a message.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        match *self {
            Method::Register => b"REGISTER",
            Method::Message => b"MESSAGE",
            Method::Invite => b"INVITE",
            Method::Ack => b"ACK",
            Method::Cancel => b"CANCEL",
            Method::Bye => b"BYE",
            Method::Options => b"OPTIONS",
            Method::Subscribe => b"SUBSCRIBE",
            Method::Notify => b"NOTIFY",
            Method::Publish => b"PUBLISH",
            Method::Info => b"INFO",
            Method::Prack => b"PRACK",
            Method::Update => b"UPDATE",
            Method::Refer => b"REFER",
            Method::Other(other) => other,
        }
    }

    /// Whether the method is one that this enum names.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Method::Other(_))
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 s7.1: method names are case-sensitive; RFC 4475 s3.1.1.5.
    #[test]
    fn methods_mind_case_and_escapes() {
        assert_eq!(Method::parse(b"MESSAGE"), Method::Message);
        assert_eq!(Method::parse(b"message"), Method::Other(b"message"));
        assert_eq!(Method::parse(b"RE%47IST%45R").as_bytes(), b"RE%47IST%45R");
        assert!(!Method::parse(b"RE%47IST%45R").is_known());
    }

    /// rsip is a second opinion on the vocabulary.
    #[cfg(feature = "server")]
    #[test]
    fn rsip_knows_the_same_methods() {
        for method in rsip::Method::all() {
            let name = method.to_string();
            let ours = Method::parse(name.as_bytes());
            assert!(ours.is_known(), "{name}");
            assert_eq!(ours.to_string(), name);
        }
    }
}
