//! Notices of applications: to a person and to a group, at once and later, muted and not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tagus::app::control::Client;
use tagus::model::Role;
use tagus::operations::{ConsoleRequest, Request, Secret};

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::repository;
use crate::support::server::{DOMAIN, Printed, Server};

const WEB: &str = "[web]\nlisten = [\"http://127.0.0.1:0\"]\n";

/// A campus with an owner and people; applications and their tokens are made as an administrator does.
pub(crate) fn campus(people: &[&str]) -> Server {
    let server = Server::start(WEB);
    for user in people {
        server.add_user(user, &format!("{user}'s password"));
    }
    let password = Secret::new("four words that nobody else has".to_owned());
    let owner = ConsoleRequest::Add { name: "owner".to_owned(), role: Role::Owner, password };
    let socket = server.data_dir().join("tagus.sock");
    Client::connect(&socket).expect("a server").call(&Request::Console(owner)).expect("an owner");
    server
}

/// An application and a token of it.
pub(crate) fn application(server: &Server, name: &str, title: &str) -> String {
    application_with(server, name, title, &[])
}

fn application_with(server: &Server, name: &str, title: &str, more: &[&str]) -> String {
    let add = [&["application", "add", name, "--title", title], more].concat();
    let made = server.run(&add, None);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let token = server.run(&["application", "token", name], None);
    assert_eq!(token.code, 0, "{}{}", token.out, token.err);
    token.out.trim().to_owned()
}

/// Status and document of an answer of the API.
fn call(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(server.web("http://")).expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a peer that reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn notify(server: &Server, token: &str, body: &Value) -> (u16, Value) {
    call(server, token, "POST", "/api/v1/notify", body)
}

/// What somebody hears, as his client tells it.
pub(crate) fn hear(server: &Server, user: &str, count: usize) -> Vec<Value> {
    let (count, password) = (count.to_string(), format!("{user}'s password\n"));
    let heard = server.run(
        &[
            "client",
            "listen",
            "--user",
            user,
            "--password-file",
            "-",
            "--count",
            &count,
            "--for",
            "20s",
            "--transport",
            "tcp",
            "--json",
        ],
        Some(&password),
    );
    assert_eq!(heard.code, 0, "{}{}", heard.out, heard.err);
    let events = heard.out.lines().map(|line| serde_json::from_str(line).expect("JSON lines"));
    events.filter(|event: &Value| event["body"].is_string()).collect()
}

fn write(server: &Server, from: &str, to: &str, text: &str) -> Printed {
    let password = format!("{from}'s password\n");
    let command = ["message", to, text, "--from", from, "--password-file", "-", "--json"];
    server.run(&[&command[..], &["--transport", "tcp"]].concat(), Some(&password))
}

#[test]
fn a_notice_waits_for_whoever_is_away_and_names_its_application() {
    let mut server = campus(&["ana", "rui"]);
    let token = application(&server, "mail", "Mail");
    let body = json!({"to": ["ana", "rui", "nobody"], "text": "3 new messages\nfrom João"});
    let (status, report) = notify(&server, &token, &body);
    assert_eq!(status, 202, "{report}");
    assert_eq!(report["counts"]["held"], 2, "{report}");
    assert_eq!(report["counts"]["unknown"], 1, "{report}");
    let nobody = json!({"user": "nobody", "outcome": "unknown"});
    assert!(report["outcomes"].as_array().expect("each").contains(&nobody), "{report}");
    let heard = hear(&server, "ana", 1);
    assert_eq!(heard[0]["body"], "3 new messages\nfrom João");
    assert_eq!(heard[0]["from"], format!("app/mail@{DOMAIN}"), "{heard:?}");
    let path = format!("/api/v1/notices/{}", report["id"]);
    let (status, again) = call(&server, &token, "GET", &path, &Value::Null);
    assert_eq!((status, &again["done"]), (200, &json!(true)));
    // Another application's token does not see it.
    let other = application(&server, "print", "Printer");
    assert_eq!(call(&server, &other, "GET", &path, &Value::Null).0, 404);
    // Nobody's text is in the log.
    assert!(!server.log().contains("3 new messages"));
}

#[test]
fn whoever_writes_stop_hears_no_more_until_he_writes_start() {
    let server = campus(&["ana"]);
    let token = application(&server, "mail", "Mail");
    let one = |text: &str| notify(&server, &token, &json!({"to": ["ana"], "text": text})).1;
    let stop = write(&server, "ana", "app/mail", "Parar");
    assert_eq!(stop.code, 0, "{}{}", stop.out, stop.err);
    let answer = hear(&server, "ana", 1);
    assert!(answer[0]["body"].as_str().is_some_and(|text| text.contains("começar")), "{answer:?}");
    assert_eq!(one("unheard")["counts"]["muted"], 1);
    let mutes = server.run(&["user", "show", "ana", "--json"], None).json();
    assert_eq!(mutes["held_messages"], 0, "{mutes}");
    // No machine answers a machine for ever: what is no such word is refused.
    assert_eq!(write(&server, "ana", "app/mail", "I am on holiday").code, 4);
    assert_eq!(write(&server, "ana", "app/nothing", "stop").code, 1);
    assert_eq!(write(&server, "ana", "app/mail", "start").code, 0);
    assert_eq!(one("heard")["counts"]["held"], 1);
    let texts = hear(&server, "ana", 2);
    assert_eq!(texts[1]["body"], "heard", "{texts:?}");
}

#[test]
fn a_token_speaks_for_its_application_alone_so_often_and_no_more() {
    let server = campus(&["ana"]);
    let mail =
        application_with(&server, "mail", "Mail", &["--per-minute", "3", "--per-person", "2"]);
    application(&server, "print", "Printer");
    let as_print = json!({"to": ["ana"], "text": "x", "application": "print"});
    assert_eq!(notify(&server, &mail, &as_print).0, 409);
    for (wrong, status) in [
        (json!({"to": ["ana"], "text": ""}), 422),
        (json!({"to": ["ana"], "text": "x".repeat(701)}), 422),
        (json!({"to": [], "text": "x"}), 422),
        (json!({"to": ["ana"], "group": "staff", "text": "x"}), 422),
        (json!({"group": "no such group", "text": "x"}), 404),
        (json!({"to": ["ana"], "text": "x", "ttl": 0}), 422),
        (json!({"to": ["ana"], "text": "x", "sender": "y"}), 422),
    ] {
        assert_eq!(notify(&server, &mail, &wrong).0, status, "{wrong}");
    }
    // Three within this minute, or within the next one if it has just begun.
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(notify(&server, &mail, &json!({"to": ["ana"], "text": "x"})));
    }
    assert!(statuses.iter().any(|(status, _)| *status == 429), "{statuses:?}");
    assert!(statuses.iter().any(|(_, report)| report["counts"]["limited"] == 1), "{statuses:?}");
    assert_eq!(call(&server, &mail, "GET", "/api/v1/status", &Value::Null).0, 403);
    // With the application its tokens end.
    assert_eq!(server.run(&["application", "remove", "mail"], None).code, 0);
    assert_eq!(notify(&server, &mail, &json!({"to": ["ana"], "text": "x"})).0, 401);
}

#[test]
fn a_group_is_told_one_after_the_other_and_whoever_asked_does_not_wait() {
    let server = campus(&[]);
    let mut csv = String::from("user,name,mail,password,groups\n");
    for n in 0..40 {
        csv.push_str(&format!("p{n},P {n},,p{n}'s password,staff\n"));
    }
    let file = server.data_dir().join("people.csv");
    std::fs::write(&file, csv).expect("a file");
    let imported = server.run(&["user", "import", file.to_str().expect("a path")], None);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    assert_eq!(server.run(&["user", "disable", "p0"], None).code, 0);
    let token = application(&server, "labs", "Labs");
    let body = json!({"group": "Staff", "text": "Lab 2 closes at six", "ttl": 3600});
    let (status, report) = notify(&server, &token, &body);
    assert_eq!((status, &report["people"]), (202, &json!(39)), "{report}");
    let path = format!("/api/v1/notices/{}", report["id"]);
    let mut report = Value::Null;
    while report["done"] != true {
        report = call(&server, &token, "GET", &path, &Value::Null).1;
    }
    assert_eq!(report["counts"]["held"], 39, "{report}");
    assert_eq!(hear(&server, "p7", 1)[0]["body"], "Lab 2 closes at six");
}

#[test]
fn the_command_sends_what_it_reads_and_tells_what_became_of_it() {
    let server = campus(&["ana"]);
    application(&server, "mail", "Mail");
    let sent =
        server.run(&["notify", "--to", "ana", "--app", "mail", "--ttl", "2h"], Some("olá\n"));
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    let sent = server.run(&["notify", "the server stops at six", "--to", "ana", "--json"], None);
    assert_eq!(sent.json()["application"], "notice");
    assert_eq!(server.run(&["notify", "x", "--to", "nobody"], None).code, 3);
    assert_eq!(server.run(&["notify", "x", "--to", "ana", "--app", "none"], None).code, 3);
    let heard = hear(&server, "ana", 2);
    assert_eq!(
        (&heard[0]["body"], &heard[1]["body"]),
        (&json!("olá"), &json!("the server stops at six"))
    );
    assert_eq!(heard[1]["from"], format!("app/notice@{DOMAIN}"));
    let audit = server.run(&["audit", "--json"], None).json();
    let lines = audit["entries"].as_array().expect("lines");
    for deed in ["application.add", "application.token", "notice.send"] {
        assert!(lines.iter().any(|line| line["action"] == deed), "{deed} {audit}");
    }
    assert!(!audit.to_string().contains("stops at six"));
}

// RFC 3428 s7: what has run out is of no use to anybody.
#[test]
fn a_notice_that_nobody_took_in_time_is_gone() {
    let server = Server::start(WEB);
    server.add_user("ana", "ana's password");
    let send = |text: &str, ttl: &str| {
        let sent = server.run(&["notify", text, "--to", "ana", "--ttl", ttl], None);
        assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    };
    send("too late", "1s");
    send("in time", "2h");
    let waits =
        || server.run(&["user", "show", "ana", "--json"], None).json()["held_messages"].clone();
    while waits() != json!(1) {}
    assert_eq!(hear(&server, "ana", 1)[0]["body"], "in time");
}

/// RFC 3428 s6: every device that is here has it at once, whoever made it, and answers by the address
/// that it shows.
#[test]
fn real_clients_show_a_notice_at_once_and_answer_its_sender() {
    let server = campus(&["ana"]);
    let token = application(&server, "mail", "Mail");
    let sign_in = SignIn {
        user: "ana",
        auth_user: "ana",
        password: "ana's password",
        domain: DOMAIN,
        server: server.udp,
        transport: "udp",
        peers: &["app/mail"],
    };
    let mut devices = [Kind::Pjsua2, Kind::Linphone].map(|kind| Agent::start(kind, &sign_in));
    devices.iter_mut().for_each(Agent::expect_registered);
    let (_, report) = notify(&server, &token, &json!({"to": ["ana"], "text": "3 new messages"}));
    assert_eq!(report["counts"]["accepted"], 1, "{report}");
    for device in &mut devices {
        device.expect_message(&format!("app/mail@{DOMAIN}"), "3 new messages");
    }
    let [first, second] = &mut devices;
    first.message("app/mail", "stop");
    assert_eq!(first.expect_sent("stop")["code"], 202);
    let answered = |event: &Value| event["body"].as_str().is_some_and(|b| b.contains("start"));
    second.expect_that("an answer to it", answered);
    let (_, report) = notify(&server, &token, &json!({"to": ["ana"], "text": "unheard"}));
    assert_eq!(report["counts"]["muted"], 1, "{report}");
}

/// One of the programs in `packaging/notify`, with what it reads and what its caller tells it.
fn helper(
    server: &Server,
    name: &str,
    arguments: &[&str],
    told: &[(&str, &str)],
    input: &[u8],
) -> (i32, String) {
    let token = server.data_dir().join("helper.token");
    let mut helper = Command::new(repository(&format!("packaging/notify/{name}")))
        .args(arguments)
        .env("TAGUS_NOTIFY_CONF", "/dev/null")
        .env("TAGUS_URL", format!("http://{}/", server.web("http://")))
        .env("TAGUS_TOKEN_FILE", token)
        .envs(told.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    helper.stdin.take().expect("a pipe").write_all(input).expect("a reader");
    let output = helper.wait_with_output().expect("an end");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

fn helped(name: &str, title: &str) -> Server {
    let server = campus(&["ana"]);
    let token = application(&server, name, title);
    std::fs::write(server.data_dir().join("helper.token"), token + "\n").expect("a file");
    server
}

#[test]
fn a_mail_filter_tells_who_wrote_and_about_what() {
    let server = helped("mail", "Mail");
    let mail = b"Return-Path: <x@example.org>\r\nFROM: =?UTF-8?Q?Jo=C3=A3o?=\r\n <joao@campus.test>\r\n\
        Subject: about \"quotes\",\r\n \\slashes\\ and \x1b[31mcolours\r\n\r\nFrom: nobody\r\nthe text\r\n";
    assert_eq!(helper(&server, "tagus-notify-mail", &["ana"], &[], mail), (0, String::new()));
    let text = hear(&server, "ana", 1)[0]["body"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("Mail: ") && text.contains("João"), "{text}");
    assert!(text.ends_with("about \"quotes\", \\slashes\\ and [31mcolours"), "{text}");
    // Bytes that are no text, a subject without end, and nobody to tell: the mail is delivered.
    let odd =
        [b"From: \xff\xfe <x>\nSubject: ".as_slice(), &b"\xe2\x82\xac".repeat(5_000)].concat();
    assert_eq!(helper(&server, "tagus-notify-mail", &["ana"], &[], &odd).0, 0);
    let text = hear(&server, "ana", 1)[0]["body"].as_str().expect("a text").to_owned();
    assert!(text.ends_with('€') && text.len() <= 700, "{text}");
    let (code, said) =
        helper(&server, "tagus-notify-mail", &["ana"], &[("TAGUS_TOKEN_FILE", "/nowhere")], mail);
    assert_eq!(code, 0);
    assert!(said.contains("was not told"), "{said}");
}

#[test]
fn a_print_tells_its_owner_and_keeps_the_result_of_the_real_backend() {
    let server = helped("print", "Printer");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("backend")).expect("a folder");
    let backend = folder.path().join("backend/ipp");
    let script = "#!/bin/sh\n[ \"$DEVICE_URI\" = ipp://printer.test/ipp ] || exit 9\nexit $4\n";
    std::fs::write(&backend, script).expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&backend, mode).expect("a mode");
    let home = folder.path().to_str().expect("a path");
    let told = [
        ("DEVICE_URI", "tagus:ipp://printer.test/ipp"),
        ("CUPS_SERVERBIN", home),
        ("PRINTER", "hall"),
    ];
    for (result, expected) in
        [("0", "Printed on hall: thesis"), ("4", "Could not be printed on hall: thesis")]
    {
        let job = ["17", "ana", "thesis", result, ""];
        let (code, said) = helper(&server, "tagus-notify-print", &job, &told, b"%PDF");
        assert_eq!(code.to_string(), result, "{said}");
        assert_eq!(hear(&server, "ana", 1)[0]["body"], expected);
    }
    let (code, said) = helper(&server, "tagus-notify-print", &[], &[], b"");
    assert_eq!((code, said.starts_with("network tagus ")), (0, true), "{said}");
}

#[test]
fn a_sign_in_elsewhere_is_told_and_keeps_nobody_out() {
    let server = helped("login", "Sign-ins");
    let told = [
        ("PAM_TYPE", "open_session"),
        ("PAM_USER", "ana"),
        ("PAM_SERVICE", "sshd"),
        ("PAM_RHOST", "192.0.2.7"),
    ];
    assert_eq!(helper(&server, "tagus-notify-login", &[], &told, b"").0, 0);
    let text = hear(&server, "ana", 1)[0]["body"].as_str().expect("a text").to_owned();
    assert!(
        text.starts_with("Sign-in as ana on ") && text.ends_with("(sshd) from 192.0.2.7"),
        "{text}"
    );
    let nowhere = [&told[..], &[("TAGUS_URL", "http://127.0.0.1:9")]].concat();
    assert_eq!(helper(&server, "tagus-notify-login", &[], &nowhere, b"").0, 0);
}
