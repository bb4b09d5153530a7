//! What a configuration must also be beside well formed.

use std::net::IpAddr;

use super::{Config, Listener, PUBLISHED_BYTES, Route, Scheme, Source, TlsMode};

/// Something that is wrong, or hardly meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) key: &'static str,
    pub(super) fatal: bool,
    pub(super) message: String,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn wrong(&mut self, key: &'static str, message: impl Into<String>) {
        self.0.push(Finding { key, fatal: true, message: message.into() });
    }

    fn doubtful(&mut self, key: &'static str, message: impl Into<String>) {
        self.0.push(Finding { key, fatal: false, message: message.into() });
    }

    fn wrong_if(&mut self, wrong: bool, key: &'static str, message: &str) {
        if wrong {
            self.wrong(key, message);
        }
    }
}

/// Whether the text is a host name of letters, digits and hyphens, or an IP address.
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

/// Everything that is wrong or doubtful.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    names(config, &mut findings);
    listeners(config, &mut findings);
    sip(config, &mut findings);
    identity(config, &mut findings);
    bounds(config, &mut findings);
    findings.0
}

fn names(config: &Config, findings: &mut Findings) {
    let wrong = |name: &str| {
        format!("{name:?} is not a domain name; names beyond ASCII are written in their xn-- form")
    };
    if !is_host(&config.domain) {
        findings.wrong("domain", wrong(&config.domain));
    }
    if !is_host(&config.public_name) {
        findings.wrong("public_name", wrong(&config.public_name));
    }
    for alias in &config.aliases {
        if !is_host(alias) {
            findings.wrong("aliases", wrong(alias));
        }
    }
    findings.wrong_if(config.data_dir.as_os_str().is_empty(), "data_dir", "this must not be empty");
}

fn listeners(config: &Config, findings: &mut Findings) {
    use Scheme::{Http, Https, Tcp, Tls, Udp};
    schemes("sip.listen", &config.sip.listen, &[Udp, Tcp, Tls], findings);
    schemes("web.listen", &config.web.listen, &[Https, Http], findings);
    schemes("msrp.listen", &config.msrp.listen, &[Tls, Tcp], findings);
    if config.sip.listen.is_empty() {
        findings.doubtful("sip.listen", "nothing is listed, so no client can reach the server");
    }
    for listener in &config.web.listen {
        let open = listener.scheme == Http && !listener.address.ip().is_loopback();
        if open && !config.web.allow_plain {
            findings.wrong(
                "web.listen",
                format!(
                    "{listener} would send passwords in the clear; use https://, or set \
                     web.allow_plain = true behind a proxy that ends TLS"
                ),
            );
        }
    }
    if config.tls.mode == TlsMode::Files
        && (config.tls.cert_file.as_os_str().is_empty()
            || config.tls.key_file.as_os_str().is_empty())
    {
        findings.wrong("tls.mode", "\"files\" needs tls.cert_file and tls.key_file");
    }
    let tls = &config.tls;
    if tls.cert_file.as_os_str().is_empty() != tls.key_file.as_os_str().is_empty() {
        findings.wrong("tls.cert_file", "tls.cert_file and tls.key_file go together");
    }
    if tls.asks_acme() {
        acme(config, findings);
    }
    for origin in &config.web.allowed_origins {
        if !is_origin(origin) {
            findings.wrong(
                "web.allowed_origins",
                format!(
                    "{origin:?} is not an origin; write a scheme, a host and no path: \
                     https://chat.campus.example"
                ),
            );
        }
    }
}

fn acme(config: &Config, findings: &mut Findings) {
    let tls = &config.tls;
    findings.wrong_if(
        !tls.acme_directory.starts_with("https://"),
        "tls.acme_directory",
        "the authority's directory is an https:// URL",
    );
    findings.wrong_if(
        !tls.acme_contact.is_empty() && !tls.acme_contact.contains('@'),
        "tls.acme_contact",
        "this is an address of mail, or empty",
    );
    let mut names = [&config.public_name, &config.domain].into_iter().chain(&config.aliases);
    if !names.any(|name| name.contains('.') && name.parse::<IpAddr>().is_err()) {
        findings.doubtful(
            "public_name",
            "no name of ours is one that an ACME authority knows; the internal authority serves",
        );
    }
    if config.web.listen.is_empty() {
        findings.doubtful(
            "web.listen",
            "an ACME authority looks for its answers at an https:// or http:// listener, and \
             there is none; the internal authority serves",
        );
    }
}

/// Whether the text is an origin as browsers send it (RFC 6454 s6.1): scheme, host and port.
fn is_origin(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    is_host(host) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn schemes(key: &'static str, listen: &[Listener], known: &[Scheme], findings: &mut Findings) {
    for (index, listener) in listen.iter().enumerate() {
        if !known.contains(&listener.scheme) {
            let names: Vec<&str> = known.iter().map(|scheme| scheme.name()).collect();
            findings.wrong(key, format!("{listener}: only {} belong here", names.join(", ")));
        }
        if listener.address.port() != 0 && listen.iter().take(index).any(|other| other == listener)
        {
            findings.wrong(key, format!("{listener} is listed twice"));
        }
    }
}

fn sip(config: &Config, findings: &mut Findings) {
    let sip = &config.sip;
    findings.wrong_if(sip.workers > 256, "sip.workers", "at most 256 workers make sense");
    if sip.trusted_peers.iter().any(super::Network::is_everything) && !sip.allow_trusting_everybody
    {
        findings.wrong(
            "sip.trusted_peers",
            "this would let the whole world send as anybody; list the neighbours' own addresses, \
             or set sip.allow_trusting_everybody = true",
        );
    }
    findings.wrong_if(sip.t1.is_zero(), "sip.t1", "this must be longer than 0");
    findings.wrong_if(sip.t2 < sip.t1, "sip.t2", "this must not be shorter than sip.t1");
    for route in &sip.route {
        self::route(config, route, findings);
    }
    let registrar = &config.registrar;
    findings.wrong_if(registrar.min_expires == 0, "registrar.min_expires", "this must be above 0");
    findings.wrong_if(
        registrar.default_expires < registrar.min_expires,
        "registrar.default_expires",
        "this must not be below registrar.min_expires",
    );
    findings.wrong_if(
        registrar.max_expires < registrar.default_expires,
        "registrar.max_expires",
        "this must not be below registrar.default_expires",
    );
    findings.wrong_if(
        registrar.max_contacts == 0,
        "registrar.max_contacts",
        "this must be above 0",
    );
    let presence = &config.presence;
    findings.wrong_if(presence.min_expires == 0, "presence.min_expires", "this must be above 0");
    findings.wrong_if(
        presence.default_expires < presence.min_expires,
        "presence.default_expires",
        "this must not be below presence.min_expires",
    );
    findings.wrong_if(
        presence.max_expires < presence.default_expires,
        "presence.max_expires",
        "this must not be below presence.default_expires",
    );
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.level) {
        findings.wrong("log.level", format!("{error}; write for example info"));
    }
}

fn route(config: &Config, route: &Route, findings: &mut Findings) {
    if let Err(error) = route.regex() {
        findings.wrong("sip.route", error.to_string());
    }
    for method in &route.methods {
        let is_token = !method.is_empty() && method.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_token || method.bytes().any(|b| b.is_ascii_lowercase()) {
            let text = format!("{method:?} is not a method; they are written in capitals");
            findings.wrong("sip.route", text);
        }
    }
    let hop = &route.next_hop;
    let lower = hop.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("sip:").or_else(|| lower.strip_prefix("sips:")) else {
        return findings.wrong("sip.route", format!("next_hop {hop:?} is not a SIP URI"));
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, params) = rest.split_once(';').unwrap_or((rest, ""));
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if !is_host(host) {
        findings.wrong("sip.route", format!("next_hop {hop:?} names no host"));
    }
    let transport = params.split(';').find_map(|param| param.strip_prefix("transport="));
    if transport.is_some_and(|transport| !["udp", "tcp", "tls"].contains(&transport)) {
        findings.wrong("sip.route", format!("next_hop {hop:?}: transport is udp, tcp or tls"));
    }
    // Behind the domain's name stands this server itself, at the latest after the cut-over.
    let ours = config.aliases.iter().chain([&config.domain, &config.public_name]);
    for name in ours.filter(|name| !name.is_empty()) {
        if host.trim_end_matches('.') == name.as_str() {
            let text = format!("next_hop {hop:?} is this server; name the neighbour's own host");
            findings.wrong("sip.route", text);
        }
    }
}

fn identity(config: &Config, findings: &mut Findings) {
    let identity = &config.identity;
    let algorithms = &identity.digest_algorithms;
    findings.wrong_if(
        algorithms.is_empty(),
        "identity.digest_algorithms",
        "without an algorithm nobody could sign in",
    );
    if algorithms
        .iter()
        .enumerate()
        .any(|(index, one)| algorithms.iter().take(index).any(|o| o == one))
    {
        findings.wrong("identity.digest_algorithms", "an algorithm is listed twice");
    }
    findings.wrong_if(
        !identity.address_template.contains("{user}"),
        "identity.address_template",
        "without {user} everybody would have the same address",
    );
    findings.wrong_if(
        identity.realm.contains(['"', '\\']) || identity.realm.chars().any(char::is_control),
        "identity.realm",
        "quotes, backslashes and control characters break clients",
    );
    if identity.source == Source::Ldap {
        ldap(config, findings);
    }
}

fn ldap(config: &Config, findings: &mut Findings) {
    let ldap = &config.identity.ldap;
    findings.wrong_if(
        ldap.urls.is_empty(),
        "identity.ldap.urls",
        "with source = \"ldap\" at least one server is needed",
    );
    for url in &ldap.urls {
        let plain = url.starts_with("ldap://");
        if !plain && !url.starts_with("ldaps://") {
            findings.wrong(
                "identity.ldap.urls",
                format!("{url:?} begins with neither ldap:// nor ldaps://"),
            );
        }
        let loopback = ["ldap://127.", "ldap://localhost", "ldap://[::1]"];
        if plain && !ldap.start_tls && !loopback.iter().any(|prefix| url.starts_with(prefix)) {
            findings.doubtful(
                "identity.ldap.urls",
                format!("{url} sends passwords in the clear; use ldaps:// or start_tls = true"),
            );
        }
        if !plain && ldap.start_tls {
            findings.doubtful("identity.ldap.start_tls", "this has no effect on ldaps://");
        }
    }
    findings.wrong_if(ldap.base_dn.is_empty(), "identity.ldap.base_dn", "this must not be empty");
    findings.wrong_if(
        !ldap.user_filter.contains("{user}"),
        "identity.ldap.user_filter",
        "without {user} it would find everybody",
    );
    for (key, filter) in [
        ("identity.ldap.user_filter", &ldap.user_filter),
        ("identity.ldap.disabled_filter", &ldap.disabled_filter),
        ("identity.ldap.group_filter", &ldap.group_filter),
    ] {
        findings.wrong_if(
            !filter.is_empty() && !balanced(filter),
            key,
            "its parentheses do not pair; a filter is written (attribute=value)",
        );
    }
    if !ldap.group_base_dn.is_empty() {
        findings.wrong_if(
            ldap.group_filter.is_empty(),
            "identity.ldap.group_filter",
            "this must not be empty where group_base_dn is set; (objectClass=*) finds everything",
        );
    } else if !ldap.admin_group.is_empty() {
        findings.doubtful("identity.ldap.admin_group", "without group_base_dn no group is read");
    }
    findings.wrong_if(
        ldap.attribute_user.is_empty(),
        "identity.ldap.attribute_user",
        "this must not be empty",
    );
    findings.wrong_if(
        ldap.attribute_id.is_empty(),
        "identity.ldap.attribute_id",
        "without it a user name that is given to another person would inherit everything",
    );
    findings.wrong_if(ldap.timeout.is_zero(), "identity.ldap.timeout", "this must be above 0");
    findings.wrong_if(
        ldap.sync_interval.is_zero(),
        "identity.ldap.sync_interval",
        "this must be above 0",
    );
    findings.wrong_if(
        ldap.guard_percent > 100,
        "identity.ldap.guard_percent",
        "this is a percentage: at most 100",
    );
    let has_password =
        ldap.bind_password.is_some() || !ldap.bind_password_file.as_os_str().is_empty();
    if !ldap.bind_dn.is_empty() && !has_password {
        findings.wrong(
            "identity.ldap.bind_password_file",
            "bind_dn is set, so its password is needed; put it into a file of mode 0600",
        );
    }
    findings.wrong_if(
        !ldap.ca_pem.is_empty() && !ldap.ca_file.as_os_str().is_empty(),
        "identity.ldap.ca_pem",
        "this and identity.ldap.ca_file say the same in two ways; keep one",
    );
    findings.wrong_if(
        !ldap.ca_pem.is_empty() && !ldap.ca_pem.contains("-----BEGIN CERTIFICATE-----"),
        "identity.ldap.ca_pem",
        "this holds no certificate; it begins with -----BEGIN CERTIFICATE-----",
    );
    if !ldap.secret_attribute.is_empty() && ldap.bind_dn.is_empty() {
        findings.doubtful(
            "identity.ldap.secret_attribute",
            "read anonymously: a directory that shows this to everybody hides nothing",
        );
    }
}

fn balanced(filter: &str) -> bool {
    let mut depth = 0_u32;
    for byte in filter.bytes() {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
    }
    depth == 0 && filter.starts_with('(') && filter.ends_with(')')
}

fn bounds(config: &Config, findings: &mut Findings) {
    let limits = &config.limits;
    if limits.header_bytes > limits.message_bytes {
        findings.wrong("limits.header_bytes", "this is above limits.message_bytes");
    }
    if limits.header_line_bytes > limits.header_bytes {
        findings.wrong("limits.header_line_bytes", "this is above limits.header_bytes");
    }
    if limits.publish_body_bytes > PUBLISHED_BYTES {
        findings.wrong(
            "limits.publish_body_bytes",
            format!("one person may publish {PUBLISHED_BYTES} bytes in all"),
        );
    }
    // Work and memory grow faster than these.
    for (key, value, most) in [
        ("limits.xml_depth", limits.xml_depth, 256),
        ("limits.xml_attributes", limits.xml_attributes, 1_024),
        ("limits.xml_namespaces", limits.xml_namespaces, 256),
    ] {
        if value > most {
            findings.wrong(key, format!("this may be {most} at most"));
        }
    }
    let zero = [
        ("limits.message_bytes", limits.message_bytes == 0),
        ("limits.header_line_bytes", limits.header_line_bytes == 0),
        ("limits.header_lines", limits.header_lines == 0),
        ("limits.uri_bytes", limits.uri_bytes == 0),
        ("limits.via", limits.via == 0),
        ("limits.route", limits.route == 0),
        ("limits.pager_body_bytes", limits.pager_body_bytes == 0),
        ("limits.publish_body_bytes", limits.publish_body_bytes == 0),
        ("limits.max_breadth", limits.max_breadth == 0),
        ("limits.xml_depth", limits.xml_depth == 0),
        ("limits.xml_elements", limits.xml_elements == 0),
        ("limits.xml_attributes", limits.xml_attributes == 0),
        ("limits.xml_namespaces", limits.xml_namespaces == 0),
        ("limits.first_byte_to_message", limits.first_byte_to_message.is_zero()),
        ("limits.tls_handshake", limits.tls_handshake.is_zero()),
        ("limits.websocket_upgrade", limits.websocket_upgrade.is_zero()),
        ("limits.idle_unauthenticated", limits.idle_unauthenticated.is_zero()),
        ("limits.connections_per_source", limits.connections_per_source == 0),
        ("limits.connections_unauthenticated", limits.connections_unauthenticated == 0),
        ("limits.connections_total", limits.connections_total == 0),
        ("limits.connection_write_queue_bytes", limits.connection_write_queue_bytes == 0),
        ("limits.write_queue_total_bytes", limits.write_queue_total_bytes == 0),
        ("limits.connection_write_deadline", limits.connection_write_deadline.is_zero()),
        ("limits.transactions", limits.transactions == 0),
        ("limits.nonce_lifetime", limits.nonce_lifetime.is_zero()),
        ("limits.nonces", limits.nonces == 0),
        ("limits.failures_per_source_account", limits.failures_per_source_account == 0),
        ("limits.failures_per_source", limits.failures_per_source == 0),
        ("limits.failure_window", limits.failure_window.is_zero()),
        ("limits.source_rate", limits.source_rate == 0),
        ("limits.source_burst", limits.source_burst == 0),
        ("limits.message_rate", limits.message_rate == 0),
        ("limits.message_burst", limits.message_burst == 0),
        ("messages.retention", config.messages.retention.is_zero()),
        ("messages.patience", config.messages.patience.is_zero()),
    ];
    for (key, zero) in zero {
        findings.wrong_if(zero, key, "this must be above 0");
    }
}
