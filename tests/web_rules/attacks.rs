//! What somebody hostile sends to the console and to the API, over raw sockets, and what it gets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tagus::app::control::Client;
use tagus::clock::Clock;
use tagus::model::{Role, Scope};
use tagus::operations::{
    ApplicationTerms, ConsoleRequest, JobRequest, NoticeReply, NoticeRequest, Reply, Request,
    Secret, SettingChange, SettingRequest, TokenRequest,
};
use tagus::web::{Access, Route};

use crate::console::{Browser, PASSWORD, add, control, owned, owned_with};
use crate::http::{Answer, Site, ask, is_closed, read};

/// Limits that a test can wait for.
const QUICK: &str = "[limits]\nfirst_byte_to_message = \"1s\"\n";
/// What must not be seen.
const CANARY: &str = "canary-b1f3";

fn perform(site: &Site, request: &Request) -> Reply {
    let mut client = Client::connect(&site.server.data_dir().join("tagus.sock")).expect("a server");
    client.call(request).expect("done")
}

fn routes() -> Vec<Route> {
    let pages = tagus::admin::pages(&Clock::system()).routes;
    tagus::web::routes().into_iter().chain(pages).chain(tagus::api::routes()).collect()
}

/// A path of a route with this where any value may stand.
fn path_of(route: &Route, value: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { value.to_owned() } else { part.to_owned() };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Somebody without a password.
fn person(site: &Site, user: &str) {
    let request = Request::UserAdd {
        user: user.to_owned(),
        name: None,
        mail: None,
        number: None,
        groups: Vec::new(),
        password: None,
    };
    perform(site, &request);
}

/// A token of the API: its identifier and its text.
fn token(site: &Site, scopes: &[Scope]) -> (String, String) {
    let make = TokenRequest::Make {
        name: "a test".to_owned(),
        scopes: scopes.to_vec(),
        role: Role::Owner,
        expires_at: None,
        networks: Vec::new(),
    };
    let Reply::TokenSecret(made) = perform(site, &Request::Token(make)) else { panic!("a token") };
    (made.token.token, made.secret.expose().to_owned())
}

/// An application, and the text of a token that speaks for it.
fn application(site: &Site, name: &str) -> String {
    let terms = ApplicationTerms {
        name: name.to_owned(),
        title: name.to_owned(),
        per_minute: 10,
        per_person: 10,
    };
    perform(site, &Request::Notice(NoticeRequest::AddApplication(terms)));
    let make =
        NoticeRequest::MakeToken { name: name.to_owned(), expires_at: None, networks: Vec::new() };
    let Reply::Notice(reply) = perform(site, &Request::Notice(make)) else { panic!("a reply") };
    let NoticeReply::Token(made) = *reply else { panic!("a token") };
    made.secret.expose().to_owned()
}

/// A request whose head was taken, and whose body is awaited: the server asks for it.
fn half_sent(site: &Site, head: &str, length: usize) -> TcpStream {
    let mut socket = site.connect();
    let head = format!("{head}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("a peer that reads");
    let answer = read(&mut socket, true).expect("an answer");
    assert_eq!(answer.status, 100, "{answer:?}");
    socket
}

fn finish(mut socket: TcpStream, body: &str) -> Answer {
    ask(&mut socket, body)
}

// W09, W11, T61: each form of the console, and each line of the API with a cookie.
#[test]
fn no_form_is_taken_from_elsewhere_or_without_its_token() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin/account");
    let own = ana.token.clone();
    let mut forms = 0;
    for route in routes() {
        if route.method == "GET" {
            continue;
        }
        let path = path_of(&route, "x");
        if let Access::Token(_) = route.access {
            let more = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n";
            let answer = ana.send(route.method.as_str(), &path, more, "{}");
            assert_eq!(answer.status, 401, "{route:?}: no cookie opens the API");
            continue;
        }
        if route.access == Access::SetUp {
            continue;
        }
        forms += 1;
        for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=xx"] {
            let body = |token: &str| match kind.starts_with("multipart") {
                true => format!(
                    "--xx\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n--xx--\r\n"
                ),
                false => format!("token={token}"),
            };
            for (says, token) in [
                ("Sec-Fetch-Site: cross-site\r\n", own.as_str()),
                ("Sec-Fetch-Site: same-site\r\n", &own),
                ("Origin: http://evil.test\r\n", &own),
                ("", &own),
                ("Sec-Fetch-Site: same-origin\r\n", ""),
                ("Sec-Fetch-Site: same-origin\r\n", &own[1..]),
            ] {
                let more = format!("Content-Type: {kind}\r\n{says}");
                let answer = ana.send("POST", &path, &more, &body(token));
                // Most forms bring no files.
                let is_refused =
                    answer.status == 403 || (answer.status == 415 && kind.starts_with("multipart"));
                assert!(is_refused, "{route:?} {kind} {says}: {answer:?}");
            }
        }
    }
    assert!(forms > 40, "{forms}");
    assert_eq!(ana.get("/admin").status, 200, "nothing ended the session");
}

// W21: a form that began before its sender lost his right is not taken after it.
#[test]
fn a_form_on_its_way_is_not_taken_from_whoever_lost_his_right_meanwhile() {
    let site = owned();
    add(&site, "rui", Role::Admin);
    let name = || "rui".to_owned();
    for (change, user) in [
        (ConsoleRequest::SetRole { name: name(), role: Role::ReadOnly }, "one"),
        (ConsoleRequest::Lock { name: name(), locked: true }, "two"),
    ] {
        let mut rui = Browser::signed_in(&site, "rui");
        rui.get("/admin/account");
        let body = format!("token={}&user={user}&kind=none", rui.token);
        let head = format!(
            "POST /admin/people/add HTTP/1.1\r\nHost: localhost\r\nCookie: tagus={}\r\n{}\
             Content-Type: application/x-www-form-urlencoded\r\n",
            rui.cookie, rui.says
        );
        let socket = half_sent(&site, &head, body.len());
        control(&site, change);
        assert_eq!(finish(socket, &body).status, 401);
        assert_ne!(site.server.run(&["user", "show", user], None).code, 0, "nobody was added");
        control(&site, ConsoleRequest::SetRole { name: name(), role: Role::Admin });
    }
}

// W21, T22: the same with a token; one of an application speaks for no other one once that is gone.
#[test]
fn a_request_on_its_way_is_not_taken_of_a_token_that_was_revoked_meanwhile() {
    let site = owned();
    person(&site, "eva");
    let (id, text) = token(&site, &[Scope::UsersWrite]);
    let head = |path: &str, token: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n"
        )
    };
    let body = r#"{"user":"late"}"#;
    let socket = half_sent(&site, &head("/api/v1/people", &text), body.len());
    perform(&site, &Request::Token(TokenRequest::Revoke { token: id }));
    assert_eq!(finish(socket, body).status, 401);
    assert_ne!(site.server.run(&["user", "show", "late"], None).code, 0);

    let mail = application(&site, "mail");
    application(&site, "print");
    let body = r#"{"application":"print","to":["eva"],"text":"x"}"#;
    let socket = half_sent(&site, &head("/api/v1/notify", &mail), body.len());
    let remove = NoticeRequest::RemoveApplication { name: "mail".to_owned() };
    perform(&site, &Request::Notice(remove));
    assert_eq!(finish(socket, body).status, 401);
}

// T10, X37: nobody holds a place with a body that never ends.
#[test]
fn a_body_that_drips_is_cut_off() {
    let site = owned_with(QUICK);
    let (_, token) = token(&site, &[Scope::UsersWrite]);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let ours = "Sec-Fetch-Site: same-origin\r\n";
    for (path, more) in [
        ("/admin/sign-in", format!("{form}{ours}")),
        ("/preferences", format!("{form}{ours}")),
        (
            "/api/v1/people",
            format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"),
        ),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}");
        let mut socket = half_sent(&site, &head, 1_000);
        socket.write_all(b"token=x&").expect("a peer");
        let answer = read(&mut socket, false).expect("an answer");
        assert_eq!(answer.status, 408, "{path}: {answer:?}");
        assert!(is_closed(&mut socket), "{path}");
    }
}

// T74: a file is in memory as a whole, so few are sent at once.
#[test]
fn few_files_are_sent_at_once() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin/people/import");
    let body = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{}\r\n--xx--\r\n",
        ana.token
    );
    let kind = format!("Content-Type: multipart/form-data; boundary=xx\r\n{}", ana.says);
    let head = format!(
        "POST /admin/people/import HTTP/1.1\r\nHost: localhost\r\nCookie: tagus={}\r\n{kind}",
        ana.cookie
    );
    let open: Vec<TcpStream> = (0..4).map(|_| half_sent(&site, &head, body.len())).collect();
    let refused = ana.send("POST", "/admin/people/import", &kind, &body);
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("10"));
    for socket in open {
        // There is no file in it.
        assert_eq!(finish(socket, &body).status, 422);
    }
    assert_eq!(ana.send("POST", "/admin/people/import", &kind, &body).status, 422);
}

// T27, W21: whoever finds a session open does not guess its password.
#[test]
fn a_session_ends_with_five_wrong_passwords_of_its_own() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    ana.get("/admin/account");
    let id = ana.cookie.clone();
    let guess = "present=wrong&password=another+one+of+those&again=another+one+of+those";
    for _ in 0..4 {
        assert_eq!(ana.post("/admin/account/password", guess).status, 422);
    }
    let answer = ana.post("/admin/account/password", guess);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/admin/sign-in")));
    ana.cookie = id;
    assert_eq!(ana.get("/admin").status, 303);
}

// T60, T70: odd values in paths: no page fails, no header is made, nobody is led elsewhere.
#[test]
fn odd_values_in_paths_make_no_headers_and_lead_nowhere() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    for route in routes() {
        if !route.path.contains('{') || !matches!(route.access, Access::Right(_)) {
            continue;
        }
        for value in [
            "%2e%2e",
            "..%2f..%2fadmin",
            "%252e%252e",
            "%2F%2Fevil.test",
            "%0d%0aSet-Cookie:%20evil=1",
            "%00",
            "%ff",
            "%5c%5cevil.test",
            "%3Csvg%20onload=alert(1)%3E",
            "%E2%80%AE",
        ] {
            if ana.get("/admin/account").status != 200 {
                ana = Browser::signed_in(&site, "ana");
                ana.get("/admin/account");
            }
            let path = path_of(&route, value);
            let answer = match route.method.as_str() {
                "GET" => ana.get(&path),
                _ => ana.post(&path, ""),
            };
            assert!(answer.status < 500 && answer.status != 200, "{path}: {}", answer.status);
            assert!(!answer.head.to_lowercase().contains("\nset-cookie: evil"), "{}", answer.head);
            assert!(!answer.body.contains("<svg onload"), "{path}");
            if let Some(to) = answer.header("location") {
                assert!(to.starts_with("/admin") && !to.contains("evil.test"), "{path}: {to}");
            }
        }
    }
}

// T60: somebody who is called as a page has a page of his own.
#[test]
fn people_who_are_called_as_pages_have_pages_of_their_own() {
    let site = owned();
    let mut ana = Browser::signed_in(&site, "ana");
    for user in ["add", "bulk", "export", "import", "table"] {
        person(&site, user);
        let path = format!("/admin/people/%{:02x}{}", user.as_bytes()[0], &user[1..]);
        let page = ana.get(&path);
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains(&format!("\"/admin/people/{user}/")), "{}", page.body);
        let out = ana.post(&format!("{path}/log-out"), "");
        let to = out.header("location").expect("a page").to_owned();
        assert_eq!(to, format!("{path}?done=out"));
        assert!(ana.get(&to).body.contains(&format!(">{user}<")), "{to}");
    }
}

/// Everything that is sent, to the end of the connection.
fn whole(site: &Site, cookie: &str, path: &str) -> String {
    let mut socket = site.connect();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: tagus={cookie}\r\n\
         Connection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).expect("a peer that reads");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

// W39, T69: no page, no file, no line of the trail or of the log has a secret.
#[test]
fn no_answer_to_any_get_has_a_secret() {
    let mut site = owned_with("[log]\nlevel = \"trace\"\n");
    let mut secrets = vec![CANARY.to_owned(), PASSWORD.to_owned()];
    let set = |key: &str, value: &str| SettingChange {
        key: key.to_owned(),
        value: Some(Secret::new(value.to_owned())),
    };
    let changes = vec![
        set("identity.ldap.bind_dn", "cn=tagus"),
        set("identity.ldap.bind_password", &format!("{CANARY} bind")),
    ];
    perform(&site, &Request::Setting(SettingRequest::Apply { changes }));
    let csv = format!("user,name,password\nrui,Rui,{CANARY} one\na b,Bad,{CANARY} two\n");
    let import = JobRequest::Import {
        csv: Secret::new(csv),
        file: "people.csv".to_owned(),
        existing: tagus::operations::Existing::Skip,
        dry_run: true,
    };
    let Reply::Job(job) = perform(&site, &Request::Jobs(import)) else { panic!("a job") };
    secrets.push(token(&site, &[Scope::UsersRead]).1);
    secrets.push(application(&site, "mail"));
    person(&site, "eva");
    let device =
        Request::DeviceAdd { user: "eva".to_owned(), label: "phone".to_owned(), md5_only: false };
    let Reply::DeviceSecret(made) = perform(&site, &device) else { panic!("a device") };
    secrets.push(made.secret.expose().to_owned());
    let mut ana = Browser::signed_in(&site, "ana");
    // Where something was wrong, what was typed is shown again, but not what is secret.
    ana.get("/admin/account");
    let typed = CANARY.replace(' ', "+");
    for (path, fields) in [
        ("/admin/settings/directory/password", format!("password={typed}%00")),
        ("/admin/certificates/install", format!("chain=x&key={typed}")),
        ("/admin/account/password", format!("present={typed}&password={typed}&again=other")),
        ("/admin/team/add", format!("name=&role=admin&password={typed}&again={typed}")),
        ("/admin/people/add", format!("user=&kind=typed&password={typed}")),
        ("/admin/directory/try", format!("urls=&password={typed}&person_password={typed}")),
    ] {
        let answer = ana.post(path, &fields);
        assert!(answer.status < 500, "{path}: {answer:?}");
        assert!(!answer.body.contains(CANARY), "{path}: {}", answer.body);
    }
    let mut paths: Vec<String> = routes()
        .iter()
        .filter(|route| route.method == "GET" && matches!(route.access, Access::Right(_)))
        .map(|route| {
            let value = match route.path {
                path if path.contains("{job}") => job.id.as_str(),
                path if path.contains("{section}") => "directory",
                path if path.contains("{name}") => "ana",
                _ => "eva",
            };
            path_of(route, value)
        })
        .collect();
    paths.push("/admin/settings?q=password".to_owned());
    assert!(paths.len() > 40, "{paths:?}");
    let cookie = ana.cookie.clone();
    for path in &paths {
        let text = whole(&site, &cookie, path);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {path}");
        }
    }
    let trail = site.server.run(&["audit", "--json"], None).out;
    let log = site.server.log();
    for secret in &secrets {
        assert!(!trail.contains(secret.as_str()) && !log.contains(secret.as_str()), "{secret}");
    }
}

// T70: one event is one line, whatever is in it.
#[test]
fn what_strangers_send_makes_no_line_of_the_log_and_steers_no_terminal() {
    let mut site = owned();
    let mut browser = Browser::new(&site);
    browser.get("/admin/sign-in");
    let name = "x%0Aforged+line%0D%1B%5B2J%C2%9B";
    browser.post("/admin/sign-in", &format!("name={name}&password=x"));
    add(&site, "hugo", Role::Helpdesk);
    let mut hugo = Browser::signed_in(&site, "hugo");
    assert_eq!(hugo.get("/admin/team/people/x%0Aforged%1B%5B2J").status, 403);
    let trail = site.server.run(&["audit"], None).out;
    drop((browser, hugo));
    for text in [trail, site.server.log()] {
        assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
    }
}
