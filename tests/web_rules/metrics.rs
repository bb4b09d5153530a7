//! The figures for a monitoring system, on their own listener.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};

use crate::http::{Site, ask};
use crate::support::server::DOMAIN;

fn metrics(site: &Site) -> SocketAddr {
    let status = site.server.run(&["status", "--json"], None).json();
    let address = status["listeners"]["metrics"].as_str().expect("an address");
    address.parse().expect("a socket's address")
}

fn get(at: SocketAddr, path: &str) -> crate::http::Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(&mut TcpStream::connect(at).expect("a connection"), &request)
}

/// The value of a sample, by its name and labels as they are written.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().expect("a number")
}

// OpenMetrics 1.0
#[test]
fn the_figures_count_what_happened_and_are_well_formed() {
    let site = Site::new("");
    site.server.add_user("alice", "secret of alice");
    let at = metrics(&site);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let own = socket.local_addr().expect("an address");
    let request = format!(
        "OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKfigures\r\n\
         From: <sip:alice@{DOMAIN}>;tag=1\r\nTo: <sip:{DOMAIN}>\r\nCall-ID: figures@{own}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), site.server.udp).expect("it is sent");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("a timeout");
    socket.recv(&mut [0; 2_048]).expect("an answer");

    let answer = get(at, "/metrics");
    assert_eq!(answer.status, 200);
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(media));
    let text = &answer.body;
    let sample = "tagus_sip_requests_total{method=\"OPTIONS\",transport=\"udp\"}";
    assert!((value(text, sample) - 1.0).abs() < f64::EPSILON, "{text}");
    assert!((value(text, "tagus_accounts") - 1.0).abs() < f64::EPSILON, "{text}");
    assert!(value(text, "process_resident_memory_bytes") > 1e6, "{text}");
    assert!(value(text, "tagus_cert_not_after_timestamp_seconds") > 1e9, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    // Each family is described before its samples, once.
    let mut described = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let name = family.split(' ').next().expect("a name");
            assert!(described.insert(name.to_owned()), "{name} twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            let parts = ["_total", "_sum", "_count", "_bucket"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(described.contains(family), "{name} is not described");
        }
    }
    // Nobody's name, and no address, ever stands in a label.
    for secret in ["alice", DOMAIN, "127.0.0.1", "figures"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

#[test]
fn nothing_but_the_figures_is_at_their_listener_and_they_are_nowhere_else() {
    let site = Site::new("");
    let at = metrics(&site);
    for path in ["/", "/admin", "/api/v1/people", "/healthz", "/ca.pem"] {
        assert_eq!(get(at, path).status, 404, "{path}");
    }
    assert_eq!(site.get("/metrics").status, 404);
    let request = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let answer = ask(&mut TcpStream::connect(at).expect("a connection"), request);
    assert_eq!(answer.status, 405);
}
