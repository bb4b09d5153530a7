//! Cookies (RFC 6265bis): the session's, the language's and the theme's.

use axum::http::{HeaderMap, HeaderValue, header};

use super::origin::HostPort;

/// The longest value that is looked at.
const LONGEST: usize = 128;

/// How long a browser remembers a language or a theme.
const A_YEAR: u64 = 31_536_000;

/// Under which name and with which attributes the session's cookie is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jar {
    /// `__Host-`: over TLS only, for this host only (RFC 6265bis s4.1.3.2).
    Host,
    /// Plain HTTP that never leaves the machine, where a browser would drop the other.
    Loopback,
}

impl Jar {
    /// Of a connection that asked for this host: plain HTTP beyond loopback is a proxy that ends TLS,
    /// or else nobody can sign in over it.
    pub(super) fn of(secure: bool, host: &HostPort) -> Jar {
        let address = host.host.parse::<std::net::IpAddr>();
        let loopback = address.map_or(host.host == "localhost", |ip| ip.is_loopback());
        if loopback && !secure { Jar::Loopback } else { Jar::Host }
    }

    const fn name(self) -> &'static str {
        match self {
            Jar::Host => "__Host-tagus",
            Jar::Loopback => "tagus",
        }
    }

    const fn secure(self) -> &'static str {
        match self {
            Jar::Host => "; Secure",
            Jar::Loopback => "",
        }
    }

    /// The session's id that a request brings.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<&str> {
        read(headers, self.name())
    }

    /// Gives a browser its session's id, until it is closed.
    pub(super) fn give(self, id: &str) -> Option<HeaderValue> {
        let attributes = "Path=/; HttpOnly; SameSite=Strict";
        let cookie = format!("{}={id}; {attributes}{}", self.name(), self.secure());
        HeaderValue::from_str(&cookie).ok()
    }

    /// Takes it away.
    pub(super) fn take(self) -> Option<HeaderValue> {
        let attributes = "Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
        let cookie = format!("{}=; {attributes}{}", self.name(), self.secure());
        HeaderValue::from_str(&cookie).ok()
    }

    /// Remembers a choice.
    pub(super) fn remember(self, name: &str, value: &str) -> Option<HeaderValue> {
        let attributes = format!("Path=/; HttpOnly; SameSite=Lax; Max-Age={A_YEAR}");
        HeaderValue::from_str(&format!("{name}={value}; {attributes}{}", self.secure())).ok()
    }
}

/// The value of a cookie that is there once; of two, one may be somebody else's.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if value.len() <= LONGEST => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    // RFC 6265bis s5.6, s4.1.3.2.
    #[test]
    fn a_cookie_is_read_where_it_stands_once() {
        for (lines, value) in [
            (vec!["tagus=a"], Some("a")),
            (vec!["x=1; tagus=a;y=2"], Some("a")),
            (vec!["x=1", "tagus=a"], Some("a")),
            (vec!["tagus=a; tagus=b"], None),
            (vec!["xtagus=a"], None),
            (vec!["__Host-tagus=a"], None),
            (vec![], None),
        ] {
            assert_eq!(Jar::Loopback.session(&headers(&lines)), value, "{lines:?}");
        }
        assert_eq!(read(&headers(&[&format!("tagus={}", "a".repeat(200))]), "tagus"), None);
    }

    #[test]
    fn only_plain_loopback_goes_without_the_prefix() {
        let host = |text| HostPort::parse(text).unwrap();
        for (secure, name, jar) in [
            (false, "localhost:8080", Jar::Loopback),
            (false, "127.0.0.1", Jar::Loopback),
            (false, "[::1]:8080", Jar::Loopback),
            (true, "localhost", Jar::Host),
            (false, "im.campus.test", Jar::Host),
            (false, "192.0.2.1", Jar::Host),
        ] {
            assert_eq!(Jar::of(secure, &host(name)), jar, "{name}");
        }
        let cookie = Jar::Host.give("id").unwrap();
        assert_eq!(cookie, "__Host-tagus=id; Path=/; HttpOnly; SameSite=Strict; Secure");
    }
}
