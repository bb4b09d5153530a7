//! The client of ours against the server of ours, as scripts use them.

use serde_json::Value;

use crate::support::server::{DOMAIN, Printed, Server};

fn events(printed: &Printed) -> Vec<Value> {
    let lines = printed.out.lines();
    lines.map(|line| serde_json::from_str(line).expect("JSON lines")).collect()
}

fn send(server: &Server, from: &str, to: &str, text: &str, transport: &str) -> Printed {
    server.run(
        &[
            "message",
            to,
            text,
            "--from",
            from,
            "--password-file",
            "-",
            "--transport",
            transport,
            "--json",
        ],
        Some(&format!("{from}'s password\n")),
    )
}

fn campus() -> Server {
    let server = Server::start("");
    for user in ["ana", "rui"] {
        server.add_user(user, &format!("{user}'s password"));
    }
    server
}

#[test]
fn a_message_of_our_client_is_kept_and_then_heard() {
    for transport in ["udp", "tcp"] {
        let server = campus();
        let sent = send(&server, "ana", "rui", "olá, mundo", transport);
        assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
        assert_eq!(events(&sent)[0]["status"], 202, "{}", sent.out);
        let heard = server.run(
            &[
                "client",
                "listen",
                "--user",
                "rui",
                "--password-file",
                "-",
                "--count",
                "1",
                "--for",
                "20s",
                "--transport",
                transport,
                "--json",
            ],
            Some("rui's password\n"),
        );
        assert_eq!(heard.code, 0, "{}{}", heard.out, heard.err);
        let told = events(&heard);
        assert_eq!(told[0]["event"], "registered", "{}", heard.out);
        assert_eq!(told[1]["body"], "olá, mundo", "{}", heard.out);
        assert_eq!(told[1]["from"], format!("ana@{DOMAIN}"));
        assert!(told[1]["date"].is_string(), "{}", heard.out);
        let status = server.run(&["status", "--json"], None).json();
        assert_eq!((&status["bindings"], &status["held_messages"]), (&0.into(), &0.into()));
    }
}

#[test]
fn failures_of_our_client_have_their_exit_codes() {
    let mut server = campus();
    let nobody = send(&server, "ana", "nobody", "x", "udp");
    assert_eq!(nobody.code, 1, "{}{}", nobody.out, nobody.err);
    assert_eq!(events(&nobody)[0]["status"], 404);
    let wrong = server.run(
        &["client", "register", "--once", "--user", "ana", "--password-file", "-"],
        Some("not ana's password\n"),
    );
    assert_eq!(wrong.code, 4, "{}{}", wrong.out, wrong.err);
    let address = server.tcp.to_string();
    server.kill();
    let user = format!("ana@{DOMAIN}");
    let gone = server.run(
        &[
            "client",
            "message",
            "rui",
            "x",
            "--user",
            &user,
            "--password-file",
            "-",
            "--server",
            &address,
            "--transport",
            "tcp",
        ],
        Some("ana's password\n"),
    );
    assert_eq!(gone.code, 5, "{}{}", gone.out, gone.err);
}

/// RFC 3261 s26.2.1, RFC 5922: over TLS when the server proves to be the domain's.
#[test]
fn a_message_goes_over_tls_to_a_server_that_proves_its_name() {
    let server = campus();
    let authority = server.authority();
    let authority = authority.to_str().expect("a path in UTF-8");
    let send = |more: &[&str]| {
        let send = ["message", "rui", "hello", "--from", "ana", "--password-file", "-", "--json"];
        let arguments = [&send[..], &["--transport", "tls"], more].concat();
        server.run(&arguments, Some("ana's password\n"))
    };
    let sent = send(&["--ca-file", authority]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert_eq!(events(&sent)[0]["status"], 202, "{}", sent.out);
    assert_eq!(send(&["--insecure"]).code, 0);
    // Nobody vouches for it, and then it is asked to be another host.
    let unknown = send(&[]);
    assert_eq!(unknown.code, 4, "{}{}", unknown.out, unknown.err);
    assert!(unknown.err.contains("--ca-file"), "{}", unknown.err);
    let other = format!("localhost:{}", server.tls.port());
    let other = send(&["--ca-file", authority, "--server", &other]);
    assert_eq!(other.code, 4, "{}{}", other.out, other.err);
    assert!(other.err.contains("prove to be localhost"), "{}", other.err);
}
