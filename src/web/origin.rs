//! Who we are to a browser, and whose pages may open a WebSocket here.

use std::collections::HashSet;
use std::net::IpAddr;

/// A host and perhaps a port, as in `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The name in lower case, or the address without brackets.
    pub host: String,
    /// The port, if it is written.
    pub port: Option<u16>,
}

impl HostPort {
    /// Reads `name`, `name:port`, `192.0.2.1:port`, `[2001:db8::1]:port` (RFC 9110 s7.2).
    #[must_use]
    pub fn parse(text: &str) -> Option<HostPort> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, port)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (host, port) = text.split_at(end);
                let letter =
                    |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
                if host.is_empty() || host.len() > 253 || !host.bytes().all(letter) {
                    return None;
                }
                (host, port)
            }
        };
        let port = match port.strip_prefix(':') {
            // "host:" is a host with the default port (RFC 3986 s3.2.3).
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None if port.is_empty() => None,
            None => return None,
        };
        Some(HostPort { host: host.trim_end_matches('.').to_ascii_lowercase(), port })
    }
}

/// An origin as browsers send it (RFC 6454 s6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads `https://host` or `http://host:port`; anything else, `null` too, is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Origin> {
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://")?),
        };
        let HostPort { host, port } = HostPort::parse(rest)?;
        Some(Origin { secure, host, port: port.unwrap_or(default_port(secure)) })
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The names that are ours, and the origins whose pages are welcome.
#[derive(Clone, Debug, Default)]
pub struct OwnNames {
    hosts: HashSet<String>,
    origins: HashSet<Origin>,
}

impl OwnNames {
    /// Of host names and addresses, and of origins that the configuration allows.
    pub fn new<'a>(
        hosts: impl IntoIterator<Item = &'a str>,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> OwnNames {
        let host = |host: &str| host.trim_matches(['[', ']']).to_ascii_lowercase();
        OwnNames {
            hosts: hosts.into_iter().map(host).filter(|host| !host.is_empty()).collect(),
            origins: origins.into_iter().filter_map(Origin::parse).collect(),
        }
    }

    /// Whether a request for `host` that came to our address `local` is for us: by one of our names,
    /// by the address that it came to, or by `localhost` where that is true.
    #[must_use]
    pub fn contains(&self, host: &str, local: Option<IpAddr>) -> bool {
        if self.hosts.contains(host) {
            return true;
        }
        let Some(local) = local.map(|ip| ip.to_canonical()) else { return false };
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical() == local,
            Err(_) => host == "localhost" && local.is_loopback(),
        }
    }

    /// Whether a page of `origin` may open a WebSocket through a connection that asked for `host`:
    /// our own pages, and those that the configuration allows. A page of ours has the host and the
    /// port that the request names, or one of our names and the port that browsers leave out.
    #[must_use]
    pub fn allows(&self, origin: &Origin, host: &HostPort, secure: bool) -> bool {
        let port = host.port.unwrap_or(default_port(secure));
        let same = origin.host == host.host && origin.port == port && origin.secure == secure;
        let ours = origin.secure && origin.port == 443 && self.hosts.contains(&origin.host);
        same || ours || self.origins.contains(origin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    // RFC 9110 s7.2.
    #[test]
    fn hosts_are_read_with_and_without_port() {
        assert_eq!(host("IM.Campus.Test"), HostPort { host: "im.campus.test".into(), port: None });
        assert_eq!(host("im.campus.test.:8443").port, Some(8443));
        assert_eq!(host("im.campus.test:").port, None);
        assert_eq!(host("[::1]:8443"), HostPort { host: "::1".into(), port: Some(8443) });
        for wrong in [
            "", ":80", "a b", "a:b", "a:99999", "a:+1", "[::1", "[::1]x", "[x]", "a/b", "a@b",
            "::1",
        ] {
            assert_eq!(HostPort::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_host_is_ours_by_name_or_by_the_address_that_it_came_to() {
        let names = OwnNames::new(["campus.test", "[2001:db8::1]"], []);
        let (loopback, outside) = ("127.0.0.1".parse().ok(), "192.0.2.1".parse().ok());
        for (host, local, ours) in [
            ("campus.test", outside, true),
            ("2001:db8::1", outside, true),
            ("192.0.2.1", outside, true),
            ("192.0.2.2", outside, false),
            ("localhost", loopback, true),
            ("localhost", outside, false),
            ("evil.test", loopback, false),
            ("campus.test.evil.test", outside, false),
        ] {
            assert_eq!(names.contains(host, local), ours, "{host}");
        }
        let mapped = "::ffff:192.0.2.1".parse().ok();
        assert!(names.contains("192.0.2.1", mapped));
    }

    // RFC 6454 s6.1, RFC 6455 s10.2.
    #[test]
    fn origins_are_ours_or_allowed_or_refused() {
        let names = OwnNames::new(["campus.test"], ["https://chat.test", "http://dev.test:3000"]);
        for (origin, allowed) in [
            ("https://campus.test", true),
            ("https://campus.test:8443", true),
            ("https://CAMPUS.test:8443", true),
            ("https://campus.test:9999", false),
            ("http://campus.test", false),
            ("http://campus.test:8443", false),
            ("https://chat.test", true),
            ("https://chat.test:444", false),
            ("http://chat.test", false),
            ("http://dev.test:3000", true),
            ("https://evil.test", false),
            ("https://campus.test.evil.test", false),
        ] {
            let origin = Origin::parse(origin).unwrap();
            let got = names.allows(&origin, &host("campus.test:8443"), true);
            assert_eq!(got, allowed, "{origin:?}");
        }
        for wrong in ["null", "", "campus.test", "https://a/b", "file://", "https://u@campus.test"]
        {
            assert_eq!(Origin::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,80}") {
            if let Some(host) = HostPort::parse(&text) {
                prop_assert!(host.host.is_ascii());
            }
            let _ = Origin::parse(&text);
        }

        #[test]
        fn what_is_read_is_read_again(host in "[a-z0-9.-]{1,40}[a-z]", port: Option<u16>) {
            let port_text = port.map(|port| format!(":{port}")).unwrap_or_default();
            let read = HostPort::parse(&format!("{host}{port_text}")).unwrap();
            prop_assert_eq!(read, HostPort { host, port });
        }
    }
}
