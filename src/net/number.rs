//! Whom a telephone number in a Request-URI means.

use super::engine::Engine;
use crate::identity::{Existence, Numbered};
use crate::sip::uri::Uri;
use crate::text::Params;

impl Engine {
    /// The person with the number of a `tel` URI or of a `sip` URI of ours. In a `sip` URI a name
    /// comes before a number, unless it says `user=phone` (RFC 3261 s19.1.1).
    pub(super) fn numbered(&self, uri: &Uri<'_>) -> Numbered {
        let Some(first) = uri.user().and_then(<[u8]>::first) else { return Numbered::Nobody };
        if !first.is_ascii_digit() && !b"+*#(%".contains(first) {
            return Numbered::Nobody;
        }
        let Some(user) = uri.user_decoded() else { return Numbered::Nobody };
        if uri.is_tel() {
            let context = uri.param("phone-context").flatten();
            // An extension behind a number is another number.
            let is_plain = uri.param("ext").is_none() && self.is_our_context(&user, context);
            return if is_plain { self.identity.by_number(&user) } else { Numbered::Nobody };
        }
        let is_phone =
            matches!(uri.param("user"), Some(Some(kind)) if kind.eq_ignore_ascii_case(b"phone"));
        if is_phone {
            let end = user.find(';').unwrap_or(user.len());
            let (number, parameters) = user.split_at(end);
            let mut parameters = Params::after_semicolon(parameters.as_bytes()).flatten();
            let context = parameters.find(|parameter| parameter.is("phone-context"));
            let context = context.and_then(|context| context.value());
            let found = match self.is_our_context(number, context) {
                true => self.identity.by_number(number),
                false => Numbered::Nobody,
            };
            return found;
        }
        match self.identity.by_number(&user) {
            Numbered::Nobody => Numbered::Nobody,
            found => match self.identity.exists_now(&user) {
                Existence::Local | Existence::Directory => Numbered::Nobody,
                _ => found,
            },
        }
    }

    /// RFC 3966 s5.1.5: a local number means something in its context only, which must be our
    /// domain. Without one it is taken for ours: telephone services leave it out.
    fn is_our_context(&self, number: &str, context: Option<&[u8]>) -> bool {
        number.starts_with('+')
            || context.is_none_or(|context| {
                std::str::from_utf8(context).is_ok_and(|name| self.identity.is_our_domain(name))
            })
    }
}
