//! Where a URL of a directory points.

/// Where a URL points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Target {
    pub(in crate::identity) host: String,
    pub(in crate::identity) port: u16,
    /// TLS from the first byte on.
    pub(in crate::identity) secure: bool,
}

impl Target {
    pub(in crate::identity) fn read(url: &str) -> Option<Target> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = match scheme {
            "ldap" => false,
            "ldaps" => true,
            _ => return None,
        };
        let authority = rest.split(['/', '?']).next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, if secure { 636 } else { 389 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = !host.is_empty() && !host.contains(['@', ' ']);
        is_host.then(|| Target { host: host.to_owned(), port, secure })
    }

    /// The same host by another port.
    pub(in crate::identity) fn url(&self, secure: bool, port: u16) -> String {
        let scheme = if secure { "ldaps" } else { "ldap" };
        let usual = if secure { 636 } else { 389 };
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        if port == usual {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_point_to_hosts_and_ports() {
        let is = |url: &str, host: &str, port, secure| {
            let target = Target { host: host.to_owned(), port, secure };
            assert_eq!(Target::read(url), Some(target), "{url}");
        };
        is("ldap://a.example", "a.example", 389, false);
        is("ldaps://a.example/", "a.example", 636, true);
        is("ldap://127.0.0.1:3890", "127.0.0.1", 3890, false);
        is("ldaps://[::1]:6360", "::1", 6360, true);
        is("ldap://[::1]", "::1", 389, false);
        for none in ["http://a", "ldap://a:b", "ldap:///", "ldapi:///x", "", "ldap://a@b"] {
            assert_eq!(Target::read(none), None, "{none}");
        }
    }
}
