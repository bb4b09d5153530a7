//! What is answered: pages, probes, downloads, and errors.

use crate::http::{Site, ask, connect};
use crate::support::server::DOMAIN;

#[test]
fn the_first_page_says_how_to_connect_and_whom_to_trust() {
    let site = Site::new("");
    let page = site.get("/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let proxy = format!("sip:127.0.0.1:{};transport=tcp", site.server.tcp.port());
    let status = site.server.run(&["status", "--json"], None).json();
    let fingerprint = status["tls"]["authority_fingerprint"].as_str().expect("a fingerprint");
    for text in [DOMAIN, &proxy, "/ca.crt", "/ca.pem", fingerprint] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    let style =
        page.body.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".css"));
    let style = site.get(style.expect("a style sheet"));
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn every_answer_carries_the_security_headers_and_names_no_server() {
    let site = Site::new("");
    for path in ["/", "/ca.pem", "/healthz", "/nowhere"] {
        let answer = site.get(path);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("server"), None, "{path}");
        // An authority of our own cannot promise that it stays trusted.
        assert_eq!(answer.header("strict-transport-security"), None, "{path}");
    }
}

#[test]
fn probes_answer_under_any_name() {
    let site = Site::new("");
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        for host in ["localhost", "10.1.2.3:9999", "pod-17"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let answer = ask(&mut site.connect(), &request);
            assert_eq!((answer.status, answer.body.as_str()), (200, body), "{host}");
        }
    }
}

// RFC 9457 s3.
#[test]
fn errors_are_problem_documents() {
    let site = Site::new("");
    for (request, status) in [
        ("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        ("DELETE /ca.pem HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
    ] {
        let answer = ask(&mut site.connect(), request);
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{request}");
        let problem: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    }
}

// RFC 9112 s3.2: one Host, no more and no less; RFC 9110 s7.4: another's is misdirected.
#[test]
fn a_request_for_another_host_is_421_and_without_one_400() {
    let site = Site::new("");
    let port = site.plain.port();
    for (lines, status) in [
        (format!("Host: {DOMAIN}\r\n"), 200),
        (format!("Host: {DOMAIN}:{port}\r\n"), 200),
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        ("Host: example.com\r\n".to_owned(), 200),
        ("Host: LOCALHOST\r\n".to_owned(), 200),
        ("Host: evil.test\r\n".to_owned(), 421),
        ("Host: 127.0.0.2\r\n".to_owned(), 421),
        (format!("Host: {DOMAIN}.evil.test\r\n"), 421),
        (String::new(), 400),
        ("Host:\r\n".to_owned(), 400),
        ("Host: a b\r\n".to_owned(), 400),
        (format!("Host: {DOMAIN}\r\nHost: {DOMAIN}\r\n"), 400),
        (format!("Host: {DOMAIN}\r\nHost: evil.test\r\n"), 400),
    ] {
        let request = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(ask(&mut connect(site.plain), &request).status, status, "{lines:?}");
    }
    let absolute = format!("GET http://evil.test/ HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
    assert_eq!(ask(&mut connect(site.plain), &absolute).status, 421);
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let site = Site::new("");
    let mut connection = site.connect();
    for _ in 0..3 {
        let answer = ask(&mut connection, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(answer.status, 200);
    }
    let head = ask(&mut connection, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn a_server_that_ends_answers_what_was_asked_and_leaves_no_listener() {
    let site = Site::new("");
    let mut idle = site.connect();
    ask(&mut idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let pid = nix::unistd::Pid::from_raw(site.server.pid().try_into().expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
    assert!(crate::http::is_closed(&mut idle), "an idle connection ends at once");
    // The listener went first.
    assert!(std::net::TcpStream::connect(site.plain).is_err());
}
