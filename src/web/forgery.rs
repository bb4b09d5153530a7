//! Requests that a page of somebody else makes a browser send (CSRF): a change comes from a page of
//! ours, with a token that only the session's own pages have. GET changes nothing.

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::origin::HostPort;
use crate::entropy;

/// Whether the browser says that a page of this very origin sent the request (Fetch Metadata), or,
/// where it says nothing of that, names our host as the page's (RFC 6454 s7).
pub(super) fn is_from_our_page(headers: &HeaderMap, host: &HostPort) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
            _ => Err(()),
        }
    };
    match (one("sec-fetch-site"), one(header::ORIGIN.as_str())) {
        (Ok(Some(site)), Ok(_)) => site == "same-origin",
        (Ok(None), Ok(Some(origin))) => names(origin, host),
        _ => false,
    }
}

/// Whether an origin is of that host and port; a proxy before us may have ended TLS.
fn names(origin: &str, host: &HostPort) -> bool {
    let (default, rest) = match origin.strip_prefix("https://") {
        Some(rest) => (443, rest),
        None => match origin.strip_prefix("http://") {
            Some(rest) => (80, rest),
            None => return false,
        },
    };
    let Some(theirs) = HostPort::parse(rest) else { return false };
    theirs.host == host.host && theirs.port.unwrap_or(default) == host.port.unwrap_or(default)
}

/// Makes and checks the tokens of forms. Its key lives as long as the sessions do: this process.
pub(super) struct FormTokens([u8; 32]);

impl FormTokens {
    pub(super) fn new() -> FormTokens {
        FormTokens(entropy::bytes())
    }

    /// The token of every form that a session is shown.
    pub(super) fn of(&self, session: &str) -> String {
        // A key of any length fits.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(b"form\0");
        mac.update(session.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is that session's.
    pub(super) fn is_of(&self, session: &str, token: &str) -> bool {
        let own = self.of(session);
        !own.is_empty() && bool::from(own.as_bytes().ct_eq(token.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    // T61, W11, W13.
    #[test]
    fn only_what_our_own_pages_send_may_change_anything() {
        let host = HostPort::parse("im.campus.test:8443").unwrap();
        let same = "https://im.campus.test:8443";
        for (site, origin, ours) in [
            (Some("same-origin"), Some(same), true),
            (Some("same-origin"), None, true),
            (Some("same-site"), Some(same), false),
            (Some("cross-site"), Some(same), false),
            (Some("none"), None, false),
            (Some(""), Some(same), false),
            (None, Some(same), true),
            (None, Some("https://im.campus.test"), false),
            (None, Some("https://im.campus.test:8443.evil.test"), false),
            (None, Some("https://evil.test"), false),
            (None, Some("null"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_from_our_page(&headers, &host), ours, "{site:?} {origin:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append("sec-fetch-site", HeaderValue::from_static("same-origin"));
        twice.append("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(!is_from_our_page(&twice, &host));
    }

    // W09.
    #[test]
    fn a_form_token_is_its_sessions_alone() {
        let (tokens, others) = (FormTokens::new(), FormTokens::new());
        let token = tokens.of("one");
        assert!(tokens.is_of("one", &token));
        for wrong in ["", &token[1..], &others.of("one"), &tokens.of("two")] {
            assert!(!tokens.is_of("one", wrong), "{wrong}");
        }
    }
}
